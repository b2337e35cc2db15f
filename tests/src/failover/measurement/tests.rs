//! What becomes of evidence that is made up: the figures, and what must not get into them.

use super::*;
use crate::{
    arp_prober::{ArpAnswer, ArpRecording},
    gap::{Answer, Recording},
    sightings::Kind,
    stream::StreamRecording,
    wire::{Advert, Arp, Frame},
};

const MS: Nanos = 1_000_000;
/// When the event is.
const AT: Nanos = 1_000 * MS;
/// When the harness is done with it.
const DONE: Nanos = AT + MS;
/// When the new owner is there.
const NEW: Nanos = AT + 30 * MS;
/// From and to when everybody watches.
const WATCH: (Nanos, Nanos) = (AT - 100 * MS, AT + 200 * MS);
const ROUTERS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 1, 1), Ipv4Addr::new(192, 168, 1, 2)];
const TIMING: Timing = Timing {
    probe: Duration::from_millis(1),
    patience: Duration::ZERO,
    ..Timing::SHORTEST
};

/// A router that serves from one moment to another: by its adverts, frames and answers.
#[derive(Clone, Copy)]
struct Service {
    router: u8,
    from: Nanos,
    to: Nanos,
}

fn service(router: u8, from: Nanos, to: Nanos) -> Service {
    Service { router, from, to }
}

/// Router 1 until the event, router 2 from [`NEW`] on.
fn moved() -> [Service; 2] {
    [service(1, WATCH.0, AT), service(2, NEW, WATCH.1)]
}

fn every(step: Nanos, from: Nanos, to: Nanos) -> impl Iterator<Item = Nanos> {
    (0..)
        .map(move |n| from + n * step)
        .take_while(move |at| *at < to)
}

fn advert(at: Nanos, router: u8) -> Seen {
    Seen {
        at,
        port: format!("to-r{router}"),
        frame: Frame::Advert(Advert {
            source: ROUTERS[usize::from(router) - 1].into(),
            destination: Ipv4Addr::new(224, 0, 0, 18).into(),
            mac: [2, 0, 0, 0, 0, router],
            version: 3,
            vrid: 51,
            priority: 255 - router,
            interval_ms: 10,
            vips: vec![VIP.into()],
        }),
    }
}

fn announcement(at: Nanos, router: u8) -> Seen {
    Seen {
        at,
        port: format!("to-r{router}"),
        frame: Frame::Arp(Arp {
            source: [2, 0, 0, 0, 0, router],
            operation: 1,
            sender_mac: [2, 0, 0, 0, 0, router],
            sender: VIP,
            target_mac: [0; 6],
            target: VIP,
        }),
    }
}

/// Probes every millisecond, answered after a tenth of one by all who serve.
fn recording(services: &[Service]) -> Recording {
    let sent: Vec<_> = every(MS, WATCH.0, WATCH.1).collect();
    let answers = (0..).zip(&sent).flat_map(|(probe, &sent)| {
        let serving = services
            .iter()
            .filter(move |s| (s.from..s.to).contains(&sent));
        serving.map(move |service| Answer {
            probe,
            received: sent + MS / 10,
            router: service.router,
        })
    });
    Recording {
        answers: answers.collect(),
        sent,
        worst_lateness: 7_000,
    }
}

fn evidence(services: &[Service]) -> Evidence {
    let mut wire = Vec::new();
    let (mut sightings, mut behind) = (Vec::new(), Vec::new());
    for &Service { router, from, to } in services {
        wire.extend(every(10 * MS, from, to).map(|at| advert(at, router)));
        wire.push(announcement(from + MS / 2, router));
        let sighting = |at| Sighting {
            at,
            router,
            mac: [2, 0, 0, 0, 0, router],
            kind: Kind::Ip,
        };
        sightings.extend(every(MS, from, to).map(sighting));
        behind.extend(every(2 * MS, from, to).map(sighting));
    }
    wire.sort_by_key(|seen| seen.at);
    // The kernel of router 2 gets the address before its node sends the first advert.
    let got = (NEW - 2 * MS, true);
    Evidence {
        watch: WATCH,
        wire,
        arp: ArpRecording::default(),
        client: recording(services),
        more: Some(MoreEvidence {
            sightings: SightingRecording { sightings, lost: 3 },
            behind: SightingRecording {
                sightings: behind,
                lost: 0,
            },
            fdb: Vec::new(),
            addresses: vec![vec![(WATCH.0, true)], vec![(WATCH.0, false), got]],
            service: StreamRecording {
                received: vec![AT + MS, AT + 81 * MS, AT + 100 * MS],
                connects: 2,
            },
            // The other way through the pair takes 10 ms longer.
            routed: recording(&[service(0, WATCH.0, AT), service(0, NEW + 10 * MS, WATCH.1)]),
            routed_stream: StreamRecording::default(),
        }),
    }
}

fn measure(event: Event, evidence: Evidence) -> Measurement {
    Measurement::of(event, (AT, DONE), &TIMING, ROUTERS, evidence, None)
}

/// A status that tells of a promotion.
fn promoted(owned: Nanos) -> Value {
    serde_json::json!({"instances": [{"name": "VI_1", "timeline":
        {"deadline_ns": owned - 100, "owned_ns": owned, "ready_ns": owned + 200}}]})
}

