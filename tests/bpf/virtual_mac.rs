//! Frames to and from a Virtual Router MAC (C49, C51, C52, C55, C58, C60).

use vrrp_ebpf::{
    abi::{Counter, vip_state},
    ownership::State,
    types::Family,
    wire::mac,
};
use vrrp_tests::{
    datapath::{
        v6,
        world::{
            MAC, PRIMARY, SLOT, SLOT_V2, SLOT_VLAN, VIP, VIP_VLAN, VLAN, VRID, VRID_V2, World,
        },
    },
    frames::{
        self, Arp, Ethernet, PEER, PEER_MAC,
        v6::{Neighbour, link_layer},
    },
};

use crate::bench::{Bench, Fate};

const VIRTUAL: [u8; 6] = mac::of_router(Family::V4, VRID);
const VIRTUAL_V6: [u8; 6] = mac::of_router(Family::V6, VRID);
const FAR: [u8; 4] = [10, 9, 8, 7];
const FAR_V6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];

fn transit(ethernet: Ethernet) -> Vec<u8> {
    frames::Packet {
        ethernet,
        ..frames::Packet::to(FAR)
    }
    .build()
}

/// Both families, the untagged routers at their Virtual Router MACs.
fn world() -> World {
    v6::world()
        .with_virtual_mac(SLOT)
        .with_virtual_mac(v6::SLOT)
}

fn both(state: State) -> World {
    world().with_state(SLOT, state).with_state(v6::SLOT, state)
}

/// Nodes that own neither virtual router.
fn others() -> [World; 4] {
    let expired = |state| {
        world()
            .with_expired(SLOT, state)
            .with_expired(v6::SLOT, state)
    };
    [
        world(),
        both(State::Rising),
        expired(State::Active),
        expired(State::Retiring),
    ]
}

/// Whatever a host may send to its gateway by its MAC: slot and frame.
fn to_gateway() -> Vec<(u32, Vec<u8>)> {
    let ethernet = Ethernet::to(VIRTUAL);
    let ethernet_v6 = Ethernet::to(VIRTUAL_V6);
    let packet = |destination| {
        frames::Packet {
            ethernet: ethernet.clone(),
            ..frames::Packet::to(destination)
        }
        .build()
    };
    let packet_v6 = |destination| {
        frames::v6::Packet {
            ethernet: ethernet_v6.clone(),
            ..frames::v6::Packet::to(destination)
        }
        .build()
    };
    let question = Arp {
        ethernet: ethernet.clone(),
        ..Arp::who_has(VIP)
    };
    let reply = Arp {
        ethernet: ethernet.clone(),
        operation: 2,
        target: VIP,
        ..Arp::who_has(VIP)
    };
    let mut stranger = packet(FAR);
    stranger[12..14].copy_from_slice(&[0x88, 0xb5]);
    vec![
        (SLOT, packet(FAR)),
        (SLOT, packet(VIP)),
        (SLOT, packet(PRIMARY)),
        (SLOT, question.build()),
        (SLOT, reply.build()),
        (SLOT, stranger),
        (v6::SLOT, packet_v6(FAR_V6)),
        (v6::SLOT, packet_v6(v6::VIP_GLOBAL)),
    ]
}

//= C49: proof
//= C49: refusal
#[test]
fn other_nodes_discard_frames_to_the_virtual_mac() {
    let mut bench = Bench::new();
    for world in others() {
        for (slot, frame) in to_gateway() {
            let outcome = bench.receive(&world, &frame);
            outcome.is_dropped(slot, Counter::MacNotOwner);
            // If ownership went between XDP and here, the stack drops it.
            bench.mark(&world, &frame).is_untouched();
        }
    }
}

