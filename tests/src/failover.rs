//! One failover after the other on a pair of routers, each watched by all judges.

use std::{fmt, net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    arp_prober::ArpProber,
    capture::{Capture, Seen, Takeover},
    clock::{self, Nanos},
    echo::Echo,
    gap::Failover,
    lab::{Lab, VIP},
    node::{MASTER, Node},
    prober::{PORT, Prober},
    report::{Lost, Run},
    stats::{Summary, micros},
};

/// What makes the address move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// SIGTERM to the Active.
    Stop,
    /// SIGKILL to the Active.
    Kill,
    /// The switch's port of the Active goes down.
    Link,
    /// The better router comes back after one of those.
    Preempt,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Link => "link",
            Self::Preempt => "preempt",
        })
    }
}

/// How a pair is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// Advertisement interval in milliseconds.
    pub advert_int_ms: u32,
    /// Priorities of the better and the other router.
    pub priorities: [u8; 2],
    /// How often the client probes.
    pub probe: Duration,
    /// How often it asks for the VIP by ARP.
    pub arp: Duration,
    /// How long to watch before and after each event.
    pub settle: Duration,
}

/// What the judges saw of one failover.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What made it.
    pub event: Event,
    /// When the harness did it.
    pub at: Nanos,
    /// As the client sees it.
    pub client: Failover,
    /// As the wire shows it, if both routers sent adverts.
    pub wire: Option<Takeover>,
    /// As the new Active tells it, if it can.
    pub timeline: Option<Timeline>,
    /// ARP questions that were answered twice.
    pub arp_twice: usize,
    /// The prober's own worst lateness.
    pub lateness: u64,
}

/// The moments of a promotion as `xvrrp status --json` tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The deadline that fired.
    pub deadline: Nanos,
    /// The ownership word was written.
    pub owned: Nanos,
    /// The kernel had acknowledged the last virtual IP.
    pub ready: Nanos,
}

impl Timeline {
    /// The first `timeline` object anywhere in a status.
    #[must_use]
    pub fn find(status: &Value) -> Option<Self> {
        match status {
            Value::Object(fields) => fields
                .get("timeline")
                .and_then(Self::read)
                .or_else(|| fields.values().find_map(Self::find)),
            Value::Array(items) => items.iter().find_map(Self::find),
            _ => None,
        }
    }

    fn read(timeline: &Value) -> Option<Self> {
        let moment = |name| timeline.get(name)?.as_u64();
        Some(Self {
            deadline: moment("deadline_ns")?,
            owned: moment("owned_ns")?,
            ready: moment("ready_ns")?,
        })
    }
}

/// Two routers of a lab with a node each, of which the first has the better priority.
pub struct Pair<'lab> {
    lab: &'lab Lab,
    timing: Timing,
    better: Box<dyn Node>,
    other: Box<dyn Node>,
    _echos: [Echo; 2],
}

impl fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("kind", &self.better.kind())
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

impl<'lab> Pair<'lab> {
    /// Starts both nodes and waits until the better one is Active.
    ///
    /// # Errors
    /// If it does not become Active.
    pub fn start(
        lab: &'lab Lab,
        timing: Timing,
        mut better: Box<dyn Node>,
        mut other: Box<dyn Node>,
    ) -> Result<Self> {
        let echo =
            |router: usize, number| Echo::start(&lab.routers[router].netns, VIP, PORT, number);
        let echos = [echo(0, 1)?, echo(1, 2)?];
        better.start()?;
        other.start()?;
        let mut pair = Self {
            lab,
            timing,
            better,
            other,
            _echos: echos,
        };
        let limit = pair.limit();
        pair.better.process()?.log().wait(MASTER, limit)?;
        clock::sleep(pair.timing.settle * 2);
        Ok(pair)
    }

