//! The receive checks of RFC 9568 section 7.1 and RFC 3768 section 7.1 (C10-C24).

use vrrp_ebpf::{
    abi::{Counter, Event, event_flags, router_flags},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{PRIMARY, SLOT, SLOT_V2, VIP, VIP_VLAN, VRID, World},
    frames::{Advert, Checksum, PEER},
};

use super::{EVENT, is_accepted, v2, v3};
use crate::bench::{Bench, Fate};

#[track_caller]
fn is_refused(advert: &Advert, slot: u32, counter: Counter) {
    Bench::new()
        .receive(&World::new(), &advert.build())
        .is_dropped(slot, counter);
}

//= C13: refusal
#[test]
fn first_fragment_is_refused_later_ones_tell_no_vrid() {
    let mut advert = v3();
    advert.ip.fragment = 0x2000;
    is_refused(&advert, SLOT, Counter::BadLength);
    advert.ip.fragment = 0x0001;
    Bench::new()
        .receive(&World::new(), &advert.build())
        .is_untouched();
}

//= C13, C24: refusal
#[test]
fn truncated_anywhere_it_is_never_accepted() {
    let mut bench = Bench::new();
    let world = World::new();
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        // What else is wrong with it is not told of an advert that is not all there.
        for ttl in [255, 254] {
            advert.ip.ttl = ttl;
            let frame = advert.build();
            // A test run wants an Ethernet header; the VRID is the second byte after IP's header.
            for length in 14..frame.len() {
                let outcome = bench.receive(&world, &frame[..length]);
                if length < 14 + 20 + 2 {
                    outcome.is_untouched();
                } else {
                    outcome.is_dropped(slot, Counter::BadLength);
                }
            }
        }
    }
}

/// What lies behind the end of the packet is padding: neither a VRID nor a header.
//= C13, C24: refusal
#[test]
fn a_packet_that_ends_before_its_header_does_is_of_a_bad_length() {
    let mut bench = Bench::new();
    let mut advert = v3();
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
        let mut advert = v3();
        advert.ethernet.padded = true;
        advert.ip.total_length = Some(32_u16.checked_add_signed(change).unwrap());
        is_refused(&advert, SLOT, Counter::BadLength);
    }
    for (advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        for count in [2, 255] {
            let count = Some(count);
            is_refused(
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
        ..v3()
    };
    is_refused(&trailing, SLOT, Counter::BadLength);
    // What lies in the padding is no password, not even a wrong one.
    let mut advert = Advert {
        tail: b"guess\0\0\0".to_vec(),
        ..v2()
    };
    advert.ip.total_length = Some(32);
    is_refused(&advert, SLOT_V2, Counter::BadLength);
}

//= C10: refusal
#[test]
fn ttl_proves_the_link() {
    for ttl in [0, 1, 254] {
        for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
            advert.ip.ttl = ttl;
            is_refused(&advert, slot, Counter::BadTtl);
        }
    }
}

//= C11: refusal
#[test]
fn versions_are_as_configured() {
    for version_type in [0x01, 0x11, 0x21, 0x41, 0xf1] {
        let advert = Advert {
            version_type,
            ..v3()
        };
        is_refused(&advert, SLOT, Counter::BadVersion);
    }
    let advert = Advert {
        version_type: 0x31,
        ..v2()
    };
    is_refused(&advert, SLOT_V2, Counter::BadVersion);

    let mut world = World::new();
    world.router(SLOT).flags |= router_flags::ACCEPT_V2;
    let mut bench = Bench::new();
    let both = Advert::v2(VRID, &[VIP]);
    let outcome = bench.receive(&world, &both.build());
    assert_eq!(outcome.counters, [(SLOT, Counter::AdvertAccepted)]);
    let outcome = bench.receive(&world, &v3().build());
    assert_eq!(outcome.fate, Fate::Pass);
}

//= C12: refusal
#[test]
fn only_type_1_is_known() {
    for kind in [0, 2, 15] {
        let (mut two, mut three) = (v2(), v3());
        two.version_type = 0x20 | kind;
        three.version_type = 0x30 | kind;
        is_refused(&two, SLOT_V2, Counter::BadType);
        is_refused(&three, SLOT, Counter::BadType);
    }
}

//= C8, C14: refusal
#[test]
fn checksums_must_verify() {
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        advert.checksum = Checksum::Wrong;
        is_refused(&advert, slot, Counter::BadChecksum);
        advert.checksum = Checksum::Plain;
        advert.ip.corrupt = true;
        is_refused(&advert, slot, Counter::BadChecksum);
    }
    // Version 2 has no pseudo-header.
    let advert = Advert {
        checksum: Checksum::Pseudo,
        ..v2()
    };
    is_refused(&advert, SLOT_V2, Counter::BadChecksum);
}

