//! Who asks for a virtual IP, and who says that it is his, by ARP or by Neighbour Discovery (C46, C51,
//! C52, C53).

use rstest::rstest;
use vrrp_ebpf::{
    abi::{Counter, EventKind},
    ownership::State,
};
use vrrp_tests::{datapath::world::MAC, frames::PEER_MAC};

use crate::{
    bench::{Bench, Fate},
    family::{Traffic, V4, V6, claimed},
};

//= C46, C51, C52, C53: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn nobody_else_answers<F: Traffic>(_family: F) {
    let mut bench = Bench::new();
    for world in F::others().into_iter().chain([F::succeeded()]) {
        for question in F::questions(F::VIP) {
            let outcome = bench.receive(&world, &question);
            outcome.is_dropped(F::SLOT, F::IGNORED);
        }
    }
}

//= C51, C52: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn nothing_is_answered_to_a_group<F: Traffic>(_family: F) {
    let world = F::world().with_state(F::SLOT, State::Active);
    for mac in [[0xff; 6], [0x33, 0x33, 0, 0, 0, 1]] {
        let outcome = Bench::new().receive(&world, &F::question_of(F::VIP, mac));
        outcome.is_dropped(F::SLOT, F::IGNORED);
    }
}

/// In this state, a claim leaves a record of this kind and counts these.
#[track_caller]
fn is_told<F: Traffic>(state: State, kind: EventKind, counters: &[(u32, Counter)]) {
    let mut bench = Bench::new();
    let world = F::world().with_state(F::SLOT, state);
    let seen = (kind == EventKind::SuccessorAnnounced).then_some(F::SLOT);
    for (index, vip) in F::VIPS {
        let event = claimed(kind, (F::SLOT, *index), vip);
        for claim in F::claims(*vip) {
            let outcome = bench.receive(&world, &claim);
            assert_eq!(outcome.fate, Fate::Pass);
            assert_eq!(outcome.counters, counters);
            assert_eq!((outcome.event, outcome.seen), (Some(event), seen));
        }
    }
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn claim_is_a_conflict_for_the_active<F: Traffic>(_family: F) {
    let counted = [(F::SLOT, F::CONFLICT)];
    is_told::<F>(State::Active, EventKind::Conflict, &counted);
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn claim_tells_a_retiring_node_that_its_successor_is_there<F: Traffic>(_family: F) {
    is_told::<F>(State::Retiring, EventKind::SuccessorAnnounced, &[]);
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn claim_passes_a_node_that_owns_nothing<F: Traffic>(_family: F) {
    let mut bench = Bench::new();
    let [idle, rising, expired, _] = F::others();
    for world in [idle, rising, expired] {
        for claim in F::claims(F::VIP) {
            bench.receive(&world, &claim).is_untouched();
        }
    }
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn own_announcement_come_back_is_no_conflict<F: Traffic>(_family: F) {
    let world = F::world().with_state(F::SLOT, State::Active);
    let echo = F::announcement(F::VIP, MAC);
    Bench::new().receive(&world, &echo).is_untouched();
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn successor_may_have_our_virtual_mac<F: Traffic>(_family: F) {
    let mut world = F::world().with_state(F::SLOT, State::Retiring);
    for (_, entry) in &mut world.vips {
        entry.mac = PEER_MAC;
    }
    let outcome = Bench::new().receive(&world, &F::announcement(F::VIP, PEER_MAC));
    let (index, _) = F::VIPS[0];
    let successor = claimed(EventKind::SuccessorAnnounced, (F::SLOT, index), F::VIP);
    assert_eq!(outcome.event, Some(successor));
    assert_eq!(outcome.seen, Some(F::SLOT));
}
