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

use super::adverts::advert;
use crate::bench::{Bench, Fate};

#[track_caller]
fn is_refused(advert: &Advert, counter: Counter) {
    Bench::new()
        .receive(&world(), &advert.build())
        .is_dropped(SLOT, counter);
}

//= C10: refusal
#[test]
fn hop_limit_proves_the_link() {
    for hop_limit in [0, 1, 64, 254] {
        let mut advert = advert();
        advert.ip.hop_limit = hop_limit;
        is_refused(&advert, Counter::BadTtl);
    }
}

//= C11: refusal
#[test]
fn version_2_does_not_exist() {
    for version_type in [0x01, 0x11, 0x21, 0x41, 0xf1] {
        let advert = Advert {
            version_type,
            ..advert()
        };
        is_refused(&advert, Counter::BadVersion);
    }
    let mut world = world();
    world.router(SLOT).flags = router_flags::ACCEPT_V2;
    let mut bench = Bench::new();
    for version_type in [0x21, 0x31] {
        let advert = Advert {
            version_type,
            ..advert()
        };
        let outcome = bench.receive(&world, &advert.build());
        outcome.is_dropped(SLOT, Counter::BadVersion);
    }
}

//= C12: refusal
#[test]
fn only_type_1_is_known() {
    for version_type in [0x30, 0x32, 0x3f] {
        let advert = Advert {
            version_type,
            ..advert()
        };
        is_refused(&advert, Counter::BadType);
    }
}

//= C8, C14: refusal
#[test]
fn checksum_must_cover_the_pseudo_header() {
    for checksum in [Checksum::Wrong, Checksum::Plain] {
        let advert = Advert {
            checksum,
            ..advert()
        };
        is_refused(&advert, Counter::BadChecksum);
    }
}

//= C16: refusal
#[test]
fn no_address_is_refused() {
    let advert = Advert::v3(VRID, &[]);
    is_refused(&advert, Counter::BadCount);
}

//= C17: refusal
#[test]
fn interval_must_not_be_zero() {
    for timing in [[0, 0], [0xf0, 0]] {
        is_refused(&Advert { timing, ..advert() }, Counter::BadInterval);
    }
}

//= C22: proof
//= C22: refusal
#[test]
fn first_address_must_be_link_local() {
    for first in [[0xfe, 0x7f], [0xfe, 0xc0], [0xff, 0x80], [0x20, 0x01]] {
        let mut advert = advert();
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
            ..advert()
        };
        is_refused(&advert, Counter::BadLength);
    }
    for change in [-38, -16, -8, -1, 1, 8] {
        let mut advert = advert();
        advert.tail = vec![0; 8];
        advert.ip.length = Some(40_u16.checked_add_signed(change).unwrap());
        is_refused(&advert, Counter::BadLength);
    }
    let trailing = Advert {
        tail: vec![0; 8],
        ..advert()
    };
    is_refused(&trailing, Counter::BadLength);
}

//= C13, C24: refusal
#[test]
fn truncated_anywhere_it_is_never_accepted() {
    let mut bench = Bench::new();
    let mut extended = advert();
    extended.ip.extensions = vec![Extension::hop_by_hop()];
    for (advert, headers) in [(advert(), 54), (extended, 62)] {
        let frame = advert.build();
        for length in 14..frame.len() {
            let outcome = bench.receive(&world(), &frame[..length]);
            // The VRID is the second byte of the advert.
            if length < headers + 2 {
                outcome.is_untouched();
            } else {
                outcome.is_dropped(SLOT, Counter::BadLength);
            }
        }
    }
}

//= C13: refusal
#[test]
fn first_fragment_is_refused_later_ones_tell_no_vrid() {
    let mut advert = advert();
    advert.ip.extensions = vec![Extension::fragment(1)];
    is_refused(&advert, Counter::BadLength);
    for offset in [8, 9, 0xfff8] {
        advert.ip.extensions = vec![Extension::fragment(offset)];
        Bench::new()
            .receive(&world(), &advert.build())
            .is_untouched();
    }
}

//= C23: refusal
#[test]
fn own_adverts_are_dropped() {
    let mut advert = advert();
    advert.ip.source = PRIMARY;
    is_refused(&advert, Counter::OwnSource);
}

//= C81: proof
//= C81: refusal
#[test]
fn adverts_come_from_link_local_addresses_and_from_peers_of_any_kind() {
    let mut bench = Bench::new();
    let unicast = world().with_peer(SLOT, PEER, 255, 255);
    let mut judged = |source: &str| {
        let mut advert = advert();
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

//= C81: proof
//= C81: refusal
#[test]
fn a_virtual_ip_is_the_source_of_its_owner_alone() {
    let mut bench = Bench::new();
    let unicast = world().with_peer(SLOT, PEER, 255, 255);
    for priority in [0, 1, 100, 254, 255] {
        let mut advert = Advert {
            priority,
            ..advert()
        };
        advert.ip.source = VIP;
        let by_multicast = bench.receive(&world(), &advert.build());
        advert.ip.destination = PRIMARY;
        let by_unicast = bench.receive(&unicast, &advert.build());
        for outcome in [by_multicast, by_unicast] {
            if matches!(priority, 0 | 255) {
                assert_eq!(outcome.fate, Fate::Pass, "{priority}");
            } else {
                outcome.is_dropped(SLOT, Counter::MartianSource);
            }
        }
    }
}

//= C80: refusal
#[test]
fn to_our_own_address_comes_what_unicast_peers_send() {
    let mut advert = advert();
    advert.ip.destination = PRIMARY;
    is_refused(&advert, Counter::BadDestination);
}
