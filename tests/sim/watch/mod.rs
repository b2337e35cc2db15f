//! Watches over the [rules](crate::rules), from what nodes do and words say.

mod alone;
mod life;
mod peace;
mod together;

use vrrp_user::proto::{Advert, Cause, FaultReason, Instant, Settings, State, Transition};

use self::life::{Life, Pace};
use crate::{
    chance::{LATENCY_MAX, STEP_MAX},
    hearing::{Oracle, Sight},
    hosts::Hosts,
    kernel::Received,
    node::Node,
    rules::{Broken, Invariant},
};

/// What a turn of the engine takes for one virtual router, its outputs included, if nothing interrupts it.
const TURN_MAX: u64 = 40 * STEP_MAX;

/// Looks on at one virtual router.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Its slot.
    router: usize,
    /// From the reason to wake up to the end of a turn.
    slack: u64,
    /// By sender, then receiver.
    sights: Vec<Vec<Sight>>,
    lives: Vec<Life>,
    pub(crate) hosts: Hosts,
    /// For how long two nodes have answered together, and been Active together.
    answering: Vec<Vec<u64>>,
    active: Vec<Vec<u64>>,
    /// There and back, with a turn at either end.
    round_trip: u64,
    /// Nothing is lost and nothing stands still: somebody must always answer.
    pub(crate) calm: bool,
    /// A router took over for want of adverts, or at its start as one of several owners: it could not prepare for it.
    unprepared: bool,
    /// A full ring has lost a priority 0.
    missed: bool,
    pub(crate) promotions: u64,
    /// The longest overlap that was put up with, nanoseconds.
    pub(crate) tolerated: u64,
    /// Every other invariant may be broken.
    pub(crate) only: Option<Invariant>,
    broken: Option<Broken>,
}

impl Watch {
    /// `routers`: how many a node has.
    pub(crate) fn new(router: usize, routers: usize, nodes: usize, delay_max: u64) -> Self {
        let turn = TURN_MAX * routers as u64;
        Self {
            router,
            slack: LATENCY_MAX + turn,
            sights: vec![vec![Sight::NONE; nodes]; nodes],
            lives: (0..nodes).map(|_| Life::default()).collect(),
            hosts: Hosts::new(nodes),
            answering: vec![vec![0; nodes]; nodes],
            active: vec![vec![0; nodes]; nodes],
            round_trip: 2 * (delay_max + LATENCY_MAX + turn),
            calm: false,
            unprepared: false,
            missed: false,
            promotions: 0,
            tolerated: 0,
            only: None,
            broken: None,
        }
    }

    pub(crate) fn verdict(&self) -> Result<(), Broken> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// The first break counts; what follows may follow from it.
    pub(crate) fn broke(&mut self, invariant: Invariant, at: u64, what: String) {
        if self.only.is_none_or(|only| only == invariant) {
            self.broken.get_or_insert(Broken {
                invariant,
                at,
                what,
            });
        }
    }

    pub(crate) fn started(&mut self, node: usize, nodes: &[Node]) {
        self.lives[node] = Life {
            oracle: Oracle::new(&nodes[node].settings[self.router]),
            ..Life::default()
        };
        self.hosts.started(node);
        self.deafened(node);
    }

    /// What reached a node so far is forgotten there.
    fn deafened(&mut self, node: usize) {
        self.sights.iter_mut().for_each(|row| row[node].lose());
    }

    /// An advert left at this time of its sender's.
    pub(crate) fn left(&mut self, node: usize, local: Instant, priority: u8) {
        self.lives[node].left(local);
        self.lives[node].resigns &= priority > 0;
        self.handed(node, local);
    }

    /// An advert waits in the queueing discipline: nobody hears it for the present.
    pub(crate) fn queued(&mut self, now: u64, node: usize, local: Instant, priority: u8) {
        self.lives[node].resigns &= priority > 0;
        self.handed(node, local);
        self.sights[node]
            .iter_mut()
            .for_each(|sight| sight.refused(now));
    }

    /// It leaves.
    pub(crate) fn drained(&mut self, node: usize, local: Instant) {
        self.lives[node].left(local);
    }

    /// The kernel refused an advert: nobody can hear it.
    pub(crate) fn refused(&mut self, now: u64, node: usize, local: Instant) {
        self.lives[node].resigns = false;
        self.handed(node, local);
        self.sights[node]
            .iter_mut()
            .for_each(|sight| sight.refused(now));
    }

    fn handed(&mut self, node: usize, local: Instant) {
        self.hosts.advertised(node);
        let life = &mut self.lives[node];
        life.due = local + life.pace.interval;
        life.unsaid = false;
    }

    pub(crate) fn sight(&mut self, from: usize, to: usize) -> &mut Sight {
        &mut self.sights[from][to]
    }

