//! Adverts over IPv6 that are taken, and what the node is told of them.

use vrrp_ebpf::{
    abi::{Counter, Event, EventKind, Follow, NO_ROUTER, event_flags},
    ownership::State,
    policy::{Action, Submission},
};
use vrrp_tests::{
    datapath::{
        Program,
        v6::{PRIMARY, SLOT, SLOT_VLAN, VIP, VIP_GLOBAL, VIP_VLAN, digest, world},
        world::{self, VLAN, VRID, VRID_V2},
    },
    frames::{
        PEER_MAC,
        v6::{Advert, Extension, PEER},
    },
};

use crate::bench::{Bench, Fate, Outcome, verdict};

pub(super) fn advert() -> Advert {
    Advert::v3(VRID, &[VIP, VIP_GLOBAL])
}

/// The record of [`advert`].
pub(super) const EVENT: Event = Event {
    stamp: 0,
    slot: SLOT,
    vip: 0,
    source: PEER,
    mac: PEER_MAC,
    interval_cs: 100,
    kind: EventKind::Advert as u8,
    version: 3,
    priority: 100,
    flags: 0,
    count: 2,
    _pad: [0; 3],
};

#[track_caller]
pub(super) fn is_accepted(outcome: &Outcome, more: &[Counter], event: Event) {
    let mut counters = vec![(event.slot, Counter::AdvertAccepted)];
    counters.extend(more.iter().map(|counter| (event.slot, *counter)));
    assert_eq!(outcome.counters, counters);
    assert_eq!(outcome.fate, Fate::Pass);
    assert_eq!(outcome.event, Some(event));
}

//= C8, C10, C11, C12, C13, C14, C16, C22, C23, C24: proof
#[test]
fn version_3_is_accepted() {
    let outcome = Bench::new().receive(&world(), &advert().build());
    is_accepted(&outcome, &[], EVENT);
    assert_eq!(outcome.seen, Some(SLOT));
}

/// An advert of keepalived 2.2.7: VRID 53, fe80::5 and 2001:db8::5.
const KEEPALIVED: [u8; 94] = [
    0x33, 0x33, 0, 0, 0, 0x12, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, // Ethernet
    0x6c, 0x06, 0xfe, 0x5f, 0, 0x28, 0x70, 0xff, // IPv6
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, // from fe80::1234
    0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, // to the group
    0x31, 53, 100, 2, 0, 100, 0x2d, 0xbe, // VRRP
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, // link-local first
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5,
];

#[test]
fn advert_of_keepalived_is_accepted() {
    let address = |at: usize| KEEPALIVED[at..].first_chunk().copied().unwrap();
    let mut world = world();
    for (key, entry) in &mut world.routers {
        if entry.slot == SLOT {
            key.vrid = 53;
            entry.address_digest = digest(&[address(62), address(78)]);
        }
    }
    let event = Event {
        source: address(22),
        mac: [2, 0, 0, 0, 0, 1],
        ..EVENT
    };
    is_accepted(&Bench::new().receive(&world, &KEEPALIVED), &[], event);
}

/// Extension headers in front of an advert that change nothing.
fn harmless() -> [Vec<Extension>; 6] {
    [
        vec![Extension::hop_by_hop()],
        vec![Extension::destination_options(1)],
        vec![Extension::destination_options(32)],
        vec![Extension::routing()],
        // An atomic fragment (RFC 6946).
        vec![Extension::fragment(0)],
        vec![
            Extension::hop_by_hop(),
            Extension::destination_options(2),
            Extension::routing(),
            Extension::fragment(0),
            Extension::destination_options(3),
        ],
    ]
}

//= C13: proof
#[test]
fn extension_headers_are_skipped() {
    let mut bench = Bench::new();
    for extensions in harmless() {
        let mut advert = advert();
        advert.ip.extensions = extensions;
        let outcome = bench.receive(&world(), &advert.build());
        is_accepted(&outcome, &[], EVENT);
        advert.ip.hop_limit = 254;
        let outcome = bench.receive(&world(), &advert.build());
        outcome.is_dropped(SLOT, Counter::BadTtl);
    }
}

