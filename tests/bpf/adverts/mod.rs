//! Adverts that are taken, and what the node is told of them.

mod lists;
pub(crate) mod refusals;
mod unicast;

use std::net::Ipv6Addr;

use rstest::rstest;
use vrrp_ebpf::{
    abi::{Counter, Event, Follow, NO_ROUTER, event_flags},
    ownership::State,
};
use vrrp_tests::{
    datapath::{
        v6,
        world::{self, SLOT, SLOT_V2, VLAN, World, wide},
    },
    frames::{Advert, Checksum},
};

use crate::{
    bench::{Bench, Fate, Outcome},
    family::{Address, Family, V4, V6, version_2},
};

#[track_caller]
pub(crate) fn is_accepted(outcome: &Outcome, counters: &[Counter], event: Event) {
    let slots = counters.iter().map(|counter| (event.slot, *counter));
    assert_eq!(outcome.counters, Vec::from_iter(slots));
    assert_eq!(outcome.fate, Fate::Pass);
    assert_eq!(outcome.event, Some(event));
}

/// Asserts that a version 3 advert is accepted, for which `more` is counted beside the usual.
#[track_caller]
pub(crate) fn is_usual<F: Family>(outcome: &Outcome, more: &[Counter], event: Event) {
    let mut counters = [F::COUNTED, more].concat();
    counters.sort_by_key(|counter| *counter as u32);
    is_accepted(outcome, &counters, event);
}

/// Asserts that the usual advert of IPv4 is accepted without a pseudo-header.
#[track_caller]
fn is_plain(outcome: &Outcome) {
    let event = Event {
        flags: 0,
        ..V4::EVENT
    };
    let counters = [Counter::AdvertAccepted, Counter::ChecksumPlain];
    is_accepted(outcome, &counters, event);
}

//= C8, C10, C11, C12, C13, C14, C16, C23, C24: proof
#[test]
fn version_3_with_and_without_pseudo_header() {
    let mut bench = Bench::new();
    let world = World::new();
    let outcome = bench.receive(&world, &V4::advert().build());
    is_accepted(
        &outcome,
        &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
        V4::EVENT,
    );
    assert_eq!(outcome.seen, Some(SLOT));

    let plain = Advert {
        checksum: Checksum::Plain,
        ..V4::advert()
    };
    is_plain(&bench.receive(&world, &plain.build()));
}

//= C11, C21: proof
#[test]
fn version_2_with_password() {
    let outcome = Bench::new().receive(&World::new(), &version_2().build());
    let event = Event {
        slot: SLOT_V2,
        version: 2,
        flags: 0,
        ..V4::EVENT
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
        ..version_2()
    };
    let outcome = Bench::new().receive(&world, &advert.build());
    assert_eq!(outcome.counters, [(SLOT_V2, Counter::AdvertAccepted)]);
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn to_another_address_it_is_transit<F: Family>(_family: F) {
    let mut bench = Bench::new();
    for destination in [F::PEER, F::FAR] {
        for hops in [255, 17] {
            let advert = F::advert().sent_to(destination).with_hops(hops);
            bench.receive(&F::world(), &advert.build()).is_untouched();
        }
    }
}

/// Another daemon's business, so it is only counted, whatever else is wrong with it.
#[track_caller]
pub(crate) fn is_of_unknown_vrid(outcome: &Outcome) {
    assert_eq!(outcome.counters, [(NO_ROUTER, Counter::UnknownVrid)]);
    assert_eq!(
        (outcome.fate, outcome.event, outcome.seen),
        (Fate::Pass, None, None)
    );
}

//= C15: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn unknown_vrid_is_counted_and_passes<F: Family>(_family: F) {
    let mut bench = Bench::new();
    let mut advert = F::advert();
    advert.vrid += 10;
    for hops in [255, 1] {
        advert = advert.with_hops(hops);
        is_of_unknown_vrid(&bench.receive(&F::world(), &advert.build()));
    }
    // VRRP by unicast is transit, unless the VRID is ours.
    for destination in [F::PRIMARY, F::PEER] {
        advert = advert.sent_to(destination);
        bench.receive(&F::world(), &advert.build()).is_untouched();
    }
}

//= C15: proof
//= C15: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn vlans_are_separate<F: Family>(_family: F) {
    let mut bench = Bench::new();
    let world = F::world();
    let mut advert = F::advert();
    advert.addresses = vec![F::VIP_VLAN];
    let event = Event {
        slot: F::SLOT_VLAN,
        count: 1,
        ..F::EVENT
    };
    for tpid in [0x8100, 0x88a8] {
        advert.ethernet.tags = vec![(tpid, 0xe000 | VLAN)];
        let outcome = bench.receive(&world, &advert.build());
        is_usual::<F>(&outcome, &[], event);
    }

    advert.ethernet.tags = vec![(0x8100, VLAN + 1)];
    is_of_unknown_vrid(&bench.receive(&world, &advert.build()));
    advert.ethernet.tags = vec![(0x88a8, VLAN), (0x8100, VLAN)];
    bench.receive(&world, &advert.build()).is_untouched();

    let mut advert = F::advert();
    advert.ethernet.tags = vec![(0x8100, 0xe000)];
    let outcome = bench.receive(&world, &advert.build());
    is_usual::<F>(&outcome, &[], F::EVENT);
}

