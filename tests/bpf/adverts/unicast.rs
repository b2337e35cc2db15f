//! Routers with unicast peers (C9): adverts come to our own address, from whom they may and by ways
//! that they may.

use rstest::rstest;
use vrrp_ebpf::{
    abi::{Counter, router_flags},
    ownership::State,
};
use vrrp_tests::{
    datapath::{
        v6::{self, VIP_GLOBAL},
        world::{SLOT, SLOT_V2, World, digest, wide},
    },
    frames::{
        Advert, Checksum, Header as _, IpAdvert, Ipv4, PEER,
        v6::{Extension, Ipv6},
    },
};

use super::{is_plain, is_usual};
use crate::{
    bench::{Bench, Fate},
    family::{Address, Family, V4, V6, version_2},
};

/// Where the checksum of an advert lies in an untagged frame.
const CHECKSUM: std::ops::Range<usize> = 14 + 20 + 6..14 + 20 + 8;

/// The router knows [`Family::PEER`], who is on the link.
fn world<F: Family>() -> World {
    F::world().with_peer(F::SLOT, F::PEER, 255, 255)
}

/// The same, and nobody else is heard.
fn strict<F: Family>() -> World {
    // A peer of another router is none of ours.
    let mut strict = world::<F>().with_peer(F::SLOT_VLAN, F::STRANGER, 0, 255);
    strict.router(F::SLOT).flags |= router_flags::CHECK_SOURCE;
    strict
}

/// The usual advert to our own address, with this TTL or hop limit.
fn from<F: Family>(source: Address<F>, hops: u8) -> IpAdvert<F::Ip> {
    let advert = F::advert().sent_by(source).sent_to(F::PRIMARY);
    advert.with_hops(hops)
}

//= C9, C80: proof
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn adverts_to_our_own_address_are_accepted<F: Family>(_family: F) {
    let mut bench = Bench::new();
    let frame = from::<F>(F::PEER, 255).build();
    for world in [world::<F>(), strict::<F>()] {
        let outcome = bench.receive(&world, &frame);
        is_usual::<F>(&outcome, &[], F::EVENT);
        assert_eq!(outcome.seen, Some(F::SLOT));
    }
}

//= C9, C80: proof
#[test]
fn unicast_adverts_without_a_pseudo_header_and_of_version_2_are_accepted() {
    let mut bench = Bench::new();
    let plain = Advert {
        checksum: Checksum::Plain,
        ..from::<V4>(PEER, 255)
    };
    let world = world::<V4>().with_peer(SLOT_V2, PEER, 255, 255);
    is_plain(&bench.receive(&world, &plain.build()));
    let second = version_2().sent_to(V4::PRIMARY);
    let outcome = bench.receive(&world, &second.build());
    assert_eq!(outcome.counters, [(SLOT_V2, Counter::AdvertAccepted)]);
}

//= C9, C80: proof
#[test]
fn unicast_adverts_with_an_extension_header_are_accepted() {
    let mut advert = from::<V6>(V6::PEER, 255);
    advert.ip.extensions = vec![Extension::destination_options(1)];
    let outcome = Bench::new().receive(&strict::<V6>(), &advert.build());
    is_usual::<V6>(&outcome, &[], V6::EVENT);
}

//= C9: refusal
#[test]
fn a_pseudo_header_has_the_address_that_the_packet_goes_to() {
    let mut bench = Bench::new();
    let mut frame = from::<V4>(PEER, 255).build();
    frame[CHECKSUM].copy_from_slice(&V4::advert().build()[CHECKSUM]);
    let outcome = bench.receive(&world::<V4>(), &frame);
    outcome.is_dropped(SLOT, Counter::BadChecksum);
    // IPv6 has no checksum without one.
    let plain = IpAdvert {
        checksum: Checksum::Plain,
        ..from::<V6>(V6::PEER, 255)
    };
    let outcome = bench.receive(&world::<V6>(), &plain.build());
    outcome.is_dropped(V6::SLOT, Counter::BadChecksum);
}

//= C9: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn adverts_to_the_group_are_of_another_router<F: Family>(_family: F) {
    let mut bench = Bench::new();
    let mut world = F::world();
    for (_, slot) in F::adverts() {
        world = world.with_peer(slot, F::PEER, 255, 255);
    }
    for (advert, _) in F::adverts() {
        bench.receive(&world, &advert.build()).is_untouched();
    }
}

/// Who has no peers is spoken to by multicast.
#[test]
fn adverts_to_the_group_reach_the_router_beside_it() {
    let outcome = Bench::new().receive(&world::<V4>(), &version_2().build());
    assert_eq!(outcome.counters, [(SLOT_V2, Counter::AdvertAccepted)]);
}

