//! Adverts over IPv6 that are taken, and what the node is told of them.

use vrrp_ebpf::{
    abi::{Counter, Event},
    policy::{Action, Submission},
};
use vrrp_tests::{
    datapath::{
        Program,
        v6::{SLOT, VIP, VIP_GLOBAL, world},
        world::{self, VRID, VRID_V2, digest, following},
    },
    frames::v6::{Advert, Extension, PEER},
};

use crate::{
    adverts::{is_of_unknown_vrid, is_usual},
    bench::{Bench, verdict},
    family::{Family as _, V6},
};

//= C8, C10, C11, C12, C13, C14, C16, C22, C23, C24: proof
#[test]
fn version_3_is_accepted() {
    let outcome = Bench::new().receive(&world(), &V6::advert().build());
    is_usual::<V6>(&outcome, &[], V6::EVENT);
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
        ..V6::EVENT
    };
    is_usual::<V6>(&Bench::new().receive(&world, &KEEPALIVED), &[], event);
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
        let mut advert = V6::advert();
        advert.ip.extensions = extensions;
        let outcome = bench.receive(&world(), &advert.build());
        is_usual::<V6>(&outcome, &[], V6::EVENT);
        advert.ip.hop_limit = 254;
        let outcome = bench.receive(&world(), &advert.build());
        outcome.is_dropped(SLOT, Counter::BadTtl);
    }
}

/// Asserts that an advert behind these extension headers passes without leaving a trace.
#[track_caller]
pub(super) fn is_nobodys_behind(extensions: Vec<Extension>) {
    let mut advert = V6::advert();
    advert.ip.extensions = extensions;
    let mut bench = Bench::new();
    bench.receive(&world(), &advert.build()).is_untouched();
}

#[test]
fn what_lies_behind_too_many_extension_headers_is_no_advert() {
    is_nobodys_behind(vec![Extension::destination_options(1); 6]);
}

#[test]
fn an_advert_that_has_not_arrived_is_not_for_us() {
    let mut routing = Extension::routing();
    routing.bytes[3] = 1;
    is_nobodys_behind(vec![routing]);
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
    is_of_unknown_vrid(&bench.receive(&world(), &six.build()));
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
            ..V6::EVENT
        };
        if count <= RUN {
            is_usual::<V6>(&bench.receive(&world, &frame), &[], event);
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
    let mut advert = V6::advert();
    advert.addresses = vec![VIP, VIP_GLOBAL];
    let mut world = world();
    world.router(SLOT).address_digest = digest(&[VIP_GLOBAL, VIP]);
    is_usual::<V6>(
        &Bench::new().receive(&world, &advert.build()),
        &[],
        V6::EVENT,
    );
}

#[test]
fn the_followed_advert_wakes_nobody() {
    let mut world = world();
    world.slot(SLOT).follow = following(PEER).pack();
    let report = |advert: &Advert| {
        let verdict = verdict(&world, &advert.build(), Program::Ingress);
        verdict.unwrap().submission
    };
    assert_eq!(report(&V6::advert()), Submission::Quiet);
    let mut other = V6::advert();
    other.ip.source[15] = 9;
    assert_eq!(report(&other), Submission::Wake);
}
