//! The receive checks of RFC 9568 section 7.1 and RFC 3768 section 7.1 (C10-C24).

use rstest::rstest;
use vrrp_ebpf::{
    abi::{Counter, Event, event_flags, router_flags},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{PRIMARY, SLOT, SLOT_V2, VIP, VRID, World},
    frames::{Advert, Checksum, IpAdvert, PEER},
};

use super::{is_accepted, is_usual};
use crate::{
    bench::{Bench, Fate},
    family::{Family, V4, V6, version_2},
};

#[track_caller]
fn is_refused<F: Family>(advert: &IpAdvert<F::Ip>, slot: u32, counter: Counter) {
    Bench::new()
        .receive(&F::world(), &advert.build())
        .is_dropped(slot, counter);
}

//= C13: refusal
#[test]
fn first_fragment_is_refused_later_ones_tell_no_vrid() {
    let mut advert = V4::advert();
    advert.ip.fragment = 0x2000;
    is_refused::<V4>(&advert, SLOT, Counter::BadLength);
    advert.ip.fragment = 0x0001;
    Bench::new()
        .receive(&World::new(), &advert.build())
        .is_untouched();
}

/// Asserts that no beginning of a frame for the router in `slot` is accepted.
#[track_caller]
pub(crate) fn no_beginning_is_accepted<F: Family>(frame: &[u8], headers: usize, slot: u32) {
    let mut bench = Bench::new();
    // A test run wants an Ethernet header; the VRID is the second byte after IP's header.
    for length in 14..frame.len() {
        let outcome = bench.receive(&F::world(), &frame[..length]);
        if length < headers + 2 {
            outcome.is_untouched();
        } else {
            outcome.is_dropped(slot, Counter::BadLength);
        }
    }
}

//= C13, C24: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn truncated_anywhere_it_is_never_accepted<F: Family>(_family: F) {
    for (mut advert, slot) in F::adverts() {
        // What else is wrong with it is not told of an advert that is not all there.
        for hops in [255, 254] {
            advert = advert.with_hops(hops);
            no_beginning_is_accepted::<F>(&advert.build(), F::HEADERS, slot);
        }
    }
}

/// What lies behind the end of the packet is padding: neither a VRID nor a header.
//= C13, C24: refusal
#[test]
fn a_packet_that_ends_before_its_header_does_is_of_a_bad_length() {
    let mut bench = Bench::new();
    let mut advert = V4::advert();
    advert.ethernet.padded = true;
    advert.ip.ttl = 254;
    for payload in 0..=8 {
        advert.ip.total_length = Some(20 + payload);
        let outcome = bench.receive(&World::new(), &advert.build());
        match payload {
            0 | 1 => outcome.is_untouched(),
            8 => outcome.is_dropped(SLOT, Counter::BadTtl),
            _ => outcome.is_dropped(SLOT, Counter::BadLength),
        }
    }
}

//= C13: refusal
#[test]
fn lengths_that_disagree_are_refused() {
    for change in [-4, 4] {
        let mut advert = V4::advert();
        advert.ethernet.padded = true;
        advert.ip.total_length = Some(32_u16.checked_add_signed(change).unwrap());
        is_refused::<V4>(&advert, SLOT, Counter::BadLength);
    }
    for (advert, slot) in V4::adverts() {
        for count in [2, 255] {
            let count = Some(count);
            is_refused::<V4>(
                &Advert {
                    count,
                    ..advert.clone()
                },
                slot,
                Counter::BadLength,
            );
        }
    }
    let trailing = Advert {
        tail: vec![0; 4],
        ..V4::advert()
    };
    is_refused::<V4>(&trailing, SLOT, Counter::BadLength);
    // What lies in the padding is no password, not even a wrong one.
    let mut advert = Advert {
        tail: b"guess\0\0\0".to_vec(),
        ..version_2()
    };
    advert.ip.total_length = Some(32);
    is_refused::<V4>(&advert, SLOT_V2, Counter::BadLength);
}

//= C10: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn ttl_proves_the_link<F: Family>(_family: F) {
    for hops in [0, 1, 64, 254] {
        for (advert, slot) in F::adverts() {
            is_refused::<F>(&advert.with_hops(hops), slot, Counter::BadTtl);
        }
    }
}

//= C11: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn versions_are_as_configured<F: Family>(_family: F) {
    for version_type in [0x01, 0x11, 0x21, 0x41, 0xf1] {
        let advert = IpAdvert {
            version_type,
            ..F::advert()
        };
        is_refused::<F>(&advert, F::SLOT, Counter::BadVersion);
    }
}

