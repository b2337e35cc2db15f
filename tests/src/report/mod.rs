//! `report.json`: the figures of a run of the demo or a bench.

mod trace;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

pub use self::trace::{Moment, Promotion, Span, Trace};
use crate::{run, stats::Summary};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What it ran on.
    pub machine: Machine,
    /// How the run was made; the demo says nothing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// The nodes that took turns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeInfo>,
    /// One entry per node, event, timing, load and traffic.
    pub runs: Vec<Run>,
    /// What each node costs while nothing happens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub efforts: Vec<Effort>,
    /// What kept a node from going on; the rest of its turn is missing then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// Packets per second of the floods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flood_per_s: Option<Summary>,
}

/// How to make the run again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The day in UTC, as `2026-11-22`.
    pub date: String,
    /// The command, as a developer types it.
    pub command: String,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// What decided chance, where there was any: which frames a lossy link drops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// The day in UTC, as [`Made::date`] has it.
///
/// # Errors
/// If `date` cannot be run.
pub fn today() -> Result<String> {
    Ok(run::tool("date", "-u +%F")?.trim().to_owned())
}

/// A node under test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Its name in [`Run::node`].
    pub name: String,
    /// What it says of its version.
    pub version: String,
    /// How it is tuned, in a few words.
    pub tuning: String,
    /// The whole configuration of the better router and of the other, per advertisement interval.
    pub configs: Vec<Config>,
}

/// The configurations of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Advertisement interval in milliseconds.
    pub advert_int_ms: u32,
    /// The better router's.
    pub better: String,
    /// The other's.
    pub other: String,
}

/// What a node costs in quiet times, from its processes' CPU clocks and context switches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// As [`Run::node`].
    pub node: String,
    /// `active` or `backup`.
    pub role: String,
    /// As [`Run::load`].
    pub load: String,
    /// Advertisement interval in milliseconds.
    pub advert_int_ms: u32,
    /// How many quiet times were measured.
    pub n: usize,
    /// Part of one CPU, in percent.
    pub cpu_percent: Summary,
    /// Voluntary context switches of all threads per second.
    pub wakeups_per_s: Summary,
}

/// What the figures were measured on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// `uname -r`.
    pub kernel: String,
    /// CPUs this process may use.
    pub cpus: usize,
    /// What `/proc/cpuinfo` calls them, and whether they are virtual.
    #[serde(default)]
    pub cpu: String,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            cpu: cpu(&cpuinfo),
            kernel: release.trim().to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// The first CPU's model; a hypervisor shows among its flags.
fn cpu(cpuinfo: &str) -> String {
    let value = |key| {
        let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim())
    };
    let model = value("model name").unwrap_or("unknown");
    let flags = value("flags").unwrap_or_default();
    if flags.split(' ').any(|flag| flag == "hypervisor") {
        format!("{model}, virtual")
    } else {
        model.to_owned()
    }
}

/// The failovers of one kind. Times in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// `xvrrp`, `keepalived`, or the name given to another node.
    pub node: String,
    /// As [`crate::failover::Event`] is displayed: `stop`, `kill`, `link`, `preempt` …
    pub event: String,
    /// `idle`, `busy` (all cores) or `flood` (packets on the path of the adverts).
    pub load: String,
    /// `service` (on the virtual IP) or `routed` (through the pair to a server and back).
    pub traffic: String,
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// Advertisement interval in milliseconds.
    pub advert_int_ms: u32,
    /// Priorities of the better and the other router.
    pub priorities: [u8; 2],
    /// How many.
    pub n: usize,
    /// In how many of them another router took the service over.
    pub moved: usize,
    /// By the client's prober: last answer of the old owner to first answer of the new one; where
    /// nothing moved, and for routed traffic, the longest time without any answer.
    pub gap_us: Summary,
    /// Probes that nobody answered.
    pub lost: Lost,
    /// How often the client probed.
    pub probe_us: u32,
    /// Every gap, in the order of the runs.
    pub gaps_us: Vec<f64>,
    /// The prober's worst lateness around each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latenesses_us: Vec<f64>,
    /// The time with two owners of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duals_us: Vec<f64>,
    /// Probes answered late (see `gap::LATE`), most of any failover.
    pub late_max: u64,
    /// How often the answering router changed, most of any failover: 1 if nothing flapped.
    pub changes_max: u64,
    /// The longest time without any answer of all failovers: above the largest gap if service broke
    /// a second time.
    pub silence_max_us: f64,
    /// Last advert of the old to first advert of the new Active on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takeover_us: Option<Summary>,
    /// Last sign of life of the old Active on the wire to the new one's deadline; to its first advert
    /// if it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_detect_us: Option<Summary>,
    /// Deadline to ownership word written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_decide_us: Option<Summary>,
    /// Ownership word written to last virtual IP acknowledged by the kernel; for a node that does not
    /// tell, first advert on the wire to the kernel's notification. Negative if the address came first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_own_us: Option<Summary>,
    /// First announcement on the wire to the new Active's first answer at the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_network_us: Option<Summary>,
    /// ARP questions for the VIP that were answered twice, in all failovers together.
    pub arp_answered_twice: usize,
    /// Probes that were answered twice, in all failovers together.
    pub probes_answered_twice: u64,
    /// How long frames from the virtual IP or MAC came from both routers, as the wire shows it: of routed
    /// traffic those of the network behind the pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dual_us: Option<Dual>,
    /// How often the switch's forwarding table moved the virtual MAC, most of any failover. `None` for
    /// nodes that use physical MACs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fdb_moves_max: Option<u64>,
    /// Changes of the Active on the wire that the event does not explain, in all failovers together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_transitions: Option<u64>,
    /// The longest time in which the client's TCP stream got nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_stall_us: Option<Summary>,
    /// Frames that the capture for `dual_us` missed: above 0, two owners may have gone unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sights_missed: Option<u64>,
    /// Before how many of them the router that should serve did not.
    #[serde(default)]
    pub unready: usize,
    /// The prober's own worst lateness: no gap is known better than this.
    pub lateness_us: f64,
}

/// Time with two owners, per failover, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dual {
    /// Median.
    pub p50: f64,
    /// Most.
    pub max: f64,
}

/// Lost probes per failover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lost {
    /// Median.
    pub p50: f64,
    /// Most.
    pub max: f64,
}

impl Report {
    /// Writes `report.json` into a folder.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write(folder, "report.json", self)
    }
}

/// Writes figures as JSON into a folder.
///
/// # Errors
/// If the folder cannot be written.
pub fn write(folder: &Path, name: &str, figures: &impl Serialize) -> Result<()> {
    fs::create_dir_all(folder)
        .and_then(|()| {
            let text = serde_json::to_string_pretty(figures)?;
            fs::write(folder.join(name), text + "\n")
        })
        .with_context(|| format!("write {name} into {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_cpu_is_told_from_a_real_one() {
        let real = "processor\t: 0\nmodel name\t: A CPU\nflags\t\t: fpu vme\n";
        assert_eq!(cpu(real), "A CPU");
        assert_eq!(cpu(&real.replace("vme", "hypervisor")), "A CPU, virtual");
        assert_eq!(cpu(""), "unknown");
    }
}