//= C55: proof
#[test]
fn owner_takes_frames_to_the_virtual_mac() {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = both(state);
        for (slot, frame) in to_gateway() {
            let outcome = bench.mark(&world, &frame);
            assert_eq!(outcome.fate, Fate::Pass);
            assert_eq!(outcome.counters, [(slot, Counter::MacTaken)]);
            assert_eq!((outcome.event, outcome.seen), (None, None));
            assert_eq!(outcome.frame, frame);
        }
    }
}

//= C55: proof
#[test]
fn what_the_owner_is_sent_is_judged_as_ever() {
    let mut bench = Bench::new();
    let up = vip_state::INSTALLED | vip_state::READY;
    let world = both(State::Active).with_vip_state(up);
    let passed = |slot| vec![(slot, Counter::VipPassed)];
    let expected = [
        (Fate::Pass, vec![]),
        (Fate::Pass, passed(SLOT)),
        (Fate::Pass, vec![]),
        (Fate::Answer, vec![(SLOT, Counter::ArpAnswered)]),
        (Fate::Pass, vec![]),
        (Fate::Pass, vec![]),
        (Fate::Pass, vec![]),
        (Fate::Pass, passed(v6::SLOT)),
    ];
    for ((_, frame), expected) in to_gateway().into_iter().zip(expected) {
        let outcome = bench.receive(&world, &frame);
        assert_eq!((outcome.fate, outcome.counters), expected);
    }
}

//= C55: refusal
#[test]
fn frames_to_other_macs_are_left_alone() {
    let mut bench = Bench::new();
    let mut tagged = Ethernet::to(VIRTUAL);
    tagged.tags = vec![(0x8100, VLAN)];
    for world in [
        world(),
        both(State::Active).with_state(SLOT_VLAN, State::Active),
    ] {
        for ethernet in [
            Ethernet::to(MAC),
            Ethernet::to(PEER_MAC),
            // Of a virtual router that does not use it, in two ways, and of none of ours.
            Ethernet::to(mac::of_router(Family::V4, VRID_V2)),
            tagged.clone(),
            Ethernet::to(mac::of_router(Family::V4, VRID + 10)),
            Ethernet::to([0, 0, 0x5e, 0, 3, VRID]),
        ] {
            let frame = transit(ethernet);
            bench.receive(&world, &frame).is_untouched();
            bench.mark(&world, &frame).is_untouched();
        }
        // Cut within the tag.
        for length in 15..18 {
            let cut = &transit(tagged.clone())[..length];
            bench.receive(&world, cut).is_untouched();
            bench.mark(&world, cut).is_untouched();
        }
    }
}

#[test]
fn tag_tells_the_virtual_router() {
    let mut bench = Bench::new();
    let world = World::new()
        .with_virtual_mac(SLOT_VLAN)
        .with_state(SLOT, State::Active);
    let mut ethernet = Ethernet::to(VIRTUAL);
    let untagged = transit(ethernet.clone());
    bench.receive(&world, &untagged).is_untouched();
    ethernet.tags = vec![(0x8100, 0xa000 | VLAN)];
    let frame = transit(ethernet);
    let outcome = bench.receive(&world, &frame);
    outcome.is_dropped(SLOT_VLAN, Counter::MacNotOwner);
    let world = world.with_state(SLOT_VLAN, State::Active);
    bench.receive(&world, &frame).is_untouched();
    let outcome = bench.mark(&world, &frame);
    assert_eq!(outcome.counters, [(SLOT_VLAN, Counter::MacTaken)]);
}

//= C51, C52: proof
#[test]
fn questions_are_answered_with_the_virtual_mac_and_from_it() {
    let mut bench = Bench::new();
    let world = both(State::Active);
    let outcome = bench.receive(&world, &Arp::who_has(VIP).build());
    assert_eq!(outcome.fate, Fate::Answer);
    assert_eq!(outcome.frame, Arp::reply(VIRTUAL, VIP).build());

    let outcome = bench.receive(&world, &Neighbour::who_has(v6::VIP).build());
    let mut answer = Neighbour {
        ethernet: Ethernet {
            source: VIRTUAL_V6,
            ..Ethernet::to(PEER_MAC)
        },
        flags: 0xe0,
        options: link_layer(2, VIRTUAL_V6),
        ..Neighbour::announcement(v6::VIP)
    };
    answer.ip.destination = frames::v6::PEER;
    assert_eq!(outcome.fate, Fate::Answer);
    assert_eq!(outcome.frame, answer.build());
}

