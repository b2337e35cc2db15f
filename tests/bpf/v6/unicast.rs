//! Routers with unicast peers over IPv6 (C9), as over IPv4.

use vrrp_ebpf::{
    abi::{Counter, router_flags},
    ownership::State,
};
use vrrp_tests::{
    datapath::{
        World,
        v6::{PRIMARY, SLOT, SLOT_VLAN, VIP, VIP_GLOBAL, digest, world as multicast},
    },
    frames::{
        Checksum,
        v6::{Advert, Extension, GROUP, PEER},
    },
};

use super::adverts::{EVENT, advert, is_accepted};
use crate::bench::{Bench, Fate};

const STRANGER: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const FAR: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// The router knows [`PEER`], who is on the link.
fn world() -> World {
    multicast().with_peer(SLOT, PEER, 255, 255)
}

/// The same, and nobody else is heard.
fn strict() -> World {
    // A peer of another router is none of ours.
    let mut strict = world().with_peer(SLOT_VLAN, STRANGER, 0, 255);
    strict.router(SLOT).flags |= router_flags::CHECK_SOURCE;
    strict
}

fn from(source: [u8; 16], hop_limit: u8) -> Advert {
    let mut advert = advert();
    advert.ip.destination = PRIMARY;
    advert.ip.source = source;
    advert.ip.hop_limit = hop_limit;
    advert
}

//= C9, C80: proof
#[test]
fn adverts_to_our_own_address_are_accepted() {
    let mut bench = Bench::new();
    let mut advert = from(PEER, 255);
    for world in [world(), strict()] {
        is_accepted(&bench.receive(&world, &advert.build()), &[], EVENT);
    }
    advert.ip.extensions = vec![Extension::destination_options(1)];
    is_accepted(&bench.receive(&strict(), &advert.build()), &[], EVENT);
}

//= C9: refusal
#[test]
fn adverts_to_the_group_are_of_another_router() {
    let mut bench = Bench::new();
    bench.receive(&world(), &advert().build()).is_untouched();
    // Its checksum is of the address that the packet goes to.
    let mut strayed = from(PEER, 255).build();
    strayed[38..54].copy_from_slice(&GROUP);
    bench.receive(&world(), &strayed).is_untouched();
    let wrong = Advert {
        checksum: Checksum::Plain,
        ..from(PEER, 255)
    };
    let outcome = bench.receive(&world(), &wrong.build());
    outcome.is_dropped(SLOT, Counter::BadChecksum);
}

//= C9: proof
//= C9, C10: refusal
#[test]
fn each_peer_has_its_hop_limit() {
    let world = world().with_peer(SLOT, FAR, 250, 254);
    let mut bench = Bench::new();
    for (source, hop_limit, accepted) in [
        (PEER, 255, true),
        (PEER, 254, false),
        (FAR, 249, false),
        (FAR, 250, true),
        (FAR, 254, true),
        (FAR, 255, false),
    ] {
        let outcome = bench.receive(&world, &from(source, hop_limit).build());
        if accepted {
            assert_eq!(outcome.fate, Fate::Pass, "{source:?} {hop_limit}");
            assert_eq!(outcome.event.unwrap().source, source);
        } else {
            outcome.is_dropped(SLOT, Counter::BadTtl);
        }
    }
}

//= C9, C10: refusal
#[test]
fn a_stranger_is_heard_from_the_link_or_not_at_all() {
    let mut bench = Bench::new();
    let outcome = bench.receive(&world(), &from(STRANGER, 255).build());
    assert_eq!(outcome.fate, Fate::Pass);
    let outcome = bench.receive(&world(), &from(STRANGER, 254).build());
    outcome.is_dropped(SLOT, Counter::BadTtl);
    for hop_limit in [255, 254] {
        let outcome = bench.receive(&strict(), &from(STRANGER, hop_limit).build());
        outcome.is_dropped(SLOT, Counter::BadSource);
    }
}

//= C22: proof
/// keepalived asks for a link-local first address by multicast only.
#[test]
fn the_first_address_may_be_any() {
    let mut bench = Bench::new();
    let mut global_first = from(PEER, 255);
    global_first.addresses = vec![VIP_GLOBAL, VIP];
    let mut world = world();
    world.router(SLOT).address_digest = digest(&global_first.addresses);
    is_accepted(&bench.receive(&world, &global_first.build()), &[], EVENT);
    // To the group it is invalid, whatever we have ourselves.
    world.router(SLOT).flags &= !router_flags::UNICAST;
    let mut to_group = advert();
    to_group.addresses = global_first.addresses;
    let outcome = bench.receive(&world, &to_group.build());
    outcome.is_dropped(SLOT, Counter::BadAddressList);
}

//= C23: refusal
#[test]
fn own_adverts_are_dropped() {
    let mut bench = Bench::new();
    for world in [world(), strict()] {
        let outcome = bench.receive(&world, &from(PRIMARY, 255).build());
        outcome.is_dropped(SLOT, Counter::OwnSource);
    }
}

/// The node sends them through the stack, and the source of an address owner is its virtual IP.
#[test]
fn adverts_leave_whoever_owns_their_source() {
    let mut bench = Bench::new();
    for state in [State::Idle, State::Active] {
        let mut advert = from(VIP, 255);
        advert.ip.destination = PEER;
        let world = world().with_state(SLOT, state);
        bench.send(&world, &advert.build()).is_untouched();
    }
}
