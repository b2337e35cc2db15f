//! Neighbour Discovery for the virtual IPs (C46, C47, C52, C53, C56).

use vrrp_ebpf::{
    abi::{Counter, vip_state},
    ownership::State,
};
use vrrp_tests::{
    datapath::{
        v6::{PRIMARY, SLOT, SLOT_VLAN, VIP, VIP_GLOBAL, VIP_VLAN, world},
        world::{MAC, VLAN},
    },
    frames::{
        Ethernet, Header as _, PEER_MAC,
        v6::{ALL_NODES, Extension, Ipv6, Neighbour, PEER, UNSPECIFIED, link_layer},
    },
};

use crate::{
    bench::{Bench, Fate, Outcome},
    family::{Traffic as _, V6},
};

/// RFC 7527 section 4.1: Linux sends one with its probes.
const NONCE: [u8; 8] = [14, 1, 1, 2, 3, 4, 5, 6];

/// What the owner says to a solicitation.
fn answer(asked: &Neighbour) -> Vec<u8> {
    let probe = asked.ip.source == UNSPECIFIED;
    let (mac, to, flags) = if probe {
        ([0x33, 0x33, 0, 0, 0, 1], ALL_NODES, 0xa0)
    } else {
        (asked.ethernet.source, asked.ip.source, 0xe0)
    };
    Neighbour {
        ethernet: Ethernet {
            destination: mac,
            source: MAC,
            tags: asked.ethernet.tags.clone(),
            padded: false,
        },
        ip: Ipv6 {
            source: asked.target,
            ..Ipv6::to(to)
        },
        kind: 136,
        flags,
        options: link_layer(2, MAC),
        ..asked.clone()
    }
    .build()
}

#[track_caller]
fn is_answered(outcome: &Outcome, slot: u32, asked: &Neighbour) {
    assert_eq!(outcome.fate, Fate::Answer);
    assert_eq!(outcome.counters, [(slot, Counter::NdAnswered)]);
    assert_eq!((outcome.event, outcome.seen), (None, None));
    assert_eq!(outcome.frame, answer(asked));
}

/// Every kind of question that there is for an address.
pub(crate) fn questions(target: [u8; 16]) -> Vec<Neighbour> {
    let asks = Neighbour::who_has(target);
    let mut unreachable = asks.clone();
    unreachable.ip.destination = target;
    unreachable.ethernet.destination = MAC;
    let without = |options: &[u8]| Neighbour {
        options: options.to_vec(),
        ..asks.clone()
    };
    let nonce_probe = Neighbour {
        options: NONCE.to_vec(),
        ..Neighbour::probe(target)
    };
    vec![
        without(&[]),
        without(&NONCE),
        asks,
        unreachable,
        Neighbour::probe(target),
        nonce_probe,
    ]
}

//= C52, C53: proof
#[test]
fn owner_answers_solicitations_and_probes() {
    let mut bench = Bench::new();
    for state in [State::Active, State::Retiring] {
        let world = world().with_state(SLOT, state);
        for asked in questions(VIP).into_iter().chain(questions(VIP_GLOBAL)) {
            let outcome = bench.receive(&world, &asked.build());
            is_answered(&outcome, SLOT, &asked);
        }
    }
}

#[test]
fn what_trails_a_solicitation_is_not_sent_back() {
    let asked = Neighbour::who_has(VIP);
    let mut frame = asked.build();
    frame.extend([0xee; 50]);
    let world = world().with_state(SLOT, State::Active);
    is_answered(&Bench::new().receive(&world, &frame), SLOT, &asked);
}

#[test]
fn answer_goes_to_the_mac_in_the_option() {
    let other = [2, 0, 0, 0, 0, 0x77];
    let asked = Neighbour {
        options: link_layer(1, other),
        ..Neighbour::who_has(VIP)
    };
    let world = world().with_state(SLOT, State::Active);
    let outcome = Bench::new().receive(&world, &asked.build());
    assert_eq!(outcome.frame[..6], other);
}

#[test]
fn answer_keeps_the_tag() {
    let mut bench = Bench::new();
    let world = world().with_state(SLOT_VLAN, State::Active);
    for mut asked in questions(VIP_VLAN) {
        asked.ethernet.tags = vec![(0x8100, 0xa000 | VLAN)];
        let outcome = bench.receive(&world, &asked.build());
        is_answered(&outcome, SLOT_VLAN, &asked);
        asked.ethernet.tags.clear();
        bench.receive(&world, &asked.build()).is_untouched();
    }
}

