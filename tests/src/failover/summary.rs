//! Few figures for many failovers.

use std::time::Duration;

use crate::{
    capture::Takeover,
    clock::Nanos,
    dual,
    gap::Failover,
    report::{self, Effort, Lost, Run},
    stats::{Summary, micros},
};

use super::{Cost, Dual, Event, Measurement, Timing, Wider};

/// What failovers have in common that are summed up together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Name of the node.
    pub node: &'a str,
    /// What else the machine had to do.
    pub load: &'a str,
    /// How the pair was timed.
    pub timing: Timing,
    /// What happened to it.
    pub event: Event,
}

/// Sums up the failovers of one cell: the service on the virtual IP and, if it was watched, the traffic
/// routed through the pair. Empty without a failover of that event.
#[must_use]
pub fn summarise(cell: Cell<'_>, all: &[Measurement]) -> Vec<Run> {
    let of: Vec<_> = all.iter().filter(|one| one.event == cell.event).collect();
    let wider: Vec<_> = of.iter().filter_map(|one| one.wider.as_ref()).collect();
    let runs = [service(cell, &of, &wider), routed(cell, &wider)];
    runs.into_iter().flatten().collect()
}

/// Sums up what a node cost while nothing happened.
#[must_use]
pub fn efforts(cell: Cell<'_>, all: &[Measurement]) -> Vec<Effort> {
    let costs: Vec<Cost> = all.iter().filter_map(|one| one.cost).collect();
    let of = |role: &str, effort: &dyn Fn(&Cost) -> crate::effort::Effort| {
        let each = |figure: &dyn Fn(&Cost) -> f64| {
            let values: Vec<_> = costs
                .iter()
                .map(|cost| figure(cost) / cost.span.as_secs_f64())
                .collect();
            Summary::of(&values)
        };
        Some(Effort {
            node: cell.node.to_owned(),
            role: role.to_owned(),
            load: cell.load.to_owned(),
            advert_int_ms: cell.timing.advert_int_ms,
            n: costs.len(),
            cpu_percent: each(&|cost| effort(cost).cpu.as_secs_f64() * 100.0)?,
            wakeups_per_s: each(&|cost| count(effort(cost).wakeups))?,
        })
    };
    let both = [
        of("active", &|cost| cost.active),
        of("backup", &|cost| cost.backup),
    ];
    both.into_iter().flatten().collect()
}

fn service(cell: Cell<'_>, of: &[&Measurement], wider: &[&Wider]) -> Option<Run> {
    let each = |f: &dyn Fn(&Measurement) -> Option<i64>| {
        let values: Vec<_> = of.iter().filter_map(|one| f(one)).map(micros).collect();
        Summary::of(&values)
    };
    let clients: Vec<_> = of.iter().map(|one| one.client).collect();
    let duals: Vec<_> = wider.iter().map(|one| &one.dual).collect();
    let false_transitions = wider.iter().map(|one| one.false_transitions).sum();
    let tcp: Vec<_> = wider.iter().map(|one| length(one.service_stall)).collect();
    Some(Run {
        moved: of.iter().filter(|one| one.moved).count(),
        takeover_us: each(&|one| one.wire.map(|wire| span(wire.last_old, wire.first_new))),
        t_detect_us: each(&|one| detect(one.wire?, one)),
        t_decide_us: each(&|one| one.timeline.map(|t| span(t.deadline, t.owned))),
        t_own_us: each(&|one| {
            let told = one.timeline.map(|t| span(t.owned, t.ready));
            told.or(one.address)
        }),
        t_network_us: each(&|one| {
            let announced = one.wire?.announced?;
            one.moved.then(|| span(announced, one.client.first_new))
        }),
        arp_answered_twice: of.iter().map(|one| one.arp_twice).sum(),
        probes_answered_twice: of.iter().map(|one| one.client.twice).sum(),
        dual_us: two_owners(&duals),
        fdb_moves_max: wider.iter().filter_map(|one| one.fdb_moves).max(),
        false_transitions: (!wider.is_empty()).then_some(false_transitions),
        sights_missed: missed(&duals),
        unready: of.iter().filter(|one| !one.ready).count(),
        tcp_stall_us: Summary::of(&tcp),
        lateness_us: worst(of.iter().map(|one| one.lateness)),
        latenesses_us: each_micros(of.iter().map(|one| one.lateness)),
        duals_us: each_micros(duals.iter().map(|one| dual::total(&one.spans))),
        ..client(cell, "service", cell.timing.probe, &clients)?
    })
}

fn routed(cell: Cell<'_>, wider: &[&Wider]) -> Option<Run> {
    let clients: Vec<_> = wider.iter().map(|one| one.routed).collect();
    let duals: Vec<_> = wider.iter().map(|one| &one.dual_behind).collect();
    let tcp: Vec<_> = wider.iter().map(|one| length(one.routed_stall)).collect();
    Some(Run {
        moved: wider.iter().filter(|one| one.routed_recovered).count(),
        dual_us: two_owners(&duals),
        sights_missed: missed(&duals),
        duals_us: each_micros(duals.iter().map(|one| dual::total(&one.spans))),
        tcp_stall_us: Summary::of(&tcp),
        lateness_us: worst(wider.iter().map(|one| one.routed_lateness)),
        latenesses_us: each_micros(wider.iter().map(|one| one.routed_lateness)),
        ..client(cell, "routed", cell.timing.routed, &clients)?
    })
}

