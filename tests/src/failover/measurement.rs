//! What the judges saw of one failover, in figures.

use std::{net::Ipv4Addr, time::Duration};

use serde_json::Value;

use crate::{
    capture::{Seen, Takeover},
    clock::Nanos,
    dual::{self, MOMENT},
    effort::Effort,
    fdb,
    gap::Failover,
    lab::VIP,
    report::Trace,
    sightings::{Sighting, SightingRecording},
};

use super::{
    Event, Timing,
    judges::{Evidence, MoreEvidence},
    trace,
    transitions::{self, Sent},
};

/// The first bytes of the MAC of an IPv4 virtual router (RFC 9568 section 7.3).
const VIRTUAL_MAC: [u8; 5] = [0, 0, 0x5e, 0, 1];

/// What the judges saw of one failover.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What made it.
    pub event: Event,
    /// When the harness did it.
    pub at: Nanos,
    /// Whether the pair was as it should be before.
    pub ready: bool,
    /// Whether another router took over, if one was to.
    pub moved: bool,
    /// As the client sees it.
    pub client: Failover,
    /// As the wire shows it, if both routers sent adverts.
    pub wire: Option<Takeover>,
    /// As the new Active tells it, if it can.
    pub timeline: Option<Timeline>,
    /// From the new Active's first advert to its kernel's word that it has the address, in
    /// nanoseconds; negative if that came first.
    pub address: Option<i64>,
    /// ARP questions that were answered twice.
    pub arp_twice: usize,
    /// The prober's own worst lateness in nanoseconds.
    pub lateness: u64,
    /// What the judges of the bench saw.
    pub wider: Option<Wider>,
    /// What the nodes cost while nothing happened.
    pub cost: Option<Cost>,
}

/// What only the bench looks at.
#[derive(Clone, Debug)]
pub struct Wider {
    /// Times in which frames from the virtual IP or MAC came from both routers.
    pub dual: Dual,
    /// The same on the network behind the routers.
    pub dual_behind: Dual,
    /// How often the switch moved the virtual MAC; `None` if there is none.
    pub fdb_moves: Option<u64>,
    /// Routers that became Active, but for the one that should.
    pub false_transitions: u64,
    /// Traffic through the pair.
    pub routed: Failover,
    /// Whether it was answered again before everybody stopped watching.
    pub routed_recovered: bool,
    /// The routed prober's own worst lateness in nanoseconds.
    pub routed_lateness: u64,
    /// The longest time without a byte on the TCP stream from the service.
    pub service_stall: (Nanos, Nanos),
    /// The same on the stream through the pair.
    pub routed_stall: (Nanos, Nanos),
    /// All of it, to be drawn.
    pub trace: Trace,
}

/// When two routers spoke as the owner of a virtual IP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dual {
    /// From and to.
    pub spans: Vec<(Nanos, Nanos)>,
    /// Frames that the capture missed: above 0, the spans may be too short.
    pub missed: u64,
}

/// What the nodes cost while nothing happened.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// For how long.
    pub span: Duration,
    /// The better router's, which is Active.
    pub active: Effort,
    /// The other's.
    pub backup: Effort,
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