/// Its checksum is of the address that the packet should have gone to.
//= C9: refusal
#[test]
fn a_unicast_advert_strayed_to_the_group_is_of_another_router() {
    let mut strayed = from::<V6>(V6::PEER, 255).build();
    strayed[38..54].copy_from_slice(&Ipv6::GROUP);
    Bench::new()
        .receive(&world::<V6>(), &strayed)
        .is_untouched();
}

//= C9: proof
//= C9, C10: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn each_peer_has_its_ttl<F: Family>(_family: F) {
    let world = world::<F>().with_peer(F::SLOT, F::FAR, 250, 254);
    let mut bench = Bench::new();
    for (source, hops, accepted) in [
        (F::PEER, 255, true),
        (F::PEER, 254, false),
        (F::FAR, 249, false),
        (F::FAR, 250, true),
        (F::FAR, 254, true),
        (F::FAR, 255, false),
    ] {
        let outcome = bench.receive(&world, &from::<F>(source, hops).build());
        if accepted {
            assert_eq!(outcome.fate, Fate::Pass, "{source:?} {hops}");
            assert_eq!(outcome.event.unwrap().source, wide(source));
        } else {
            outcome.is_dropped(F::SLOT, Counter::BadTtl);
        }
    }
    let anywhere = F::world().with_peer(F::SLOT, F::FAR, 0, 255);
    for hops in [0, 1, 64, 255] {
        let outcome = bench.receive(&anywhere, &from::<F>(F::FAR, hops).build());
        assert_eq!(outcome.fate, Fate::Pass, "{hops}");
    }
}

//= C9, C10: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn a_stranger_is_heard_from_the_link_or_not_at_all<F: Family>(_family: F) {
    let mut bench = Bench::new();
    let outcome = bench.receive(&world::<F>(), &from::<F>(F::STRANGER, 255).build());
    assert_eq!(outcome.fate, Fate::Pass);
    let outcome = bench.receive(&world::<F>(), &from::<F>(F::STRANGER, 254).build());
    outcome.is_dropped(F::SLOT, Counter::BadTtl);

    for hops in [255, 254] {
        let outcome = bench.receive(&strict::<F>(), &from::<F>(F::STRANGER, hops).build());
        outcome.is_dropped(F::SLOT, Counter::BadSource);
    }
    let outcome = bench.receive(&strict::<F>(), &from::<F>(F::PEER, 255).build());
    assert_eq!(outcome.fate, Fate::Pass);
}

/// Whatever else is known of peers.
//= C9: proof
#[test]
fn who_is_spoken_to_by_multicast_hears_the_link() {
    let mut bench = Bench::new();
    let mut world = World::new().with_peer(SLOT, PEER, 1, 1);
    world.router(SLOT).flags = router_flags::ACCEPT_V3 | router_flags::CHECK_SOURCE;
    for source in [PEER, V4::STRANGER] {
        let advert = from::<V4>(source, 255).sent_to(Ipv4::GROUP);
        let outcome = bench.receive(&world, &advert.build());
        assert_eq!(outcome.fate, Fate::Pass, "{source:?}");
    }
}

//= C22: proof
/// keepalived asks for a link-local first address by multicast only.
#[test]
fn the_first_address_may_be_any() {
    let mut bench = Bench::new();
    let mut global_first = from::<V6>(V6::PEER, 255);
    global_first.addresses = vec![VIP_GLOBAL, v6::VIP];
    let mut world = world::<V6>();
    world.router(V6::SLOT).address_digest = digest(&global_first.addresses);
    let outcome = bench.receive(&world, &global_first.build());
    is_usual::<V6>(&outcome, &[], V6::EVENT);
    // To the group it is invalid, whatever we have ourselves.
    world.router(V6::SLOT).flags &= !router_flags::UNICAST;
    let to_group = global_first.sent_to(Ipv6::GROUP);
    let outcome = bench.receive(&world, &to_group.build());
    outcome.is_dropped(V6::SLOT, Counter::BadAddressList);
}

//= C23: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn own_adverts_are_dropped<F: Family>(_family: F) {
    for world in [world::<F>(), strict::<F>()] {
        let outcome = Bench::new().receive(&world, &from::<F>(F::PRIMARY, 255).build());
        outcome.is_dropped(F::SLOT, Counter::OwnSource);
    }
}

/// The node sends them through the stack, and the source of an address owner is its virtual IP.
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn adverts_leave_whoever_owns_their_source<F: Family>(_family: F) {
    let mut bench = Bench::new();
    for state in [State::Idle, State::Active] {
        let advert = F::advert().sent_by(F::VIP).sent_to(F::PEER);
        let world = world::<F>().with_state(F::SLOT, state);
        bench.send(&world, &advert.build()).is_untouched();
    }
}
