//! ARP for the virtual IPs (C46, C51, C61).

use vrrp_ebpf::{
    abi::{Counter, Event, EventKind},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{MAC, SLOT, SLOT_VLAN, VIP, VIP_VLAN, VLAN, World, wide},
    frames::{Arp, Ethernet, PEER, PEER_MAC},
};

use crate::bench::{Bench, Fate};

fn answer(request: &Arp) -> Vec<u8> {
    Arp {
        ethernet: Ethernet {
            destination: request.sender_mac,
            source: MAC,
            ..request.ethernet.clone()
        },
        operation: 2,
        sender_mac: MAC,
        sender: request.target,
        target_mac: request.sender_mac,
        target: request.sender,
    }
    .build()
}

fn event(kind: EventKind) -> Option<Event> {
    Some(Event {
        stamp: 0,
        slot: SLOT,
        vip: 0,
        source: wide(VIP),
        mac: PEER_MAC,
        interval_cs: 0,
        kind: kind as u8,
        version: 0,
        priority: 0,
        flags: 0,
        count: 0,
        _pad: [0; 3],
    })
}

//= C51: proof
#[test]
fn owner_answers_requests_and_probes() {
    let mut bench = Bench::new();
    let mut padded = Arp::who_has(VIP);
    padded.ethernet.padded = true;
    let mut unicast = Arp::who_has(VIP);
    unicast.ethernet.destination = MAC;
    let requests = [Arp::who_has(VIP), padded, unicast, Arp::probe(VIP)];
    for state in [State::Active, State::Retiring] {
        let world = World::new().with_state(SLOT, state);
        for request in &requests {
            let outcome = bench.receive(&world, &request.build());
            assert_eq!(outcome.fate, Fate::Answer);
            assert_eq!(outcome.counters, [(SLOT, Counter::ArpAnswered)]);
            assert_eq!((outcome.event, outcome.seen), (None, None));
            assert_eq!(outcome.frame, answer(request));
        }
    }
}

#[test]
fn answer_keeps_the_tag() {
    let world = World::new().with_state(SLOT_VLAN, State::Active);
    let mut request = Arp::who_has(VIP_VLAN);
    request.ethernet.tags = vec![(0x8100, 0xa000 | VLAN)];
    let mut bench = Bench::new();
    let outcome = bench.receive(&world, &request.build());
    assert_eq!(outcome.fate, Fate::Answer);
    assert_eq!(outcome.counters, [(SLOT_VLAN, Counter::ArpAnswered)]);
    assert_eq!(outcome.frame, answer(&request));

    request.ethernet.tags.clear();
    bench.receive(&world, &request.build()).is_untouched();
}

//= C46, C51: refusal
#[test]
fn nobody_else_answers() {
    let mut bench = Bench::new();
    let mut heard = World::new().with_state(SLOT, State::Retiring);
    heard.slot(SLOT).last_seen = 1;
    for world in [
        World::new(),
        World::new().with_state(SLOT, State::Rising),
        World::new().with_expired(SLOT, State::Active),
        World::new().with_expired(SLOT, State::Retiring),
        heard,
    ] {
        for request in [Arp::who_has(VIP), Arp::probe(VIP)] {
            let outcome = bench.receive(&world, &request.build());
            outcome.is_dropped(SLOT, Counter::ArpIgnored);
        }
    }
}

//= C51: refusal
#[test]
fn nothing_is_answered_to_a_group() {
    let world = World::new().with_state(SLOT, State::Active);
    let request = Arp {
        sender_mac: [0xff; 6],
        ..Arp::who_has(VIP)
    };
    let outcome = Bench::new().receive(&world, &request.build());
    outcome.is_dropped(SLOT, Counter::ArpIgnored);
}

#[test]
fn other_arp_passes_untouched() {
    let mut bench = Bench::new();
    let reply = Arp {
        operation: 2,
        ..Arp::who_has(VIP)
    };
    let mut short = Arp::who_has(VIP).build();
    short.truncate(41);
    let mut token_ring = Arp::who_has(VIP).build();
    token_ring[15] = 6;
    for state in [State::Idle, State::Active] {
        let world = World::new().with_state(SLOT, state);
        for frame in [
            Arp::who_has([192, 168, 1, 1]).build(),
            Arp::gratuitous(1, PEER).build(),
            reply.build(),
            short.clone(),
            token_ring.clone(),
        ] {
            bench.receive(&world, &frame).is_untouched();
        }
    }
}