impl Measurement {
    /// Draws the figures from what was seen of routers with these addresses, the better one's first. The
    /// harness began to do it `at` a moment and had it `done` at another; `status` is the new owner's.
    pub(super) fn of(
        event: Event,
        (at, done): (Nanos, Nanos),
        timing: &Timing,
        routers: [Ipv4Addr; 2],
        mut evidence: Evidence,
        status: Option<&Value>,
    ) -> Self {
        let (old, new) = event.routers();
        if let Some(isolated) = isolation(event, done) {
            isolated.forget(&mut evidence);
        }
        let failover = event
            .moves()
            .then(|| evidence.client.failover(old, new, at).ok())
            .flatten();
        let wire = event
            .moves()
            .then(|| takeover(routers, &evidence.wire, (old, new), at))
            .flatten();
        let mut measurement = Self {
            event,
            at,
            ready: true,
            moved: failover.is_some() || !event.moves(),
            client: failover.unwrap_or_else(|| evidence.client.unmoved(at)),
            wire,
            // An older promotion has nothing to do with this event.
            timeline: status
                .and_then(Timeline::find)
                .filter(|told| event.moves() && told.owned >= at),
            address: address(&evidence, new, wire),
            arp_twice: evidence.arp.answered_twice().len(),
            lateness: evidence.client.worst_lateness,
            wider: None,
            cost: None,
        };
        measurement.wider = evidence.more.as_ref().map(|more| Wider {
            dual: Dual::of(&more.sightings),
            dual_behind: Dual::of(&more.behind),
            fdb_moves: fdb_moves(more),
            false_transitions: transitions::count(
                &sent(&evidence.wire),
                evidence.watch.0,
                timing.interval(),
            )
            .saturating_sub(u64::from(event.moves())),
            routed: more.routed.unmoved(at),
            routed_recovered: more.routed.recovered(),
            routed_lateness: more.routed.worst_lateness,
            service_stall: more.service.longest_stall(at, evidence.watch.1),
            routed_stall: more.routed_stream.longest_stall(at, evidence.watch.1),
            trace: trace::draw(&measurement, timing, &evidence, more),
        });
        measurement
    }
}

impl Dual {
    fn of(seen: &SightingRecording) -> Self {
        Self {
            spans: dual::dual(&seen.sightings, MOMENT),
            missed: seen.lost,
        }
    }
}

/// A router whose frames no other port of the switch gets for a while: the capture sees them, the
/// network does not.
struct Isolation {
    router: u8,
    from: Nanos,
    until: Nanos,
}

impl Isolation {
    fn hides(&self, router: Option<u8>, at: Nanos) -> bool {
        router == Some(self.router) && (self.from..self.until).contains(&at)
    }

    fn forget(&self, evidence: &mut Evidence) {
        evidence
            .wire
            .retain(|seen| !self.hides(seen.router(), seen.at));
        if let Some(more) = &mut evidence.more {
            let shown = |seen: &Sighting| !self.hides(Some(seen.router), seen.at);
            more.sightings.sightings.retain(shown);
        }
    }
}

/// What passed, or did not, while the harness was at it counts as heard.
fn isolation(event: Event, done: Nanos) -> Option<Isolation> {
    let (from, until) = match event {
        Event::Silence => (done, Nanos::MAX),
        Event::Heal => (0, done),
        _ => return None,
    };
    Some(Isolation {
        router: 1,
        from,
        until,
    })
}

fn takeover(
    [better, other]: [Ipv4Addr; 2],
    seen: &[Seen],
    (old, new): (u8, u8),
    at: Nanos,
) -> Option<Takeover> {
    let address = |number: u8| if number == 1 { better } else { other };
    // What the new one sent before the event is not its takeover.
    let seen: Vec<_> = seen
        .iter()
        .filter(|seen| seen.at >= at || !seen.is_advert_of(address(new)))
        .cloned()
        .collect();
    Takeover::find(&seen, address(old).into(), address(new).into(), VIP.into())
}

fn address(evidence: &Evidence, new: u8, wire: Option<Takeover>) -> Option<i64> {
    let wire = wire?;
    let changes = evidence
        .more
        .as_ref()?
        .addresses
        .get(usize::from(new) - 1)?;
    let (got, _) = changes
        .iter()
        .find(|(at, present)| *present && *at > wire.last_old)?;
    Some(got.cast_signed() - wire.first_new.cast_signed())
}

fn sent(wire: &[Seen]) -> Vec<Sent> {
    wire.iter()
        .filter_map(|seen| {
            let priority = seen.advert_priority()?;
            Some(Sent {
                at: seen.at,
                router: seen.router()?,
                resigns: priority == 0,
            })
        })
        .collect()
}

fn fdb_moves(more: &MoreEvidence) -> Option<u64> {
    let mut macs = more.sightings.sightings.iter().map(|seen| seen.mac);
    let mac = macs.find(|mac| mac.starts_with(&VIRTUAL_MAC))?;
    Some(fdb::moves_of(&more.fdb, mac))
}

#[cfg(test)]
mod tests;