/// A frame to be sent and, if it is the owner's, the same as it has to leave.
type Pair = (u32, Vec<u8>, Vec<u8>);

fn from_physical<T>(build: impl Fn([u8; 6], [u8; 6]) -> T, mac: [u8; 6]) -> (T, T) {
    (build(MAC, MAC), build(mac, mac))
}

/// What the kernel sends from a virtual IP, by the interface's MAC.
fn data() -> Vec<Pair> {
    let packet = |source, _| {
        let mut packet = frames::Packet::to(FAR);
        packet.ip.source = VIP;
        packet.ethernet.source = source;
        packet.build()
    };
    let packet_v6 = |source, _| {
        let mut packet = frames::v6::Packet::to(FAR_V6);
        packet.ip.source = v6::VIP_GLOBAL;
        packet.ethernet.source = source;
        packet.build()
    };
    let (given, wanted) = from_physical(packet, VIRTUAL);
    let (given_v6, wanted_v6) = from_physical(packet_v6, VIRTUAL_V6);
    vec![(SLOT, given, wanted), (v6::SLOT, given_v6, wanted_v6)]
}

/// What tells a MAC for a virtual IP.
fn lessons() -> Vec<Pair> {
    let arp = |arp: Arp| {
        let build = move |source, sender_mac| {
            let mut arp = arp.clone();
            arp.ethernet.source = source;
            arp.sender_mac = sender_mac;
            arp.build()
        };
        let (given, wanted) = from_physical(build, VIRTUAL);
        (SLOT, given, wanted)
    };
    let asks = Arp {
        sender: VIP,
        ..Arp::who_has(PEER)
    };
    let neighbour = |message: Neighbour, option: u8| {
        let build = move |source, mac| {
            let mut message = message.clone();
            message.ethernet.source = source;
            message.options = if option == 0 {
                Vec::new()
            } else {
                link_layer(option, mac)
            };
            message.build()
        };
        let (given, wanted) = from_physical(build, VIRTUAL_V6);
        (v6::SLOT, given, wanted)
    };
    let mut solicits = Neighbour::who_has(frames::v6::PEER);
    solicits.ip.source = v6::VIP;
    let mut from_elsewhere = Neighbour::announcement(v6::VIP_GLOBAL);
    from_elsewhere.ip.source = v6::PRIMARY;
    vec![
        arp(Arp::gratuitous(1, VIP)),
        arp(Arp::gratuitous(2, VIP)),
        arp(asks),
        neighbour(Neighbour::announcement(v6::VIP), 2),
        neighbour(from_elsewhere, 2),
        neighbour(Neighbour::announcement(v6::VIP), 0),
        neighbour(solicits.clone(), 1),
        neighbour(solicits, 0),
    ]
}

//= C58, C60: proof
#[test]
fn what_the_owner_sends_from_a_virtual_ip_comes_from_the_virtual_mac() {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = both(state);
        for (slot, given, wanted) in data().into_iter().chain(lessons()) {
            let outcome = bench.send(&world, &given);
            assert_eq!(outcome.fate, Fate::Pass);
            assert_eq!(outcome.counters, [(slot, Counter::MacWritten)]);
            assert_eq!(outcome.frame, wanted);
        }
    }
}

//= C58, C60: refusal
#[test]
fn other_nodes_send_nothing_from_a_virtual_ip() {
    let mut bench = Bench::new();
    for world in others() {
        for (slot, given, _) in data() {
            bench
                .send(&world, &given)
                .is_dropped(slot, Counter::EgressIp);
        }
        for (slot, given, _) in lessons() {
            let counter = if slot == SLOT {
                Counter::EgressArp
            } else {
                Counter::EgressNd
            };
            bench.send(&world, &given).is_dropped(slot, counter);
        }
    }
}