/// Whatever speaks as the virtual IP from another MAC.
fn claims() -> [Arp; 4] {
    let asks_another = Arp {
        sender: VIP,
        ..Arp::who_has([192, 168, 1, 7])
    };
    let tells_another = Arp {
        operation: 2,
        ..asks_another.clone()
    };
    [
        Arp::gratuitous(1, VIP),
        Arp::gratuitous(2, VIP),
        asks_another,
        tells_another,
    ]
}

#[test]
fn claim_is_a_conflict_for_the_active() {
    let mut bench = Bench::new();
    let world = World::new().with_state(SLOT, State::Active);
    for claim in claims() {
        let outcome = bench.receive(&world, &claim.build());
        assert_eq!(outcome.fate, Fate::Pass);
        assert_eq!(outcome.counters, [(SLOT, Counter::ArpConflict)]);
        assert_eq!(outcome.event, event(EventKind::Conflict));
        assert_eq!(outcome.seen, None);
    }
}

#[test]
fn claim_says_which_virtual_ip_it_is_of() {
    let world = World::new().with_state(SLOT_VLAN, State::Active);
    let mut claim = Arp::gratuitous(1, VIP_VLAN);
    claim.ethernet.tags = vec![(0x8100, VLAN)];
    let outcome = Bench::new().receive(&world, &claim.build());
    assert_eq!(outcome.counters, [(SLOT_VLAN, Counter::ArpConflict)]);
    let expected = event(EventKind::Conflict).map(|event| Event {
        slot: SLOT_VLAN,
        vip: 1,
        source: wide(VIP_VLAN),
        ..event
    });
    assert_eq!(outcome.event, expected);
}

#[test]
fn claim_tells_a_retiring_node_that_its_successor_is_there() {
    let mut bench = Bench::new();
    let world = World::new().with_state(SLOT, State::Retiring);
    for claim in claims() {
        let outcome = bench.receive(&world, &claim.build());
        assert_eq!(outcome.fate, Fate::Pass);
        assert_eq!(outcome.counters, []);
        assert_eq!(outcome.event, event(EventKind::SuccessorAnnounced));
        assert_eq!(outcome.seen, Some(SLOT));
    }
}

#[test]
fn claim_passes_a_node_that_owns_nothing() {
    let mut bench = Bench::new();
    for world in [
        World::new(),
        World::new().with_state(SLOT, State::Rising),
        World::new().with_expired(SLOT, State::Active),
    ] {
        for claim in claims() {
            bench.receive(&world, &claim.build()).is_untouched();
        }
    }
}

#[test]
fn own_announcement_come_back_is_no_conflict() {
    let world = World::new().with_state(SLOT, State::Active);
    let mut echo = Arp::gratuitous(1, VIP);
    echo.sender_mac = MAC;
    echo.ethernet.source = MAC;
    Bench::new().receive(&world, &echo.build()).is_untouched();
}

/// A question of ours from the virtual IP, by way of a loop or a mirror.
#[test]
fn own_question_come_back_is_no_successor() {
    let world = World::new().with_state(SLOT, State::Retiring);
    let mut echo = Arp {
        sender_mac: MAC,
        sender: VIP,
        ..Arp::who_has([192, 168, 1, 7])
    };
    echo.ethernet.source = MAC;
    Bench::new().receive(&world, &echo.build()).is_untouched();
}

#[test]
fn successor_may_have_our_virtual_mac() {
    let mut world = World::new().with_state(SLOT, State::Retiring);
    world.vips[0].1.mac = PEER_MAC;
    let outcome = Bench::new().receive(&world, &Arp::gratuitous(1, VIP).build());
    assert_eq!(outcome.event, event(EventKind::SuccessorAnnounced));
    assert_eq!(outcome.seen, Some(SLOT));
}
