//! `xvrrp-demo`: the tutorial's hot standby played in a lab of namespaces, then failovers measured
//! from outside. Ends by itself and leaves nothing behind, also on Ctrl-C.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a demo talks to a person, and a wrong index here is seen at once"
)]

mod measure;
mod plot;
mod progress;
mod svg;
mod table;
mod tutorial;

use std::{path::PathBuf, process::ExitCode, thread};

use anyhow::{Context as _, Result, anyhow};
use clap::{Parser, ValueEnum};
use vrrp_tests::{
    cleanup,
    lab::Host,
    node::{Keepalived, Node, Xvrrp},
    realtime::Spinners,
    report::{Machine, Report},
    run,
};

use crate::progress::Progress;

/// The tutorial's hot standby in a lab of namespaces, then failovers measured from outside.
#[derive(Debug, Parser)]
#[command(name = "xvrrp-demo")]
struct Args {
    /// The xvrrp binary.
    #[arg(long, required_unless_present = "node")]
    xvrrp: Option<PathBuf>,
    /// Folder for report.json and failover.svg.
    #[arg(long, default_value = "target/demo")]
    out: PathBuf,
    /// Fewer failovers: half a minute instead of a good minute.
    #[arg(long)]
    quick: bool,
    /// The daemon to run instead, to compare with.
    #[arg(long, conflicts_with = "xvrrp")]
    node: Option<Peer>,
}

/// A daemon that reads the same configurations.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Peer {
    /// The installed keepalived.
    Keepalived,
}

/// Which daemon the demo runs.
#[derive(Clone, Debug)]
enum Daemon {
    Xvrrp(PathBuf),
    Keepalived,
}

impl Daemon {
    fn name(&self) -> &'static str {
        match self {
            Self::Xvrrp(_) => "xvrrp",
            Self::Keepalived => "keepalived",
        }
    }

    /// A node with this configuration on a router, not started.
    fn node(&self, router: &Host, config: &str) -> Result<Box<dyn Node>> {
        Ok(match self {
            Self::Xvrrp(binary) => Box::new(Xvrrp::new(binary, router, config)?),
            Self::Keepalived => Box::new(Keepalived::new(router, config)?),
        })
    }
}

fn main() -> ExitCode {
    let outcome = demo(&Args::parse());
    // Threads that an error left alone do not drop what they made.
    cleanup::undo_all();
    run::exit_code("xvrrp-demo", outcome)
}

fn demo(args: &Args) -> Result<()> {
    let daemon = match (&args.xvrrp, args.node) {
        (Some(binary), _) => Daemon::Xvrrp(
            binary
                .canonicalize()
                .with_context(|| format!("no xvrrp at {}", binary.display()))?,
        ),
        (None, Some(Peer::Keepalived) | None) => Daemon::Keepalived,
    };
    let machine = Machine::here();
    let mut progress = Progress::new(&measure::plan(args.quick));
    let _spinners = Spinners::start()?;

    progress.part("The tutorial: two routers, one address");
    let slow = {
        // Adverts of a second leave the machine idle: pairs like the tutorial's are measured beside
        // it, or the demo would take minutes.
        let (daemon, quick) = (daemon.clone(), args.quick);
        thread::spawn(move || measure::slow(&daemon, quick))
    };
    let stage = tutorial::play(&daemon)?;

    progress.part("Failovers as in the tutorial: version 2, 1 s adverts");
    println!("  Pairs like the one above were measured beside it. Waiting for the last of them.");
    let mut runs = slow
        .join()
        .map_err(|_panic| anyhow!("a measuring thread panicked"))??;
    drop(stage);

    progress.part("Failovers at version 3, 10 ms adverts");
    runs.extend(measure::fast(&daemon, args.quick, &mut progress)?);

    progress.done();
    let report = Report {
        machine,
        runs,
        ..Report::default()
    };
    table::print(&report);
    plot::print(&report.runs);
    report.write(&args.out)?;
    svg::write(&report, &args.out)?;
    println!(
        "\nWritten: {0}/report.json, {0}/failover.svg",
        args.out.display()
    );
    Ok(())
}