//= C13: proof
#[test]
fn ethernet_padding_is_no_part_of_the_advert() {
    let mut bench = Bench::new();
    for (mut advert, slot) in V4::adverts() {
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
        let mut advert = V4::advert();
        advert.ip.options = vec![1; length];
        let outcome = bench.receive(&World::new(), &advert.build());
        is_accepted(
            &outcome,
            &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
            V4::EVENT,
        );
        advert.ip.ttl = 254;
        let outcome = bench.receive(&World::new(), &advert.build());
        outcome.is_dropped(SLOT, Counter::BadTtl);
    }
}

//= C20: proof
#[rstest]
#[case::ipv4(V4, vec![vec![world::VIP, [10, 0, 0, 1]]])]
#[case::ipv6(V6, vec![vec![v6::VIP], vec![v6::VIP; 2], vec![v6::VIP, v6::VIP_GLOBAL, v6::VIP_VLAN]])]
fn address_list_of_version_3_is_only_reported<F: Family>(
    #[case] _family: F,
    #[case] lists: Vec<Vec<Address<F>>>,
) {
    let mut bench = Bench::new();
    for addresses in lists {
        let event = Event {
            flags: F::EVENT.flags | event_flags::ADDRESS_LIST_DIFFERS,
            count: addresses.len().try_into().unwrap(),
            ..F::EVENT
        };
        let mut advert = F::advert();
        advert.addresses = addresses;
        let outcome = bench.receive(&F::world(), &advert.build());
        is_usual::<F>(&outcome, &[Counter::AddressListDiffers], event);
    }
}

/// Lists that a sum of the addresses, or of their words, takes for one.
#[rstest]
#[case::ipv4(V4, [[192, 0, 2, 1], [192, 0, 2, 4]], [[192, 0, 2, 2], [192, 0, 2, 3]])]
#[case::ipv6(V6, six(["fe80::1", "fe80::4"]), six(["fe80::2", "fe80::3"]))]
#[case::words(V6, six(["fe80::1", "2001:db8::2"]), six(["fe80::2", "2001:db8::1"]))]
#[case::halves(V6, six(["fe80::1", "2001:db8::2"]), six(["fe80:1f00::1", "2001:db8:0:1b00::2"]))]
fn lists_of_one_sum_differ<F: Family>(
    #[case] _family: F,
    #[case] ours: [Address<F>; 2],
    #[case] theirs: [Address<F>; 2],
) {
    let mut bench = Bench::new();
    let mut world = F::world();
    let entry = world.router(F::SLOT);
    entry.address_count = 2;
    entry.address_digest = world::digest(&ours);
    for (list, differs) in [(ours, false), (theirs, true)] {
        let mut advert = F::advert();
        advert.addresses = list.to_vec();
        let counters = &bench.receive(&world, &advert.build()).counters;
        assert!(counters.contains(&(F::SLOT, Counter::AdvertAccepted)));
        let told = counters.contains(&(F::SLOT, Counter::AddressListDiffers));
        assert_eq!(told, differs);
    }
}

fn six(addresses: [&str; 2]) -> [[u8; 16]; 2] {
    addresses.map(|address| address.parse::<Ipv6Addr>().unwrap().octets())
}

#[test]
fn order_of_the_address_list_does_not_matter() {
    let addresses = Vec::from_iter((1..=255).map(|host| [10, 1, 2, host]));
    let mut world = World::new();
    for slot in [SLOT, SLOT_V2] {
        let entry = world.router(slot);
        entry.address_count = 255;
        entry.address_digest = world::digest(&addresses);
    }
    let mut bench = Bench::new();
    for (mut advert, slot) in V4::adverts() {
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
            ..V4::advert()
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
                ..V4::EVENT
            },
        );

        *frame.last_mut().unwrap() ^= 1;
        let outcome = bench.receive(&world, &frame);
        outcome.is_dropped(SLOT, Counter::BadChecksum);
    }
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn priority_zero_is_counted_and_no_sign_of_life<F: Family>(_family: F) {
    let mut stop = F::advert();
    stop.priority = 0;
    let event = Event {
        priority: 0,
        ..F::EVENT
    };
    for state in [State::Idle, State::Retiring] {
        let world = F::world().with_state(F::SLOT, state);
        let outcome = Bench::new().receive(&world, &stop.build());
        is_usual::<F>(&outcome, &[Counter::AdvertPriorityZero], event);
        assert_eq!(outcome.seen, None);
    }
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn sign_of_life_needs_the_restarting_priority<F: Family>(_family: F) {
    let mut bench = Bench::new();
    for (priority, restart_min, state, seen) in [
        (100, 100, State::Idle, Some(F::SLOT)),
        (100, 101, State::Idle, None),
        (100, 101, State::Active, None),
        (1, 254, State::Retiring, Some(F::SLOT)),
    ] {
        let mut world = F::world().with_state(F::SLOT, state);
        world.slot(F::SLOT).follow = Follow {
            restart_min,
            ..Follow::default()
        }
        .pack();
        let mut advert = F::advert();
        advert.priority = priority;
        let outcome = bench.receive(&world, &advert.build());
        assert_eq!(outcome.seen, seen, "{priority} {restart_min} {state:?}");
        assert_eq!(outcome.event.unwrap().source, wide(F::PEER));
    }
}
