//! What leaves from a virtual IP leaves from the owner only.

use rstest::rstest;
use vrrp_ebpf::{
    abi::{Counter, NO_ROUTER},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{PRIMARY, SLOT, SLOT_VLAN, VIP, VIP_VLAN, VLAN, VRID, World},
    frames::{Advert, Arp, Packet},
};

use crate::{
    bench::Bench,
    family::{Traffic, V4, V6},
};

fn packet() -> Packet {
    let mut packet = Packet::to([10, 9, 8, 7]);
    packet.ip.source = VIP;
    packet
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn owner_sends_from_the_virtual_ip<F: Traffic>(_family: F) {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = F::world().with_state(F::SLOT, state);
        for frame in F::data().into_iter().chain(F::lessons()) {
            bench.send(&world, &frame).is_untouched();
        }
    }
}

//= C46, C47, C61: refusal
#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn other_nodes_do_not<F: Traffic>(_family: F) {
    let mut bench = Bench::new();
    for world in F::others() {
        for packet in F::data() {
            let outcome = bench.send(&world, &packet);
            outcome.is_dropped(F::SLOT, Counter::EgressIp);
        }
        for lesson in F::lessons() {
            let outcome = bench.send(&world, &lesson);
            outcome.is_dropped(F::SLOT, F::TAUGHT);
        }
    }
}

#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]
fn retiring_node_sends_data_but_teaches_nobody_once_its_successor_was_heard<F: Traffic>(
    _family: F,
) {
    let mut bench = Bench::new();
    let world = F::succeeded();
    for packet in F::data() {
        bench.send(&world, &packet).is_untouched();
    }
    for lesson in F::lessons() {
        let outcome = bench.send(&world, &lesson);
        outcome.is_dropped(F::SLOT, F::TAUGHT);
    }
}

#[test]
fn everything_else_is_left_to_other_programs() {
    let mut bench = Bench::new();
    let world = World::new();
    let mut advert = Advert::v3(VRID, &[VIP]);
    advert.ip.source = PRIMARY;
    let mut short = packet().build();
    short.truncate(33);
    let mut ipv6 = packet().build();
    ipv6[12..14].copy_from_slice(&[0x86, 0xdd]);
    for frame in [
        Packet::to([10, 9, 8, 7]).build(),
        Packet::to(VIP).build(),
        Arp::who_has(VIP).build(),
        Arp::probe(VIP).build(),
        advert.build(),
        short,
        ipv6,
    ] {
        bench.send(&world, &frame).is_untouched();
    }
}

#[test]
fn tag_tells_the_virtual_router() {
    let mut bench = Bench::new();
    let world = World::new().with_state(SLOT, State::Active);
    let mut tagged = packet();
    tagged.ip.source = VIP_VLAN;
    bench.send(&world, &tagged.build()).is_untouched();
    tagged.ethernet.tags = vec![(0x8100, VLAN)];
    let outcome = bench.send(&world, &tagged.build());
    outcome.is_dropped(SLOT_VLAN, Counter::EgressIp);
}

/// An ICMP message of this type from our own address.
fn icmp(kind: u8) -> Packet {
    let mut packet = Packet {
        protocol: 1,
        payload: vec![kind, 1, 0, 0, 192, 168, 1, 2],
        ..Packet::to([192, 168, 1, 100])
    };
    packet.ip.source = PRIMARY;
    packet
}

//= C63: refusal
#[test]
fn redirects_do_not_leave() {
    let mut bench = Bench::new();
    let mut options = icmp(5);
    options.ip.options = vec![1; 8];
    let mut from_the_virtual_ip = icmp(5);
    from_the_virtual_ip.ip.source = VIP;
    for state in [State::Idle, State::Active] {
        let world = World::new().with_state(SLOT, state);
        for redirect in [icmp(5), options.clone(), from_the_virtual_ip.clone()] {
            let outcome = bench.send(&world, &redirect.build());
            outcome.is_dropped(NO_ROUTER, Counter::EgressRedirect);
        }
    }
}

//= C63: proof
#[test]
fn other_messages_and_redirects_elsewhere_leave() {
    let mut bench = Bench::new();
    let world = World::new();
    let mut fragment = icmp(5);
    fragment.ip.fragment = 1;
    let mut tagged = icmp(5);
    tagged.ethernet.tags = vec![(0x8100, VLAN)];
    let udp = Packet {
        protocol: 17,
        ..icmp(5)
    };
    for packet in [icmp(3), icmp(0), icmp(11), fragment, tagged, udp] {
        bench.send(&world, &packet.build()).is_untouched();
    }
    bench.receive(&world, &icmp(5).build()).is_untouched();
}
