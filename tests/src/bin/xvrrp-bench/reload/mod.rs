//! `xvrrp-bench reload`: what a reload does to what did not change, and how long it takes.

mod many;
mod pair;
mod table;
mod watch;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use vrrp_tests::{
    clock,
    node::Xvrrp,
    realtime::{self, Spinners},
    report::{self, Machine, Made},
    stats::Summary,
};

use self::{many::Many, watch::Phase};

/// What can be asked of it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Reloads of each kind
    #[arg(short, default_value = "200", value_parser = clap::value_parser!(u16).range(1..=1000))]
    n: u16,

    /// Virtual IPs of the pair
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = clap::value_parser!(u16).range(2..=200))]
    vips: u16,

    /// Virtual routers of the node that has many
    #[arg(long, value_name = "COUNT", default_value = "255", value_parser = clap::value_parser!(u16).range(2..=255))]
    routers: u16,

    /// Microseconds between probes of a virtual IP that stays
    #[arg(long, value_name = "µs", default_value = "100", value_parser = clap::value_parser!(u32).range(20..))]
    probe: u32,

    /// Milliseconds between two reloads
    #[arg(long, value_name = "MS", default_value = "50")]
    pause: u32,

    /// Folder for reload.json
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,

    /// The xvrrp binary
    #[arg(long, value_name = "PATH")]
    xvrrp: PathBuf,

    /// How the bench was called, for the report
    #[arg(long, hide = true, default_value = "")]
    command: String,
}

/// `reload.json`.
#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    made: Made,
    vips: u16,
    phases: Vec<Phase>,
    many: Many,
}

/// Runs the command.
///
/// # Errors
/// Without privilege, if a node does not come up or refuses a reload, or if the report cannot be written.
pub(crate) fn run(args: &Args) -> Result<()> {
    fs::create_dir_all(&args.out)
        .with_context(|| format!("make the folder {}", args.out.display()))?;
    let (date, began) = (report::today()?, clock::now());
    let _spinners = Spinners::start()?;
    realtime::become_conductor()?;
    let phases = pair::measure(args)?;
    let many = many::measure(args)?;
    let report = Report {
        machine: Machine::here(),
        made: Made {
            date,
            command: args.command.clone(),
            seconds: (clock::now() - began) / 1_000_000_000,
            seed: None,
        },
        vips: args.vips,
        phases,
        many,
    };
    print!("{}", table::text(&report)?);
    report::write(&args.out, "reload.json", &report)?;
    println!("\nWritten: {}/reload.json", args.out.display());
    Ok(())
}

/// Has a node read this file, and tells how many milliseconds that took, from the call to the answer.
fn reload(node: &Xvrrp, config: &str) -> Result<f64> {
    node.configure(config)?;
    let begun = clock::now();
    let answer = node.reload()?;
    let took = clock::now() - begun;
    ensure!(answer.code == 0, "a reload was refused: {}", answer.text);
    Ok(millis(took))
}

/// Nanoseconds as milliseconds, to the microsecond.
#[expect(
    clippy::cast_precision_loss,
    reason = "spans of a bench are far below 2^52 ns"
)]
fn millis(nanos: u64) -> f64 {
    (nanos as f64 / 1000.0).round() / 1000.0
}

/// What a sample is; all zero if it is empty.
fn summary(sample: &[f64]) -> Summary {
    Summary::of(sample).unwrap_or_default()
}
