//! The virtual LAN and its events: who gets which frame when, and whose engine has the CPU.

use std::{collections::BTreeMap, rc::Rc};

use vrrp_user::{
    io::engine::{addresses::Order, driver::Step},
    proto::{Settings, State},
};

use crate::{
    chance::{Chance, Fate, Weather},
    clock::Clock,
    engine::{Effect, Engine, advert},
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
    pub(crate) settings: Settings,
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
    pub(crate) watch: Watch,
    pub(crate) trace: Trace,
    /// By sender, then receiver: one direction of a link.
    pub(crate) cut: Vec<Vec<bool>>,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    /// Sent so far, by whomever.
    pub(crate) adverts: u64,
    pub(crate) cpus: Vec<Cpu>,
    effects: Vec<Effect>,
}

#[derive(Debug)]
pub(crate) enum Event {
    /// A frame of a router reaches XDP; `number` of an advert.
    Arrive {
        from: usize,
        to: usize,
        number: Option<u64>,
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
        epoch: u16,
        done: bool,
    },
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
        let nodes = builds.into_iter().enumerate();
        Self {
            now: 0,
            nodes: nodes
                .map(|(index, build)| Node::new(index, build.settings, build.clock, build.ring))
                .collect(),
            weather: Weather::FAIR,
            chance,
            watch: Watch::new(count, delay_max),
            trace,
            cut: vec![vec![false; count]; count],
            queue: BTreeMap::new(),
            queued: 0,
            adverts: 0,
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
            self.watch.verdict()?;
        }
        self.advance(end);
        self.watch.verdict()
    }

    fn advance(&mut self, to: u64) {
        if to > self.now {
            self.watch.passed(self.now, to, &self.nodes);
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
                number,
                frame,
            } => self.arrive(from, to, number, &frame),
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
                epoch,
                done,
            } => {
                self.nodes[node].work(order, epoch, done);
                self.touched(node);
            }
        }
    }

    fn arrive(&mut self, from: usize, to: usize, number: Option<u64>, frame: &[u8]) {
        let node = &mut self.nodes[to];
        if let Some(number) = number {
            self.watch.sight(from, to).delivered(self.now, number);
        }
        let local = node.clock.local(self.now);
        let Some(received) = node.kernel.receive(local, frame, node.plant) else {
            return;
        };
        if let Some(engine) = &mut node.engine {
            engine.inbox.signalled |= received.wakes;
        }
        if number.is_some() {
            let advert = advert(node.settings.family, &received.event);
            let stamp_helps = match node.state() {
                State::Backup => received.stamped,
                State::Active => received.better,
                _ => false,
            };
            let ours = (node.settings.priority, node.settings.primary);
            let better = advert.priority > 0 && (advert.priority, advert.source) > ours;
            if received.better != better {
                let what = format!("XDP of node {to} is wrong about {advert:?}");
                self.watch.broke(Invariant::NotDisplaced, self.now, what);
            }
            if received.forgotten && !stamp_helps {
                self.watch.sight(from, to).lose();
            }
            self.watch.arrived(from, to, &advert, &received);
            let full = if received.forgotten {
                ", and its ring is full"
            } else {
                ""
            };
            self.trace.note(self.now, || {
                format!(
                    "node {to} gets priority {} of node {from}{full}",
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
        if node.state() == State::Active && !received.forgotten {
            self.watch.hosts.told(to);
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
        let sends = step != Step::Advert || self.chance.sends(&self.weather);
        let begins = step == Step::Wake;
        node.act(self.now, sends, &mut self.effects);
        if begins && let Some(engine) = &node.engine {
            self.watch.woke(index, engine.woken);
        }
        if !sends {
            self.trace.note(self.now, || {
                format!("the kernel refuses an advert of node {index}")
            });
            let local = self.nodes[index].clock.local(self.now);
            self.watch.refused(self.now, index, local);
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
        match effect {
            Effect::Advert { priority, frame } => {
                let local = self.nodes[index].clock.local(self.now);
                self.watch.left(index, local, priority);
                self.trace.note(self.now, || {
                    format!("node {index} sends priority {priority}")
                });
                self.adverts += 1;
                self.broadcast(index, Some(self.adverts), &frame);
            }
            Effect::Announcement { frame } => {
                if !self.nodes[index].answers(self.now) {
                    let what = format!("node {index} announces what it does not answer for");
                    self.watch
                        .broke(Invariant::AnnouncedByOwner, self.now, what);
                }
                let by = Believed::Node(index);
                self.watch.hosts.announced(self.now, by);
                self.trace
                    .note(self.now, || format!("node {index} announces itself"));
                self.broadcast(index, None, &frame);
            }
            Effect::Ordered(order, epoch) => {
                let latency = self.chance.netlink(&self.weather);
                let begin = self.nodes[index].worker_free.max(self.now);
                self.nodes[index].worker_free = begin + latency;
                for (at, done) in [(begin, false), (begin + latency, true)] {
                    let node = index;
                    let work = Event::Work {
                        node,
                        order,
                        epoch,
                        done,
                    };
                    self.later(at, work);
                }
            }
            Effect::Decided(transition) => {
                self.trace.note(self.now, || {
                    let (from, to) = (transition.from, transition.to);
                    format!("node {index}: {from:?} -> {to:?} ({:?})", transition.cause)
                });
                self.watch
                    .decided(self.now, index, &self.nodes[index], &transition);
            }
            Effect::Word(word) => self.trace.note(self.now, || {
                let end = self.nodes[index]
                    .clock
                    .world(vrrp_user::proto::Instant(word.expiry()));
                let lease = span(end.saturating_sub(self.now));
                format!("node {index} owns as {:?} for {lease}", word.state())
            }),
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

    fn broadcast(&mut self, from: usize, number: Option<u64>, frame: &Rc<[u8]>) {
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let apart = self.cut[from][to] || !self.nodes[from].plugged || !self.nodes[to].plugged;
            let fate = if apart {
                Fate::Lost
            } else {
                self.chance.fate(&self.weather)
            };
            if let Some(number) = number {
                self.watch
                    .sight(from, to)
                    .sent(self.now, number, fate == Fate::Lost);
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
                        number,
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
        self.watch.look(self.now, index, &self.nodes[index]);
    }

    pub(crate) fn active(&self) -> Option<usize> {
        self.nodes
            .iter()
            .position(|node| node.state() == State::Active)
    }

    /// Tells of an invariant that only whoever runs the world can judge.
    pub(crate) fn broke(&mut self, invariant: Invariant, what: &str) -> Result<(), Broken> {
        self.watch.broke(invariant, self.now, what.to_owned());
        self.watch.verdict()
    }
}
