//! The virtual LAN and its events: who gets which frame when, and whose engine has the CPU.

use std::{collections::BTreeMap, rc::Rc};

use vrrp_user::{
    io::engine::{Event as Told, addresses::Order, driver::Step},
    proto::{Settings, State},
};

use crate::{
    chance::{Chance, Fate, Sending, Weather},
    clock::Clock,
    engine::{Effect, Engine},
    hosts::Believed,
    node::Node,
    planted::Plant,
    rules::{Broken, Invariant},
    trace::{Trace, span},
    watch::Watch,
};

/// How a node of a world is made.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    /// Of each virtual router.
    pub(crate) settings: Vec<Settings>,
    pub(crate) clock: Clock,
    /// Records in its ring.
    pub(crate) ring: usize,
}

/// Nodes on a LAN.
pub(crate) struct World<C> {
    /// Nanoseconds since it began.
    pub(crate) now: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) weather: Weather,
    pub(crate) chance: C,
    /// By virtual router.
    pub(crate) watches: Vec<Watch>,
    pub(crate) trace: Trace,
    /// By sender, then receiver: one direction of a link.
    pub(crate) cut: Vec<Vec<bool>>,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    /// Sent so far, by whomever.
    pub(crate) adverts: u64,
    /// Routers that have taken other settings up.
    pub(crate) changes: u64,
    pub(crate) cpus: Vec<Cpu>,
    effects: Vec<Effect>,
}

#[derive(Debug)]
pub(crate) enum Event {
    /// A frame of a router reaches XDP.
    Arrive {
        from: usize,
        to: usize,
        advert: Option<Numbered>,
        frame: Rc<[u8]>,
    },
    /// An advert leaves that has waited in the queueing discipline.
    Drain {
        node: usize,
        router: usize,
        frame: Rc<[u8]>,
    },
    /// So does the claim of a host that is no router.
    Claim {
        to: usize,
        frame: Rc<[u8]>,
    },
    Act {
        node: usize,
        ticket: u64,
    },
    Work {
        node: usize,
        order: Order,
        vips: Option<Rc<[u32]>>,
        done: bool,
    },
}

/// An advert, by its virtual router and in the order of all adverts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbered {
    router: usize,
    number: u64,
}

/// When an engine acts next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    at: Option<u64>,
    ticket: u64,
    /// When the next step of a turn is due.
    step: u64,
    pub(crate) called: Option<u64>,
    latency: u64,
    /// Whether the next step was asked if it stands still.
    pub(crate) asked: bool,
}

impl<C: Chance> World<C> {
    /// Nobody runs yet. `delay_max`: the longest that a frame will ever take.
    pub(crate) fn new(builds: Vec<Build>, delay_max: u64, chance: C, trace: Trace) -> Self {
        let count = builds.len();
        let routers = builds[0].settings.len();
        let watches = 0..routers;
        let nodes = builds.into_iter().enumerate();
        Self {
            now: 0,
            nodes: nodes
                .map(|(index, build)| Node::new(index, build.settings, build.clock, build.ring))
                .collect(),
            weather: Weather::FAIR,
            chance,
            watches: watches
                .map(|router| Watch::new(router, routers, count, delay_max))
                .collect(),
            trace,
            cut: vec![vec![false; count]; count],
            queue: BTreeMap::new(),
            queued: 0,
            adverts: 0,
            changes: 0,
            cpus: vec![Cpu::default(); count],
            effects: Vec::new(),
        }
    }

    /// A defect in every node.
    pub(crate) fn plant(&mut self, plant: Plant) {
        self.nodes
            .iter_mut()
            .for_each(|node| node.plant = Some(plant));
    }

    /// Until this moment, or until an invariant is broken.
    pub(crate) fn run_until(&mut self, end: u64) -> Result<(), Broken> {
        while let Some(entry) = self.queue.first_entry() {
            let (at, _) = *entry.key();
            if at > end {
                break;
            }
            let event = entry.remove();
            self.advance(at);
            self.happen(event);
            self.verdict()?;
        }
        self.advance(end);
        self.verdict()
    }

