//! Adverts that are taken, and what the node is told of them.

mod refusals;
mod unicast;

use vrrp_ebpf::{
    abi::{Counter, Event, EventKind, Follow, NO_ROUTER, event_flags},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{
        PASSWORD, PRIMARY, SLOT, SLOT_V2, SLOT_VLAN, VIP, VIP_VLAN, VLAN, VRID, VRID_V2, World,
        wide,
    },
    frames::{Advert, Checksum, PEER, PEER_MAC},
};

use crate::bench::{Bench, Fate, Outcome};

fn v3() -> Advert {
    Advert::v3(VRID, &[VIP])
}

fn v2() -> Advert {
    Advert {
        timing: [1, 1],
        tail: PASSWORD.to_vec(),
        ..Advert::v2(VRID_V2, &[VIP])
    }
}

/// The record of [`v3`].
const EVENT: Event = Event {
    stamp: 0,
    slot: SLOT,
    vip: 0,
    source: [192, 168, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    mac: PEER_MAC,
    interval_cs: 100,
    kind: EventKind::Advert as u8,
    version: 3,
    priority: 100,
    flags: event_flags::CHECKSUM_PSEUDO,
    count: 1,
    _pad: [0; 3],
};

#[track_caller]
fn is_accepted(outcome: &Outcome, counters: &[Counter], event: Event) {
    let slots = counters.iter().map(|counter| (event.slot, *counter));
    assert_eq!(outcome.counters, Vec::from_iter(slots));
    assert_eq!(outcome.fate, Fate::Pass);
    assert_eq!(outcome.event, Some(event));
}

//= C8, C10, C11, C12, C13, C14, C16, C23, C24: proof
#[test]
fn version_3_with_and_without_pseudo_header() {
    let mut bench = Bench::new();
    let world = World::new();
    let outcome = bench.receive(&world, &v3().build());
    is_accepted(
        &outcome,
        &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
        EVENT,
    );
    assert_eq!(outcome.seen, Some(SLOT));

    let plain = Advert {
        checksum: Checksum::Plain,
        ..v3()
    };
    let outcome = bench.receive(&world, &plain.build());
    is_accepted(
        &outcome,
        &[Counter::AdvertAccepted, Counter::ChecksumPlain],
        Event { flags: 0, ..EVENT },
    );
}

//= C11, C21: proof
#[test]
fn version_2_with_password() {
    let outcome = Bench::new().receive(&World::new(), &v2().build());
    let event = Event {
        slot: SLOT_V2,
        version: 2,
        flags: 0,
        ..EVENT
    };
    is_accepted(&outcome, &[Counter::AdvertAccepted], event);
    assert_eq!(outcome.seen, Some(SLOT_V2));
}

//= C21: proof
#[test]
fn version_2_without_authentication_ignores_its_data() {
    let mut world = World::new();
    world.router(SLOT_V2).auth_type = 0;
    let advert = Advert {
        timing: [0, 1],
        tail: b"whatever".to_vec(),
        ..v2()
    };
    let outcome = Bench::new().receive(&world, &advert.build());
    assert_eq!(outcome.counters, [(SLOT_V2, Counter::AdvertAccepted)]);
}

#[test]
fn to_another_address_it_is_transit() {
    let mut bench = Bench::new();
    let world = World::new();
    let mut advert = v3();
    advert.ip.destination = [192, 168, 1, 7];
    bench.receive(&world, &advert.build()).is_untouched();
    advert.ip.ttl = 17;
    bench.receive(&world, &advert.build()).is_untouched();
}

/// Another daemon's business, so it is only counted, whatever else is wrong with it.
#[track_caller]
fn is_of_unknown_vrid(outcome: &Outcome) {
    assert_eq!(outcome.counters, [(NO_ROUTER, Counter::UnknownVrid)]);
    assert_eq!(
        (outcome.fate, outcome.event, outcome.seen),
        (Fate::Pass, None, None)
    );
}

//= C15: refusal
#[test]
fn unknown_vrid_is_counted_and_passes() {
    let mut bench = Bench::new();
    let mut advert = Advert::v3(VRID + 10, &[VIP]);
    is_of_unknown_vrid(&bench.receive(&World::new(), &advert.build()));
    advert.ip.ttl = 1;
    is_of_unknown_vrid(&bench.receive(&World::new(), &advert.build()));

    // VRRP by unicast is transit, unless the VRID is ours.
    for destination in [PRIMARY, [192, 168, 1, 7]] {
        advert.ip.destination = destination;
        bench.receive(&World::new(), &advert.build()).is_untouched();
    }
}

//= C15: proof
//= C15: refusal
#[test]
fn vlans_are_separate() {
    let mut bench = Bench::new();
    let world = World::new();
    let mut advert = Advert::v3(VRID, &[VIP_VLAN]);
    advert.ethernet.tags = vec![(0x8100, 0xe000 | VLAN)];
    let event = Event {
        slot: SLOT_VLAN,
        ..EVENT
    };
    for tpid in [0x8100, 0x88a8] {
        advert.ethernet.tags[0].0 = tpid;
        let outcome = bench.receive(&world, &advert.build());
        is_accepted(
            &outcome,
            &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
            event,
        );
    }

    advert.ethernet.tags = vec![(0x8100, VLAN + 1)];
    is_of_unknown_vrid(&bench.receive(&world, &advert.build()));
    advert.ethernet.tags = vec![(0x88a8, VLAN), (0x8100, VLAN)];
    bench.receive(&world, &advert.build()).is_untouched();

    let mut advert = v3();
    advert.ethernet.tags = vec![(0x8100, 0xe000)];
    let outcome = bench.receive(&world, &advert.build());
    is_accepted(
        &outcome,
        &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
        EVENT,
    );
}

//= C13: proof
#[test]
fn ethernet_padding_is_no_part_of_the_advert() {
    let mut bench = Bench::new();
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        advert.ethernet.padded = true;
        let outcome = bench.receive(&World::new(), &advert.build());
        assert!(outcome.counters.contains(&(slot, Counter::AdvertAccepted)));
    }
}

