//! Near-valid frames of IPv6, mutated at random: the host's policy and the loaded programs agree,
//! and nothing that is corrupt is ever accepted or answered.

use std::cell::RefCell;

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};
use vrrp_ebpf::{abi::Follow, ownership::State};
use vrrp_tests::{
    datapath::{
        World,
        v6::{PRIMARY, SLOT, SLOT_VLAN, VIP, VIP_GLOBAL, VIP_VLAN, world as both},
        world::{VLAN, VRID},
    },
    frames::{
        Ethernet,
        v6::{
            ALL_NODES, Advert, Extension, GROUP, Ipv6, Neighbour, PEER, Packet, UNSPECIFIED,
            link_layer,
        },
    },
};

use crate::bench::{Bench, Fate};

const CASES: u32 = 4000;

/// Bits to flip and bytes to cut off or append.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(Index, u8),
    Truncate(Index),
    Append(Vec<u8>),
}

impl Mutation {
    fn apply(&self, frame: &mut Vec<u8>) {
        match self {
            Self::Flip(at, bit) => *at.get_mut(frame) ^= 1 << bit,
            Self::Truncate(at) => frame.truncate(at.index(frame.len()).max(14)),
            Self::Append(bytes) => frame.extend(bytes),
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        1 => any::<Index>().prop_map(Mutation::Truncate),
        1 => vec(any::<u8>(), 1..24).prop_map(Mutation::Append),
    ]
}

fn address() -> impl Strategy<Value = [u8; 16]> {
    select(vec![
        VIP,
        VIP_GLOBAL,
        VIP_VLAN,
        PRIMARY,
        PEER,
        GROUP,
        ALL_NODES,
        UNSPECIFIED,
    ])
}

fn extensions() -> impl Strategy<Value = Vec<Extension>> {
    let one = prop_oneof![
        Just(Extension::hop_by_hop()),
        (1..5_u8).prop_map(Extension::destination_options),
        Just(Extension::routing()),
        select(vec![0, 1, 8, 0xfff9]).prop_map(Extension::fragment),
    ];
    prop_oneof![3 => Just(Vec::new()), 1 => vec(one, 1..7)]
}

/// Ethernet and IP parts that are mostly as the frame had them.
fn bent(ethernet: Ethernet, ip: Ipv6) -> impl Strategy<Value = (Ethernet, Ipv6)> {
    let tci = select(vec![0, 0xe000, VLAN, 0x2000 | VLAN, VLAN + 1]);
    let tags = prop_oneof![3 => Just(Vec::new()), 2 => vec((Just(0x8100_u16), tci), 1..3)];
    let keep = prop_oneof![4 => Just(true), 1 => Just(false)];
    (tags, extensions(), keep, address(), address()).prop_map(
        move |(tags, extensions, keep, source, destination)| {
            let ethernet = Ethernet {
                tags,
                ..ethernet.clone()
            };
            let mut ip = Ipv6 {
                extensions,
                ..ip.clone()
            };
            if !keep {
                (ip.source, ip.destination) = (source, destination);
            }
            (ethernet, ip)
        },
    )
}

fn advert() -> impl Strategy<Value = Vec<u8>> {
    let lists = vec![vec![VIP, VIP_GLOBAL], vec![VIP_VLAN], vec![VIP; 9], vec![]];
    (select(lists), select(vec![0, 1, 100, 255])).prop_flat_map(|(addresses, priority)| {
        let advert = Advert {
            priority,
            ..Advert::v3(VRID, &addresses)
        };
        bent(advert.ethernet.clone(), advert.ip.clone()).prop_map(move |(ethernet, ip)| {
            Advert {
                ethernet,
                ip,
                ..advert.clone()
            }
            .build()
        })
    })
}

fn neighbour() -> impl Strategy<Value = Vec<u8>> {
    let options = select(vec![
        Vec::new(),
        link_layer(1, [2, 0, 0, 0, 0, 9]),
        link_layer(2, [2, 0, 0, 0, 0, 1]),
        vec![14, 1, 0, 0, 0, 0, 0, 0],
        vec![0; 16],
    ]);
    let flags = select(vec![0, 0x40, 0xa0, 0xe0]);
    (0..3_u8, address(), options, flags).prop_flat_map(|(kind, target, options, flags)| {
        let message = match kind {
            0 => Neighbour::who_has(target),
            1 => Neighbour::probe(target),
            _ => Neighbour::announcement(target),
        };
        let message = Neighbour {
            options,
            flags,
            ..message
        };
        bent(message.ethernet.clone(), message.ip.clone()).prop_map(move |(ethernet, ip)| {
            Neighbour {
                ethernet,
                ip,
                ..message.clone()
            }
            .build()
        })
    })
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    (address(), select(vec![17, 58, 112])).prop_flat_map(|(destination, protocol)| {
        let packet = Packet {
            protocol,
            ..Packet::to(destination)
        };
        bent(packet.ethernet.clone(), packet.ip.clone()).prop_map(move |(ethernet, ip)| {
            Packet {
                ethernet,
                ip,
                ..packet.clone()
            }
            .build()
        })
    })
}

fn world() -> impl Strategy<Value = World> {
    let state = select(vec![
        State::Idle,
        State::Rising,
        State::Active,
        State::Retiring,
    ]);
    (state, any::<bool>(), 0..4_u64, 0..2_u64, any::<u8>()).prop_map(
        |(state, live, bits, last_seen, restart_min)| {
            let mut world = both().with_vip_state(bits);
            for slot in [SLOT, SLOT_VLAN] {
                world = if live {
                    world.with_state(slot, state)
                } else {
                    world.with_expired(slot, state)
                };
                let words = world.slot(slot);
                words.last_seen = last_seen;
                words.follow = Follow {
                    restart_min,
                    ..Follow::default()
                }
                .pack();
            }
            world
        },
    )
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn host_and_kernel_agree_on_mutated_frames() {
    let bench = RefCell::new(Bench::new());
    let frame = prop_oneof![3 => advert(), 3 => neighbour(), 1 => packet()];
    runner(CASES)
        .run(
            &(world(), frame, vec(mutation(), 0..4)),
            |(world, mut frame, mutations)| {
                for mutation in mutations {
                    mutation.apply(&mut frame);
                }
                let mut bench = bench.borrow_mut();
                bench.receive(&world, &frame);
                bench.send(&world, &frame);
                Ok(())
            },
        )
        .unwrap();
}

//= C24: refusal
#[test]
fn corrupt_adverts_are_never_accepted() {
    let bench = RefCell::new(Bench::new());
    let intact = Advert::v3(VRID, &[VIP, VIP_GLOBAL]).build();
    // Behind the hop limit all is summed up.
    runner(500)
        .run(&(22..intact.len(), 0..8_u8), |(at, bit)| {
            let mut frame = intact.clone();
            frame[at] ^= 1 << bit;
            let outcome = bench.borrow_mut().receive(&both(), &frame);
            prop_assert!(
                outcome.event.is_none() && outcome.seen.is_none(),
                "{outcome:?}"
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn corrupt_solicitations_are_never_answered() {
    let bench = RefCell::new(Bench::new());
    let intact = Neighbour::who_has(VIP).build();
    let active = both().with_state(SLOT, State::Active);
    runner(500)
        .run(&(22..intact.len(), 0..8_u8), |(at, bit)| {
            let mut frame = intact.clone();
            frame[at] ^= 1 << bit;
            let outcome = bench.borrow_mut().receive(&active, &frame);
            prop_assert_ne!(outcome.fate, Fate::Answer);
            Ok(())
        })
        .unwrap();
}
