//! What the worker does to the kernel, in a network namespace.

mod moves;
mod options;

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use netlink_packet_route::address::{AddressAttribute, CacheInfo};

use super::*;
use crate::{
    config,
    io::{
        engine::{
            addresses::{
                Job, Report,
                testing::{EPOCH, Shared, placement, worker},
            },
            message::Event,
        },
        netlink::address::address,
        testing::{in_namespace, index, run},
    },
};

const ROUTER: RouterId = RouterId::first(0);
const OTHER: RouterId = RouterId::first(1);
const READY: u64 = vip_state::INSTALLED | vip_state::READY;

struct World {
    worker: AddressWorker,
    shared: Shared,
    generation: u32,
}

impl World {
    /// Two interfaces, and a worker that has no routers.
    fn new() -> Self {
        let (worker, shared) = worker(&["ens33", "ens34"]);
        for router in [ROUTER, OTHER] {
            shared.take_word(router, EPOCH);
        }
        Self {
            worker,
            shared,
            generation: 0,
        }
    }

    fn order(&mut self, router: RouterId, operation: Operation) -> Order {
        self.generation += 1;
        Order {
            router,
            operation,
            generation: self.generation,
            epoch: EPOCH,
            lost: None,
        }
    }

    /// The router has these virtual IPs from now on, as lines of `virtual_ipaddress` by id.
    fn change(&mut self, router: RouterId, operation: Operation, vips: &[(u32, &str)]) {
        let set = Box::new(set(100, vips));
        self.change_to(router, operation, set);
    }

    fn change_to(&mut self, router: RouterId, operation: Operation, set: Box<AddressSet>) {
        let is_new = !self.worker.sets.contains_key(&router);
        let order = self.order(router, operation);
        self.worker.work(Job::Change { order, set }).unwrap();
        let reports = self.shared.reports.try_iter();
        let answers = reports.filter(|report| !matches!(report, Report::Told(_)));
        let answers = Vec::from_iter(answers);
        match &answers[..] {
            [Report::Done(done)] => assert!(*done == order && is_new),
            [Report::Done(done), Report::Retired(_)] => assert!(*done == order && !is_new),
            other => panic!("{other:?}"),
        }
    }

    /// An order to go on with the same virtual IPs; returns what was told.
    fn order_of(&mut self, router: RouterId, operation: Operation) -> Vec<Event> {
        let order = self.order(router, operation);
        self.worker.work(Job::Order(order)).unwrap();
        self.shared.told()
    }

    fn states<const N: usize>(&self, ids: [u32; N]) -> [u64; N] {
        ids.map(|id| self.shared.states.get(id))
    }
}

/// The virtual IPs of a configuration.
fn set(priority: u8, vips: &[(u32, &str)]) -> AddressSet {
    let lines: String = vips.iter().map(|(_, line)| format!("  {line}\n")).collect();
    let text = format!(
        "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n priority {priority}\n virtual_ipaddress {{\n{lines} }}\n}}\n"
    );
    let config = config::parse("k.conf", text.as_bytes()).config;
    let vips_of_file = config.unwrap().instances.remove(0).vips;
    assert_eq!(vips_of_file.len(), vips.len());
    let ids = vips.iter().map(|(id, _)| VipId(*id));
    let placements: Vec<_> = ids.zip(&vips_of_file).map(placement).collect();
    AddressSet::new(&placements, priority == 255)
}

/// An address as the kernel has it: when it came, when it was last changed, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    created: u32,
    changed: u32,
    preferred: u32,
}

/// What is on the interface of the virtual IPs, by address and prefix length.
fn found(name: &str) -> BTreeMap<(IpAddr, u8), Found> {
    let all = present::addresses(index(name)).unwrap();
    let found = all.iter().filter_map(|message| {
        let cache = message
            .attributes
            .iter()
            .find_map(|attribute| match attribute {
                AddressAttribute::CacheInfo(cache) => Some(*cache),
                _ => None,
            });
        let CacheInfo {
            ifa_preferred,
            cstamp,
            tstamp,
            ..
        } = cache.unwrap();
        let found = Found {
            created: cstamp,
            changed: tstamp,
            preferred: ifa_preferred,
        };
        Some(((address(message)?, message.header.prefix_len), found))
    });
    // The interface's own link-local address.
    let is_own = |address: IpAddr| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local() && address.segments()[7] > 0x100);
    found
        .filter(|((address, _), _)| !is_own(*address))
        .collect()
}

/// The kernel's stamps count in hundredths of a second.
#[expect(clippy::disallowed_methods, reason = "any longer will do")]
async fn wait_for_another_stamp() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

fn names(name: &str) -> Vec<String> {
    let found = found(name);
    let names = found
        .keys()
        .map(|(address, prefix)| format!("{address}/{prefix}"));
    names.collect()
}

fn place(text: &str) -> (IpAddr, u8) {
    let (address, prefix) = text.split_once('/').unwrap();
    (address.parse().unwrap(), prefix.parse().unwrap())
}

