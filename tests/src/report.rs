//! `report.json`: the figures of a run of the demo or a bench.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::stats::Summary;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What it ran on.
    pub machine: Machine,
    /// One entry per node, event and timing.
    pub runs: Vec<Run>,
}

/// What the figures were measured on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// `uname -r`.
    pub kernel: String,
    /// CPUs this process may use.
    pub cpus: usize,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            kernel: release.trim().to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// The failovers of one kind. Times in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// `xvrrp` or `keepalived`.
    pub node: String,
    /// `stop`, `kill`, `link` or `preempt`.
    pub event: String,
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// Advertisement interval in milliseconds.
    pub advert_int_ms: u32,
    /// Priorities of the better and the other router.
    pub priorities: [u8; 2],
    /// How many.
    pub n: usize,
    /// Last answer of the old owner to first answer of the new one, by the client's prober.
    pub gap_us: Summary,
    /// Probes that nobody answered.
    pub lost: Lost,
    /// How often the client probed.
    pub probe_us: u32,
    /// Every gap, in the order of the runs.
    pub gaps_us: Vec<f64>,
    /// Probes answered late (see `gap::LATE`), most of any failover.
    pub late_max: u64,
    /// The longest time without any answer of all failovers: above the largest gap if service broke
    /// a second time.
    pub silence_max_us: f64,
    /// Last advert of the old to first advert of the new Active on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takeover_us: Option<Summary>,
    /// Last sign of life of the old Active on the wire to the new one's deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t_detect_us: Option<Summary>,
    /// Deadline to ownership word written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t_decide_us: Option<Summary>,
    /// Ownership word written to last virtual IP acknowledged by the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t_own_us: Option<Summary>,
    /// First announcement on the wire to the new Active's first answer at the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t_network_us: Option<Summary>,
    /// ARP questions for the VIP that were answered twice, in all failovers together.
    pub arp_answered_twice: usize,
    /// Probes that were answered twice, in all failovers together.
    pub probes_answered_twice: u64,
    /// The prober's own worst lateness: no gap is known better than this.
    pub lateness_max_us: f64,
}

/// Lost probes per failover.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
        fs::create_dir_all(folder)
            .and_then(|()| {
                let text = serde_json::to_string_pretty(self)?;
                fs::write(folder.join("report.json"), text + "\n")
            })
            .with_context(|| format!("write report.json into {}", folder.display()))
    }
}
