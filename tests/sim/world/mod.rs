//! The virtual LAN and its events: who gets which frame when, and whose engine has the CPU.

mod cpu;
mod effects;

use std::{collections::BTreeMap, rc::Rc};

use vrrp_user::{
    io::engine::addresses::Order,
    proto::{Settings, State},
};

use self::cpu::Cpu;
use crate::{
    chance::{Chance, Weather},
    clock::Clock,
    engine::Effect,
    node::Node,
    planted::Plant,
    rules::{Broken, Invariant},
    trace::Trace,
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
            engine.inbox.signalled |= received.wakes();
        }
        if let Some(Numbered { router, .. }) = advert {
            assert_eq!(received.router, router);
            let settings = &node.settings[router];
            let advert = crate::engine::advert(settings.family, &received.verdict.event);
            let is_better = received.verdict.better_seen > 0;
            let stamp_helps = match node.state(router) {
                State::Backup => received.verdict.seen > 0,
                State::Active => is_better,
                _ => false,
            };
            let ours = (settings.priority, settings.primary);
            let better = advert.priority > 0 && (advert.priority, advert.source) > ours;
            let watch = &mut self.watches[router];
            if is_better != better {
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
            engine.inbox.signalled |= received.wakes();
        }
        self.touched(to);
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