    /// Takes the better router away and gives it back, and returns both failovers.
    ///
    /// # Errors
    /// If a node fails, or the address does not move within the time that the timing allows.
    pub fn round(&mut self, event: Event) -> Result<[Measurement; 2]> {
        let away = self
            .watch(event, |pair| pair.take_away(event))
            .with_context(|| format!("failover by {event}\n{}", self.evidence()))?;
        let back = self
            .watch(Event::Preempt, |pair| pair.give_back(event))
            .with_context(|| format!("return after {event}\n{}", self.evidence()))?;
        Ok([away, back])
    }

    /// Lets `act` move the address with every judge watching.
    fn watch(
        &mut self,
        event: Event,
        act: impl FnOnce(&mut Self) -> Result<Nanos>,
    ) -> Result<Measurement> {
        let lab = self.lab;
        let (old, new): (u8, u8) = match event {
            Event::Preempt => (2, 1),
            Event::Stop | Event::Kill | Event::Link => (1, 2),
        };
        let capture = Capture::start(&lab.switch)?;
        let arp = ArpProber::start(&lab.client, VIP, self.timing.arp)?;
        let prober = Prober::start(&lab.client.netns, VIP, self.timing.probe)?;
        // At least one advert of the old Active, so that the capture knows its last one.
        clock::sleep(self.timing.settle.max(self.interval() * 6 / 5));
        clock::wait_until("the old owner answers the client", self.limit(), || {
            Ok(prober.answering() == old)
        })?;
        let at = act(self)?;
        clock::wait_until("the new owner answers the client", self.limit(), || {
            Ok(prober.answering() == new)
        })?;
        clock::sleep(self.timing.settle);
        let recording = prober.stop()?;
        let arp = arp.stop()?;
        let seen = capture.stop()?;

        let owner = if new == 1 { &self.better } else { &self.other };
        let status = owner.status()?;
        Ok(Measurement {
            event,
            at,
            client: recording.failover(old, new, at)?,
            wire: takeover(lab, &seen, old, new),
            timeline: status.as_ref().and_then(Timeline::find),
            arp_twice: arp.answered_twice().len(),
            lateness: recording.worst_lateness,
        })
    }

    fn take_away(&mut self, event: Event) -> Result<Nanos> {
        match event {
            Event::Stop => self.better.terminate(),
            Event::Kill => self.better.kill(),
            Event::Link | Event::Preempt => {
                let at = clock::now();
                self.lab.routers[0].port.cut()?;
                Ok(at)
            }
        }
    }

    fn give_back(&mut self, event: Event) -> Result<Nanos> {
        match event {
            Event::Stop => self.better.wait_stopped()?,
            Event::Kill => self.better.clear_up()?,
            Event::Link | Event::Preempt => {}
        }
        let at = clock::now();
        match event {
            Event::Stop | Event::Kill => self.better.start()?,
            Event::Link | Event::Preempt => self.lab.routers[0].port.mend()?,
        }
        Ok(at)
    }

    /// What the nodes have to say, for whoever looks for the reason of a failure.
    fn evidence(&mut self) -> String {
        let nodes = [("better", &mut self.better), ("other", &mut self.other)];
        nodes
            .map(|(who, node)| {
                let status = match node.status() {
                    Ok(status) => status.unwrap_or_default().to_string(),
                    Err(error) => format!("{error:#}"),
                };
                let log = node.process().map(|process| process.log().tail(10));
                format!("the {who} router: {status}\n{}", log.unwrap_or_default())
            })
            .join("\n")
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.timing.advert_int_ms.into())
    }

    /// The longest a change may take: start of a daemon on a busy machine, and more than two down
    /// intervals.
    fn limit(&self) -> Duration {
        Duration::from_secs(30) + self.interval() * 10
    }
}

