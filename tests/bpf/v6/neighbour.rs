//! Neighbour Discovery for the virtual IPs (C46, C47, C52, C53, C56).

use vrrp_ebpf::{
    abi::{Counter, Event, EventKind, vip_state},
    ownership::State,
};
use vrrp_tests::{
    datapath::{
        World,
        v6::{
            PRIMARY, SLOT, SLOT_VLAN, VIP, VIP_GLOBAL, VIP_INDEX, VIP_VLAN, with_vip_state, world,
        },
        world::{MAC, VLAN},
    },
    frames::{
        Ethernet, PEER_MAC,
        v6::{ALL_NODES, Extension, Ipv6, Neighbour, PEER, UNSPECIFIED, link_layer},
    },
};

use crate::bench::{Bench, Fate, Outcome};

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
fn questions(target: [u8; 16]) -> Vec<Neighbour> {
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

/// Nodes that do not answer for the virtual IPs.
fn others() -> [World; 5] {
    let mut heard = world().with_state(SLOT, State::Retiring);
    heard.slot(SLOT).last_seen = 1;
    [
        world(),
        world().with_state(SLOT, State::Rising),
        world().with_expired(SLOT, State::Active),
        world().with_expired(SLOT, State::Retiring),
        heard,
    ]
}

//= C47: proof
//= C47, C52, C53: refusal
#[test]
fn nobody_else_answers() {
    let mut bench = Bench::new();
    let mut corrupt = Neighbour::who_has(VIP);
    corrupt.corrupt = true;
    let long = Neighbour {
        options: [link_layer(1, PEER_MAC), NONCE.to_vec()].concat(),
        ..Neighbour::who_has(VIP)
    };
    let mut extended = Neighbour::who_has(VIP);
    extended.ip.extensions = vec![Extension::hop_by_hop(), Extension::fragment(0)];
    for world in others() {
        let mut asked = questions(VIP);
        asked.extend([corrupt.clone(), long.clone(), extended.clone()]);
        for asked in asked {
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

//= C52: refusal
#[test]
fn nothing_is_answered_to_a_group() {
    let world = world().with_state(SLOT, State::Active);
    let asked = Neighbour {
        options: link_layer(1, [0x33, 0x33, 0, 0, 0, 1]),
        ..Neighbour::who_has(VIP)
    };
    let outcome = Bench::new().receive(&world, &asked.build());
    outcome.is_dropped(SLOT, Counter::NdIgnored);
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
            let world = with_vip_state(world().with_state(SLOT, state), bits);
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

/// Whatever speaks as a virtual IP from another MAC.
fn claims(address: [u8; 16]) -> [Neighbour; 4] {
    let mut asks_another = Neighbour::who_has(PEER);
    asks_another.ip.source = address;
    let mut tells_another = Neighbour::announcement(address);
    tells_another.ip.destination = PRIMARY;
    tells_another.flags = 0xe0;
    let without_mac = Neighbour {
        options: Vec::new(),
        ..Neighbour::announcement(address)
    };
    [
        Neighbour::announcement(address),
        asks_another,
        tells_another,
        without_mac,
    ]
}

fn event(kind: EventKind, vip: u32, source: [u8; 16]) -> Option<Event> {
    Some(Event {
        stamp: 0,
        slot: SLOT,
        vip,
        source,
        mac: PEER_MAC,
        interval_cs: 0,
        kind: kind as u8,
        version: 0,
        priority: 0,
        flags: 0,
        count: 0,
        _pad: [0; 3],
    })
}

#[test]
fn claim_is_a_conflict_for_the_active() {
    let mut bench = Bench::new();
    let world = world().with_state(SLOT, State::Active);
    for (vip, address) in [(VIP_INDEX, VIP), (VIP_INDEX + 1, VIP_GLOBAL)] {
        for claim in claims(address) {
            let outcome = bench.receive(&world, &claim.build());
            assert_eq!(outcome.fate, Fate::Pass);
            assert_eq!(outcome.counters, [(SLOT, Counter::NdConflict)]);
            assert_eq!(outcome.event, event(EventKind::Conflict, vip, address));
            assert_eq!(outcome.seen, None);
        }
    }
}

#[test]
fn claim_tells_a_retiring_node_that_its_successor_is_there() {
    let mut bench = Bench::new();
    let world = world().with_state(SLOT, State::Retiring);
    for claim in claims(VIP) {
        let outcome = bench.receive(&world, &claim.build());
        assert_eq!(outcome.fate, Fate::Pass);
        assert_eq!(outcome.counters, []);
        let successor = event(EventKind::SuccessorAnnounced, VIP_INDEX, VIP);
        assert_eq!(outcome.event, successor);
        assert_eq!(outcome.seen, Some(SLOT));
    }
}

#[test]
fn claim_passes_a_node_that_owns_nothing() {
    let mut bench = Bench::new();
    for world in [
        world(),
        world().with_state(SLOT, State::Rising),
        world().with_expired(SLOT, State::Active),
    ] {
        for claim in claims(VIP) {
            bench.receive(&world, &claim.build()).is_untouched();
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
fn own_announcement_come_back_is_no_conflict() {
    let world = world().with_state(SLOT, State::Active);
    let mut echo = Neighbour {
        options: link_layer(2, MAC),
        ..Neighbour::announcement(VIP)
    };
    echo.ethernet.source = MAC;
    Bench::new().receive(&world, &echo.build()).is_untouched();
}

#[test]
fn successor_may_have_our_virtual_mac() {
    let mut world = world().with_state(SLOT, State::Retiring);
    for (_, entry) in &mut world.vips {
        entry.mac = PEER_MAC;
    }
    let mut bench = Bench::new();
    let outcome = bench.receive(&world, &Neighbour::announcement(VIP).build());
    let successor = event(EventKind::SuccessorAnnounced, VIP_INDEX, VIP);
    assert_eq!(outcome.event, successor);
    assert_eq!(outcome.seen, Some(SLOT));

    // Our own answer to somebody is none.
    let mut answer = Neighbour::announcement(VIP);
    answer.ip.destination = PEER;
    answer.flags = 0xe0;
    bench.receive(&world, &answer.build()).is_untouched();
}
