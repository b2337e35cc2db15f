//! Near-valid frames, mutated at random: the host's policy and the loaded programs agree, and
//! nothing that is cut short or corrupt is ever accepted.

use std::cell::RefCell;

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};
use vrrp_ebpf::{abi::Follow, ownership::State};
use vrrp_tests::{
    datapath::world::{
        PASSWORD, PRIMARY, SLOT, SLOT_V2, SLOT_VLAN, VIP, VIP_VLAN, VLAN, VRID, VRID_V2, World,
    },
    frames::{Advert, Arp, Checksum, Packet},
};

use crate::bench::Bench;

const CASES: u32 = 4000;

/// One change to the bytes of a frame.
#[derive(Clone, Debug)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Truncate(Index),
    Append(Vec<u8>),
}

impl Mutation {
    fn apply(&self, frame: &mut Vec<u8>) {
        match self {
            Self::Set(at, byte) => *at.get_mut(frame) = *byte,
            Self::Flip(at, bit) => *at.get_mut(frame) ^= 1 << bit,
            Self::Truncate(at) => frame.truncate(at.index(frame.len()).max(14)),
            Self::Append(bytes) => frame.extend(bytes),
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        any::<Index>().prop_map(Mutation::Truncate),
        vec(any::<u8>(), 1..24).prop_map(Mutation::Append),
    ]
}

fn tags() -> impl Strategy<Value = Vec<(u16, u16)>> {
    let tpid = select(vec![0x8100, 0x88a8]);
    let tci = select(vec![0, 0xe000, VLAN, 0x2000 | VLAN, VLAN + 1]);
    prop_oneof![3 => Just(Vec::new()), 2 => vec((tpid, tci), 1..3)]
}

fn address() -> impl Strategy<Value = [u8; 4]> {
    select(vec![
        VIP,
        VIP_VLAN,
        PRIMARY,
        [192, 168, 1, 2],
        [224, 0, 0, 18],
        [0; 4],
    ])
}

fn advert() -> impl Strategy<Value = Vec<u8>> {
    let shape = (
        any::<bool>(),
        tags(),
        any::<bool>(),
        select(vec![0, 4, 12, 40]),
    );
    let fields = (
        select(vec![0, 1, 99, 100, 255]),
        vec(address(), 0..5),
        select(vec![Checksum::Plain, Checksum::Pseudo]),
        prop_oneof![4 => Just([224, 0, 0, 18]), 1 => address()],
        prop_oneof![4 => Just(vec![VIP]), 1 => Just(vec![VIP_VLAN])],
        any::<bool>(),
    );
    (shape, fields).prop_map(|((second, tags, padded, options), fields)| {
        let (priority, list, checksum, destination, valid_list, valid) = fields;
        let mut advert = if second {
            Advert {
                timing: [1, 1],
                tail: PASSWORD.to_vec(),
                ..Advert::v2(VRID_V2, &valid_list)
            }
        } else {
            Advert {
                checksum,
                ..Advert::v3(VRID, &valid_list)
            }
        };
        if !valid {
            advert.addresses = list;
        }
        advert.priority = priority;
        advert.ethernet.tags = tags;
        advert.ethernet.padded = padded;
        advert.ip.options = vec![1; options];
        advert.ip.destination = destination;
        advert.build()
    })
}

fn arp() -> impl Strategy<Value = Vec<u8>> {
    (1..3_u16, address(), address(), tags(), any::<bool>()).prop_map(
        |(operation, sender, target, tags, padded)| {
            let mut arp = Arp {
                operation,
                sender,
                ..Arp::who_has(target)
            };
            arp.ethernet.tags = tags;
            arp.ethernet.padded = padded;
            arp.build()
        },
    )
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    (address(), address(), tags(), select(vec![17, 112])).prop_map(
        |(source, destination, tags, protocol)| {
            let mut packet = Packet {
                protocol,
                ..Packet::to(destination)
            };
            packet.ip.source = source;
            packet.ethernet.tags = tags;
            packet.build()
        },
    )
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
            let mut world = World::new().with_vip_state(bits);
            for slot in [SLOT, SLOT_V2, SLOT_VLAN] {
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

#[test]
fn host_and_kernel_agree_on_mutated_frames() {
    let bench = RefCell::new(Bench::new());
    let frame = prop_oneof![4 => advert(), 2 => arp(), 2 => packet()];
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    runner
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
    let intact = Advert::v3(VRID, &[VIP]).build();
    // Behind the source MAC; version and VRID decide whether it is ours at all.
    let place = 26..intact.len();
    let mut runner = TestRunner::new(Config {
        cases: 500,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&(place, 0..8_u8), |(at, bit)| {
            let mut frame = intact.clone();
            frame[at] ^= 1 << bit;
            let outcome = bench.borrow_mut().receive(&World::new(), &frame);
            prop_assert!(
                outcome.event.is_none() && outcome.seen.is_none(),
                "{outcome:?}"
            );
            Ok(())
        })
        .unwrap();
}
