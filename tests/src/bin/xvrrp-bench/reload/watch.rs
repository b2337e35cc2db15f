//! Who looks at what did not change, and what the figures are.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use vrrp_tests::{
    capture::Capture,
    clock::{self, Nanos},
    gap::{LATE, Recording},
    lab::{Lab, VIP},
    lease::LeaseWatch,
    node::{Node as _, Xvrrp},
    prober::Prober,
    rhythm,
    stats::Summary,
    witness::{Stall, Witness},
};

use super::{millis, summary};

/// VRID of the pair.
pub(super) const VRID: u8 = 51;
/// Between readings of the ownership word.
const LEASE: Duration = Duration::from_micros(100);
/// A longer time between two adverts, 10 ms apart, is told.
const GAP: Duration = Duration::from_millis(15);
/// What an advert may wait for that is due and not held up by the machine's host.
const DUE: Duration = Duration::from_millis(11);

/// What was seen while a node was reloaded again and again, or while nothing happened.
#[derive(Debug, Serialize)]
pub(super) struct Phase {
    /// Which node was reloaded.
    pub(super) name: &'static str,
    /// Milliseconds from the call of `xvrrp reload` to its answer.
    pub(super) reload_ms: Summary,
    /// How many reloads.
    pub(super) reloads: usize,
    /// Probes of a virtual IP that stays.
    pub(super) probes: usize,
    /// Of these, never answered.
    pub(super) lost: u64,
    /// Of these, answered after more than 1 ms.
    pub(super) late: usize,
    /// Of these, later than the prober itself was, and without a CPU that was away meanwhile.
    pub(super) late_unexcused: usize,
    /// How late the prober itself was at worst, milliseconds.
    pub(super) prober_late_ms: f64,
    /// State changes of both nodes.
    pub(super) transitions: usize,
    /// Whether the lease of the Active ran all the time.
    pub(super) lease_ran: bool,
    /// The longest time between two adverts, milliseconds.
    pub(super) longest_gap_ms: f64,
    /// Gaps of more than 15 ms.
    pub(super) long_gaps: usize,
    /// Of these, without a CPU that was away meanwhile.
    pub(super) long_gaps_unexcused: usize,
    /// For how long a CPU was away at worst, milliseconds.
    pub(super) stall_ms: f64,
}

/// All judges.
pub(super) struct Watch {
    prober: Prober,
    capture: Capture,
    witness: Witness,
    lease: LeaseWatch,
    transitions: usize,
}

impl Watch {
    /// Begins to look at a pair, of which the first node serves.
    pub(super) fn start(lab: &Lab, nodes: &[Xvrrp; 2], probe: Duration) -> Result<Self> {
        let active = &lab.routers[0].netns;
        Ok(Self {
            transitions: transitions(nodes)?,
            capture: Capture::start(&lab.switch)?,
            witness: Witness::start()?,
            lease: LeaseWatch::start(active, nodes[0].instance(), &[0], LEASE)?,
            prober: Prober::start(&lab.client.netns, VIP, probe)?,
        })
    }

    /// What there is to say.
    pub(super) fn stop(
        self,
        name: &'static str,
        nodes: &[Xvrrp; 2],
        reloads: &[f64],
    ) -> Result<Phase> {
        let recording = self.prober.stop()?;
        let seen = self.capture.stop()?;
        let lease = self.lease.stop()?;
        let stalls = self.witness.stop()?;
        let gaps = rhythm::gaps(&rhythm::adverts(&seen, 1, VRID));
        let long: Vec<_> = gaps.iter().filter(|gap| gap.length() > GAP).collect();
        let longest = rhythm::longest(&gaps).map(|gap| gap.until - gap.from);
        let unexcused = long.iter().filter(|gap| {
            let span = (gap.from, gap.until);
            !is_excused(&stalls, span, gap.length().saturating_sub(DUE))
        });
        let late = late(&recording);
        let unexcused_late = late.iter().filter(|(from, until)| {
            let took = until - from;
            let held = Duration::from_nanos(took.saturating_sub(LATE));
            took > recording.worst_lateness && !is_excused(&stalls, (*from, *until), held)
        });
        let worst = stalls.iter().map(Stall::length).max().unwrap_or_default();
        Ok(Phase {
            name,
            reload_ms: summary(reloads),
            reloads: reloads.len(),
            probes: recording.sent.len(),
            lost: recording.lost(),
            late: late.len(),
            late_unexcused: unexcused_late.count(),
            prober_late_ms: millis(recording.worst_lateness),
            transitions: transitions(nodes)? - self.transitions,
            lease_ran: lease.served_throughout(0),
            longest_gap_ms: millis(longest.context("no adverts")?),
            long_gaps: long.len(),
            long_gaps_unexcused: unexcused.count(),
            stall_ms: millis(clock::span_nanos(worst)),
        })
    }
}

/// When each late answer was asked for, and when it came.
fn late(recording: &Recording) -> Vec<(Nanos, Nanos)> {
    let answers = recording.answers.iter();
    let spans = answers.filter_map(|answer| {
        let sent = recording.sent.get(answer.probe as usize)?;
        Some((*sent, answer.received))
    });
    spans
        .filter(|(from, until)| until.saturating_sub(*from) > LATE)
        .collect()
}

/// Whether CPUs were away for at least so long of a span: one after the other, they add up.
fn is_excused(stalls: &[Stall], (from, until): (Nanos, Nanos), held: Duration) -> bool {
    let within = stalls.iter().map(|stall| {
        let end = stall.until.min(until);
        end.saturating_sub(stall.from.max(from))
    });
    let away: u64 = within.sum();
    away > 0 && away >= clock::span_nanos(held)
}

/// How often both nodes have changed their state.
fn transitions(nodes: &[Xvrrp; 2]) -> Result<usize> {
    let mut count = 0;
    for node in nodes {
        let status = node.status()?.context("no status")?;
        let router = &status["routers"][0];
        let all = router["transitions"].as_array().context("no transitions")?;
        count += all.len();
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_excuses_what_it_is_long_enough_for() {
        let stall = |from, until| Stall {
            cpu: 0,
            from,
            until,
        };
        let held = Duration::from_nanos(50);
        assert!(!is_excused(&[], (0, 100), Duration::ZERO));
        assert!(!is_excused(&[stall(90, 200)], (0, 100), held));
        assert!(is_excused(&[stall(40, 200)], (0, 100), held));
        assert!(is_excused(&[stall(0, 30), stall(50, 80)], (0, 100), held));
        assert!(!is_excused(&[stall(200, 300)], (0, 100), Duration::ZERO));
    }
}
