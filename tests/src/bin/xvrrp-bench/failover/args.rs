//! What can be asked of `xvrrp-bench failover`.

use std::path::PathBuf;

use clap::ValueEnum;
use vrrp_tests::failover::Event;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Nodes to compare: xvrrp, keepalived, keepalived-tuned, keepalived-vmac, frr; all unless given
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,

    /// Another binary of xvrrp or keepalived to compare; may be given several times
    #[arg(long = "node", value_name = "NAME=PATH")]
    pub(crate) others: Vec<String>,

    /// What happens on an idle machine; each way back (preempt, thaw, heal) comes by itself
    #[arg(
        long,
        value_name = "EVENT,…",
        value_delimiter = ',',
        default_value = "stop,kill,freeze,link,silence,lossy,calm"
    )]
    pub(crate) events: Vec<Event>,

    /// What happens on a loaded machine, as far as `--events` has it
    #[arg(
        long,
        value_name = "EVENT,…",
        value_delimiter = ',',
        default_value = "stop,kill,calm"
    )]
    pub(crate) loaded_events: Vec<Event>,

    /// What else the machine has to do
    #[arg(
        long,
        value_name = "LOAD,…",
        value_delimiter = ',',
        default_value = "idle,busy,flood"
    )]
    pub(crate) loads: Vec<Load>,

    /// Advertisement intervals in milliseconds; from 1000 on with a tenth of the failovers
    #[arg(long, value_name = "MS,…", value_delimiter = ',', default_value = "10",
          value_parser = clap::value_parser!(u32).range(10..=40_950))]
    pub(crate) adverts: Vec<u32>,

    /// Failovers per node, event and load: everybody has as many turns
    #[arg(short, default_value = "30", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) n: u16,

    /// Microseconds between probes of the service on the virtual IP
    #[arg(long, value_name = "µs", default_value = "100",
          value_parser = clap::value_parser!(u32).range(20..))]
    pub(crate) probe: u32,

    /// Microseconds between probes of the server behind the pair; two CPUs do not bear both at 100
    #[arg(long, value_name = "µs", default_value = "250",
          value_parser = clap::value_parser!(u32).range(20..))]
    pub(crate) routed_probe: u32,

    /// Says which frames lossy links drop
    #[arg(long, default_value = "1")]
    pub(crate) seed: u64,

    /// Two failovers of each kind on an idle machine, no freezes
    #[arg(long)]
    pub(crate) quick: bool,

    /// Folder for report.json and report.html
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub(crate) out: PathBuf,

    /// The xvrrp binary
    #[arg(long, value_name = "PATH")]
    pub(crate) xvrrp: PathBuf,

    /// How the bench was called, for the report
    #[arg(long, hide = true, default_value = "")]
    pub(crate) command: String,
}

/// What else the machine has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Load {
    /// Nothing.
    Idle,
    /// Two busy loops per CPU.
    Busy,
    /// Packets to the adverts' group, as fast as one thread can send them.
    Flood,
}

impl Load {
    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Flood => "flood",
        }
    }
}
