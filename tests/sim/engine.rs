//! The process of a node: the engine's own [`Driver`], which is given the CPU step by step, so that it can
//! stand still between any two of them.

use std::{collections::VecDeque, rc::Rc, time::Duration};

use vrrp_ebpf::{
    abi::{Event, event_flags, vip_state},
    ownership::Ownership,
    types::{Family, address_from},
};
use vrrp_user::{
    io::engine::{
        Command,
        addresses::Order,
        driver::{Driver, End, Step},
    },
    proto::{Advert, Instant, Output, Router, State, Transition, Version},
};

use crate::{
    chance::Sending,
    control::{Configured, Control, Given, link},
    lies::Lies,
    machine::SimulatedMachine,
    node::Node,
};

/// Between two answers to conflicts, at least (RFC 5227 section 1.1).
pub(crate) const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// The process.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) driver: Driver,
    /// When its present turn began, by the node's clock.
    pub(crate) woken: Instant,
    pub(crate) inbox: Inbox,
    lies: Lies,
    pub(crate) control: Control,
}

/// What waits for it.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// XDP has raised the ring's fd.
    pub(crate) signalled: bool,
    pub(crate) reports: VecDeque<Order>,
    pub(crate) commands: VecDeque<Command>,
    /// The advert that the present step looks at, and whose it is, by slot.
    pub(crate) advert: Option<(usize, Advert)>,
    /// The virtual IPs in what the engine has still to hand to the address worker, by slot.
    pub(crate) sets: Vec<VecDeque<Vec<u32>>>,
}

impl Inbox {
    fn new(routers: usize) -> Self {
        Self {
            signalled: false,
            reports: VecDeque::new(),
            commands: VecDeque::new(),
            advert: None,
            sets: vec![VecDeque::new(); routers],
        }
    }
}

/// What a step did to the rest of the world.
#[derive(Debug)]
pub(crate) enum Effect {
    /// An advert left, or waits in the queueing discipline.
    Advert {
        router: usize,
        priority: u8,
        frame: Rc<[u8]>,
        waits: u64,
    },
    /// The kernel refused one.
    Refused {
        router: usize,
    },
    Announcement {
        router: usize,
        /// Of the virtual IP.
        number: u8,
        frame: Rc<[u8]>,
    },
    /// The address worker gets an order, maybe with other virtual IPs.
    Ordered(Order, Option<Rc<[u32]>>),
    /// The programs were told something else of a router, and so was its core.
    Configured {
        router: usize,
    },
    /// Decided, and about to be carried out.
    Decided {
        router: usize,
        transition: Transition,
    },
    Word {
        router: usize,
        word: Ownership,
    },
    /// The address worker forgets a router whose addresses are gone.
    Forgotten {
        router: usize,
    },
    /// The control plane is told.
    Told(vrrp_user::io::engine::Event),
    /// The process ended by itself.
    Ended(&'static str),
}

impl Engine {
    /// The state of a router.
    pub(crate) fn state(&self, router: usize) -> State {
        self.core(router)
            .map_or(State::Initialize, |core| core.state())
    }

    /// The core of a router.
    pub(crate) fn core(&self, router: usize) -> Option<&Router> {
        self.driver.router(self.control.id(router))
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
}

impl Node {
    /// The process begins. It has read no file yet.
    pub(crate) fn begin(&mut self) {
        self.engine = Some(Engine {
            driver: Driver::new(),
            woken: Instant::default(),
            inbox: Inbox::new(self.settings.len()),
            lies: Lies::new(self.settings.len()),
            control: Control::new(self.mac, self.plant),
        });
    }

    /// The control plane does what can be done by now. Returns the routers that the engine is to have from then on.
    pub(crate) fn go_on(&mut self) -> Vec<usize> {
        let faults = self.faults();
        let mut added = Vec::new();
        let Some(engine) = &mut self.engine else {
            return added;
        };
        for given in engine.control.go_on(faults) {
            let Given {
                router,
                command,
                vips,
                configured,
            } = given;
            match (configured, &command) {
                (Some(Configured { settings, vips }), Command::Add(_)) => {
                    self.settings[router] = settings;
                    self.vips[router] = vips;
                    self.under_way[router].clear();
                    added.push(router);
                }
                (Some(configured), _) => self.under_way[router].push_back(configured),
                (None, _) => {}
            }
            if matches!(command, Command::Add(_)) {
                // Whatever ran before us has left them on the interface.
                let there = vip_state::INSTALLED | vip_state::READY;
                let vips = vips.iter().flatten().map(|vip| (*vip, there));
                self.kernel.vip_states.extend(vips);
            }
            engine.inbox.sets[router].extend(vips);
            engine.inbox.commands.push_back(command);
        }
        added
    }

    /// The engine wakes up, or does its next step. `sending`: what the kernel does with an advert.
    pub(crate) fn act(&mut self, now: u64, sending: Sending, effects: &mut Vec<Effect>) {
        let local = self.clock.local(now);
        let Some(mut engine) = self.engine.take() else {
            return;
        };
        if !engine.is_busy() {
            engine.woken = local;
            engine.inbox.signalled = false;
        }
        engine.inbox.advert = None;
        let routers = 0..self.settings.len();
        let states = Vec::from_iter(routers.clone().map(|router| engine.state(router)));
        let shown = Instant(local.0.saturating_add_signed(self.haste(&engine)));
        let deadline = engine.driver.deadline();
        let mut machine = SimulatedMachine {
            kernel: &mut self.kernel,
            inbox: &mut engine.inbox,
            lies: &mut engine.lies,
            plant: self.plant,
            settings: &self.settings,
            states: states.clone(),
            leaving: Vec::from_iter(
                routers
                    .clone()
                    .map(|router| engine.control.is_leaving(router)),
            ),
            epochs: &mut self.epochs,
            due: deadline.is_some_and(|deadline| deadline <= engine.woken),
            local,
            shown,
            sending,
            waiting: self.waiting,
            effects,
        };
        let done = engine.driver.step(&mut machine);
        let changed = routers.filter(|router| engine.state(*router) != states[*router]);
        for router in changed {
            for output in engine.driver.pending() {
                if let Output::Transition(transition) = *output {
                    effects.push(Effect::Decided { router, transition });
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

    /// What the control plane tells of the link, router by router.
    pub(crate) fn links(&self) -> Vec<Command> {
        let routers = self
            .engine
            .iter()
            .flat_map(|engine| engine.control.routers());
        routers.map(|router| link(router, self.faults())).collect()
    }
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