    fn advance(&mut self, to: u64) {
        if to > self.now {
            for watch in &mut self.watches {
                watch.passed(self.now, to, &self.nodes);
            }
            self.now = to;
        }
    }

    pub(crate) fn later(&mut self, at: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((at, self.queued), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive {
                from,
                to,
                advert,
                frame,
            } => self.arrive(from, to, advert, &frame),
            Event::Drain {
                node,
                router,
                frame,
            } => {
                self.nodes[node].waiting -= 1;
                let local = self.nodes[node].clock.local(self.now);
                self.watches[router].drained(node, local);
                self.trace
                    .note(self.now, || format!("an advert of node {node} has waited"));
                self.broadcast(node, Some(router), &frame);
                self.touched(node);
            }
            Event::Claim { to, frame } => self.claimed(to, &frame),
            Event::Act { node, ticket } => {
                if self.cpus[node].ticket == ticket {
                    self.cpus[node].at = None;
                    self.act(node);
                }
            }
            Event::Work {
                node,
                order,
                vips,
                done,
            } => {
                self.nodes[node].work(order, vips.as_ref(), done);
                self.touched(node);
            }
        }
    }

    fn arrive(&mut self, from: usize, to: usize, advert: Option<Numbered>, frame: &[u8]) {
        let node = &mut self.nodes[to];
        if let Some(Numbered { router, number }) = advert {
            let sight = self.watches[router].sight(from, to);
            sight.delivered(self.now, number);
        }
        let local = node.clock.local(self.now);
        let Some(received) = node.kernel.receive(local, frame, node.plant) else {
            return;
        };
        if let Some(engine) = &mut node.engine {
            engine.inbox.signalled |= received.wakes;
        }
        if let Some(Numbered { router, .. }) = advert {
            assert_eq!(received.router, router);
            let settings = &node.settings[router];
            let advert = crate::engine::advert(settings.family, &received.event);
            let stamp_helps = match node.state(router) {
                State::Backup => received.stamped,
                State::Active => received.better,
                _ => false,
            };
            let ours = (settings.priority, settings.primary);
            let better = advert.priority > 0 && (advert.priority, advert.source) > ours;
            let watch = &mut self.watches[router];
            if received.better != better {
                let what = format!("XDP of node {to} is wrong about {advert:?}");
                watch.broke(Invariant::NotDisplaced, self.now, what);
            }
            if received.forgotten && !stamp_helps {
                watch.sight(from, to).lose();
            }
            watch.arrived(from, to, &advert, &received);
            let full = if received.forgotten {
                ", and its ring is full"
            } else {
                ""
            };
            self.trace.note(self.now, || {
                format!(
                    "router {router} of node {to} gets priority {} of node {from}{full}",
                    advert.priority
                )
            });
        }
        self.touched(to);
    }

    fn claimed(&mut self, to: usize, frame: &[u8]) {
        let node = &mut self.nodes[to];
        let local = node.clock.local(self.now);
        let Some(received) = node.kernel.receive(local, frame, node.plant) else {
            return;
        };
        let router = received.router;
        if node.state(router) == State::Active && !received.forgotten {
            self.watches[router].hosts.told(to);
        }
        if let Some(engine) = &mut node.engine {
            engine.inbox.signalled |= received.wakes;
        }
        self.touched(to);
    }

    fn act(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let cpu = &mut self.cpus[index];
        let Some(engine) = &node.engine else { return };
        let step = engine.driver.next_step();
        if !cpu.asked {
            cpu.asked = true;
            let stall = self.chance.stall(&self.weather, index, step);
            if stall > 0 {
                node.stalled_until = node.stalled_until.max(self.now + stall);
                self.trace.note(self.now, || {
                    format!(
                        "node {index} stands still for {} before {step:?}",
                        span(stall)
                    )
                });
                return self.touched(index);
            }
        }
        cpu.asked = false;
        let sending = if step == Step::Advert {
            self.chance.sending(&self.weather)
        } else {
            Sending::Leaves
        };
        let begins = step == Step::Wake;
        node.act(self.now, sending, &mut self.effects);
        if begins && let Some(engine) = &node.engine {
            for watch in &mut self.watches {
                watch.woke(index, engine.woken);
            }
        }
        self.cpus[index].step = self.now + self.chance.step();
        if !self.nodes[index]
            .engine
            .as_ref()
            .is_some_and(Engine::is_busy)
        {
            self.cpus[index].latency = self.chance.latency();
        }
        self.cpus[index].called = None;
        self.spread(index);
        self.touched(index);
    }