//= C16: refusal
#[test]
fn no_address_is_refused() {
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        advert.addresses.clear();
        is_refused(&advert, slot, Counter::BadCount);
    }
}

//= C17, C19: refusal
#[test]
fn interval_of_version_2_must_be_ours() {
    for seconds in [0, 2, 255] {
        let advert = Advert {
            timing: [1, seconds],
            ..v2()
        };
        is_refused(&advert, SLOT_V2, Counter::BadInterval);
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
            ..EVENT
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
#[test]
fn interval_of_version_3_must_not_be_zero() {
    for timing in [[0, 0], [0xf0, 0]] {
        is_refused(&Advert { timing, ..v3() }, SLOT, Counter::BadInterval);
    }
    for (timing, interval_cs) in [([0, 1], 1), ([0xf0, 1], 1), ([0x0f, 0xff], 4095)] {
        let advert = Advert { timing, ..v3() };
        let outcome = Bench::new().receive(&World::new(), &advert.build());
        is_accepted(
            &outcome,
            &[
                Counter::AdvertAccepted,
                Counter::ChecksumPseudo,
                Counter::IntervalDiffers,
            ],
            Event {
                interval_cs,
                ..EVENT
            },
        );
    }
}

//= C21: refusal
#[test]
fn authentication_is_as_configured() {
    for auth_type in [0, 2, 254] {
        let advert = Advert {
            timing: [auth_type, 1],
            ..v2()
        };
        is_refused(&advert, SLOT_V2, Counter::BadAuthType);
    }
    for password in [*b"1112\0\0\0\0", *b"1111\0\0\0\x01", [0; 8]] {
        let advert = Advert {
            tail: password.to_vec(),
            ..v2()
        };
        is_refused(&advert, SLOT_V2, Counter::BadPassword);
    }
}

//= C20: refusal
#[test]
fn address_list_of_version_2_must_be_ours_unless_the_owner_says_otherwise() {
    let other = [192, 168, 1, 253];
    for addresses in [vec![other], vec![VIP, VIP], vec![VIP, other]] {
        let advert = Advert { addresses, ..v2() };
        is_refused(&advert, SLOT_V2, Counter::BadAddressList);
        let stop = Advert {
            priority: 0,
            ..advert
        };
        is_refused(&stop, SLOT_V2, Counter::BadAddressList);
    }

    let accepted = [Counter::AdvertAccepted, Counter::AddressListDiffers];
    let event = Event {
        slot: SLOT_V2,
        version: 2,
        flags: event_flags::ADDRESS_LIST_DIFFERS,
        ..EVENT
    };
    let mut bench = Bench::new();
    let advert = Advert {
        addresses: vec![other],
        ..v2()
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
#[test]
fn own_adverts_are_dropped() {
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        advert.ip.source = PRIMARY;
        is_refused(&advert, slot, Counter::OwnSource);
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
        for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
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
        let mut advert = v3();
        advert.ip.source = source;
        let outcome = bench.receive(&World::new(), &advert.build());
        assert_eq!((outcome.fate, outcome.seen), (Fate::Pass, Some(SLOT)));
        assert!(outcome.event.is_some());
    }
}

//= C81: proof
//= C81: refusal
#[test]
fn a_virtual_ip_is_the_source_of_its_owner_alone() {
    let mut bench = Bench::new();
    // Of a Backup and of an Active, who has the address itself.
    for world in [
        World::new(),
        World::new().with_state(SLOT, State::Active),
        World::new().with_peer(SLOT, PEER, 255, 255),
    ] {
        let unicast = !world.peers.is_empty();
        let from = |source, priority| {
            let mut advert = Advert { priority, ..v3() };
            advert.ip.source = source;
            if unicast {
                advert.ip.destination = PRIMARY;
            }
            advert.build()
        };
        for priority in [1, 100, 254] {
            let outcome = bench.receive(&world, &from(VIP, priority));
            outcome.is_dropped(SLOT, Counter::MartianSource);
        }
        // The owner of the address, and its last word.
        for priority in [255, 0] {
            let outcome = bench.receive(&world, &from(VIP, priority));
            assert_eq!(outcome.fate, Fate::Pass);
            assert_eq!(outcome.event.unwrap().priority, priority);
        }
        let outcome = bench.receive(&world, &from(VIP_VLAN, 100));
        assert_eq!(outcome.fate, Fate::Pass, "of another VLAN");
    }
    // The owner of one virtual router is a Backup of another (RFC 9568 section 4.2).
    let mut advert = v2();
    advert.ip.source = VIP;
    let outcome = bench.receive(&World::new(), &advert.build());
    assert_eq!(outcome.counters, [(SLOT_V2, Counter::AdvertAccepted)]);
}

//= C80: refusal
#[test]
fn to_our_own_address_comes_what_unicast_peers_send() {
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        advert.ip.destination = PRIMARY;
        is_refused(&advert, slot, Counter::BadDestination);
    }
}
