//! Turns on a machine whose time moves when it is told to.

mod changes;
mod fake;

use std::{collections::BTreeMap, net::IpAddr};

use nix::errno::Errno;
use vrrp_ebpf::{
    abi::Event as Record,
    ownership::{self, Ownership},
    types::{Mac, address_bytes},
};

use self::fake::{Did, Fake};
use super::*;
use crate::{
    config,
    ids::InterfaceId,
    io::engine::{
        Addition, Blueprint,
        addresses::{Operation, Order},
        message::{Command, Event},
    },
    plan::{Desired, DesiredRouter},
    proto::{FaultReason, State},
};

const MAC: Mac = [2, 0, 0, 0, 0, 1];
const MILLISECOND: u64 = 1_000_000;
/// Advertisement_Interval of every router here.
const INTERVAL: u64 = 10 * MILLISECOND;
/// Active_Down_Interval with priority 254: 3 intervals and the Skew_Time.
const DOWN: u64 = 3 * INTERVAL + INTERVAL * 2 / 256;

/// Routers 51 and 52, or the first of them alone.
fn routers(count: usize) -> Vec<Blueprint> {
    let numbers = (0..u8::try_from(count).unwrap()).zip((0..).map(RouterId::first));
    let routers = numbers.map(|(number, id)| {
        let name = format!("VI_{number}");
        blueprint(id, &name, 51 + number, 254, &[254 - number])
    });
    routers.collect()
}

/// With virtual IPs that end so.
fn blueprint(id: RouterId, name: &str, vrid: u8, priority: u8, vips: &[u8]) -> Blueprint {
    Blueprint::new(id, desired(id, name, vrid, priority, vips))
}

fn desired(id: RouterId, name: &str, vrid: u8, priority: u8, vips: &[u8]) -> DesiredRouter {
    let vips: String = vips
        .iter()
        .map(|vip| format!("  192.168.1.{vip}\n"))
        .collect();
    let text = format!(
        "vrrp_instance {name} {{\n interface ens33\n version 3\n advert_int 0.01\n priority {priority}\n \
         virtual_router_id {vrid}\n garp_master_repeat 2\n virtual_ipaddress {{\n{vips} }}\n}}\n",
    );
    let parsed = config::parse("k.conf", text.as_bytes());
    let config = parsed
        .config
        .unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics));
    let interfaces = BTreeMap::from([("ens33".to_owned(), InterfaceId(2))]);
    let desired = Desired::new(&config, &interfaces, &Desired::default()).unwrap();
    let mut router = desired.routers().next().unwrap().1.clone();
    for placed in &mut router.vips {
        let IpAddr::V4(address) = placed.vip.address else {
            panic!("{placed:?}");
        };
        // The same wherever it is in the list.
        placed.id = VipId(1000 * id.slot() + u32::from(address.octets()[3]));
    }
    router
}

struct Engine {
    driver: Driver,
    machine: Fake,
    blueprints: Vec<Blueprint>,
}

impl Engine {
    /// Routers that are Backup since 1 ms.
    fn started(count: usize) -> Self {
        let mut machine = Fake {
            now: MILLISECOND,
            ..Fake::default()
        };
        let mut driver = Driver::new();
        let mut blueprints = routers(count);
        for blueprint in &mut blueprints {
            driver
                .add(Addition::new(blueprint, None), &mut machine)
                .unwrap();
        }
        let mut engine = Self {
            driver,
            machine,
            blueprints,
        };
        for slot in 0..count {
            engine.link_up(slot, MAC);
        }
        engine.turn().unwrap();
        engine.answer();
        engine.turn().unwrap();
        assert_eq!(engine.state(0), State::Backup);
        engine.machine.did.clear();
        engine.machine.told.clear();
        engine
    }

    /// The interface has this MAC.
    fn link_up(&mut self, slot: usize, mac: Mac) {
        let blueprint = &mut self.blueprints[slot];
        blueprint.set_interface(IpAddr::from([192, 168, 1, 1]), mac);
        self.exchange(slot);
        let router = self.blueprints[slot].id();
        self.machine.commands.push_back(Command::LinkUp(router));
    }

    /// Hands over what a router is made of now.
    fn exchange(&mut self, slot: usize) {
        let blueprint = &mut self.blueprints[slot];
        if let Some(parts) = blueprint.news().unwrap() {
            let (router, parts) = (blueprint.id(), Box::new(parts));
            self.machine
                .commands
                .push_back(Command::Parts { router, parts });
        }
    }

    /// The address worker has carried out all that it was asked for.
    fn answer(&mut self) {
        let orders = std::mem::take(&mut self.machine.orders);
        let reports = orders.into_iter().map(Report::Done);
        self.machine.reports.extend(reports);
    }

