//! Proxy ARP by a virtual router that uses its Virtual Router MAC (C62).

use vrrp_ebpf::{abi::Counter, ownership::State, types::Family, wire::mac};
use vrrp_tests::{
    datapath::{
        behind::{BEHIND, BESIDE},
        world::{MAC, PRIMARY, SLOT, VIP, VLAN, VRID, World},
    },
    frames::{Arp, PEER_MAC},
};

use crate::{
    bench::{Bench, Fate},
    kernel::among_routes,
};

const VIRTUAL: [u8; 6] = mac::of_router(Family::V4, VRID);
const SERVER: [u8; 4] = [BEHIND[0], BEHIND[1], 0, 9];

fn world() -> World {
    World::new().with_virtual_mac(SLOT).with_proxy(SLOT)
}

//= C62: proof
#[test]
fn owner_answers_for_hosts_behind_it_with_the_virtual_mac() {
    among_routes(|| {
        let mut bench = Bench::new();
        for state in [State::Active, State::Retiring] {
            let world = world().with_state(SLOT, state);
            let outcome = bench.send(&world, &Arp::reply(MAC, SERVER).build());
            assert_eq!(outcome.fate, Fate::Pass);
            assert_eq!(outcome.counters, [(SLOT, Counter::ProxyArpWritten)]);
            assert_eq!(outcome.frame, Arp::reply(VIRTUAL, SERVER).build());
        }
    });
}

//= C62: refusal
#[test]
fn other_nodes_answer_for_nobody() {
    among_routes(|| {
        let mut bench = Bench::new();
        let mut succeeded = world().with_state(SLOT, State::Retiring);
        succeeded.slot(SLOT).last_seen = 1;
        for world in [
            world(),
            world().with_state(SLOT, State::Rising),
            world().with_expired(SLOT, State::Active),
            succeeded,
        ] {
            let outcome = bench.send(&world, &Arp::reply(MAC, SERVER).build());
            outcome.is_dropped(SLOT, Counter::EgressProxyArp);
        }
    });
}

//= C62: refusal
#[test]
fn what_is_no_proxy_arp_leaves_as_it_is() {
    among_routes(|| {
        let mut bench = Bench::new();
        let own_network = [BESIDE[0], BESIDE[1], 0, 9];
        let mut tagged = Arp::reply(MAC, SERVER);
        tagged.ethernet.tags = vec![(0x8100, VLAN)];
        let mut asks = Arp::reply(MAC, SERVER);
        asks.operation = 1;
        for world in [world(), world().with_state(SLOT, State::Active)] {
            for arp in [
                // Addresses of this host, and of a container that shares the interface.
                Arp::reply(MAC, PRIMARY),
                Arp::reply(MAC, [127, 0, 0, 1]),
                Arp::reply(MAC, own_network),
                // A MAC that is not the interface's.
                Arp::reply(PEER_MAC, SERVER),
                tagged.clone(),
                asks.clone(),
            ] {
                let frame = arp.build();
                let outcome = bench.send(&world, &frame);
                outcome.is_untouched();
                assert_eq!(outcome.frame, frame);
            }
        }
    });
}

#[test]
fn without_a_virtual_mac_the_kernel_answers_as_ever() {
    among_routes(|| {
        let mut bench = Bench::new();
        let active = World::new().with_state(SLOT, State::Active);
        // The only one that uses its own is of another interface.
        let elsewhere = active.clone().with_virtual_mac(SLOT);
        for world in [active, elsewhere] {
            let frame = Arp::reply(MAC, SERVER).build();
            bench.send(&world, &frame).is_untouched();
        }
    });
}

#[test]
fn a_virtual_ip_is_judged_as_such_wherever_it_is_routed() {
    among_routes(|| {
        let mut bench = Bench::new();
        let world = world().with_state(SLOT, State::Active);
        let outcome = bench.send(&world, &Arp::reply(MAC, VIP).build());
        assert_eq!(outcome.counters, [(SLOT, Counter::MacWritten)]);
    });
}