//= C13: proof
#[test]
fn ip_options_are_skipped() {
    let mut bench = Bench::new();
    for length in [4, 20, 40] {
        let mut advert = v3();
        advert.ip.options = vec![1; length];
        let outcome = bench.receive(&World::new(), &advert.build());
        is_accepted(
            &outcome,
            &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
            EVENT,
        );
        advert.ip.ttl = 254;
        let outcome = bench.receive(&World::new(), &advert.build());
        outcome.is_dropped(SLOT, Counter::BadTtl);
    }
}

//= C20: proof
#[test]
fn address_list_of_version_3_is_only_reported() {
    let advert = Advert {
        addresses: vec![VIP, [10, 0, 0, 1]],
        ..v3()
    };
    let outcome = Bench::new().receive(&World::new(), &advert.build());
    is_accepted(
        &outcome,
        &[
            Counter::AdvertAccepted,
            Counter::ChecksumPseudo,
            Counter::AddressListDiffers,
        ],
        Event {
            flags: event_flags::CHECKSUM_PSEUDO | event_flags::ADDRESS_LIST_DIFFERS,
            count: 2,
            ..EVENT
        },
    );
}

#[test]
fn order_of_the_address_list_does_not_matter() {
    let addresses = Vec::from_iter((1..=255).map(|host| [10, 1, 2, host]));
    let mut world = World::new();
    for slot in [SLOT, SLOT_V2] {
        let entry = world.router(slot);
        entry.address_count = 255;
        entry.address_digest = addresses.iter().fold(0, |digest, address| {
            vrrp_ebpf::abi::address_digest(digest, *address)
        });
    }
    let mut bench = Bench::new();
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        advert.addresses = addresses.iter().rev().copied().collect();
        let outcome = bench.receive(&world, &advert.build());
        assert!(outcome.counters.contains(&(slot, Counter::AdvertAccepted)));
        assert!(
            !outcome
                .counters
                .contains(&(slot, Counter::AddressListDiffers))
        );
        assert_eq!(outcome.event.unwrap().count, 255);
    }
}

#[test]
fn every_length_of_the_address_list_is_read_to_its_end() {
    let addresses = Vec::from_iter((1..=255).map(|host| [10, 1, 2, host]));
    let mut world = World::new();
    let mut bench = Bench::new();
    let mut digest = 0;
    for (count, address) in (1..).zip(&addresses) {
        digest = vrrp_ebpf::abi::address_digest(digest, *address);
        let entry = world.router(SLOT);
        entry.address_count = count;
        entry.address_digest = digest;
        let mut advert = Advert {
            addresses: addresses[..usize::from(count)].to_vec(),
            ..v3()
        };
        // With options in front, the list starts anywhere.
        advert.ip.options = vec![1; usize::from(count % 11) * 4];
        let mut frame = advert.build();
        let outcome = bench.receive(&world, &frame);
        is_accepted(
            &outcome,
            &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
            Event {
                count: count.try_into().unwrap(),
                ..EVENT
            },
        );

        *frame.last_mut().unwrap() ^= 1;
        let outcome = bench.receive(&world, &frame);
        outcome.is_dropped(SLOT, Counter::BadChecksum);
    }
}

#[test]
fn priority_zero_is_counted_and_no_sign_of_life() {
    let stop = Advert {
        priority: 0,
        ..v3()
    };
    let counters = [
        Counter::AdvertAccepted,
        Counter::AdvertPriorityZero,
        Counter::ChecksumPseudo,
    ];
    let event = Event {
        priority: 0,
        ..EVENT
    };
    for state in [State::Idle, State::Retiring] {
        let world = World::new().with_state(SLOT, state);
        let outcome = Bench::new().receive(&world, &stop.build());
        is_accepted(&outcome, &counters, event);
        assert_eq!(outcome.seen, None);
    }
}

#[test]
fn sign_of_life_needs_the_restarting_priority() {
    let mut bench = Bench::new();
    for (priority, restart_min, state, seen) in [
        (100, 100, State::Idle, Some(SLOT)),
        (100, 101, State::Idle, None),
        (100, 101, State::Active, None),
        (1, 254, State::Retiring, Some(SLOT)),
    ] {
        let mut world = World::new().with_state(SLOT, state);
        world.slot(SLOT).follow = Follow {
            restart_min,
            ..Follow::default()
        }
        .pack();
        let advert = Advert { priority, ..v3() };
        let outcome = bench.receive(&world, &advert.build());
        assert_eq!(outcome.seen, seen, "{priority} {restart_min} {state:?}");
        assert_eq!(outcome.event.unwrap().source, wide(PEER));
    }
}