    /// What a process did reaches the world.
    fn spread(&mut self, index: usize) {
        let mut effects = std::mem::take(&mut self.effects);
        effects
            .drain(..)
            .for_each(|effect| self.effect(index, effect));
        self.effects = effects;
    }

    fn effect(&mut self, index: usize, effect: Effect) {
        let local = self.nodes[index].clock.local(self.now);
        match effect {
            Effect::Advert {
                router,
                priority,
                frame,
                waits: 0,
            } => {
                self.watches[router].left(index, local, priority);
                self.trace.note(self.now, || {
                    format!("router {router} of node {index} sends priority {priority}")
                });
                self.broadcast(index, Some(router), &frame);
            }
            Effect::Advert {
                router,
                priority,
                frame,
                waits,
            } => {
                self.watches[router].queued(self.now, index, local, priority);
                self.nodes[index].waiting += 1;
                self.trace.note(self.now, || {
                    format!(
                        "router {router} of node {index} sends priority {priority}, which waits for {}",
                        span(waits)
                    )
                });
                let node = index;
                let drain = Event::Drain {
                    node,
                    router,
                    frame,
                };
                self.later(self.now + waits, drain);
            }
            Effect::Refused { router } => {
                self.trace.note(self.now, || {
                    format!("the kernel refuses an advert of router {router} of node {index}")
                });
                self.watches[router].refused(self.now, index, local);
            }
            Effect::Announcement {
                router,
                number,
                frame,
            } => {
                let watch = &mut self.watches[router];
                if !self.nodes[index].answers(router, self.now) {
                    let what = format!("node {index} announces what it does not answer for");
                    watch.broke(Invariant::AnnouncedByOwner, self.now, what);
                }
                watch.announced(index, number);
                if number == 0 {
                    let by = Believed::Node(index);
                    watch.hosts.announced(self.now, by);
                }
                self.trace.note(self.now, || {
                    format!("router {router} of node {index} announces itself")
                });
                self.broadcast(index, None, &frame);
            }
            Effect::Ordered(order, vips) => {
                let latency = self.chance.netlink(&self.weather) / self.watches.len() as u64;
                let begin = self.nodes[index].worker_free.max(self.now);
                self.nodes[index].worker_free = begin + latency;
                for (at, done) in [(begin, false), (begin + latency, true)] {
                    let node = index;
                    let vips = vips.clone();
                    let work = Event::Work {
                        node,
                        order,
                        vips,
                        done,
                    };
                    self.later(at, work);
                }
            }
            Effect::Configured { router } => {
                let node = &mut self.nodes[index];
                if let Some(configured) = node.under_way[router].pop_front() {
                    self.changes += 1;
                    let before = std::mem::replace(&mut node.settings[router], configured.settings);
                    let vips = std::mem::replace(&mut node.vips[router], configured.vips);
                    self.trace.note(self.now, || {
                        format!("router {router} of node {index} goes by it")
                    });
                    let watch = &mut self.watches[router];
                    watch.reconfigured(self.now, index, &self.nodes[index], &before, vips);
                }
            }
            Effect::Decided { router, transition } => {
                self.trace.note(self.now, || {
                    let (from, to) = (transition.from, transition.to);
                    let cause = transition.cause;
                    format!("router {router} of node {index}: {from:?} -> {to:?} ({cause:?})")
                });
                let watch = &mut self.watches[router];
                watch.decided(self.now, index, &self.nodes[index], &transition);
            }
            Effect::Word { router, word } => self.trace.note(self.now, || {
                let end = self.nodes[index]
                    .clock
                    .world(vrrp_user::proto::Instant(word.expiry()));
                let lease = span(end.saturating_sub(self.now));
                format!(
                    "router {router} of node {index} owns as {:?} for {lease}",
                    word.state()
                )
            }),
            Effect::Forgotten { router } => self.nodes[index].forget(router),
            Effect::Told(event) => {
                if let Told::Removed { router } = event {
                    self.trace.note(self.now, || {
                        format!("router {} of node {index} is gone", router.slot())
                    });
                }
                if self.nodes[index].tell(&event) {
                    self.go_on(index);
                }
            }
            Effect::Ended(how) => {
                self.trace.note(self.now, || {
                    format!("the process of node {index} ends: {how}")
                });
                if how == "stopped" {
                    self.nodes[index].unload();
                }
            }
        }
    }