fn told(event: Event, status: &Value) -> Option<Timeline> {
    let evidence = evidence(&moved());
    let timed = (AT, DONE);
    Measurement::of(event, timed, &TIMING, ROUTERS, evidence, Some(status)).timeline
}

#[test]
fn a_failover_is_told_by_what_each_judge_saw() {
    let one = measure(Event::Kill, evidence(&moved()));
    assert!(one.ready && one.moved);
    assert_eq!((one.at, one.lateness), (AT, 7_000));
    assert_eq!(one.client.last_old, AT - MS + MS / 10);
    assert_eq!(one.client.first_new, NEW + MS / 10);
    assert_eq!((one.client.lost, one.client.changes), (30, 1));
    assert_eq!(
        one.wire,
        Some(Takeover {
            last_old: AT - 10 * MS,
            first_new: NEW,
            announced: Some(NEW + MS / 2),
        })
    );
    assert_eq!(one.address, Some(-2_000_000));
    assert_eq!(one.timeline, None);
    assert_eq!(one.arp_twice, 0);

    let wider = one.wider.unwrap();
    assert_eq!((&*wider.dual.spans, wider.dual.missed), (&[][..], 3));
    assert_eq!(wider.dual_behind, Dual::default());
    assert_eq!((wider.false_transitions, wider.fdb_moves), (0, None));
    assert_eq!(wider.routed.gap(), 41 * MS);
    assert!(wider.routed_recovered);
    assert_eq!(wider.service_stall, (AT + 100 * MS, WATCH.1));
    assert_eq!(wider.routed_stall, (AT, WATCH.1));
}

#[test]
fn the_nodes_word_counts_if_it_is_about_this_event() {
    let own = promoted(NEW);
    let timeline = Timeline {
        deadline: NEW - 100,
        owned: NEW,
        ready: NEW + 200,
    };
    assert_eq!(told(Event::Kill, &own), Some(timeline));
    assert_eq!(told(Event::Kill, &promoted(AT - 1)), None, "an older one");
    assert_eq!(told(Event::Calm, &own), None, "nothing was to move");
}

#[test]
fn what_the_new_owner_sent_before_the_event_is_not_its_takeover() {
    let [old, new] = moved();
    let flapped = service(2, AT - 60 * MS, AT - 59 * MS);
    let one = measure(Event::Kill, evidence(&[old, flapped, new]));
    assert_eq!(one.wire.unwrap().first_new, NEW);
    assert_eq!(one.client.first_new, NEW + MS / 10);
    assert_eq!(one.wider.unwrap().false_transitions, 1);
}

#[test]
fn the_longest_silence_stands_for_the_gap_of_what_does_not_move() {
    let paused = [service(1, WATCH.0, AT), service(1, NEW, WATCH.1)];
    for (event, moved) in [(Event::Calm, true), (Event::Kill, false)] {
        let one = measure(event, evidence(&paused));
        assert_eq!(one.moved, moved, "{event}");
        assert_eq!(one.client.gap(), 31 * MS, "{event}");
        assert_eq!((one.wire, one.address), (None, None), "{event}");
        // 40 ms between two adverts of one and the same.
        assert_eq!(one.wider.unwrap().false_transitions, 0, "{event}");
    }
}

#[test]
fn two_owners_are_as_long_as_both_speak() {
    let both = [service(1, WATCH.0, WATCH.1), service(2, NEW, WATCH.1)];
    let mut evidence = evidence(&both);
    evidence.arp = ArpRecording {
        asked: vec![NEW],
        answers: [1, 2]
            .map(|router| ArpAnswer {
                question: 0,
                received: NEW + MS,
                mac: [2, 0, 0, 0, 0, router],
            })
            .into(),
        worst_lateness: 0,
    };
    let one = measure(Event::Kill, evidence);
    let wider = one.wider.unwrap();
    assert_eq!(wider.dual.spans, [(NEW, WATCH.1 - MS)]);
    // On the other side there is a frame every two milliseconds.
    assert_eq!(wider.dual_behind.spans, [(NEW, WATCH.1 - 2 * MS)]);
    assert_eq!(one.arp_twice, 1);
}

#[test]
fn a_router_that_nobody_hears_is_no_owner() {
    // It goes on all the while: its port is closed until it is opened.
    let both = [service(1, WATCH.0, WATCH.1), service(2, NEW, WATCH.1)];
    let silenced = measure(Event::Silence, evidence(&both));
    assert_eq!(silenced.wire.unwrap().first_new, NEW);
    let wider = silenced.wider.unwrap();
    assert_eq!(wider.dual.spans, []);
    // Its other port is open.
    assert_eq!(wider.dual_behind.spans, [(NEW, WATCH.1 - 2 * MS)]);

    let both = [service(2, WATCH.0, AT), service(1, WATCH.0, WATCH.1)];
    let healed = measure(Event::Heal, evidence(&both));
    assert_eq!(healed.wider.unwrap().dual.spans, []);
    assert_eq!(healed.wire.unwrap().first_new, AT + 10 * MS);
}

#[test]
fn the_demo_needs_fewer_judges() {
    let mut evidence = evidence(&moved());
    evidence.more = None;
    let one = measure(Event::Kill, evidence);
    assert!(one.moved && one.wire.is_some());
    assert!(one.wider.is_none() && one.address.is_none());
}

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