/// Or it would draw the switches' tables back to itself.
#[test]
fn retiring_node_sends_nothing_once_its_successor_was_heard() {
    let mut bench = Bench::new();
    let mut world = both(State::Retiring);
    for slot in [SLOT, v6::SLOT] {
        world.slot(slot).last_seen = 1;
    }
    for (slot, given, _) in data() {
        let outcome = bench.send(&world, &given);
        outcome.is_dropped(slot, Counter::EgressIp);
    }
    // What is under way to it still arrives.
    for (slot, frame) in to_gateway() {
        let outcome = bench.mark(&world, &frame);
        assert_eq!(outcome.counters, [(slot, Counter::MacTaken)]);
    }
}

//= C58: refusal
#[test]
fn a_lesson_that_may_tell_the_physical_mac_is_not_sent() {
    let mut bench = Bench::new();
    let world = both(State::Active);
    let nonce = vec![14, 1, 1, 2, 3, 4, 5, 6];
    for options in [
        [nonce.clone(), link_layer(2, MAC)].concat(),
        [link_layer(2, MAC), nonce.clone()].concat(),
        vec![2, 2, 0, 0, 0, 0, 0, 1],
        vec![0; 4],
    ] {
        let message = Neighbour {
            options,
            ..Neighbour::announcement(v6::VIP)
        };
        let outcome = bench.send(&world, &message.build());
        outcome.is_dropped(v6::SLOT, Counter::EgressNd);
    }
    // The only option tells nothing about a MAC.
    let mut message = Neighbour {
        options: nonce,
        ..Neighbour::announcement(v6::VIP)
    };
    let outcome = bench.send(&world, &message.build());
    message.ethernet.source = VIRTUAL_V6;
    assert_eq!(outcome.frame, message.build());
}

#[test]
fn the_mac_of_another_address_stays() {
    let mut bench = Bench::new();
    let world = both(State::Active);
    // Our own address, told about from a virtual IP.
    let mut message = Neighbour {
        options: link_layer(2, MAC),
        ..Neighbour::announcement(v6::PRIMARY)
    };
    message.ip.source = v6::VIP;
    message.ethernet.source = MAC;
    let outcome = bench.send(&world, &message.build());
    message.ethernet.source = VIRTUAL_V6;
    assert_eq!(outcome.frame, message.build());
    assert_eq!(outcome.counters, [(v6::SLOT, Counter::MacWritten)]);
}

#[test]
fn what_is_not_from_a_virtual_mac_leaves_as_it_is() {
    let mut bench = Bench::new();
    let world = both(State::Active)
        .with_state(SLOT_V2, State::Active)
        .with_state(SLOT_VLAN, State::Active);
    let mut own = frames::Packet::to(FAR);
    own.ip.source = PRIMARY;
    let mut advert = frames::Advert::v3(VRID, &[VIP]);
    advert.ip.source = VIP;
    let mut vlan = frames::Packet::to(FAR);
    vlan.ip.source = VIP_VLAN;
    vlan.ethernet.tags = vec![(0x8100, VLAN)];
    for frame in [
        own.build(),
        advert.build(),
        vlan.build(),
        Arp::who_has(VIP).build(),
        Neighbour::announcement(frames::v6::PEER).build(),
    ] {
        let outcome = bench.send(&world, &frame);
        outcome.is_untouched();
        assert_eq!(outcome.frame, frame);
    }
}

#[test]
fn without_any_virtual_mac_nothing_is_marked() {
    let mut bench = Bench::new();
    let world = World::new().with_state(SLOT, State::Active);
    for (_, frame) in to_gateway() {
        bench.mark(&world, &frame).is_untouched();
    }
}