#[test]
fn what_lies_behind_too_many_extension_headers_is_no_advert() {
    let mut advert = advert();
    advert.ip.extensions = vec![Extension::destination_options(1); 6];
    Bench::new()
        .receive(&world(), &advert.build())
        .is_untouched();
}

#[test]
fn an_advert_that_has_not_arrived_is_not_for_us() {
    let mut advert = advert();
    let mut routing = Extension::routing();
    routing.bytes[3] = 1;
    advert.ip.extensions = vec![routing];
    Bench::new()
        .receive(&world(), &advert.build())
        .is_untouched();
}

#[test]
fn to_another_address_it_is_transit() {
    let mut bench = Bench::new();
    let mut advert = advert();
    advert.ip.destination = PRIMARY;
    advert.ip.destination[15] = 7;
    bench.receive(&world(), &advert.build()).is_untouched();
    advert.ip.hop_limit = 17;
    bench.receive(&world(), &advert.build()).is_untouched();
}

/// An advert to the group that no virtual router of ours has: counted, and left to the stack.
#[track_caller]
fn is_a_strangers(outcome: &Outcome) {
    assert_eq!(outcome.counters, [(NO_ROUTER, Counter::UnknownVrid)]);
    assert_eq!((outcome.fate, outcome.event), (Fate::Pass, None));
    assert_eq!(outcome.seen, None);
}

//= C15: refusal
#[test]
fn unknown_vrid_is_counted_and_left_to_the_stack() {
    let mut bench = Bench::new();
    let mut advert = Advert::v3(VRID + 10, &[VIP]);
    is_a_strangers(&bench.receive(&world(), &advert.build()));
    // To an address it is a unicast peer's of another daemon, or transit.
    for destination in [PRIMARY, PEER] {
        advert.ip.destination = destination;
        bench.receive(&world(), &advert.build()).is_untouched();
    }
}

//= C15: proof
//= C15: refusal
#[test]
fn vrids_of_the_families_are_independent() {
    let mut bench = Bench::new();
    let four = vrrp_tests::frames::Advert::v3(VRID, &[world::VIP]);
    let outcome = bench.receive(&world(), &four.build());
    assert_eq!(outcome.event.unwrap().slot, world::SLOT);
    // Only IPv4 has a router with this VRID.
    let six = Advert::v3(VRID_V2, &[VIP, VIP_GLOBAL]);
    is_a_strangers(&bench.receive(&world(), &six.build()));
}

//= C15: proof
//= C15: refusal
#[test]
fn vlans_are_separate() {
    let mut bench = Bench::new();
    let mut advert = Advert::v3(VRID, &[VIP_VLAN]);
    let event = Event {
        slot: SLOT_VLAN,
        count: 1,
        ..EVENT
    };
    for tpid in [0x8100, 0x88a8] {
        advert.ethernet.tags = vec![(tpid, 0xe000 | VLAN)];
        is_accepted(&bench.receive(&world(), &advert.build()), &[], event);
    }
    advert.ethernet.tags = vec![(0x8100, VLAN + 1)];
    is_a_strangers(&bench.receive(&world(), &advert.build()));
}

