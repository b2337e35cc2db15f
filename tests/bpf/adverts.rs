//! Adverts: the receive checks of RFC 9568 section 7.1 and RFC 3768 section 7.1 (C10-C24).

use vrrp_ebpf::{
    abi::{Counter, Event, EventKind, Follow, event_flags, router_flags},
    ownership::State,
};
use vrrp_tests::frames::{Advert, Checksum, PEER, PEER_MAC};

use crate::{
    bench::{Bench, Fate, Outcome},
    world::{
        PASSWORD, PRIMARY, SLOT, SLOT_V2, SLOT_VLAN, VIP, VIP_VLAN, VLAN, VRID, VRID_V2, World,
        wide,
    },
};

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

#[track_caller]
fn is_refused(advert: &Advert, slot: u32, counter: Counter) {
    Bench::new()
        .receive(&World::new(), &advert.build())
        .is_dropped(slot, counter);
}

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
fn to_our_own_address_is_for_us_elsewhere_is_transit() {
    let mut bench = Bench::new();
    let world = World::new();
    let mut advert = v3();
    advert.ip.destination = PRIMARY;
    let outcome = bench.receive(&world, &advert.build());
    is_accepted(
        &outcome,
        &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
        EVENT,
    );

    advert.ip.destination = [192, 168, 1, 7];
    bench.receive(&world, &advert.build()).is_untouched();
    advert.ip.ttl = 17;
    bench.receive(&world, &advert.build()).is_untouched();
}

#[test]
fn unknown_vrid_passes_untouched() {
    let advert = Advert::v3(VRID + 10, &[VIP]).build();
    Bench::new().receive(&World::new(), &advert).is_untouched();
}

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
    bench.receive(&world, &advert.build()).is_untouched();
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

#[test]
fn ethernet_padding_is_no_part_of_the_advert() {
    let mut bench = Bench::new();
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        advert.ethernet.padded = true;
        let outcome = bench.receive(&World::new(), &advert.build());
        assert!(outcome.counters.contains(&(slot, Counter::AdvertAccepted)));
    }
}

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

#[test]
fn truncated_anywhere_it_is_never_accepted() {
    let mut bench = Bench::new();
    let world = World::new();
    for (advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
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
    // The password would be found, but in the padding.
    let mut advert = v2();
    advert.ip.total_length = Some(32);
    is_refused(&advert, SLOT_V2, Counter::BadLength);
}

#[test]
fn ttl_proves_the_link() {
    for ttl in [0, 1, 254] {
        for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
            advert.ip.ttl = ttl;
            is_refused(&advert, slot, Counter::BadTtl);
        }
    }
}

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

#[test]
fn no_address_is_refused() {
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        advert.addresses.clear();
        is_refused(&advert, slot, Counter::BadCount);
    }
}

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
            &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
            Event {
                interval_cs,
                ..EVENT
            },
        );
    }
}

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
fn own_adverts_are_dropped() {
    for (mut advert, slot) in [(v2(), SLOT_V2), (v3(), SLOT)] {
        advert.ip.source = PRIMARY;
        is_refused(&advert, slot, Counter::OwnSource);
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
