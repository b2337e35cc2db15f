//! The process of a node: the engine's own [`Driver`], which is given the CPU step by step, so that it can
//! stand still between any two of them.

use std::{collections::VecDeque, rc::Rc, time::Duration};

use vrrp_ebpf::{
    abi::{Event, event_flags},
    ownership::Ownership,
    types::{Family, address_from},
};
use vrrp_user::{
    ids::RouterId,
    io::engine::{
        Command,
        addresses::Order,
        driver::{Driver, End, Progress, Step},
    },
    proto::{Advert, Instant, Output, State, Transition, Version},
};

use crate::{
    chance::Sending,
    control::{Control, News},
    machine::{Lies, SimulatedMachine},
    node::Node,
};

/// The virtual router of a node with this slot.
pub(crate) fn id(slot: usize) -> RouterId {
    RouterId::first(u16::try_from(slot).unwrap())
}

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

    /// Takes what is new for the engine. Tells whether that is anything.
    fn take(&mut self, news: Vec<News>) -> bool {
        let is_any = !news.is_empty();
        for News { slot, parts, vips } in news {
            self.sets[slot].extend(vips);
            let router = id(slot);
            self.commands.push_back(Command::Parts { router, parts });
        }
        is_any
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
    /// The process ended by itself.
    Ended(&'static str),
}

impl Engine {
    /// The state of a router.
    pub(crate) fn state(&self, router: usize) -> State {
        self.driver
            .router(id(router))
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
}

impl Node {
    /// The process begins: it takes the slots over.
    pub(crate) fn begin(&mut self, now: u64, effects: &mut Vec<Effect>) {
        let mut inbox = Inbox::new(self.settings.len());
        let mut lies = Lies::new(self.settings.len());
        let local = self.clock.local(now);
        let (mut control, additions) = Control::new(&self.file, self.mac, self.plant);
        let (additions, vips) = additions.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        for (sets, vips) in inbox.sets.iter_mut().zip(vips) {
            sets.push_back(vips);
        }
        let mut machine = SimulatedMachine {
            kernel: &mut self.kernel,
            inbox: &mut inbox,
            lies: &mut lies,
            plant: self.plant,
            settings: &self.settings,
            states: vec![State::Initialize; self.settings.len()],
            due: false,
            local,
            shown: local,
            sending: Sending::Leaves,
            waiting: self.waiting,
            effects,
        };
        let mut driver = Driver::new();
        for addition in additions {
            driver.add(addition, &mut machine).unwrap();
        }
        machine.inbox.take(control.news());
        while driver.step(&mut machine).unwrap() == Progress::Unfinished {}
        for (epoch, slot) in self.epochs.iter_mut().zip(&self.kernel.slots) {
            *epoch = slot.ownership.epoch();
        }
        inbox.commands.extend(self.links());
        self.engine = Some(Engine {
            driver,
            woken: Instant::default(),
            inbox,
            lies,
            control,
        });
    }

    /// The control plane gives the engine what is new. Tells whether that is anything.
    pub(crate) fn give_news(&mut self) -> bool {
        let engine = self.engine.as_mut();
        engine.is_some_and(|engine| engine.inbox.take(engine.control.news()))
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
        let shown = Instant(local.0.saturating_add_signed(self.haste(&engine.driver)));
        let deadline = engine.driver.deadline();
        let mut machine = SimulatedMachine {
            kernel: &mut self.kernel,
            inbox: &mut engine.inbox,
            lies: &mut engine.lies,
            plant: self.plant,
            settings: &self.settings,
            states: states.clone(),
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
        let reasons = self.faults();
        let command = |slot| {
            let router = id(slot);
            if reasons.is_empty() {
                Command::LinkUp(router)
            } else {
                Command::Fault { router, reasons }
            }
        };
        (0..self.settings.len()).map(command).collect()
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
