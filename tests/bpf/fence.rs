//! A better router's advert ends what an Active does, whether or not its engine runs (C41).

use vrrp_ebpf::{
    abi::{Counter, vip_state},
    ownership::State,
};
use vrrp_tests::{
    datapath::{
        Program, v6,
        world::{PASSWORD, PRIORITY, SLOT, SLOT_V2, VIP, VRID, VRID_V2, World},
    },
    frames::{Advert, Arp, Packet, v6 as frames_v6},
};

use crate::{
    bench::{Bench, Fate},
    kernel::load,
};

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

fn advert(priority: u8, source: [u8; 4]) -> Vec<u8> {
    let mut advert = Advert {
        priority,
        ..Advert::v3(VRID, &[VIP])
    };
    advert.ip.source = source;
    advert.build()
}

fn advert_v6(priority: u8, source: [u8; 16]) -> Vec<u8> {
    let mut advert = frames_v6::Advert {
        priority,
        ..frames_v6::Advert::v3(VRID, &[v6::VIP, v6::VIP_GLOBAL])
    };
    advert.ip.source = source;
    advert.build()
}

/// Our address is 192.168.1.1.
//= C41: proof
//= C41: refusal
#[test]
fn adverts_of_better_routers_leave_a_stamp() {
    let mut bench = Bench::new();
    for (priority, source, better) in [
        (PRIORITY + 1, [10, 0, 0, 1], true),
        (255, [10, 0, 0, 1], true),
        (PRIORITY, [192, 168, 1, 2], true),
        (PRIORITY, [200, 0, 0, 0], true),
        (PRIORITY, [192, 168, 0, 255], false),
        (PRIORITY, [126, 255, 255, 255], false),
        (PRIORITY - 1, [200, 0, 0, 0], false),
        (0, [200, 0, 0, 0], false),
    ] {
        for state in [State::Idle, State::Rising, State::Active, State::Retiring] {
            let world = World::new().with_state(SLOT, state);
            let outcome = bench.receive(&world, &advert(priority, source));
            assert!(outcome.event.is_some());
            let expected = better.then_some(SLOT);
            assert_eq!(outcome.better, expected, "{priority} {source:?} {state:?}");
        }
    }
}

/// In version 3 the owner gives way to another owner with a higher address.
//= C18: proof
//= C18: refusal
#[test]
fn owner_of_version_2_heeds_nobody() {
    let mut bench = Bench::new();
    let mut world = World::new()
        .with_state(SLOT, State::Active)
        .with_state(SLOT_V2, State::Active);
    world.router(SLOT).priority = 255;
    world.router(SLOT_V2).priority = 255;
    let owner = advert(255, [192, 168, 1, 2]);
    assert_eq!(bench.receive(&world, &owner).better, Some(SLOT));
    let owner = Advert {
        priority: 255,
        timing: [1, 1],
        tail: PASSWORD.to_vec(),
        ..Advert::v2(VRID_V2, &[VIP])
    };
    let outcome = bench.receive(&world, &owner.build());
    assert_eq!((outcome.seen, outcome.better), (Some(SLOT_V2), None));
}

/// Our address is fe80::1.
//= C41: proof
//= C41: refusal
#[test]
fn adverts_of_better_routers_leave_a_stamp_over_ipv6() {
    let mut bench = Bench::new();
    let source = |tail: [u8; 8]| {
        let mut address = [0; 16];
        address[..2].copy_from_slice(&[0xfe, 0x80]);
        address[8..].copy_from_slice(&tail);
        address
    };
    let [lower, higher] = [source([0; 8]), source([0x80, 0, 0, 0, 0, 0, 0, 0])];
    for (priority, source, better) in [
        (PRIORITY + 1, lower, true),
        (PRIORITY, frames_v6::PEER, true),
        (PRIORITY, higher, true),
        (PRIORITY, lower, false),
        (PRIORITY - 1, higher, false),
        (0, higher, false),
    ] {
        let world = v6::world().with_state(v6::SLOT, State::Active);
        let outcome = bench.receive(&world, &advert_v6(priority, source));
        assert!(outcome.event.is_some());
        let expected = better.then_some(v6::SLOT);
        assert_eq!(outcome.better, expected, "{priority} {source:?}");
    }
}

