use vrrp_ebpf::abi::vip_state;

use super::*;
use crate::{
    config::{self, Instance},
    io::{
        engine::addresses::testing::{EPOCH, Shared, placement, worker},
        testing::{in_namespace, run},
    },
};

const ROUTER: RouterId = RouterId::first(0);

/// By virtual IP, in the order of the file.
const NEEDED: u32 = 0;
const ALSO_NEEDED: u32 = 1;
const EXCLUDED: u32 = 2;

/// A worker whose kernel refuses IPv6 on the interfaces that are told so.
struct World {
    worker: AddressWorker,
    shared: Shared,
}

fn instance(priority: u8) -> Instance {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n priority {priority}\n virtual_ipaddress {{\n  \
         fe80::51 dev ens34\n  2001:db8::1/64 dev ens35\n }}\n virtual_ipaddress_excluded {{\n  \
         2001:db8::2/64 dev ens36\n }}\n}}\n"
    );
    let config = config::parse("k.conf", text.as_bytes()).config;
    config.unwrap().instances.remove(0)
}

impl World {
    fn new(priority: u8) -> Self {
        let (mut worker, shared) = worker(&["ens34", "ens35", "ens36"]);
        let instance = instance(priority);
        let vips = (0..).map(VipId).zip(&instance.vips);
        let placements: Vec<_> = vips.map(placement).collect();
        let set = AddressSet::new(&placements, priority == 255);
        worker.insert(ROUTER, Box::new(set));
        shared.take_word(ROUTER, EPOCH);
        Self { worker, shared }
    }

    /// Carries an order out, as the thread does.
    fn order(&mut self, operation: Operation, lost: Option<u32>) -> Vec<Event> {
        self.worker.retries.forget(ROUTER);
        self.again(operation, lost)
    }

    /// The same once more; returns what was told of refusals.
    fn again(&mut self, operation: Operation, lost: Option<u32>) -> Vec<Event> {
        self.worker.carry_out(order(operation, lost));
        self.shared.told()
    }

    fn is_ready(&self, vip: u32) -> bool {
        self.shared.states.get(vip) & vip_state::READY != 0
    }

    fn next(&self) -> Option<Operation> {
        self.worker.retries.next().map(|(order, _)| order.operation)
    }
}

fn order(operation: Operation, lost: Option<u32>) -> Order {
    Order {
        router: ROUTER,
        operation,
        generation: 1,
        epoch: EPOCH,
        lost: lost.map(VipId),
    }
}

/// The kernel takes or refuses these virtual IPs, and removes what is there of them.
fn refuse(vips: &[u32], value: u8) {
    for vip in vips {
        let name = ["ens34", "ens35", "ens36"][*vip as usize];
        std::fs::write(
            format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"),
            value.to_string(),
        )
        .unwrap();
    }
}

const fn refused(vip: u32) -> Event {
    Event::AddressRefused {
        router: ROUTER,
        vip: VipId(vip),
    }
}

const ACCEPTED: Event = Event::AddressesAccepted { router: ROUTER };

#[test]
fn an_excluded_one_that_is_refused_does_not_hide_another() {
    in_namespace(async || {
        let mut world = World::new(100);
        refuse(&[EXCLUDED], 1);
        assert_eq!(world.order(Operation::Install, None), []);
        assert_eq!(world.again(Operation::Install, None), []);
        assert_eq!(world.next(), Some(Operation::Install), "asked again");
        refuse(&[NEEDED], 1);
        assert_eq!(world.order(Operation::Install, Some(NEEDED)), []);
        assert_eq!(world.again(Operation::Install, None), [refused(NEEDED)]);
        // Word may have been lost.
        assert_eq!(world.again(Operation::Install, None), [refused(NEEDED)]);
    });
}

#[test]
fn an_excluded_one_that_is_refused_keeps_nobody_in_fault() {
    in_namespace(async || {
        let mut world = World::new(100);
        refuse(&[NEEDED, EXCLUDED], 1);
        world.order(Operation::Install, None);
        assert_eq!(world.again(Operation::Install, None), [refused(NEEDED)]);
        world.order(Operation::Remove, None);
        assert_eq!(world.next(), Some(Operation::Try));
        assert_eq!(world.again(Operation::Try, None), [refused(NEEDED)]);
        refuse(&[NEEDED], 0);
        assert_eq!(world.again(Operation::Try, None), [ACCEPTED]);
        assert_eq!(world.next(), None);
        // Word may have been lost.
        for _ in 0..REPEATS {
            world.worker.look();
            assert_eq!(world.shared.told(), [ACCEPTED]);
        }
        world.worker.look();
        assert_eq!(world.shared.told(), []);
    });
}

