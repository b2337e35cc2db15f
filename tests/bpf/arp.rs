//! ARP for the virtual IPs (C46, C51, C61).

use vrrp_ebpf::{
    abi::{Counter, EventKind},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{MAC, SLOT, SLOT_VLAN, VIP, VIP_VLAN, VLAN, World},
    frames::{Arp, Ethernet, PEER},
};

use crate::{
    bench::{Bench, Fate},
    family::claimed,
};

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

#[test]
fn claim_says_which_virtual_ip_it_is_of() {
    let world = World::new().with_state(SLOT_VLAN, State::Active);
    let mut claim = Arp::gratuitous(1, VIP_VLAN);
    claim.ethernet.tags = vec![(0x8100, VLAN)];
    let outcome = Bench::new().receive(&world, &claim.build());
    assert_eq!(outcome.counters, [(SLOT_VLAN, Counter::ArpConflict)]);
    let conflict = claimed(EventKind::Conflict, (SLOT_VLAN, 1), VIP_VLAN);
    assert_eq!(outcome.event, Some(conflict));
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
