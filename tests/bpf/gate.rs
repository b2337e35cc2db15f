//! Packets to a virtual IP (C50, C56, C57).

use rstest::rstest;
use vrrp_ebpf::{
    abi::{Counter, vip_flags::NO_ACCEPT, vip_state},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{SLOT, VIP, VLAN, World},
    frames::{Arp, IpPacket, Packet},
};

use crate::{
    bench::{Bench, Fate},
    family::{Traffic, V4, V6},
};

const UP: u64 = vip_state::INSTALLED | vip_state::READY;

//= C57: proof
//= C57: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn owner_takes_packets_once_the_address_is_there<F: Traffic>(_family: F) {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = F::world().with_state(F::SLOT, state);
        for packet in F::packets_to_vips() {
            let up = world.clone().with_vip_state(UP);
            let outcome = bench.receive(&up, &packet.build());
            assert_eq!(outcome.fate, Fate::Pass);
            assert_eq!(outcome.counters, [(F::SLOT, Counter::VipPassed)]);
            assert_eq!((outcome.event, outcome.seen), (None, None));

            for bits in [0, vip_state::INSTALLED] {
                let rising = world.clone().with_vip_state(bits);
                let outcome = bench.receive(&rising, &packet.build());
                outcome.is_dropped(F::SLOT, Counter::VipNotReady);
            }
        }
    }
}

//= C50: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn other_nodes_drop_what_their_stale_address_would_take<F: Traffic>(_family: F) {
    let mut bench = Bench::new();
    for world in F::others() {
        for packet in F::packets(F::VIP) {
            for bits in [vip_state::INSTALLED, UP] {
                let stale = world.clone().with_vip_state(bits);
                let outcome = bench.receive(&stale, &packet.build());
                outcome.is_dropped(F::SLOT, Counter::VipNotOwner);
            }
            let gone = world.clone().with_vip_state(0);
            bench.receive(&gone, &packet.build()).is_untouched();
        }
    }
}

//= C56: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn owner_without_accept_mode_takes_none<F: Traffic>(_family: F) {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = F::world()
            .with_state(F::SLOT, state)
            .with_vip_flags(NO_ACCEPT);
        for bits in [0, vip_state::INSTALLED, UP] {
            let world = world.clone().with_vip_state(bits);
            for packet in F::packets_to_vips() {
                let outcome = bench.receive(&world, &packet.build());
                outcome.is_dropped(F::SLOT, Counter::VipNotAccepted);
            }
        }
    }
    // Whose they are is for the owner to say.
    let idle = F::world().with_vip_flags(NO_ACCEPT);
    for packet in F::packets_to_vips() {
        let outcome = bench.receive(&idle.clone().with_vip_state(UP), &packet.build());
        outcome.is_dropped(F::SLOT, Counter::VipNotOwner);
        bench.receive(&idle, &packet.build()).is_untouched();
    }
}

//= C56: proof
#[test]
fn accept_mode_is_for_what_is_addressed_to_the_virtual_ip() {
    let mut bench = Bench::new();
    let world = World::new()
        .with_state(SLOT, State::Active)
        .with_vip_flags(NO_ACCEPT)
        .with_vip_state(UP);
    let outcome = bench.receive(&world, &Arp::who_has(VIP).build());
    assert_eq!(outcome.fate, Fate::Answer);
    let transit = Packet::to([10, 9, 8, 7]);
    bench.receive(&world, &transit.build()).is_untouched();
    let mut sent = transit;
    sent.ip.source = VIP;
    bench.send(&world, &sent.build()).is_untouched();
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn transit_and_other_vlans_pass_untouched<F: Traffic>(_family: F) {
    let mut bench = Bench::new();
    let world = F::world()
        .with_state(F::SLOT, State::Active)
        .with_state(F::SLOT_VLAN, State::Active);
    let mut packets = F::packets(F::ELSEWHERE);
    packets.extend(F::packets(F::VIP_VLAN));
    for packet in packets {
        bench.receive(&world, &packet.build()).is_untouched();
    }
    let mut tagged = IpPacket::<F::Ip>::to(F::VIP_VLAN);
    tagged.ethernet.tags = vec![(0x8100, VLAN)];
    let outcome = bench.receive(&world, &tagged.build());
    outcome.is_dropped(F::SLOT_VLAN, Counter::VipNotReady);
}

#[test]
fn filter_hit_without_a_virtual_ip_passes_untouched() {
    let mut bench = Bench::new();
    let world = World::new().with_state(SLOT, State::Active);
    let position = vrrp_ebpf::abi::filter_position(VIP);
    let twin = (0..=u16::MAX)
        .map(|tail| {
            let [c, d] = tail.to_be_bytes();
            [10, 20, c, d]
        })
        .find(|address| vrrp_ebpf::abi::filter_position(*address) == position)
        .unwrap();
    bench
        .receive(&world, &Packet::to(twin).build())
        .is_untouched();
}

#[test]
fn ipv6_and_broken_headers_pass_untouched() {
    let mut bench = Bench::new();
    let world = World::new();
    let frame = Packet::to(VIP).build();
    let mut ipv6 = frame.clone();
    ipv6[12..14].copy_from_slice(&[0x86, 0xdd]);
    let mut version = frame.clone();
    version[14] = 0x65;
    let mut header = frame.clone();
    header[14] = 0x44;
    for frame in [&ipv6, &version, &header, &frame[..33].to_vec()] {
        bench.receive(&world, frame).is_untouched();
    }
}
