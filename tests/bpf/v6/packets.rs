//! IPv6 packets to a virtual IP, and what leaves from one (C50, C56, C57).

use vrrp_ebpf::{
    abi::{Counter, NO_ROUTER, vip_flags::NO_ACCEPT, vip_state},
    ownership::State,
};
use vrrp_tests::{
    datapath::{
        World,
        v6::{PRIMARY, SLOT, SLOT_VLAN, VIP, VIP_GLOBAL, VIP_VLAN, with_vip_state, world},
        world::{VLAN, VRID},
    },
    frames::v6::{Advert, Extension, Neighbour, PEER, Packet},
};

use crate::bench::{Bench, Fate};

const UP: u64 = vip_state::INSTALLED | vip_state::READY;
const ELSEWHERE: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];

/// Packets of every shape to a virtual IP.
fn packets(address: [u8; 16]) -> Vec<Packet> {
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

//= C57: proof
//= C57: refusal
#[test]
fn owner_takes_packets_once_the_address_is_there() {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = world().with_state(SLOT, state);
        for packet in packets(VIP).into_iter().chain(packets(VIP_GLOBAL)) {
            let up = with_vip_state(world.clone(), UP);
            let outcome = bench.receive(&up, &packet.build());
            assert_eq!(outcome.fate, Fate::Pass);
            assert_eq!(outcome.counters, [(SLOT, Counter::VipPassed)]);
            assert_eq!((outcome.event, outcome.seen), (None, None));

            for bits in [0, vip_state::INSTALLED] {
                let rising = with_vip_state(world.clone(), bits);
                let outcome = bench.receive(&rising, &packet.build());
                outcome.is_dropped(SLOT, Counter::VipNotReady);
            }
        }
    }
}

/// Nodes that do not serve the virtual IPs.
fn others() -> [World; 4] {
    [
        world(),
        world().with_state(SLOT, State::Rising),
        world().with_expired(SLOT, State::Active),
        world().with_expired(SLOT, State::Retiring),
    ]
}

//= C50: refusal
#[test]
fn other_nodes_drop_what_their_stale_address_would_take() {
    let mut bench = Bench::new();
    for world in others() {
        for packet in packets(VIP) {
            for bits in [vip_state::INSTALLED, UP] {
                let stale = with_vip_state(world.clone(), bits);
                let outcome = bench.receive(&stale, &packet.build());
                outcome.is_dropped(SLOT, Counter::VipNotOwner);
            }
            let gone = with_vip_state(world.clone(), 0);
            bench.receive(&gone, &packet.build()).is_untouched();
        }
    }
}

//= C56: proof
//= C56: refusal
#[test]
fn owner_without_accept_mode_takes_neighbour_discovery_alone() {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = world().with_state(SLOT, state).with_vip_flags(NO_ACCEPT);
        let world = with_vip_state(world, UP);
        for packet in packets(VIP).into_iter().chain(packets(VIP_GLOBAL)) {
            let outcome = bench.receive(&world, &packet.build());
            outcome.is_dropped(SLOT, Counter::VipNotAccepted);
        }
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
fn transit_and_other_vlans_pass_untouched() {
    let mut bench = Bench::new();
    let world = world()
        .with_state(SLOT, State::Active)
        .with_state(SLOT_VLAN, State::Active);
    for packet in packets(ELSEWHERE).into_iter().chain(packets(VIP_VLAN)) {
        bench.receive(&world, &packet.build()).is_untouched();
    }
    // The filter goes by the last four bytes.
    let mut twin = ELSEWHERE;
    twin[12..].copy_from_slice(&VIP[12..]);
    for packet in packets(twin) {
        bench.receive(&world, &packet.build()).is_untouched();
    }
    let mut tagged = Packet::to(VIP_VLAN);
    tagged.ethernet.tags = vec![(0x8100, VLAN)];
    let outcome = bench.receive(&world, &tagged.build());
    outcome.is_dropped(SLOT_VLAN, Counter::VipNotReady);
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
fn data() -> [Packet; 3] {
    let mut packet = Packet::to(ELSEWHERE);
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

/// What teaches others where a virtual IP is.
fn lessons() -> [Neighbour; 4] {
    let mut asks = Neighbour::who_has(PEER);
    asks.ip.source = VIP;
    let mut from_elsewhere = Neighbour::announcement(VIP);
    from_elsewhere.ip.source = PRIMARY;
    let mut tells = Neighbour::announcement(VIP_GLOBAL);
    tells.ip.destination = PEER;
    tells.flags = 0xe0;
    [Neighbour::announcement(VIP), asks, from_elsewhere, tells]
}

#[test]
fn owner_sends_from_the_virtual_ip() {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = world().with_state(SLOT, state);
        for packet in data() {
            bench.send(&world, &packet.build()).is_untouched();
        }
        for lesson in lessons() {
            bench.send(&world, &lesson.build()).is_untouched();
        }
    }
}

//= C47: refusal
#[test]
fn other_nodes_do_not() {
    let mut bench = Bench::new();
    for world in others() {
        for packet in data() {
            let outcome = bench.send(&world, &packet.build());
            outcome.is_dropped(SLOT, Counter::EgressIp);
        }
        for lesson in lessons() {
            let outcome = bench.send(&world, &lesson.build());
            outcome.is_dropped(SLOT, Counter::EgressNd);
        }
    }
}

#[test]
fn retiring_node_sends_data_but_teaches_nobody_once_its_successor_was_heard() {
    let mut bench = Bench::new();
    let mut world = world().with_state(SLOT, State::Retiring);
    world.slot(SLOT).last_seen = 1;
    for packet in data() {
        bench.send(&world, &packet.build()).is_untouched();
    }
    for lesson in lessons() {
        let outcome = bench.send(&world, &lesson.build());
        outcome.is_dropped(SLOT, Counter::EgressNd);
    }
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
        Packet::to(ELSEWHERE).build(),
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
