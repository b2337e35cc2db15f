//! IPv6 packets to a virtual IP, and what leaves from one (C50, C56, C57).

use vrrp_ebpf::{
    abi::{Counter, NO_ROUTER, vip_flags::NO_ACCEPT, vip_state},
    ownership::State,
};
use vrrp_tests::{
    datapath::{
        v6::{PRIMARY, SLOT, VIP, VIP_GLOBAL, world},
        world::{VLAN, VRID},
    },
    frames::v6::{Advert, Extension, Neighbour, PEER, Packet},
};

use crate::{
    bench::{Bench, Fate},
    family::{Traffic as _, V6},
};

/// Packets of every shape to a virtual IP.
pub(crate) fn packets(address: [u8; 16]) -> Vec<Packet> {
    let packet = Packet::to(address);
    let with = |extensions: Vec<Extension>| {
        let mut packet = packet.clone();
        packet.ip.extensions = extensions;
        packet
    };
    let of = |protocol, payload: &[u8]| Packet {
        protocol,
        payload: payload.to_vec(),
        ..packet.clone()
    };
    vec![
        packet.clone(),
        with(vec![Extension::hop_by_hop()]),
        with(vec![Extension::fragment(0xfff8)]),
        with(vec![Extension::destination_options(1); 7]),
        of(17, &[]),
        // Not for a virtual router of ours.
        of(112, &[0x31, VRID + 10, 100, 0, 0, 100, 0, 0]),
        // An echo request.
        of(58, &[128, 0, 0, 0, 0, 0, 0, 0]),
        of(58, &[]),
    ]
}

//= C56: proof
//= C56: refusal
#[test]
fn owner_without_accept_mode_takes_neighbour_discovery_alone() {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = world().with_state(SLOT, state).with_vip_flags(NO_ACCEPT);
        let world = world.with_vip_state(vip_state::INSTALLED | vip_state::READY);
        for target in [VIP, VIP_GLOBAL] {
            let outcome = bench.receive(&world, &Neighbour::who_has(target).build());
            assert_eq!(outcome.fate, Fate::Answer);
        }
        // To the virtual IP itself, about somebody else.
        let mut tells = Neighbour::announcement(PEER);
        tells.ip.destination = VIP;
        let mut behind = tells.clone();
        behind.ip.extensions = vec![Extension::destination_options(1)];
        for message in [tells, behind] {
            bench.receive(&world, &message.build()).is_untouched();
        }
        for packet in data() {
            bench.send(&world, &packet.build()).is_untouched();
        }
    }
}

#[test]
fn filter_hit_without_a_virtual_ip_passes_untouched() {
    let mut bench = Bench::new();
    let world = world().with_state(SLOT, State::Active);
    // The filter goes by the last four bytes.
    let mut twin = V6::ELSEWHERE;
    twin[12..].copy_from_slice(&VIP[12..]);
    for packet in packets(twin) {
        bench.receive(&world, &packet.build()).is_untouched();
    }
}

#[test]
fn broken_headers_pass_untouched() {
    let mut bench = Bench::new();
    let world = world().with_state(SLOT, State::Active);
    let frame = Packet::to(VIP).build();
    let mut version = frame.clone();
    version[14] = 0x45;
    bench.receive(&world, &version).is_untouched();
    for length in 14..54 {
        bench.receive(&world, &frame[..length]).is_untouched();
    }
}

/// Data from a virtual IP.
pub(crate) fn data() -> [Packet; 3] {
    let mut packet = Packet::to(V6::ELSEWHERE);
    packet.ip.source = VIP_GLOBAL;
    let mut fragment = packet.clone();
    fragment.ip.extensions = vec![Extension::fragment(8)];
    let echo = Packet {
        protocol: 58,
        payload: vec![129, 0, 0, 0],
        ..packet.clone()
    };
    [packet, fragment, echo]
}

#[test]
fn everything_else_is_left_to_other_programs() {
    let mut bench = Bench::new();
    let world = world();
    let mut advert = Advert::v3(VRID, &[VIP]);
    advert.ip.source = PRIMARY;
    let mut version = data()[0].build();
    version[14] = 0x45;
    for frame in [
        Packet::to(V6::ELSEWHERE).build(),
        Packet::to(VIP).build(),
        Neighbour::who_has(VIP).build(),
        Neighbour::probe(VIP).build(),
        Neighbour::announcement(PEER).build(),
        advert.build(),
        version,
    ] {
        bench.send(&world, &frame).is_untouched();
    }
}

//= C63: proof
//= C63: refusal
#[test]
fn redirects_do_not_leave_and_other_messages_do() {
    let mut bench = Bench::new();
    let mut redirect = Packet {
        protocol: 58,
        payload: vec![137, 0, 0, 0, 0, 0, 0, 0],
        ..Packet::to(PEER)
    };
    redirect.ip.source = PRIMARY;
    for state in [State::Idle, State::Active] {
        let world = world().with_state(SLOT, state);
        let outcome = bench.send(&world, &redirect.build());
        outcome.is_dropped(NO_ROUTER, Counter::EgressRedirect);
        bench.receive(&world, &redirect.build()).is_untouched();
        let mut tagged = redirect.clone();
        tagged.ethernet.tags = vec![(0x8100, VLAN)];
        bench.send(&world, &tagged.build()).is_untouched();
        // A Router Advertisement.
        let mut other = redirect.clone();
        other.payload[0] = 134;
        bench.send(&world, &other.build()).is_untouched();
    }
}