    fn state(&self, slot: u16) -> State {
        self.driver.router(RouterId::first(slot)).unwrap().state()
    }

    fn step(&mut self) -> Result<Progress, End> {
        self.driver.step(&mut self.machine)
    }

    fn turn(&mut self) -> Result<(), End> {
        while self.step()? == Progress::Unfinished {}
        Ok(())
    }

    fn turn_at(&mut self, now: u64) -> Result<(), End> {
        self.machine.now = now;
        self.turn()
    }

    /// Steps until the driver is about to do this.
    fn until(&mut self, step: Step) {
        for _ in 0..10 * RING_RECORDS {
            if self.driver.next_step() == step {
                return;
            }
            assert_eq!(self.step(), Ok(Progress::Unfinished), "no {step:?} came");
        }
        panic!("no {step:?} came");
    }
}

fn record(priority: u8, arrived: u64) -> Record {
    Record {
        stamp: arrived,
        kind: EventKind::Advert as u8,
        version: 3,
        priority,
        interval_cs: 1,
        source: address_bytes(IpAddr::from([192, 168, 1, 2])),
        ..bytemuck::Zeroable::zeroed()
    }
}

#[test]
fn a_deadline_is_believed_after_the_ring_and_the_stamps() {
    let due = MILLISECOND + DOWN;
    let mut engine = Engine::started(1);
    engine.machine.records.push_back(record(255, due - 1000));
    engine.turn_at(due).unwrap();
    assert_eq!(engine.state(0), State::Backup);
    // The next one left no record.
    let due = due - 1000 + DOWN;
    engine.machine.words[0].last_seen = due - 2000;
    engine.turn_at(due).unwrap();
    assert_eq!(engine.state(0), State::Backup);
    engine.turn_at(due - 2000 + DOWN).unwrap();
    assert_eq!(engine.state(0), State::Active);
}

/// What comes in between the last record and the look at the stamp counts.
#[test]
fn an_advert_that_comes_in_the_middle_of_a_turn_is_not_missed() {
    let due = MILLISECOND + DOWN;
    let mut engine = Engine::started(1);
    engine.machine.now = due;
    engine.until(Step::Timers);
    engine.machine.words[0].last_seen = due + 1;
    engine.turn().unwrap();
    assert_eq!(engine.state(0), State::Backup);
}

#[test]
fn a_flood_of_records_leaves_time_for_timers_and_commands() {
    let due = MILLISECOND + DOWN;
    let mut engine = Engine::started(1);
    engine.machine.flood = true;
    engine.machine.records.push_back(record(1, MILLISECOND));
    engine.machine.commands.push_back(Command::Stop);
    engine.machine.now = due;
    engine.until(Step::Timers);
    engine.turn().unwrap();
    let promoted = |event: &Event| matches!(event, Event::Transition { transition, .. } if transition.to == State::Active);
    assert!(engine.machine.told.iter().any(promoted));
    assert!(engine.machine.commands.is_empty());
}

#[test]
fn a_lease_counts_from_before_its_advert_was_handed_over() {
    let due = MILLISECOND + DOWN;
    let mut engine = Engine::started(1);
    engine.machine.now = due;
    engine.until(Step::Advert);
    // The engine stands still with the advert in its hand.
    engine.machine.now += 7 * MILLISECOND;
    assert!(!engine.machine.did.contains(&Did::Advertised(0)));
    engine.until(Step::Renewal);
    assert!(engine.machine.did.contains(&Did::Advertised(0)));
    engine.turn().unwrap();
    let word = Ownership(engine.machine.words[0].ownership);
    let lease = Ownership::new(word.state(), word.epoch(), due + 3 * INTERVAL);
    assert_eq!(word, lease);
}

#[test]
fn outputs_keep_their_order() {
    let due = MILLISECOND + DOWN;
    let mut engine = Engine::started(1);
    engine.turn_at(due).unwrap();
    let active = Did::Wrote(0, ownership::State::Active);
    let expected = [
        active,
        Did::Advertised(0),
        Did::Ordered(0, Operation::Install),
        Did::Announced(0),
        active,
    ];
    assert_eq!(engine.machine.did, expected);
}

#[test]
fn who_lost_its_word_neither_wakes_nor_sends() {
    let due = MILLISECOND + DOWN;
    let foreign = Ownership::new(ownership::State::Idle, 7, 0);
    let mut engine = Engine::started(1);
    engine.machine.words[0].ownership = foreign.0;
    assert_eq!(engine.turn_at(2 * MILLISECOND), Err(End::Superseded));
    let mut engine = Engine::started(1);
    engine.turn_at(due).unwrap();
    // Of an Active, between two outputs: the next is the advert.
    engine.machine.now = due + INTERVAL;
    engine.machine.did.clear();
    engine.until(Step::Output);
    engine.machine.words[0].ownership = foreign.0;
    assert_eq!(engine.turn(), Err(End::Superseded));
    assert_eq!(engine.machine.did, []);
}