#[test]
fn what_stays_is_not_touched() {
    stays_untouched(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"], 32);
    stays_untouched(
        ["fe80::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"],
        128,
    );
}

fn stays_untouched(vips: [&'static str; 4], prefix: u8) {
    in_namespace(async move || {
        let [first, second, third, fourth] = vips;
        let mut world = World::new();
        let before = [(0, first), (1, second), (2, third)];
        world.change(ROUTER, Operation::Remove, &before);
        world.order_of(ROUTER, Operation::Install);
        assert_eq!(world.states([0, 1, 2]), [READY; 3]);
        let before = found("ens33");
        wait_for_another_stamp().await;
        let after = [(0, first), (3, fourth), (2, third)];
        world.change(ROUTER, Operation::Install, &after);
        let after = found("ens33");
        let at = |vip| place(&format!("{vip}/{prefix}"));
        assert_eq!(after.len(), 3, "{after:?}");
        for same in [first, third] {
            assert_eq!(after[&at(same)], before[&at(same)], "{same}");
        }
        assert!(after[&at(fourth)].created > before[&at(first)].created);
        assert_eq!(world.states([0, 1, 2, 3]), [READY, 0, READY, READY]);
        // And it all goes.
        world.order_of(ROUTER, Operation::Remove);
        assert_eq!(names("ens33"), [""; 0]);
        assert_eq!(world.states([0, 1, 2, 3]), [0; 4]);
    });
}

#[test]
fn an_equal_set_changes_nothing() {
    in_namespace(async || {
        let vips = [(0, "10.0.0.1/24 label ens33:1"), (1, "10.0.0.2/24 brd +")];
        let mut world = World::new();
        world.change(ROUTER, Operation::Install, &vips);
        let before = found("ens33");
        wait_for_another_stamp().await;
        world.change(ROUTER, Operation::Install, &vips);
        assert_eq!(found("ens33"), before);
        assert_eq!(world.states([0, 1]), [READY; 2]);
    });
}

/// A Backup has none on its interface, nor what an earlier run left of the new ones.
#[test]
fn a_router_that_does_not_serve_gets_none() {
    in_namespace(async || {
        let mut world = World::new();
        run("ip addr add 192.168.1.1/24 dev ens33");
        world.change(ROUTER, Operation::Remove, &[(0, "10.0.0.1")]);
        run("ip addr add 10.0.0.2/24 dev ens33");
        let after = [(0, "10.0.0.1/24"), (1, "10.0.0.2")];
        world.change(ROUTER, Operation::Remove, &after);
        assert_eq!(names("ens33"), ["192.168.1.1/24"]);
        assert_eq!(world.states([0, 1]), [0; 2]);
        world.order_of(ROUTER, Operation::Install);
        let expected = ["10.0.0.1/24", "10.0.0.2/32", "192.168.1.1/24"];
        assert_eq!(names("ens33"), expected);
        assert_eq!(world.states([0, 1]), [READY; 2]);
    });
}

/// Options, and whether the address stays while they change.
#[test]
fn the_hosts_own_stays_when_it_is_no_virtual_ip_any_more() {
    in_namespace(async || {
        let mut world = World::new();
        run("ip addr add 10.0.0.1/24 dev ens33");
        let before = [(0, "10.0.0.1/24"), (1, "10.0.0.2")];
        world.change(ROUTER, Operation::Remove, &before);
        assert_eq!(world.states([0, 1]), [vip_state::INSTALLED, 0]);
        world.order_of(ROUTER, Operation::Install);
        // It is not the only one any more, and is known all the same.
        run("ip addr add 192.168.1.1/24 dev ens33");
        world.change(ROUTER, Operation::Install, &[(1, "10.0.0.2")]);
        let expected = ["10.0.0.1/24", "10.0.0.2/32", "192.168.1.1/24"];
        assert_eq!(names("ens33"), expected);
        assert_eq!(world.states([0, 1]), [0, READY]);
    });
}

/// With priority 255 the host has some, and the node installs the rest.
#[test]
fn of_an_owners_only_the_nodes_go() {
    in_namespace(async || {
        let mut world = World::new();
        run("ip addr add 10.0.0.1/24 dev ens33");
        let before = [(0, "10.0.0.1/24"), (1, "10.0.0.2/32"), (2, "10.0.0.3/32")];
        world.change_to(ROUTER, Operation::Install, Box::new(set(255, &before)));
        assert_eq!(world.states([0, 1, 2]), [READY; 3]);
        let stamps = found("ens33");
        wait_for_another_stamp().await;
        let after = [(2, "10.0.0.3/32"), (3, "10.0.0.4/32")];
        world.change_to(ROUTER, Operation::Install, Box::new(set(255, &after)));
        assert_eq!(
            names("ens33"),
            ["10.0.0.1/24", "10.0.0.3/32", "10.0.0.4/32"]
        );
        assert_eq!(world.states([0, 1, 2, 3]), [0, 0, READY, READY]);
        let third = place("10.0.0.3/32");
        assert_eq!(found("ens33")[&third], stamps[&third]);
        world.order_of(ROUTER, Operation::Remove);
        assert_eq!(names("ens33"), ["10.0.0.1/24"]);
    });
}

/// An order was lost, or the router has begun to serve meanwhile.
#[test]
fn a_change_carries_out_what_the_router_wants_now() {
    in_namespace(async || {
        let mut world = World::new();
        world.change(ROUTER, Operation::Remove, &[(0, "10.0.0.1")]);
        let after = [(0, "10.0.0.1"), (1, "10.0.0.2")];
        world.change(ROUTER, Operation::Install, &after);
        assert_eq!(names("ens33"), ["10.0.0.1/32", "10.0.0.2/32"]);
        let after = [(0, "10.0.0.1/24"), (2, "10.0.0.4")];
        world.change(ROUTER, Operation::Remove, &after);
        assert_eq!(names("ens33"), [""; 0]);
        assert_eq!(world.states([0, 1, 2]), [0; 3]);
    });
}

fn refuse_ipv6(value: u8) {
    let path = "/proc/sys/net/ipv6/conf/ens34/disable_ipv6";
    std::fs::write(path, value.to_string()).unwrap();
}

/// Without the one that the kernel refuses, the router has all that it needs.
#[test]
fn what_is_refused_is_forgotten_with_its_virtual_ip() {
    in_namespace(async || {
        let both = [(0, "fe80::51"), (1, "2001:db8::1 dev ens34")];
        for serves in [true, false] {
            let mut world = World::new();
            refuse_ipv6(1);
            world.change(ROUTER, Operation::Install, &both);
            let again = world.order(ROUTER, Operation::Install);
            world.worker.carry_out(again);
            let refused = Event::AddressRefused {
                router: ROUTER,
                vip: VipId(1),
            };
            assert_eq!(world.shared.told(), [refused]);
            let operation = if serves {
                Operation::Install
            } else {
                world.order_of(ROUTER, Operation::Remove);
                Operation::Remove
            };
            let set = Box::new(set(100, &both[..1]));
            let order = world.order(ROUTER, operation);
            world.worker.work(Job::Change { order, set }).unwrap();
            let accepted = Event::AddressesAccepted { router: ROUTER };
            assert_eq!(world.shared.told(), [accepted]);
            assert_eq!(world.worker.retries.next(), None);
            run("ip link del ens33 && ip link del ens34");
        }
    });
}

#[test]
fn nothing_is_left_of_a_router_that_is_forgotten() {
    in_namespace(async || {
        let mut world = World::new();
        run("ip addr add 10.0.0.9/24 dev ens33");
        let vips = [(0, "10.0.0.9/24"), (1, "10.0.0.1")];
        world.change(ROUTER, Operation::Install, &vips);
        world.change(OTHER, Operation::Install, &[(2, "10.0.0.3")]);
        world.order_of(ROUTER, Operation::Remove);
        assert_eq!(world.states([0, 1]), [vip_state::INSTALLED, 0]);
        world.worker.work(Job::Forget(ROUTER)).unwrap();
        assert!(matches!(
            world.shared.reports.try_recv(),
            Ok(Report::Retired(_))
        ));
        assert_eq!(world.states([0, 1, 2]), [0, 0, READY]);
        let worker = &world.worker;
        assert!(!worker.sets.contains_key(&ROUTER) && !worker.standing.contains_key(&ROUTER));
        assert!(worker.told.keys().all(|(router, ..)| *router != ROUTER));
        let places: Vec<_> = worker
            .virtual_ips
            .iter()
            .map(|(_, address)| address.to_string())
            .collect();
        assert_eq!(places, ["10.0.0.3"]);
        assert_eq!(names("ens33"), ["10.0.0.3/32", "10.0.0.9/24"]);
        // Whom nobody knows.
        world.worker.work(Job::Forget(ROUTER)).unwrap();
        assert!(world.shared.reports.try_recv().is_err());
        assert_eq!(world.order_of(ROUTER, Operation::Install), []);
    });
}

/// After `cleanup --fence`, or the start of another node.
#[test]
fn a_worker_whose_epoch_is_gone_changes_nothing() {
    in_namespace(async || {
        let mut world = World::new();
        world.change(
            ROUTER,
            Operation::Install,
            &[(0, "10.0.0.1"), (1, "10.0.0.2")],
        );
        let before = found("ens33");
        world.shared.take_word(ROUTER, EPOCH + 1);
        wait_for_another_stamp().await;
        for operation in [Operation::Install, Operation::Remove] {
            world.change(ROUTER, operation, &[(0, "10.0.0.1/24"), (2, "10.0.0.3")]);
            assert_eq!(found("ens33"), before);
        }
        world.worker.look();
        assert_eq!(found("ens33"), before);
    });
}
