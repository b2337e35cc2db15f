//! Router Advertisements from a virtual router at its Virtual Router MAC (C3, C54).

use vrrp_ebpf::{abi::Counter, ownership::State, types::Family, wire::mac};
use vrrp_tests::{
    datapath::{
        v6::{self, SLOT},
        world::{MAC, VRID, World},
    },
    frames::v6::{RouterAdvert, link_layer},
};

use crate::bench::{Bench, Fate};

const VIRTUAL: [u8; 6] = mac::of_router(Family::V6, VRID);
/// A maximum of 1500 bytes.
const MTU: [u8; 8] = [5, 1, 0, 0, 0, 0, 5, 220];

fn active() -> World {
    v6::world()
        .with_virtual_mac(SLOT)
        .with_state(SLOT, State::Active)
}

/// What radvd sends on an interface with this MAC: a prefix, its MAC and an MTU.
fn advert(mac: [u8; 6]) -> RouterAdvert {
    let mut prefix = vec![3, 4, 64, 0xc0];
    prefix.extend([0; 28]);
    let options = [prefix, link_layer(1, mac), MTU.to_vec()].concat();
    let mut advert = RouterAdvert::from(v6::VIP, options);
    advert.ethernet.source = mac;
    advert
}

//= C54: proof
#[test]
fn hosts_are_told_the_virtual_mac() {
    let mut bench = Bench::new();
    let mut without = [advert(MAC), advert(VIRTUAL)];
    for advert in &mut without {
        advert.options = MTU.to_vec();
    }
    for [given, wanted] in [[advert(MAC), advert(VIRTUAL)], without] {
        let outcome = bench.send(&active(), &given.build());
        assert_eq!(outcome.fate, Fate::Pass);
        assert_eq!(outcome.counters, [(SLOT, Counter::MacWritten)]);
        assert_eq!(outcome.frame, wanted.build());
    }
}

#[test]
fn one_that_may_tell_the_physical_mac_is_not_sent() {
    let mut bench = Bench::new();
    let endless = [5, 0, 0, 0, 0, 0, 5, 220];
    let beyond = [5, 2, 0, 0, 0, 0, 5, 220];
    for options in [endless, beyond] {
        let mut advert = advert(MAC);
        advert.options = [MTU, options].concat();
        let outcome = bench.send(&active(), &advert.build());
        outcome.is_dropped(SLOT, Counter::EgressNd);
    }
}

#[test]
fn without_a_virtual_mac_it_is_left_alone() {
    let mut bench = Bench::new();
    let world = v6::world().with_state(SLOT, State::Active);
    let frame = advert(MAC).build();
    let outcome = bench.send(&world, &frame);
    outcome.is_untouched();
    assert_eq!(outcome.frame, frame);
}
