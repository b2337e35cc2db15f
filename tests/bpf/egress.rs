//! What leaves from a virtual IP leaves from the owner only.

use vrrp_ebpf::{
    abi::{Counter, NO_ROUTER},
    ownership::State,
};
use vrrp_tests::{
    datapath::world::{PRIMARY, SLOT, SLOT_VLAN, VIP, VIP_VLAN, VLAN, VRID, World},
    frames::{Advert, Arp, Packet},
};

use crate::bench::Bench;

fn packet() -> Packet {
    let mut packet = Packet::to([10, 9, 8, 7]);
    packet.ip.source = VIP;
    packet
}

#[test]
fn owner_sends_from_the_virtual_ip() {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = World::new().with_state(SLOT, state);
        bench.send(&world, &packet().build()).is_untouched();
        bench
            .send(&world, &Arp::gratuitous(1, VIP).build())
            .is_untouched();
    }
}

//= C46, C61: refusal
#[test]
fn other_nodes_do_not() {
    let mut bench = Bench::new();
    let mut fragment = packet();
    fragment.ip.fragment = 0x0010;
    let mut options = packet();
    options.ip.options = vec![1; 40];
    let asks = Arp {
        sender: VIP,
        ..Arp::who_has([192, 168, 1, 7])
    };
    for world in [
        World::new(),
        World::new().with_state(SLOT, State::Rising),
        World::new().with_expired(SLOT, State::Active),
        World::new().with_expired(SLOT, State::Retiring),
    ] {
        for packet in [packet(), fragment.clone(), options.clone()] {
            let outcome = bench.send(&world, &packet.build());
            outcome.is_dropped(SLOT, Counter::EgressIp);
        }
        for arp in [
            Arp::gratuitous(1, VIP),
            Arp::gratuitous(2, VIP),
            asks.clone(),
        ] {
            let outcome = bench.send(&world, &arp.build());
            outcome.is_dropped(SLOT, Counter::EgressArp);
        }
    }
}

#[test]
fn retiring_node_sends_data_but_no_arp_once_its_successor_was_heard() {
    let mut bench = Bench::new();
    let mut world = World::new().with_state(SLOT, State::Retiring);
    world.slot(SLOT).last_seen = 1;
    bench.send(&world, &packet().build()).is_untouched();
    let outcome = bench.send(&world, &Arp::gratuitous(1, VIP).build());
    outcome.is_dropped(SLOT, Counter::EgressArp);
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