/// Sums up the failovers of one event.
#[must_use]
pub fn summarise(node: &str, timing: Timing, event: Event, all: &[Measurement]) -> Option<Run> {
    let of: Vec<_> = all.iter().filter(|one| one.event == event).collect();
    let each = |f: &dyn Fn(&Measurement) -> Option<i64>| {
        let values: Vec<_> = of.iter().filter_map(|one| f(one)).map(micros).collect();
        Summary::of(&values)
    };
    let gaps_us: Vec<_> = of
        .iter()
        .map(|one| micros(one.client.gap().cast_signed()))
        .collect();
    let lost: Vec<_> = of.iter().map(|one| count(one.client.lost)).collect();
    let lost = Summary::of(&lost)?;
    let highest = |f: &dyn Fn(&Measurement) -> u64| of.iter().map(|one| f(one)).max().unwrap_or(0);
    Some(Run {
        node: node.to_owned(),
        event: event.to_string(),
        load: "idle".to_owned(),
        traffic: "service".to_owned(),
        version: timing.version,
        advert_int_ms: timing.advert_int_ms,
        priorities: timing.priorities,
        n: of.len(),
        moved: of.len(),
        gap_us: Summary::of(&gaps_us)?,
        lost: Lost {
            p50: lost.p50,
            max: lost.max,
        },
        probe_us: u32::try_from(timing.probe.as_micros()).ok()?,
        gaps_us,
        changes_max: highest(&|one| one.client.changes),
        late_max: highest(&|one| one.client.late),
        silence_max_us: micros(highest(&|one| one.client.longest_silence).cast_signed()),
        takeover_us: each(&|one| one.wire.map(|wire| span(wire.last_old, wire.first_new))),
        t_detect_us: each(&|one| Some(span(one.wire?.last_old, one.timeline?.deadline))),
        t_decide_us: each(&|one| one.timeline.map(|t| span(t.deadline, t.owned))),
        t_own_us: each(&|one| one.timeline.map(|t| span(t.owned, t.ready))),
        t_network_us: each(&|one| Some(span(one.wire?.announced?, one.client.first_new))),
        arp_answered_twice: of.iter().map(|one| one.arp_twice).sum(),
        probes_answered_twice: of.iter().map(|one| one.client.twice).sum(),
        dual_us: None,
        fdb_moves_max: None,
        false_transitions: None,
        tcp_stall_us: None,
        lateness_us: micros(highest(&|one| one.lateness).cast_signed()),
    })
}

fn takeover(lab: &Lab, seen: &[Seen], old: u8, new: u8) -> Option<Takeover> {
    let address = |number: u8| -> Ipv4Addr { lab.routers[usize::from(number) - 1].address };
    Takeover::find(seen, address(old), address(new), VIP)
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

    #[test]
    fn a_timeline_is_found_wherever_it_stands() {
        let status = serde_json::json!({"instances": [{"name": "VI_1", "timeline":
            {"last_advert_ns": 1, "deadline_ns": 2, "owned_ns": 3, "announced_ns": 4, "ready_ns": 5}}]});
        assert_eq!(
            Timeline::find(&status),
            Some(Timeline {
                deadline: 2,
                owned: 3,
                ready: 5
            })
        );
        assert_eq!(Timeline::find(&serde_json::json!({"timeline": null})), None);
    }

    #[test]
    fn a_summary_counts_only_its_event() {
        let one = |event, gap: u64| Measurement {
            event,
            at: 0,
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
            arp_twice: 1,
            lateness: 7_000,
        };
        let timing = Timing {
            version: 3,
            advert_int_ms: 10,
            priorities: [254, 253],
            probe: Duration::from_micros(100),
            arp: Duration::from_millis(1),
            settle: Duration::ZERO,
        };
        let all = [
            one(Event::Stop, 800_000),
            one(Event::Kill, 28_000_000),
            one(Event::Stop, 600_000),
        ];
        let run = summarise("xvrrp", timing, Event::Stop, &all).unwrap();
        assert_eq!((run.n, run.gap_us.max, run.lost.max), (2, 800.0, 8.0));
        assert_eq!(run.takeover_us.map(|takeover| takeover.p50), Some(0.9));
        assert_eq!(run.t_decide_us, None);
        assert_eq!(run.arp_answered_twice, 2);
        assert!(summarise("xvrrp", timing, Event::Link, &all).is_none());
    }
}