//= C47: proof
//= C47, C52, C53: refusal
#[test]
fn nobody_else_answers_what_the_owner_leaves_to_its_stack() {
    let mut bench = Bench::new();
    let mut corrupt = Neighbour::who_has(VIP);
    corrupt.corrupt = true;
    let long = Neighbour {
        options: [link_layer(1, PEER_MAC), NONCE.to_vec()].concat(),
        ..Neighbour::who_has(VIP)
    };
    let mut extended = Neighbour::who_has(VIP);
    extended.ip.extensions = vec![Extension::hop_by_hop(), Extension::fragment(0)];
    for world in V6::others().into_iter().chain([V6::succeeded()]) {
        for asked in [&corrupt, &long, &extended] {
            let outcome = bench.receive(&world, &asked.build());
            outcome.is_dropped(SLOT, Counter::NdIgnored);
        }
    }
}

#[test]
fn owner_leaves_to_its_stack_what_it_does_not_read() {
    let asks = Neighbour::who_has(VIP);
    let mut far = asks.clone();
    far.ip.hop_limit = 254;
    let mut from_group = asks.clone();
    from_group.ip.source = ALL_NODES;
    let mut extended = asks.clone();
    extended.ip.extensions = vec![Extension::hop_by_hop()];
    let mut fragment = asks.clone();
    fragment.ip.extensions = vec![Extension::fragment(8)];
    let mut long = asks.clone();
    long.ip.length = Some(40);
    let mut short = asks.clone();
    short.ip.length = Some(23);
    let mut probe_elsewhere = Neighbour::probe(VIP);
    probe_elsewhere.ip.destination = ALL_NODES;
    let options = |options: &[u8]| Neighbour {
        options: options.to_vec(),
        ..asks.clone()
    };
    let code = Neighbour {
        code: 1,
        ..asks.clone()
    };
    let corrupt = Neighbour {
        corrupt: true,
        ..asks.clone()
    };
    let probe_with_mac = Neighbour {
        options: link_layer(1, PEER_MAC),
        ..Neighbour::probe(VIP)
    };
    let mut bench = Bench::new();
    let world = world().with_state(SLOT, State::Active);
    for asked in [
        far,
        from_group,
        extended,
        fragment,
        long,
        short,
        probe_elsewhere,
        options(&[1, 0, 2, 0, 0, 0, 0, 2]),
        options(&[1, 2, 2, 0, 0, 0, 0, 2]),
        options(&[1, 1, 2, 0]),
        options(&[[1, 1, 2, 0, 0, 0, 0, 2], NONCE].concat()),
        code,
        corrupt,
        probe_with_mac,
    ] {
        bench.receive(&world, &asked.build()).is_untouched();
    }
    let whole = asks.build();
    for length in 14..whole.len() {
        bench.receive(&world, &whole[..length]).is_untouched();
    }
}

//= C56: proof
//= C56: refusal
#[test]
fn other_neighbour_discovery_passes_untouched() {
    let mut bench = Bench::new();
    // A neighbour that answers a question which the stack asked from the virtual IP.
    let mut answer = Neighbour::announcement(PEER);
    answer.ip.destination = VIP;
    answer.flags = 0x60;
    for state in [State::Idle, State::Active] {
        for bits in [0, vip_state::INSTALLED] {
            let world = world().with_state(SLOT, state).with_vip_state(bits);
            for message in [
                Neighbour::who_has(PRIMARY),
                Neighbour::probe(PRIMARY),
                Neighbour::announcement(PEER),
                answer.clone(),
            ] {
                bench.receive(&world, &message.build()).is_untouched();
            }
        }
    }
}

#[test]
fn broken_claim_is_nobodys() {
    let mut bench = Bench::new();
    let claim = Neighbour::announcement(VIP);
    let mut far = claim.clone();
    far.ip.hop_limit = 254;
    let corrupt = Neighbour {
        corrupt: true,
        ..claim.clone()
    };
    // To a group, it answers nobody.
    let solicited = Neighbour {
        flags: 0xe0,
        ..claim
    };
    for state in [State::Active, State::Retiring] {
        let world = world().with_state(SLOT, state);
        for claim in [&far, &corrupt, &solicited] {
            bench.receive(&world, &claim.build()).is_untouched();
        }
    }
}

#[test]
fn own_answer_come_back_is_no_successor() {
    let mut world = world().with_state(SLOT, State::Retiring);
    for (_, entry) in &mut world.vips {
        entry.mac = PEER_MAC;
    }
    let mut answer = Neighbour::announcement(VIP);
    answer.ip.destination = PEER;
    answer.flags = 0xe0;
    Bench::new().receive(&world, &answer.build()).is_untouched();
}