//= C11: refusal
#[test]
fn version_2_is_as_configured() {
    let advert = Advert {
        version_type: 0x31,
        ..version_2()
    };
    is_refused::<V4>(&advert, SLOT_V2, Counter::BadVersion);

    let mut world = World::new();
    world.router(SLOT).flags |= router_flags::ACCEPT_V2;
    let mut bench = Bench::new();
    let both = Advert::v2(VRID, &[VIP]);
    let outcome = bench.receive(&world, &both.build());
    assert_eq!(outcome.counters, [(SLOT, Counter::AdvertAccepted)]);
    let outcome = bench.receive(&world, &V4::advert().build());
    assert_eq!(outcome.fate, Fate::Pass);
}

//= C12: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn only_type_1_is_known<F: Family>(_family: F) {
    for kind in [0, 2, 15] {
        for (mut advert, slot) in F::adverts() {
            advert.version_type = advert.version_type & 0xf0 | kind;
            is_refused::<F>(&advert, slot, Counter::BadType);
        }
    }
}

//= C8, C14: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn checksums_must_verify<F: Family>(_family: F) {
    for (mut advert, slot) in F::adverts() {
        advert.checksum = Checksum::Wrong;
        is_refused::<F>(&advert, slot, Counter::BadChecksum);
    }
}

//= C8, C14: refusal
#[test]
fn the_checksums_of_ip_and_of_version_2_must_verify() {
    for (mut advert, slot) in V4::adverts() {
        advert.checksum = Checksum::Plain;
        advert.ip.corrupt = true;
        is_refused::<V4>(&advert, slot, Counter::BadChecksum);
    }
    // Version 2 has no pseudo-header.
    let advert = Advert {
        checksum: Checksum::Pseudo,
        ..version_2()
    };
    is_refused::<V4>(&advert, SLOT_V2, Counter::BadChecksum);
}

//= C16: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn no_address_is_refused<F: Family>(_family: F) {
    for (mut advert, slot) in F::adverts() {
        advert.addresses.clear();
        is_refused::<F>(&advert, slot, Counter::BadCount);
    }
}

//= C17, C19: refusal
#[test]
fn interval_of_version_2_must_be_ours() {
    for seconds in [0, 2, 255] {
        let advert = Advert {
            timing: [1, seconds],
            ..version_2()
        };
        is_refused::<V4>(&advert, SLOT_V2, Counter::BadInterval);
    }
}

/// RFC 9568 section 8.4.2: a router of both versions learns it.
//= C69: proof
//= C17, C69: refusal
#[test]
fn interval_of_version_2_beside_version_3_may_be_any_but_zero() {
    let mut world = World::new();
    world.router(SLOT).flags |= router_flags::ACCEPT_V2;
    let mut bench = Bench::new();
    for (seconds, interval_cs) in [(1, 100), (2, 200), (255, 25_500)] {
        let advert = Advert {
            timing: [0, seconds],
            ..Advert::v2(VRID, &[VIP])
        };
        let outcome = bench.receive(&world, &advert.build());
        let event = Event {
            interval_cs,
            version: 2,
            flags: 0,
            ..V4::EVENT
        };
        let counters = [Counter::AdvertAccepted, Counter::IntervalDiffers];
        is_accepted(&outcome, &counters[..1 + usize::from(seconds != 1)], event);
    }
    let zero = Advert {
        timing: [0, 0],
        ..Advert::v2(VRID, &[VIP])
    };
    let outcome = bench.receive(&world, &zero.build());
    outcome.is_dropped(SLOT, Counter::BadInterval);
}

//= C5, C17, C19: proof
//= C17: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn interval_of_version_3_must_not_be_zero<F: Family>(_family: F) {
    let mut advert = F::advert();
    for timing in [[0, 0], [0xf0, 0]] {
        advert.timing = timing;
        is_refused::<F>(&advert, F::SLOT, Counter::BadInterval);
    }
    for (timing, interval_cs) in [([0, 1], 1), ([0xf0, 1], 1), ([0x0f, 0xff], 4095)] {
        advert.timing = timing;
        let outcome = Bench::new().receive(&F::world(), &advert.build());
        let event = Event {
            interval_cs,
            ..F::EVENT
        };
        is_usual::<F>(&outcome, &[Counter::IntervalDiffers], event);
    }
}

//= C21: refusal
#[test]
fn authentication_is_as_configured() {
    for auth_type in [0, 2, 254] {
        let advert = Advert {
            timing: [auth_type, 1],
            ..version_2()
        };
        is_refused::<V4>(&advert, SLOT_V2, Counter::BadAuthType);
    }
    for password in [*b"1112\0\0\0\0", *b"1111\0\0\0\x01", [0; 8]] {
        let advert = Advert {
            tail: password.to_vec(),
            ..version_2()
        };
        is_refused::<V4>(&advert, SLOT_V2, Counter::BadPassword);
    }
}

