//! Turns on a machine whose time moves when it is told to.

mod fake;

use std::net::IpAddr;

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
        Plan,
        addresses::{Operation, Order},
        message::{Command, Event},
    },
    proto::{FaultReason, State},
};

const MAC: Mac = [2, 0, 0, 0, 0, 1];
const MILLISECOND: u64 = 1_000_000;
/// Advertisement_Interval of every router here.
const INTERVAL: u64 = 10 * MILLISECOND;
/// Active_Down_Interval with priority 254: 3 intervals and the Skew_Time.
const DOWN: u64 = 3 * INTERVAL + INTERVAL * 2 / 256;

/// Routers 51 and 52, or the first of them alone.
fn routers(count: usize) -> Vec<RouterPlan> {
    let instance = |number: usize| {
        format!(
            "vrrp_instance VI_{number} {{\n interface ens33\n version 3\n advert_int 0.01\n \
             priority 254\n virtual_router_id {}\n garp_master_repeat 2\n \
             virtual_ipaddress {{\n  192.168.1.{}\n }}\n}}\n",
            51 + number,
            254 - number
        )
    };
    let text: String = (0..count).map(instance).collect();
    let parsed = config::parse("k.conf", text.as_bytes());
    let config = parsed
        .config
        .unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics));
    Plan::new(&config.instances, |_| Some((InterfaceId(2), MAC)))
        .unwrap()
        .routers
}

struct Engine {
    driver: Driver,
    machine: Fake,
}

impl Engine {
    /// Routers that are Backup since 1 ms.
    fn started(count: usize) -> Self {
        let mut machine = Fake {
            now: MILLISECOND,
            ..Fake::default()
        };
        let driver = Driver::new(routers(count), &mut machine).unwrap();
        let mut engine = Self { driver, machine };
        for slot in 0..u16::try_from(count).unwrap() {
            engine.machine.commands.push_back(Command::LinkUp {
                router: RouterId::first(slot),
                primary: IpAddr::from([192, 168, 1, 1]),
                mac: MAC,
            });
        }
        engine.turn().unwrap();
        assert_eq!(engine.state(0), State::Backup);
        engine.machine.did.clear();
        engine
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
        engine.machine.commands.push_back(Command::LinkUp {
            router: RouterId::first(slot),
            primary: IpAddr::from([192, 168, 1, 1]),
            mac: [2, 0, 0, 0, 0, 9],
        });
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
        for router in [0, 1].map(RouterId::first) {
            let removes = Did::Ordered(router.slot(), Operation::Remove);
            if engine.machine.did.contains(&removes) {
                engine.machine.reports.push_back(done(router));
            }
        }
    }
    assert_eq!(ended, Err(End::Stopped));
    assert_eq!(engine.state(0), State::Initialize);
}

#[test]
fn a_ping_is_answered_without_a_router() {
    let mut machine = Fake::default();
    let driver = Driver::new([], &mut machine).unwrap();
    let mut engine = Engine { driver, machine };
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
    let mut plans = routers(1);
    plans[0].id = gone.next();
    let mut machine = Fake {
        now: MILLISECOND,
        ..Fake::default()
    };
    let driver = Driver::new(plans, &mut machine).unwrap();
    let mut engine = Engine { driver, machine };
    let state = |engine: &Engine| engine.driver.router(gone.next()).unwrap().state();
    let up = |router| Command::LinkUp {
        router,
        primary: IpAddr::from([192, 168, 1, 1]),
        mac: MAC,
    };
    engine.machine.commands.push_back(up(gone));
    engine.turn().unwrap();
    assert_eq!(state(&engine), State::Initialize);
    engine.machine.commands.push_back(up(gone.next()));
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
    let report = |router| match done(router) {
        Report::Done(order) => Report::Done(Order {
            operation: Operation::Install,
            ..order
        }),
        other => other,
    };
    engine.machine.reports.push_back(report(gone));
    engine.turn().unwrap();
    assert_eq!(state(&engine), State::Active);
    assert_eq!((engine.machine.did, engine.machine.told), (vec![], vec![]));
}

/// The second order of a router that became Active once.
fn done(router: RouterId) -> Report {
    Report::Done(Order {
        router,
        operation: Operation::Remove,
        generation: 2,
        epoch: 1,
        lost: None,
    })
}
