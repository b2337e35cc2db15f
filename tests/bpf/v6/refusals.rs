//! The receive checks of RFC 9568 section 7.1 over IPv6 (C10-C24).

use vrrp_ebpf::abi::{Counter, router_flags};
use vrrp_tests::{
    datapath::{
        v6::{PRIMARY, SLOT, VIP, VIP_GLOBAL, world},
        world::VRID,
    },
    frames::{
        Checksum,
        v6::{Advert, Extension, PEER},
    },
};

use super::adverts::is_nobodys_behind;
use crate::{
    adverts::refusals::no_beginning_is_accepted,
    bench::{Bench, Fate},
    family::{Family as _, V6},
};

#[track_caller]
fn is_refused(advert: &Advert, counter: Counter) {
    Bench::new()
        .receive(&world(), &advert.build())
        .is_dropped(SLOT, counter);
}

//= C11: refusal
#[test]
fn version_2_does_not_exist() {
    let mut world = world();
    world.router(SLOT).flags = router_flags::ACCEPT_V2;
    let mut bench = Bench::new();
    for version_type in [0x21, 0x31] {
        let advert = Advert {
            version_type,
            ..V6::advert()
        };
        let outcome = bench.receive(&world, &advert.build());
        outcome.is_dropped(SLOT, Counter::BadVersion);
    }
}

//= C8, C14: refusal
#[test]
fn checksum_must_cover_the_pseudo_header() {
    let advert = Advert {
        checksum: Checksum::Plain,
        ..V6::advert()
    };
    is_refused(&advert, Counter::BadChecksum);
}

//= C22: proof
//= C22: refusal
#[test]
fn first_address_must_be_link_local() {
    for first in [[0xfe, 0x7f], [0xfe, 0xc0], [0xff, 0x80], [0x20, 0x01]] {
        let mut advert = V6::advert();
        advert.addresses[0][..2].copy_from_slice(&first);
        is_refused(&advert, Counter::BadAddressList);
    }
    let advert = Advert::v3(VRID, &[VIP_GLOBAL, VIP]);
    is_refused(&advert, Counter::BadAddressList);
    // fe80::/10 goes to febf.
    let mut last = VIP;
    last[1] = 0xbf;
    let outcome = Bench::new().receive(&world(), &Advert::v3(VRID, &[last]).build());
    assert!(outcome.event.is_some());
}

//= C13: refusal
#[test]
fn lengths_that_disagree_are_refused() {
    for count in [1, 3, 255] {
        let advert = Advert {
            count: Some(count),
            ..V6::advert()
        };
        is_refused(&advert, Counter::BadLength);
    }
    for change in [-38, -16, -8, -1, 1, 8] {
        let mut advert = V6::advert();
        advert.tail = vec![0; 8];
        advert.ip.length = Some(40_u16.checked_add_signed(change).unwrap());
        is_refused(&advert, Counter::BadLength);
    }
    let trailing = Advert {
        tail: vec![0; 8],
        ..V6::advert()
    };
    is_refused(&trailing, Counter::BadLength);
}

//= C13, C24: refusal
#[test]
fn truncated_behind_an_extension_header_it_is_never_accepted() {
    let mut extended = V6::advert();
    extended.ip.extensions = vec![Extension::hop_by_hop()];
    no_beginning_is_accepted::<V6>(&extended.build(), V6::HEADERS + 8, SLOT);
}

//= C13: refusal
#[test]
fn first_fragment_is_refused_later_ones_tell_no_vrid() {
    let mut advert = V6::advert();
    advert.ip.extensions = vec![Extension::fragment(1)];
    is_refused(&advert, Counter::BadLength);
    for offset in [8, 9, 0xfff8] {
        is_nobodys_behind(vec![Extension::fragment(offset)]);
    }
}

//= C81: proof
//= C81: refusal
#[test]
fn adverts_come_from_link_local_addresses_and_from_peers_of_any_kind() {
    let mut bench = Bench::new();
    let unicast = world().with_peer(SLOT, PEER, 255, 255);
    let mut judged = |source: &str| {
        let mut advert = V6::advert();
        advert.ip.source = source.parse::<std::net::Ipv6Addr>().unwrap().octets();
        let by_multicast = bench.receive(&world(), &advert.build());
        advert.ip.destination = PRIMARY;
        [by_multicast, bench.receive(&unicast, &advert.build())]
    };
    for source in ["::", "::1", "ff02::1", "ff02::12", "::ffff:192.0.2.1"] {
        for outcome in judged(source) {
            outcome.is_dropped(SLOT, Counter::MartianSource);
        }
    }
    for source in ["2001:db8::9", "fd00::9", "fec0::9"] {
        let [by_multicast, by_unicast] = judged(source);
        by_multicast.is_dropped(SLOT, Counter::MartianSource);
        assert_eq!(by_unicast.fate, Fate::Pass, "{source}");
    }
    for outcome in judged("fe80::9") {
        assert_eq!(outcome.fate, Fate::Pass);
    }
}