//= C20: refusal
#[test]
fn address_list_of_version_2_must_be_ours_unless_the_owner_says_otherwise() {
    let other = [192, 168, 1, 253];
    for addresses in [vec![other], vec![VIP, VIP], vec![VIP, other]] {
        let advert = Advert {
            addresses,
            ..version_2()
        };
        is_refused::<V4>(&advert, SLOT_V2, Counter::BadAddressList);
        let stop = Advert {
            priority: 0,
            ..advert
        };
        is_refused::<V4>(&stop, SLOT_V2, Counter::BadAddressList);
    }

    let accepted = [Counter::AdvertAccepted, Counter::AddressListDiffers];
    let event = Event {
        slot: SLOT_V2,
        version: 2,
        flags: event_flags::ADDRESS_LIST_DIFFERS,
        ..V4::EVENT
    };
    let mut bench = Bench::new();
    let advert = Advert {
        addresses: vec![other],
        ..version_2()
    };
    let owner = Advert {
        priority: 255,
        ..advert.clone()
    };
    let outcome = bench.receive(&World::new(), &owner.build());
    let priority = 255;
    is_accepted(&outcome, &accepted, Event { priority, ..event });

    let mut world = World::new();
    world.router(SLOT_V2).flags |= router_flags::SKIP_ADDRESS_CHECK;
    let outcome = bench.receive(&world, &advert.build());
    is_accepted(&outcome, &accepted, event);
}

//= C23: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn own_adverts_are_dropped<F: Family>(_family: F) {
    for (advert, slot) in F::adverts() {
        is_refused::<F>(&advert.sent_by(F::PRIMARY), slot, Counter::OwnSource);
    }
}

/// A plain raw socket never hears them: the stack drops them on arrival.
//= C81: refusal
#[test]
fn nobody_sends_from_a_martian() {
    let mut bench = Bench::new();
    let unicast = World::new()
        .with_peer(SLOT, PEER, 255, 255)
        .with_peer(SLOT_V2, PEER, 255, 255);
    for source in [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [224, 0, 0, 18],
        [239, 255, 255, 255],
        [255, 255, 255, 255],
    ] {
        for (mut advert, slot) in V4::adverts() {
            advert.ip.source = source;
            for priority in [0, 100, 255] {
                advert.priority = priority;
                advert.ip.destination = [224, 0, 0, 18];
                let outcome = bench.receive(&World::new(), &advert.build());
                outcome.is_dropped(slot, Counter::MartianSource);
                advert.ip.destination = PRIMARY;
                let outcome = bench.receive(&unicast, &advert.build());
                outcome.is_dropped(slot, Counter::MartianSource);
            }
        }
    }
    // What is left of 240/4 is unicast to Linux.
    for source in [[126, 0, 0, 1], [223, 255, 255, 255], [240, 0, 0, 1]] {
        let mut advert = V4::advert();
        advert.ip.source = source;
        let outcome = bench.receive(&World::new(), &advert.build());
        assert_eq!((outcome.fate, outcome.seen), (Fate::Pass, Some(SLOT)));
        assert!(outcome.event.is_some());
    }
}

//= C81: proof
//= C81: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn a_virtual_ip_is_the_source_of_its_owner_alone<F: Family>(_family: F) {
    let mut bench = Bench::new();
    // Of a Backup and of an Active, who has the address itself.
    for world in [
        F::world(),
        F::world().with_state(F::SLOT, State::Active),
        F::world().with_peer(F::SLOT, F::PEER, 255, 255),
    ] {
        let unicast = !world.peers.is_empty();
        let from = |source, priority| {
            let mut advert = F::advert().sent_by(source);
            advert.priority = priority;
            if unicast {
                advert = advert.sent_to(F::PRIMARY);
            }
            advert.build()
        };
        for priority in [1, 100, 254] {
            let outcome = bench.receive(&world, &from(F::VIP, priority));
            outcome.is_dropped(F::SLOT, Counter::MartianSource);
        }
        // The owner of the address, and its last word.
        for priority in [255, 0] {
            let outcome = bench.receive(&world, &from(F::VIP, priority));
            assert_eq!(outcome.fate, Fate::Pass);
            assert_eq!(outcome.event.unwrap().priority, priority);
        }
        let outcome = bench.receive(&world, &from(F::VIP_VLAN, 100));
        assert_eq!(outcome.fate, Fate::Pass, "of another VLAN");
    }
}

/// RFC 9568 section 4.2.
//= C81: proof
#[test]
fn the_owner_of_one_virtual_router_is_a_backup_of_another() {
    let advert = version_2().sent_by(VIP);
    let outcome = Bench::new().receive(&World::new(), &advert.build());
    assert_eq!(outcome.counters, [(SLOT_V2, Counter::AdvertAccepted)]);
}

//= C80: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn to_our_own_address_comes_what_unicast_peers_send<F: Family>(_family: F) {
    for (advert, slot) in F::adverts() {
        let advert = advert.sent_to(F::PRIMARY);
        is_refused::<F>(&advert, slot, Counter::BadDestination);
    }
}
