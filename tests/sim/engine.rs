//! The process of a node: the engine's own [`Driver`], which is given the CPU step by step, so that it can
//! stand still between any two of them.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use vrrp_ebpf::{
    abi::{Event, event_flags},
    ownership::Ownership,
    types::{Family, address_from},
};
use vrrp_user::{
    config,
    ids::{InterfaceId, RouterId},
    io::engine::{
        Addition, Blueprint, Command, Parts,
        addresses::Order,
        driver::{Driver, End, Progress, Step},
    },
    plan::{Desired, DesiredRouter},
    proto::{Advert, Instant, Output, Settings, State, Transition, Version},
};

use crate::{
    kernel::{IFINDEX, vip},
    machine::{Lies, SimulatedMachine},
    node::Node,
};

/// The virtual router of every node.
pub(crate) const ROUTER: RouterId = RouterId::first(0);

/// Between two answers to conflicts, at least (RFC 5227 section 1.1).
pub(crate) const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// The process.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) driver: Driver,
    /// When its present turn began, by the node's clock.
    pub(crate) woken: Instant,
    epoch: u16,
    pub(crate) inbox: Inbox,
    lies: Lies,
}

/// What waits for it.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// XDP has raised the ring's fd.
    pub(crate) signalled: bool,
    pub(crate) reports: VecDeque<Order>,
    pub(crate) commands: VecDeque<Command>,
    /// The advert that the present step looks at.
    pub(crate) advert: Option<Advert>,
}

/// What a step did to the rest of the world.
#[derive(Debug)]
pub(crate) enum Effect {
    /// An advert left.
    Advert {
        priority: u8,
        frame: Rc<[u8]>,
    },
    Announcement {
        frame: Rc<[u8]>,
    },
    /// Of the writer with this epoch.
    Ordered(Order, u16),
    /// Decided, and about to be carried out.
    Decided(Transition),
    Word(Ownership),
    /// The process ended by itself.
    Ended(&'static str),
}

impl Engine {
    pub(crate) fn state(&self) -> State {
        self.driver
            .router(ROUTER)
            .map_or(State::Initialize, |router| router.state())
    }

    /// It has a reason to wake up other than its timer.
    pub(crate) fn is_called(&self) -> bool {
        let inbox = &self.inbox;
        inbox.signalled || !inbox.reports.is_empty() || !inbox.commands.is_empty()
    }

    /// A turn is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.driver.next_step() != Step::Wake
    }

    /// The address worker reports.
    pub(crate) fn reported(&mut self, order: Order, epoch: u16) {
        if epoch == self.epoch {
            self.inbox.reports.push_back(order);
        }
    }
}

impl Node {
    /// The process begins: it takes the slot over.
    pub(crate) fn begin(&mut self, now: u64, effects: &mut Vec<Effect>) {
        let mut inbox = Inbox::default();
        let mut lies = Lies::default();
        let local = self.clock.local(now);
        let (addition, parts) = self.parts();
        let mut machine = SimulatedMachine {
            kernel: &mut self.kernel,
            inbox: &mut inbox,
            lies: &mut lies,
            plant: self.plant,
            settings: &self.settings,
            state: State::Initialize,
            due: false,
            local,
            shown: local,
            epoch: self.epoch + 1,
            sends: true,
            effects,
        };
        let mut driver = Driver::new();
        driver.add(addition, &mut machine).unwrap();
        let (router, parts) = (ROUTER, Box::new(parts));
        let parts = Command::Parts { router, parts };
        machine.inbox.commands.push_back(parts);
        while driver.step(&mut machine).unwrap() == Progress::Unfinished {}
        self.epoch = self.kernel.ownership.epoch();
        inbox.commands.push_back(self.link());
        self.engine = Some(Engine {
            driver,
            woken: Instant::default(),
            epoch: self.epoch,
            inbox,
            lies,
        });
    }