#[test]
fn every_length_of_the_address_list_is_read_to_its_end() {
    // As many as a test run takes; the rest is the host's.
    const RUN: u16 = 200;
    let addresses = Vec::from_iter((1..=255).map(|host| {
        let mut address = VIP;
        address[14..].copy_from_slice(&[host, !host]);
        address
    }));
    let mut bench = Bench::new();
    for count in 1..=255 {
        let list = &addresses[..usize::from(count)];
        let mut world = world();
        let entry = world.router(SLOT);
        entry.address_count = count;
        entry.address_digest = digest(list);
        let mut advert = Advert::v3(VRID, list);
        if count % 3 == 0 {
            advert.ip.extensions = vec![Extension::hop_by_hop()];
        }
        let mut frame = advert.build();
        let event = Event {
            count: count.try_into().unwrap(),
            ..EVENT
        };
        if count <= RUN {
            is_accepted(&bench.receive(&world, &frame), &[], event);
        } else {
            let verdict = verdict(&world, &frame, Program::Ingress).unwrap();
            assert_eq!(
                Event {
                    stamp: 0,
                    ..verdict.event
                },
                event
            );
        }

        *frame.last_mut().unwrap() ^= 1;
        if count <= RUN {
            let outcome = bench.receive(&world, &frame);
            outcome.is_dropped(SLOT, Counter::BadChecksum);
        } else {
            let verdict = verdict(&world, &frame, Program::Ingress).unwrap();
            assert_eq!(verdict.action, Action::Drop);
        }
    }
}

#[test]
fn order_of_the_address_list_does_not_matter() {
    let mut advert = advert();
    advert.addresses = vec![VIP, VIP_GLOBAL];
    let mut world = world();
    world.router(SLOT).address_digest = digest(&[VIP_GLOBAL, VIP]);
    is_accepted(&Bench::new().receive(&world, &advert.build()), &[], EVENT);
}

//= C20: proof
#[test]
fn another_address_list_is_only_reported() {
    let mut bench = Bench::new();
    for addresses in [vec![VIP], vec![VIP, VIP], vec![VIP, VIP_GLOBAL, VIP_VLAN]] {
        let event = Event {
            count: addresses.len().try_into().unwrap(),
            flags: event_flags::ADDRESS_LIST_DIFFERS,
            ..EVENT
        };
        let advert = Advert {
            addresses,
            ..advert()
        };
        let outcome = bench.receive(&world(), &advert.build());
        is_accepted(&outcome, &[Counter::AddressListDiffers], event);
    }
}

//= C5, C17, C19: proof
#[test]
fn interval_is_learned() {
    let mut bench = Bench::new();
    for (timing, interval_cs) in [([0, 1], 1), ([0xf0, 1], 1), ([0x0f, 0xff], 4095)] {
        let advert = Advert { timing, ..advert() };
        let event = Event {
            interval_cs,
            ..EVENT
        };
        let outcome = bench.receive(&world(), &advert.build());
        is_accepted(&outcome, &[Counter::IntervalDiffers], event);
    }
}

#[test]
fn priority_zero_is_counted_and_no_sign_of_life() {
    let stop = Advert {
        priority: 0,
        ..advert()
    };
    let event = Event {
        priority: 0,
        ..EVENT
    };
    for state in [State::Idle, State::Retiring] {
        let outcome = Bench::new().receive(&world().with_state(SLOT, state), &stop.build());
        is_accepted(&outcome, &[Counter::AdvertPriorityZero], event);
        assert_eq!(outcome.seen, None);
    }
}

#[test]
fn a_retiring_node_takes_any_advert_for_its_successors() {
    let mut world = world().with_state(SLOT, State::Retiring);
    world.slot(SLOT).follow = Follow {
        restart_min: 254,
        ..Follow::default()
    }
    .pack();
    let outcome = Bench::new().receive(&world, &advert().build());
    assert_eq!(outcome.seen, Some(SLOT));
}

#[test]
fn the_followed_advert_wakes_nobody() {
    let [.., a, b, c, d] = PEER;
    let mut world = world();
    world.slot(SLOT).follow = Follow {
        source_tail: [a, b, c, d],
        interval_cs: 100,
        priority: 100,
        restart_min: 1,
    }
    .pack();
    let report = |advert: &Advert| {
        let verdict = verdict(&world, &advert.build(), Program::Ingress);
        verdict.unwrap().submission
    };
    assert_eq!(report(&advert()), Submission::Quiet);
    let mut other = advert();
    other.ip.source[15] = 9;
    assert_eq!(report(&other), Submission::Wake);
}
