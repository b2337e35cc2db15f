//! `packets.json`. Every summary is over `n` measurements, none left out.

use anyhow::{Context as _, Result};
use serde::Serialize;
use vrrp_tests::{
    report::{Machine, Made},
    stats::Summary,
};

/// The whole file.
#[derive(Debug, Serialize)]
pub(crate) struct Packets {
    /// What it ran on.
    pub(crate) machine: Machine,
    /// How to make the run again.
    pub(crate) made: Made,
    /// How many threads wanted to run in the minute before.
    pub(crate) load_before: f64,
    /// What the node says of its version.
    pub(crate) version: String,
    /// The programs, as the kernel took them in.
    pub(crate) programs: Vec<ProgramSize>,
    /// What a test run costs when the program does nothing.
    pub(crate) baselines: Vec<Cost>,
    /// What a frame costs.
    pub(crate) costs: Vec<Cost>,
    /// ARP requests answered.
    pub(crate) arp: Vec<Arp>,
    /// Packets forwarded without loss.
    pub(crate) forwarding: Vec<Forwarding>,
}

/// Size of a program.
#[derive(Debug, Serialize)]
pub(crate) struct ProgramSize {
    /// Its name.
    pub(crate) name: &'static str,
    /// Instructions that the verifier walked through, over all paths; `None` before Linux 5.16.
    pub(crate) verified_instructions: Option<u32>,
    /// Bytes of BPF after translation; `None` if the kernel hides them.
    pub(crate) translated_bytes: Option<u32>,
    /// Bytes of machine code; 0 without a JIT.
    pub(crate) machine_bytes: u32,
}

/// What a frame costs by test runs, in nanoseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    /// What happens to the frame.
    pub(crate) scene: &'static str,
    /// The program, or which baseline it is.
    pub(crate) program: &'static str,
    /// Name of the baseline it is compared with.
    pub(crate) baseline: &'static str,
    /// How many batches, and as many cold runs.
    pub(crate) n: usize,
    /// Frames per batch.
    pub(crate) batch: u32,
    /// Per frame of a batch.
    pub(crate) warm_ns: Summary,
    /// Of single frames, caches cold; includes reading the clock twice.
    pub(crate) cold_ns: Summary,
    /// Median of what a batch took longer per frame than the baseline's of the same round.
    pub(crate) net_warm_ns: f64,
    /// As `net_warm_ns`, of the cold runs.
    pub(crate) net_cold_ns: f64,
}

/// Answers of one who is asked by one CPU as fast as it can.
#[derive(Debug, Serialize)]
pub(crate) struct Arp {
    /// Who is asked on which link.
    pub(crate) variant: &'static str,
    /// How many floods.
    pub(crate) n: usize,
    /// Length of a flood in milliseconds.
    pub(crate) flood_ms: u64,
    /// Questions sent per second.
    pub(crate) sent_per_s: Summary,
    /// Answers that came back per second. `None` where nobody is to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answers_per_s: Option<Summary>,
    /// Answers that came back per second of CPU time. `None` where nobody is to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answers_per_cpu_s: Option<Summary>,
    /// CPU time per question, the sender's included, in nanoseconds.
    pub(crate) cpu_ns: Summary,
    /// How much more than a frame that nobody takes on the same link, by medians, in nanoseconds.
    /// `None` where nobody is to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer_cpu_ns: Option<f64>,
    /// Questions that were not answered, most of any flood. `None` where nobody is to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lost_max: Option<u64>,
}

/// The highest rates at which nothing was lost.
#[derive(Debug, Serialize)]
pub(crate) struct Forwarding {
    /// What is attached to the router.
    pub(crate) variant: &'static str,
    /// How many searches.
    pub(crate) n: usize,
    /// Length of a trial in milliseconds.
    pub(crate) trial_ms: u64,
    /// Bytes of a packet's frame.
    pub(crate) frame_bytes: usize,
    /// Packets per second.
    pub(crate) packets_per_s: Summary,
    /// CPU time per packet in the last trial without loss, the sender's included, in nanoseconds.
    pub(crate) cpu_ns: Summary,
}

/// Order statistics of what was measured.
pub(crate) fn summary(sample: &[f64]) -> Result<Summary> {
    Summary::of(sample).context("nothing was measured")
}