/// What a prober alone can say.
fn client(cell: Cell<'_>, traffic: &str, probe: Duration, all: &[Failover]) -> Option<Run> {
    let gaps_us = each_micros(all.iter().map(Failover::gap));
    let lost: Vec<_> = all.iter().map(|one| count(one.lost)).collect();
    let lost = Summary::of(&lost)?;
    let highest = |f: &dyn Fn(&Failover) -> u64| all.iter().map(f).max().unwrap_or(0);
    Some(Run {
        node: cell.node.to_owned(),
        event: cell.event.to_string(),
        load: cell.load.to_owned(),
        traffic: traffic.to_owned(),
        version: cell.timing.version,
        advert_int_ms: cell.timing.advert_int_ms,
        priorities: cell.timing.priorities,
        n: all.len(),
        moved: all.len(),
        gap_us: Summary::of(&gaps_us)?,
        lost: Lost {
            p50: lost.p50,
            max: lost.max,
        },
        probe_us: u32::try_from(probe.as_micros()).ok()?,
        gaps_us,
        changes_max: highest(&|one| one.changes),
        late_max: highest(&|one| one.late),
        silence_max_us: worst(all.iter().map(|one| one.longest_silence)),
        ..Run::default()
    })
}

/// A node that does not tell its deadline is judged by its first advert.
fn detect(wire: Takeover, one: &Measurement) -> Option<i64> {
    let until = one.timeline.map_or(wire.first_new, |t| t.deadline);
    Some(span(wire.last_old, until))
}

fn two_owners(duals: &[&Dual]) -> Option<report::Dual> {
    let times = each_micros(duals.iter().map(|one| dual::total(&one.spans)));
    let summary = Summary::of(&times)?;
    Some(report::Dual {
        p50: summary.p50,
        max: summary.max,
    })
}

fn missed(duals: &[&Dual]) -> Option<u64> {
    let missed = duals.iter().map(|one| one.missed).sum();
    (!duals.is_empty()).then_some(missed)
}

fn length((from, to): (Nanos, Nanos)) -> f64 {
    micros(span(from, to))
}

fn worst(nanos: impl Iterator<Item = u64>) -> f64 {
    micros(nanos.max().unwrap_or(0).cast_signed())
}

fn each_micros(nanos: impl Iterator<Item = u64>) -> Vec<f64> {
    nanos.map(|one| micros(one.cast_signed())).collect()
}

fn span(from: Nanos, to: Nanos) -> i64 {
    to.cast_signed() - from.cast_signed()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a lab sends far less than 2^52 probes"
)]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(event: Event, gap: u64) -> Measurement {
        Measurement {
            event,
            at: 0,
            ready: true,
            moved: true,
            client: Failover {
                last_old: 1_000,
                first_new: 1_000 + gap,
                lost: gap / 100_000,
                late: 0,
                twice: 0,
                old_after_new: 0,
                changes: 1,
                longest_silence: gap,
            },
            wire: Some(Takeover {
                last_old: 0,
                first_new: 900,
                announced: Some(950),
            }),
            timeline: None,
            address: Some(-300),
            arp_twice: 1,
            lateness: 7_000,
            wider: None,
            cost: None,
        }
    }

    #[test]
    fn a_summary_counts_only_its_event() {
        let timing = Timing {
            version: 3,
            advert_int_ms: 10,
            priorities: [254, 253],
            probe: Duration::from_micros(100),
            routed: Duration::from_micros(500),
            arp: Duration::from_millis(1),
            settle: Duration::ZERO,
            quiet: Duration::ZERO,
            patience: Duration::ZERO,
        };
        let all = [
            one(Event::Stop, 800_000),
            one(Event::Kill, 28_000_000),
            one(Event::Stop, 600_000),
        ];
        let cell = Cell {
            node: "xvrrp",
            load: "idle",
            timing,
            event: Event::Stop,
        };
        let [run] = &summarise(cell, &all)[..] else {
            panic!("service alone was watched");
        };
        assert_eq!((run.n, run.gap_us.max, run.lost.max), (2, 800.0, 8.0));
        assert_eq!(run.latenesses_us, [7.0, 7.0]);
        assert_eq!(run.takeover_us.map(|takeover| takeover.p50), Some(0.9));
        assert_eq!(run.t_detect_us, run.takeover_us);
        assert_eq!(run.t_own_us.map(|own| own.p50), Some(-0.3));
        assert_eq!(run.t_decide_us, None);
        assert_eq!((run.arp_answered_twice, run.dual_us), (2, None));
        let link = Cell {
            event: Event::Link,
            ..cell
        };
        assert_eq!(summarise(link, &all), []);
    }
}
