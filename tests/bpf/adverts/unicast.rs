//! Routers with unicast peers (C9): adverts come to our own address, from whom they may and by ways
//! that they may.

use vrrp_ebpf::{
    abi::{Counter, Event, router_flags},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{PRIMARY, SLOT, SLOT_V2, SLOT_VLAN, VIP, World, wide},
    frames::{Advert, Checksum, PEER},
};

use super::{EVENT, is_accepted, v2, v3};
use crate::bench::{Bench, Fate};

const STRANGER: [u8; 4] = [10, 9, 0, 7];
/// Where the checksum of an advert lies in an untagged frame.
const CHECKSUM: std::ops::Range<usize> = 14 + 20 + 6..14 + 20 + 8;

/// Both routers know [`PEER`], who is on the link.
fn world() -> World {
    World::new()
        .with_peer(SLOT, PEER, 255, 255)
        .with_peer(SLOT_V2, PEER, 255, 255)
}

fn to_us(mut advert: Advert) -> Advert {
    advert.ip.destination = PRIMARY;
    advert
}

fn from(source: [u8; 4], ttl: u8) -> Advert {
    let mut advert = to_us(v3());
    advert.ip.source = source;
    advert.ip.ttl = ttl;
    advert
}

//= C9, C80: proof
#[test]
fn adverts_to_our_own_address_are_accepted() {
    let mut bench = Bench::new();
    let outcome = bench.receive(&world(), &to_us(v3()).build());
    is_accepted(
        &outcome,
        &[Counter::AdvertAccepted, Counter::ChecksumPseudo],
        EVENT,
    );
    assert_eq!(outcome.seen, Some(SLOT));
    let plain = Advert {
        checksum: Checksum::Plain,
        ..to_us(v3())
    };
    let outcome = bench.receive(&world(), &plain.build());
    is_accepted(
        &outcome,
        &[Counter::AdvertAccepted, Counter::ChecksumPlain],
        Event { flags: 0, ..EVENT },
    );
    let outcome = bench.receive(&world(), &to_us(v2()).build());
    assert_eq!(outcome.counters, [(SLOT_V2, Counter::AdvertAccepted)]);
}

//= C9: refusal
#[test]
fn a_pseudo_header_has_the_address_that_the_packet_goes_to() {
    let mut frame = to_us(v3()).build();
    frame[CHECKSUM].copy_from_slice(&v3().build()[CHECKSUM]);
    let outcome = Bench::new().receive(&world(), &frame);
    outcome.is_dropped(SLOT, Counter::BadChecksum);
}

#[test]
fn adverts_to_the_group_are_of_another_router() {
    let mut bench = Bench::new();
    for advert in [v3(), v2()] {
        bench.receive(&world(), &advert.build()).is_untouched();
    }
    // Who has no peers is spoken to by multicast.
    let one = World::new().with_peer(SLOT, PEER, 255, 255);
    let outcome = bench.receive(&one, &v2().build());
    assert_eq!(outcome.counters, [(SLOT_V2, Counter::AdvertAccepted)]);
}

//= C9: proof
//= C9, C10: refusal
#[test]
fn each_peer_has_its_ttl() {
    let far = [10, 9, 0, 2];
    let world = world().with_peer(SLOT, far, 250, 254);
    let mut bench = Bench::new();
    for (source, ttl, accepted) in [
        (PEER, 255, true),
        (PEER, 254, false),
        (far, 249, false),
        (far, 250, true),
        (far, 254, true),
        (far, 255, false),
    ] {
        let outcome = bench.receive(&world, &from(source, ttl).build());
        if accepted {
            assert_eq!(outcome.fate, Fate::Pass, "{source:?} {ttl}");
            assert_eq!(outcome.event.unwrap().source, wide(source));
        } else {
            outcome.is_dropped(SLOT, Counter::BadTtl);
        }
    }
    let anywhere = World::new().with_peer(SLOT, far, 0, 255);
    for ttl in [0, 1, 64, 255] {
        let outcome = bench.receive(&anywhere, &from(far, ttl).build());
        assert_eq!(outcome.fate, Fate::Pass, "{ttl}");
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

    // A peer of another router is none of ours.
    let mut strict = world().with_peer(SLOT_VLAN, STRANGER, 0, 255);
    strict.router(SLOT).flags |= router_flags::CHECK_SOURCE;
    for ttl in [255, 254] {
        let outcome = bench.receive(&strict, &from(STRANGER, ttl).build());
        outcome.is_dropped(SLOT, Counter::BadSource);
    }
    let outcome = bench.receive(&strict, &from(PEER, 255).build());
    assert_eq!(outcome.fate, Fate::Pass);
}

/// Whatever else is known of peers.
//= C9: proof
#[test]
fn who_is_spoken_to_by_multicast_hears_the_link() {
    let mut bench = Bench::new();
    let mut world = World::new().with_peer(SLOT, PEER, 1, 1);
    world.router(SLOT).flags = router_flags::ACCEPT_V3 | router_flags::CHECK_SOURCE;
    for source in [PEER, STRANGER] {
        let mut advert = v3();
        advert.ip.source = source;
        let outcome = bench.receive(&world, &advert.build());
        assert_eq!(outcome.fate, Fate::Pass, "{source:?}");
    }
}

//= C23: refusal
#[test]
fn own_adverts_are_dropped() {
    let mut strict = world();
    strict.router(SLOT).flags |= router_flags::CHECK_SOURCE;
    for world in [world(), strict] {
        let outcome = Bench::new().receive(&world, &from(PRIMARY, 255).build());
        outcome.is_dropped(SLOT, Counter::OwnSource);
    }
}

/// The node sends them through the stack, and the source of an address owner is its virtual IP.
#[test]
fn adverts_leave_whoever_owns_their_source() {
    let mut bench = Bench::new();
    for state in [State::Idle, State::Active] {
        let mut advert = v3();
        advert.ip.source = VIP;
        advert.ip.destination = PEER;
        let world = world().with_state(SLOT, state);
        bench.send(&world, &advert.build()).is_untouched();
    }
}