/// As an owner's, and any that is acknowledged.
#[test]
fn what_is_refused_after_it_was_there_is_not_served() {
    for priority in [100, 255] {
        in_namespace(async move || {
            let mut world = World::new(priority);
            if priority == 255 {
                for (name, address) in [
                    ("ens34", "fe80::51/64"),
                    ("ens35", "2001:db8::1/64"),
                    ("ens36", "2001:db8::2/64"),
                ] {
                    run(&format!("ip addr add {address} dev {name} nodad"));
                }
            }
            assert_eq!(world.order(Operation::Install, None), []);
            assert!((0..3).all(|vip| world.is_ready(vip)));
            assert_eq!(world.next(), None);
            refuse(&[NEEDED], 1);
            assert_eq!(world.order(Operation::Install, None), []);
            assert!(!world.is_ready(NEEDED));
            assert!(world.is_ready(ALSO_NEEDED) && world.is_ready(EXCLUDED));
            assert_eq!(world.again(Operation::Install, None), [refused(NEEDED)]);
            refuse(&[NEEDED], 0);
            assert_eq!(world.again(Operation::Install, None), [ACCEPTED]);
            assert!(world.is_ready(NEEDED));
        });
    }
}

/// A flush of many is told as so many losses.
#[test]
fn of_a_lost_one_only_itself_is_asked_for() {
    in_namespace(async || {
        let mut world = World::new(100);
        world.order(Operation::Install, None);
        for (name, address) in [("ens35", "2001:db8::1/64"), ("ens36", "2001:db8::2/64")] {
            run(&format!("ip addr del {address} dev {name}"));
        }
        world.order(Operation::Install, Some(ALSO_NEEDED));
        assert!(has_address("ens35") && world.is_ready(ALSO_NEEDED));
        assert!(!has_address("ens36"), "told of by itself");
        world.order(Operation::Install, Some(EXCLUDED));
        assert!(has_address("ens36") && world.is_ready(EXCLUDED));
        assert_eq!(world.next(), None);
    });
}

#[test]
fn the_reason_stays_the_same_as_long_as_it_is_one() {
    in_namespace(async || {
        let mut world = World::new(100);
        refuse(&[ALSO_NEEDED], 1);
        world.order(Operation::Install, None);
        assert_eq!(
            world.again(Operation::Install, None),
            [refused(ALSO_NEEDED)]
        );
        refuse(&[NEEDED], 1);
        world.again(Operation::Install, Some(NEEDED));
        assert_eq!(
            world.again(Operation::Install, None),
            [refused(ALSO_NEEDED)]
        );
        refuse(&[ALSO_NEEDED], 0);
        assert_eq!(world.again(Operation::Install, None), [refused(NEEDED)]);
        refuse(&[NEEDED], 0);
        assert_eq!(world.again(Operation::Install, None), [ACCEPTED]);
        assert!(world.is_ready(NEEDED) && world.is_ready(ALSO_NEEDED));
    });
}

fn has_address(name: &str) -> bool {
    !run(&format!("ip -6 addr show dev {name} scope global")).is_empty()
}

/// After a cleanup that fenced us, or the start of another node.
#[test]
fn a_worker_whose_epoch_is_gone_neither_installs_nor_removes() {
    in_namespace(async || {
        let change = |how: &str| run(&format!("ip addr {how} 2001:db8::1/64 dev ens35"));
        let mut world = World::new(100);
        world.order(Operation::Install, None);
        let standing = order(Operation::Install, None);
        world.worker.standing.insert(ROUTER, standing);
        change("del");
        world.worker.look();
        assert!(has_address("ens35"), "put back as long as the word is ours");
        world.shared.take_word(ROUTER, EPOCH + 1);
        change("del");
        world.worker.look();
        world.order(Operation::Install, None);
        world.order(Operation::Install, Some(ALSO_NEEDED));
        assert!(!has_address("ens35"));

        change("add");
        world.order(Operation::Remove, None);
        let standing = order(Operation::Remove, None);
        world.worker.standing.insert(ROUTER, standing);
        world.worker.look();
        assert!(has_address("ens35"), "another node's");
        assert_eq!(world.next(), None);
    });
}

#[test]
fn what_was_refused_is_not_tried_after_the_epoch_is_gone() {
    in_namespace(async || {
        let mut world = World::new(100);
        refuse(&[ALSO_NEEDED], 1);
        world.order(Operation::Install, None);
        world.again(Operation::Install, None);
        world.order(Operation::Remove, None);
        assert_eq!(world.next(), Some(Operation::Try));
        world.shared.take_word(ROUTER, EPOCH + 1);
        refuse(&[ALSO_NEEDED], 0);
        assert_eq!(world.again(Operation::Try, None), []);
        assert_eq!(world.next(), None);
    });
}

/// Whether it is a FAULT is decided elsewhere (`no_track`).
#[test]
fn what_was_on_an_interface_that_is_deleted_is_missing_and_not_refused() {
    in_namespace(async || {
        let mut world = World::new(100);
        world.order(Operation::Install, None);
        let standing = order(Operation::Install, None);
        world.worker.standing.insert(ROUTER, standing);
        run("ip link del ens34");
        world.worker.look();
        assert!(!world.is_ready(NEEDED), "missing in the status");
        assert!(world.is_ready(ALSO_NEEDED) && world.is_ready(EXCLUDED));
        assert_eq!(world.next(), None, "there is nothing to put it back on");
        for _ in 0..2 {
            run("ip addr del 2001:db8::1/64 dev ens35");
            world.worker.look();
            assert!(has_address("ens35") && world.is_ready(ALSO_NEEDED));
            assert!(!world.is_ready(NEEDED));
        }
        assert_eq!(world.shared.told(), []);
        assert_eq!(world.next(), None);
    });
}