    pub(crate) fn arrived(&mut self, from: usize, to: usize, advert: &Advert, received: &Received) {
        // No stamp tells of a priority 0 that a full ring lost: a slower takeover, not a wrong one.
        if received.forgotten && advert.priority == 0 {
            self.missed = true;
            self.unprepared = true;
            return;
        }
        if let Some(oracle) = &mut self.lives[to].oracle {
            oracle.arrived(from, advert, received.verdict.seen > 0);
            if received.forgotten {
                oracle.suspend();
            }
        }
    }

    pub(crate) fn woke(&mut self, node: usize, woken: Instant) {
        if let Some(oracle) = &mut self.lives[node].oracle {
            oracle.woke(woken);
        }
    }

    /// A router goes by other settings from now on, and by another number of virtual IPs. These were those of before.
    pub(crate) fn reconfigured(
        &mut self,
        now: u64,
        index: usize,
        node: &Node,
        before: &Settings,
        vips: u8,
    ) {
        let settings = &node.settings[self.router];
        let local = node.clock.local(now);
        let life = &mut self.lives[index];
        if let Some(oracle) = &mut life.oracle {
            oracle.reconfigured(before, settings);
        }
        if settings.advert_interval != before.advert_interval {
            life.pace.change(settings);
            life.due = life.due.min(local + life.pace.interval);
        }
        let has = node.vips[self.router];
        life.fresh.retain(|number, _| *number < has);
        if node.state(self.router) == State::Active {
            life.fresh.extend((vips..has).map(|number| (number, local)));
        }
    }

    /// A virtual IP is announced.
    pub(crate) fn announced(&mut self, node: usize, number: u8) {
        self.lives[node].fresh.remove(&number);
    }

    /// A state is about to be changed, by a turn that began at `woken`.
    pub(crate) fn decided(&mut self, now: u64, index: usize, node: &Node, transition: &Transition) {
        let Some(engine) = &node.engine else { return };
        let woken = engine.woken;
        let settings = &node.settings[self.router];
        let heard = engine.inbox.advert.filter(|(of, _)| *of == self.router);
        let heard = heard.map(|(_, advert)| advert);
        let life = &mut self.lives[index];
        if matches!(transition.from, State::Initialize | State::Fault) {
            self.sights.iter_mut().for_each(|row| row[index].lose());
        }
        let mut early = None;
        if let Some(oracle) = &mut life.oracle {
            match (transition.from, transition.to, transition.cause) {
                (_, State::Backup, Cause::Startup | Cause::LinkUp) => {
                    life.began = node.clock.world(woken);
                    let first = transition.cause == Cause::Startup;
                    oracle.started(woken, first, settings);
                }
                (_, State::Backup, _) => match &heard {
                    Some(advert) => oracle.deposed(advert, woken),
                    _ => oracle.suspend(),
                },
                (State::Backup, State::Active | State::Rising, _) => {
                    let deadline = oracle.known_deadline();
                    early = (woken < deadline).then(|| deadline.since(woken));
                    life.heard = oracle.last_heard(woken);
                    let began = node.clock.local(life.began);
                    life.unheard = oracle.is_unheard(began, woken).then_some(life.began);
                    oracle.suspend();
                }
                _ => oracle.suspend(),
            }
        }
        life.fresh.clear();
        if transition.to == State::Retiring {
            life.retired = now;
        }
        if (transition.from, transition.to) == (State::Active, State::Backup) {
            self.hosts.gave_way(index);
        }
        if transition.from == State::Active {
            life.resigns = transition.to == State::Retiring
                || transition.cause == Cause::Fault(FaultReason::NoAddress);
        }
        if transition.to == State::Active {
            self.unprepared |= matches!(transition.cause, Cause::ActiveDown | Cause::Owner);
            life.cause = Some(transition.cause);
            life.decided = node.clock.world(woken);
            life.promoted = Some(woken);
            life.pace = Pace {
                interval: settings.advert_interval,
                next: None,
            };
            life.leased = settings.advert_interval;
            life.rose_with = settings.advert_interval;
            life.due = node.clock.local(now) + settings.advert_interval;
            life.unsaid = true;
            self.promotions += 1;
        }
        if let Some(early) = early {
            let what = format!(
                "node {index} rises {early:?} early ({:?})",
                transition.cause
            );
            self.broke(Invariant::NotDisplaced, now, what);
        }
        if transition.from == State::Active
            && let (Cause::BetterAdvert, Some(advert)) = (transition.cause, &heard)
            && (advert.priority, advert.source) <= (settings.priority, settings.primary)
        {
            let what = format!("node {index} gives way to {advert:?}");
            self.broke(Invariant::NotDisplaced, now, what);
        }
    }
}