//= C46, C50, C51: refusal
#[test]
fn silenced_active_is_no_owner() {
    let mut bench = Bench::new();
    let world = World::new()
        .with_state(SLOT, State::Active)
        .with_better_seen(SLOT);
    for question in [Arp::who_has(VIP), Arp::probe(VIP)] {
        let outcome = bench.receive(&world, &question.build());
        outcome.is_dropped(SLOT, Counter::ArpIgnored);
    }
    let announcement = Arp::gratuitous(1, VIP).build();
    // The successor's is no conflict.
    bench.receive(&world, &announcement).is_untouched();
    let outcome = bench.send(&world, &announcement);
    outcome.is_dropped(SLOT, Counter::EgressArp);

    let packet = Packet::to(VIP);
    let up = vip_state::INSTALLED | vip_state::READY;
    let outcome = bench.receive(&world.clone().with_vip_state(up), &packet.build());
    outcome.is_dropped(SLOT, Counter::VipNotOwner);
    bench.receive(&world, &packet.build()).is_untouched();
    let mut packet = Packet::to([10, 9, 8, 7]);
    packet.ip.source = VIP;
    let outcome = bench.send(&world, &packet.build());
    outcome.is_dropped(SLOT, Counter::EgressIp);
}

//= C47, C52: refusal
#[test]
fn silenced_active_is_no_owner_over_ipv6() {
    let mut bench = Bench::new();
    let world = v6::world()
        .with_state(v6::SLOT, State::Active)
        .with_better_seen(v6::SLOT);
    for question in [
        frames_v6::Neighbour::who_has(v6::VIP),
        frames_v6::Neighbour::probe(v6::VIP),
    ] {
        let outcome = bench.receive(&world, &question.build());
        outcome.is_dropped(v6::SLOT, Counter::NdIgnored);
    }
    let announcement = frames_v6::Neighbour::announcement(v6::VIP).build();
    bench.receive(&world, &announcement).is_untouched();
    let outcome = bench.send(&world, &announcement);
    outcome.is_dropped(v6::SLOT, Counter::EgressNd);
}

/// Retiring has a rule of its own: the successor may be worse, and is waited for.
#[test]
fn nobody_is_silenced_by_history_or_while_retiring() {
    let mut bench = Bench::new();
    let mut considered = World::new().with_state(SLOT, State::Active);
    let words = considered.slot(SLOT);
    (words.considered_until, words.better_seen) = (2, 2);
    let retiring = World::new()
        .with_state(SLOT, State::Retiring)
        .with_better_seen(SLOT);
    for world in [considered, retiring] {
        let outcome = bench.receive(&world, &Arp::who_has(VIP).build());
        assert_eq!(outcome.fate, Fate::Answer);
    }
}

/// Nobody but the programs does anything here until the next promotion.
#[test]
fn programs_silence_an_active_by_themselves() {
    let Some(mut kernel) = load() else {
        return;
    };
    let world = World::new().with_state(SLOT, State::Active);
    kernel.install(&world).unwrap();
    let question = Arp::who_has(VIP).build();
    let mut received = |frame: &[u8], returned| {
        let run = kernel.run(Program::Ingress, frame, 1).unwrap();
        assert_eq!(run.returned, returned);
        kernel.slot(SLOT).unwrap()
    };
    received(&question, XDP_TX);
    received(&advert(PRIORITY - 1, [192, 168, 1, 2]), XDP_PASS);
    received(&question, XDP_TX);
    received(&advert(PRIORITY + 1, [192, 168, 1, 2]), XDP_PASS);
    // Nor does it matter who comes later.
    received(&advert(PRIORITY - 1, [192, 168, 1, 2]), XDP_PASS);
    let mut words = received(&question, XDP_DROP);

    // The engine has followed that router, which fell silent, and becomes Active again.
    words.considered_until = words.better_seen;
    kernel.set_slot(SLOT, &words).unwrap();
    let run = kernel.run(Program::Ingress, &question, 1).unwrap();
    assert_eq!(run.returned, XDP_TX);
}