    /// The engine wakes up, or does its next step. `sends`: the kernel takes an advert.
    pub(crate) fn act(&mut self, now: u64, sends: bool, effects: &mut Vec<Effect>) {
        let local = self.clock.local(now);
        let Some(mut engine) = self.engine.take() else {
            return;
        };
        if !engine.is_busy() {
            engine.woken = local;
            engine.inbox.signalled = false;
        }
        engine.inbox.advert = None;
        let before = engine.state();
        let shown = Instant(local.0.saturating_add_signed(self.haste(&engine.driver)));
        let deadline = engine.driver.deadline();
        let mut machine = SimulatedMachine {
            kernel: &mut self.kernel,
            inbox: &mut engine.inbox,
            lies: &mut engine.lies,
            plant: self.plant,
            settings: &self.settings,
            state: before,
            due: deadline.is_some_and(|deadline| deadline <= engine.woken),
            local,
            shown,
            epoch: engine.epoch,
            sends,
            effects,
        };
        let done = engine.driver.step(&mut machine);
        if engine.state() != before {
            for output in engine.driver.pending() {
                if let Output::Transition(transition) = output {
                    effects.push(Effect::Decided(*transition));
                }
            }
        }
        if engine.driver.next_step() == Step::Advert {
            engine.lies.dated = Some(local);
        }
        match done {
            Ok(_) => self.engine = Some(engine),
            Err(End::Superseded) => effects.push(Effect::Ended("superseded")),
            Err(End::Stopped) => effects.push(Effect::Ended("stopped")),
        }
    }

    /// What the control plane tells of the link.
    pub(crate) fn link(&self) -> Command {
        let router = ROUTER;
        let reasons = self.faults();
        if reasons.is_empty() {
            return Command::LinkUp(router);
        }
        Command::Fault { router, reasons }
    }

    /// What the control plane gives the engine. If it is told lies, so is its core, and whoever gets its adverts; the
    /// programs are as the configuration has them.
    fn parts(&self) -> (Addition, Parts) {
        let router = router(&self.settings);
        let mut told = router.clone();
        told.instance.settings = self.told();
        let [mut told, mut configured] = [told, router].map(|router| {
            let mut blueprint = Blueprint::new(ROUTER, router);
            blueprint.set_interface(self.settings.primary, self.mac);
            blueprint
        });
        let addition = Addition::new(&mut told);
        let mut parts = told.news().unwrap().unwrap();
        parts.entries = configured.news().unwrap().unwrap().entries;
        (addition, parts)
    }
}

/// A router with these settings, as the configuration has it.
fn router(settings: &Settings) -> DesiredRouter {
    let version = match settings.version {
        Version::V2 => 2,
        Version::V3 => 3,
    };
    let text = format!(
        "vrrp_instance VI_1 {{\n interface ens33\n version {version}\n virtual_router_id {}\n priority {}\n \
         advert_int {}\n virtual_ipaddress {{\n  {}\n }}\n}}\n",
        settings.vrid,
        settings.priority,
        settings.advert_interval.as_secs_f64(),
        vip(settings.family),
    );
    let parsed = config::parse("sim.conf", text.as_bytes());
    let Some(config) = parsed.config else {
        panic!("{text}{:#?}", parsed.diagnostics);
    };
    let interfaces = BTreeMap::from([("ens33".to_owned(), InterfaceId(IFINDEX))]);
    let desired = Desired::new(&config, &interfaces, &Desired::default()).unwrap();
    desired.routers().next().unwrap().1.clone()
}

/// A record as the engine understands it.
pub(crate) fn advert(family: Family, event: &Event) -> Advert {
    Advert {
        arrived: Instant(event.stamp),
        source: address_from(family, event.source),
        version: Version::from_number(event.version),
        priority: event.priority,
        interval_cs: event.interval_cs,
        refuses_ours: event.flags & event_flags::REFUSES_OURS != 0,
    }
}