    /// `router`: of an advert.
    fn broadcast(&mut self, from: usize, router: Option<usize>, frame: &Rc<[u8]>) {
        self.adverts += u64::from(router.is_some());
        let number = self.adverts;
        let advert = router.map(|router| Numbered { router, number });
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let apart = self.cut[from][to] || !self.nodes[from].plugged || !self.nodes[to].plugged;
            let fate = if apart {
                Fate::Lost
            } else {
                self.chance.fate(&self.weather)
            };
            if let Some(router) = router {
                let sight = self.watches[router].sight(from, to);
                sight.sent(self.now, number, fate == Fate::Lost);
            }
            let (first, second) = match fate {
                Fate::Lost => {
                    self.trace
                        .note(self.now, || format!("which is lost to node {to}"));
                    (None, None)
                }
                Fate::After(delay) => (Some(delay), None),
                Fate::Twice(one, two) => (Some(one), Some(two)),
            };
            for delay in [first, second].into_iter().flatten() {
                let frame = Rc::clone(frame);
                self.later(
                    self.now + delay,
                    Event::Arrive {
                        from,
                        to,
                        advert,
                        frame,
                    },
                );
            }
        }
    }

    /// Something about a node changed: when does its engine act, and does everything hold?
    pub(crate) fn touched(&mut self, index: usize) {
        let node = &self.nodes[index];
        let cpu = &mut self.cpus[index];
        let at = if node.engine.is_none() {
            None
        } else if node.engine.as_ref().is_some_and(Engine::is_busy) {
            Some(cpu.step)
        } else {
            if node.engine.as_ref().is_some_and(Engine::is_called) {
                cpu.called.get_or_insert(self.now);
            }
            let reasons = [cpu.called, node.due()].into_iter().flatten();
            reasons.min().map(|at| at.saturating_add(cpu.latency))
        };
        let at = at.map(|at| at.max(node.stalled_until).max(self.now));
        if at != cpu.at {
            cpu.at = at;
            cpu.ticket += 1;
            let ticket = cpu.ticket;
            if let Some(at) = at {
                self.later(
                    at,
                    Event::Act {
                        node: index,
                        ticket,
                    },
                );
            }
        }
        for watch in &mut self.watches {
            watch.look(self.now, index, &self.nodes[index]);
        }
    }

    /// The node that is Active for a virtual router.
    pub(crate) fn active(&self, router: usize) -> Option<usize> {
        self.nodes
            .iter()
            .position(|node| node.state(router) == State::Active)
    }

    pub(crate) fn verdict(&self) -> Result<(), Broken> {
        self.watches.iter().try_for_each(Watch::verdict)
    }

    /// Elections so far, of all virtual routers.
    pub(crate) fn promotions(&self) -> u64 {
        self.watches.iter().map(|watch| watch.promotions).sum()
    }

    /// The longest overlap that was put up with, nanoseconds.
    pub(crate) fn tolerated(&self) -> u64 {
        let all = self.watches.iter().map(|watch| watch.tolerated);
        all.max().unwrap_or_default()
    }

    /// The trouble is over for long enough.
    pub(crate) fn settled(&mut self) -> Result<(), Broken> {
        for watch in &mut self.watches {
            watch.settled(self.now, &self.nodes);
        }
        self.verdict()
    }

    /// Tells of an invariant that only whoever runs the world can judge.
    pub(crate) fn broke(&mut self, invariant: Invariant, what: &str) -> Result<(), Broken> {
        self.watches[0].broke(invariant, self.now, what.to_owned());
        self.verdict()
    }
}