/// The interface has room for one announcement a turn.
#[test]
fn a_first_announcement_of_one_router_comes_before_the_repeats_of_another() {
    let mut engine = Engine::started(2);
    for _ in 0..20 {
        let next = engine.driver.deadline().unwrap();
        engine.turn_at(next.0).unwrap();
    }
    engine.machine.did.clear();
    for slot in 0..2 {
        engine.link_up(slot, [2, 0, 0, 0, 0, 9]);
    }
    for _ in 0..4 {
        engine.machine.room = Some(1);
        engine.turn_at(engine.machine.now + MILLISECOND).unwrap();
    }
    let announced = engine.machine.did.iter().filter_map(|did| match did {
        Did::Announced(router) => Some(*router),
        _ => None,
    });
    assert_eq!(announced.collect::<Vec<u32>>(), [0, 1, 0, 1]);
}

#[test]
fn a_stop_is_over_when_every_router_is_drained() {
    let due = MILLISECOND + DOWN;
    let mut engine = Engine::started(2);
    engine.turn_at(due).unwrap();
    engine.machine.did.clear();
    engine.machine.commands.push_back(Command::Stop);
    engine.turn_at(due + MILLISECOND).unwrap();
    assert_eq!(
        (engine.state(0), engine.state(1)),
        (State::Retiring, State::Retiring)
    );
    engine.machine.did.clear();
    let mut ended = Ok(());
    while ended.is_ok() {
        let next = engine.driver.deadline().map_or(0, |deadline| deadline.0);
        ended = engine.turn_at(next.max(engine.machine.now + 1));
        engine.answer();
    }
    assert_eq!(ended, Err(End::Stopped));
    assert_eq!(engine.state(0), State::Initialize);
}

#[test]
fn a_ping_is_answered_without_a_router() {
    let mut engine = Engine {
        driver: Driver::new(),
        machine: Fake::default(),
        blueprints: Vec::new(),
    };
    engine.machine.commands.push_back(Command::Ping);
    engine.turn().unwrap();
    assert_eq!(engine.machine.told, [Event::Alive]);
}

#[test]
fn an_order_without_room_is_told_of_the_router_and_of_no_virtual_ip() {
    let mut engine = Engine::started(2);
    engine.machine.stuck = true;
    engine.machine.now = MILLISECOND + DOWN;
    engine.turn().unwrap();
    let failed = |router| Event::OrderFailed {
        router,
        errno: Errno::EAGAIN as i32,
    };
    for router in [0, 1].map(RouterId::first) {
        assert!(engine.machine.told.contains(&failed(router)), "{router}");
    }
}

/// What waits in a channel may be about a router that has gone, whose slot another one has by now.
#[test]
fn what_is_said_of_an_earlier_tenant_of_a_slot_is_about_nobody() {
    let due = MILLISECOND + DOWN;
    let gone = RouterId::first(0);
    let mut engine = Engine {
        driver: Driver::new(),
        machine: Fake {
            now: MILLISECOND,
            ..Fake::default()
        },
        blueprints: vec![blueprint(gone.next(), "VI_1", 51, 254, &[254])],
    };
    let addition = Addition::new(&mut engine.blueprints[0], None);
    engine.machine.commands.push_back(Command::Add(addition));
    let state = |engine: &Engine| engine.driver.router(gone.next()).unwrap().state();
    engine.machine.commands.push_back(Command::LinkUp(gone));
    engine.turn().unwrap();
    assert_eq!(state(&engine), State::Initialize);
    engine.link_up(0, MAC);
    engine.turn_at(due).unwrap();
    engine.turn_at(due + DOWN).unwrap();
    assert_eq!(state(&engine), State::Active);
    assert!(engine.driver.router(gone).is_none());
    engine.machine.did.clear();
    engine.machine.told.clear();
    let reasons = FaultReason::LinkDown.into();
    let vip = VipId(0);
    engine.machine.commands.extend([
        Command::Fault {
            router: gone,
            reasons,
        },
        Command::AddressLost { router: gone, vip },
        Command::Snapshot { router: gone },
    ]);
    let order = engine.machine.orders.pop_back().unwrap();
    let report = Report::Done(Order {
        router: gone,
        ..order
    });
    engine.machine.reports.push_back(report);
    engine.turn().unwrap();
    assert_eq!(state(&engine), State::Active);
    assert_eq!((engine.machine.did, engine.machine.told), (vec![], vec![]));
}
