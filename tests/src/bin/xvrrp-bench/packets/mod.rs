//! `xvrrp-bench packets`: what a packet costs. Single frames by test runs of the programs
//! ([`cost`]), ARP answers ([`arp`]) and forwarded packets ([`forward`]) per second through real veth
//! pairs. What is compared takes turns; nothing is discarded.

mod arp;
mod cost;
mod forward;
mod path;
mod report;
mod sender;
mod table;
mod tally;

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use vrrp_tests::{
    clock,
    realtime::Spinners,
    report::{Machine, Made, today},
    run,
};

use self::{
    path::{Path, Setup},
    report::Packets,
};
use crate::progress::{self, Progress};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The xvrrp binary.
    #[arg(long)]
    xvrrp: PathBuf,
    /// The BPF object that the binary was built with.
    #[arg(long)]
    object: PathBuf,
    /// Folder for packets.json and packets.txt.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Fewer rounds: half a minute instead of some three.
    #[arg(long)]
    quick: bool,
    /// How the run was started, for the report.
    #[arg(long, default_value = "xvrrp-bench packets")]
    command: String,
}

/// How often everything is measured.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Batches of each scene.
    batches: usize,
    /// Floods of each variant of ARP.
    floods: usize,
    /// Searches of each variant of forwarding.
    searches: usize,
}

impl Plan {
    fn new(quick: bool) -> Self {
        if quick {
            Self {
                batches: 150,
                floods: 3,
                searches: 2,
            }
        } else {
            Self {
                batches: 1000,
                floods: 10,
                searches: 7,
            }
        }
    }
}

/// So many rounds of a part there are at least.
const LEAST: usize = 3;
/// About how long it takes to make the links and to start the nodes.
const LINKS: Duration = Duration::from_secs(5);

/// The rounds of a part: as many as planned, or fewer if they take half as long again as estimated, as they
/// do beside other work. How many there were stands in the report.
fn rounds(planned: usize, estimate: Duration) -> impl Iterator<Item = usize> {
    let deadline = clock::now() + clock::span_nanos(estimate * 3 / 2);
    (0..planned).take_while(move |round| *round < LEAST || clock::now() < deadline)
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary = args
        .xvrrp
        .canonicalize()
        .with_context(|| format!("no xvrrp at {}", args.xvrrp.display()))?;
    let object = fs::read(&args.object)
        .with_context(|| format!("no BPF object at {}", args.object.display()))?;
    let plan = Plan::new(args.quick);
    let parts = [
        cost::duration(plan.batches),
        LINKS,
        arp::duration(plan.floods),
        forward::duration(plan.searches),
    ];
    let mut progress = Progress::new(parts.iter().sum());
    let load = load_average()?;
    if load > 0.5 {
        println!(
            "! The machine is not idle (load {load}): medians suffer, CPU times and rates more."
        );
    }
    let version = run::tool(&binary.to_string_lossy(), "--version")?;
    let _spinners = Spinners::start()?;

    let (programs, costs, baselines) = cost::measure(&object, plan.batches, &mut progress)?;
    progress.step("making the links", LINKS);
    let paths = [Setup::Bare, Setup::Pass, Setup::Active]
        .into_iter()
        .map(|setup| Path::new(setup, &binary))
        .collect::<Result<Vec<_>>>()?;
    let arp = arp::measure(&paths, plan.floods, &mut progress)?;
    let backup = Path::new(Setup::Backup, &binary)?;
    let mut paths: Vec<_> = paths.into_iter().chain([backup]).collect();
    let forwarding = forward::measure(&paths, plan.searches, &mut progress)?;
    for path in &mut paths {
        path.is_still_as_set_up()?;
    }
    let elapsed = progress::told(progress.elapsed());
    progress.note(&format!("Results, after {elapsed}:"));

    let packets = Packets {
        machine: Machine::here(),
        made: Made {
            date: today()?,
            command: args.command.clone(),
            seconds: progress.elapsed().as_secs(),
            seed: None,
        },
        load_before: load,
        version: version.trim().to_owned(),
        programs,
        baselines,
        costs,
        arp,
        forwarding,
    };
    let text = table::text(&packets)?;
    println!("\n{text}");
    vrrp_tests::report::write(&args.out, "packets.json", &packets)?;
    fs::write(args.out.join("packets.txt"), text).context("write packets.txt")?;
    println!(
        "Written: {0}/packets.json, {0}/packets.txt",
        args.out.display()
    );
    Ok(())
}

/// How many threads wanted to run, over the last minute.
fn load_average() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg").context("read /proc/loadavg")?;
    let first = text.split_whitespace().next().unwrap_or_default();
    first.parse().context("/proc/loadavg is no number")
}
