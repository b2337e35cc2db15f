//! Watches over the [rules](crate::rules), from what nodes do and words say.

use std::{collections::BTreeMap, time::Duration};

use vrrp_ebpf::ownership;
use vrrp_user::proto::{Advert, Cause, FaultReason, Instant, Lease, Settings, State, Transition};

use crate::{
    chance::{LATENCY_MAX, STEP_MAX},
    hearing::{Oracle, Outcome, Sight},
    hosts::{Believed, Hosts},
    kernel::Received,
    node::Node,
    rules::{Broken, Invariant},
    trace::span,
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

/// What is known of a node beside what it says.
#[derive(Debug, Default)]
struct Life {
    oracle: Option<Oracle>,
    answers: bool,
    /// When it began to answer.
    since: u64,
    cause: Option<Cause>,
    /// When its engine woke up for that decision, and who it had heard last.
    decided: u64,
    heard: Option<usize>,
    /// When it last became Backup by a start or its link, and that again at a decision to rise without
    /// having heard anybody since.
    began: u64,
    unheard: Option<u64>,
    /// When it decided to stop serving in peace.
    retired: u64,
    /// When an advert left, by its own clock, and when one was last handed over.
    left: Option<Instant>,
    promoted: Option<Instant>,
    /// When the next advert has to be handed over.
    due: Instant,
    pace: Pace,
    /// The interval by which the lease may count that it has, and the first one.
    leased: Duration,
    rose_with: Duration,
    /// Virtual IPs that it got while it was Active, when, and not announced yet.
    fresh: BTreeMap<u8, Instant>,
    /// Promoted, and no advert handed over since.
    unsaid: bool,
    /// Was Active, is in FAULT with a living link, and no priority 0 has left since.
    resigns: bool,
}

/// The Advertisement_Interval that a router keeps to. A longer one is said in as many adverts as a Backup may miss.
#[derive(Debug, Default)]
struct Pace {
    interval: Duration,
    /// The longer one, and how many adverts are to say it still.
    next: Option<(Duration, u8)>,
}

impl Pace {
    fn change(&mut self, settings: &Settings) {
        let wanted = settings.advert_interval;
        let adverts = settings.departures.down_timer_adverts.max(3);
        self.next = (wanted > self.interval).then_some((wanted, adverts));
        self.interval = self.interval.min(wanted);
    }

    fn sent(&mut self) {
        self.next = match self.next {
            Some((interval, 1)) => {
                self.interval = interval;
                None
            }
            next => next.map(|(interval, left)| (interval, left - 1)),
        };
    }
}

impl Life {
    fn left(&mut self, local: Instant) {
        self.left = Some(local);
        self.pace.sent();
        self.leased = self.pace.interval;
    }
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
            oracle.arrived(from, advert, received.stamped);
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

    /// Between two events words change by expiry only.
    pub(crate) fn passed(&mut self, from: u64, to: u64, nodes: &[Node]) {
        let router = self.router;
        let until = |node: &Node| node.answers_until(router).min(to);
        if self.calm {
            let covered = nodes
                .iter()
                .filter(|node| node.answers(router, from))
                .map(until);
            let covered = covered.max().unwrap_or(from);
            if covered < to && !self.missed {
                let gap = span(to - covered);
                self.broke(
                    Invariant::NoOwner,
                    covered,
                    format!("nobody answers for {gap}"),
                );
            }
            let served = nodes
                .iter()
                .filter(|node| node.takes(router, from))
                .map(until);
            let served = served.max().unwrap_or(from);
            if served < to && !self.unprepared {
                let gap = span(to - served);
                self.broke(
                    Invariant::NoService,
                    served,
                    format!("nobody takes packets for {gap}"),
                );
            }
        }
        for a in 0..nodes.len() {
            for b in 0..a {
                let (one, other) = (&nodes[a], &nodes[b]);
                if one.answers(router, from) && other.answers(router, from) {
                    self.both_answer(from, until(one).min(until(other)), a, b, nodes);
                } else {
                    self.answering[a][b] = 0;
                }
                if one.state(router) == State::Active && other.state(router) == State::Active {
                    self.both_active(from, to, a, b, nodes);
                } else {
                    self.active[a][b] = 0;
                }
            }
        }
    }

    fn hear_each_other(&self, a: usize, b: usize, nodes: &[Node]) -> bool {
        let heard = |from: usize, to: usize| {
            let interval = nodes[from].settings[self.router].advert_interval.as_nanos();
            self.sights[from][to].is_heard(u64::try_from(interval).unwrap())
        };
        heard(a, b) && heard(b, a)
    }

    fn both_answer(&mut self, from: u64, to: u64, a: usize, b: usize, nodes: &[Node]) {
        let (new, old) = if self.lives[a].since >= self.lives[b].since {
            (a, b)
        } else {
            (b, a)
        };
        let claim = &self.lives[new];
        let known =
            matches!(self.sights[old][new].outcome, Outcome::Delivered(at) if at <= claim.decided);
        let interval =
            u64::try_from(nodes[old].settings[self.router].advert_interval.as_nanos()).unwrap();
        let retires = |node: &Node| node.word(self.router).state() == ownership::State::Retiring;
        let leased = nodes[old].settings[self.router].lease != Lease::Off;
        let sent = self.sights[old][new].sent;
        // The lease is of that advert, not of a term that begins just then or of priority 0.
        let covered = self.lives[old].decided <= sent
            && (!retires(&nodes[old]) || sent < self.lives[old].retired);
        let silent = claim.heard == Some(old) && known && self.sights[old][new].is_heard(interval);
        let own = nodes[new].settings[self.router].advert_interval;
        let intervals = [self.lives[old].leased, own];
        let before =
            claim.unheard.is_some_and(|began| sent < began) && intervals[0] <= intervals[1];
        if leased && covered && claim.cause == Some(Cause::ActiveDown) && (silent || before) {
            let what = format!("node {new} became Active, and node {old}, silent, answers on");
            return self.broke(Invariant::LeaseOutlived, from, what);
        }
        let both_retire = retires(&nodes[a]) && retires(&nodes[b]);
        // Nobody hears who has not spoken yet.
        let unsaid = self.lives[a].unsaid || self.lives[b].unsaid;
        if both_retire || unsaid || !self.hear_each_other(a, b, nodes) {
            self.answering[a][b] = 0;
            return;
        }
        let still = |index: usize| nodes[index].stands_still(from) && !retires(&nodes[index]);
        let unleased =
            |index: usize| still(index) && nodes[index].settings[self.router].lease == Lease::Off;
        if unleased(a) || unleased(b) {
            return;
        }
        let released = still(old) && claim.cause == Some(Cause::PriorityZero);
        let beside = |one: usize, other: usize| {
            retires(&nodes[one])
                && still(other)
                && self.lives[other].decided <= self.lives[one].retired
        };
        let interval = |index: usize| nodes[index].settings[self.router].advert_interval;
        let misled = still(old)
            && claim
                .heard
                .is_some_and(|heard| interval(heard) < interval(old));
        if released || misled || beside(a, b) || beside(b, a) {
            // How long that may be is for `NoActiveWithoutAdverts` to say: a lease.
            self.tolerated = self.tolerated.max(to - from);
            return;
        }
        self.answering[a][b] += to - from;
        if self.answering[a][b] > self.round_trip {
            let what = format!(
                "nodes {b} and {a} answer together for {}",
                span(self.answering[a][b])
            );
            self.broke(Invariant::AnswersOverlap, to, what);
        }
    }

    fn both_active(&mut self, from: u64, to: u64, a: usize, b: usize, nodes: &[Node]) {
        if !self.hear_each_other(a, b, nodes) {
            self.active[a][b] = 0;
            return;
        }
        if nodes[a].stands_still(from) || nodes[b].stands_still(from) {
            return;
        }
        self.active[a][b] += to - from;
        let interval = nodes[a].settings[self.router]
            .advert_interval
            .max(nodes[b].settings[self.router].advert_interval);
        let bound = u64::try_from(interval.as_nanos()).unwrap() + self.round_trip;
        if self.active[a][b] > bound {
            let what = format!(
                "nodes {b} and {a} are both Active for {}",
                span(self.active[a][b])
            );
            self.broke(Invariant::TwoActives, to, what);
        }
    }

    /// After each event.
    pub(crate) fn look(&mut self, now: u64, index: usize, node: &Node) {
        let local = node.clock.local(now);
        let answers = node.answers(self.router, now);
        let (settings, word) = (&node.settings[self.router], node.word(self.router));
        let state = node.state(self.router);
        let life = &mut self.lives[index];
        if answers && !life.answers {
            life.since = now;
        }
        life.answers = answers;
        let interval = settings.advert_interval;
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap();
        let first = nanos(life.rose_with).div_euclid(4).max(1_000_000);
        let leased = 3 * nanos(life.leased);
        let recent = life.left.is_some_and(|left| local.0 <= left.0 + leased)
            || life
                .promoted
                .is_some_and(|promoted| local.0 <= promoted.0 + first);
        let active = word.state() == ownership::State::Active;
        let silent = answers && active && settings.lease != Lease::Off && !recent;
        let slack = self.slack;
        let idle = node.engine.as_ref().is_some_and(|engine| !engine.is_busy())
            && now > node.stalled_until + slack;
        let overdue = life.unsaid || local.0 > life.due.0 + slack;
        let mute = idle && state == State::Active && overdue;
        let late = idle
            && state == State::Backup
            && life
                .oracle
                .as_ref()
                .is_some_and(|oracle| local.0 > oracle.deadline().0.saturating_add(slack));
        let served_since = node.clock.local(life.since);
        let late_news =
            |since: &Instant| *since >= served_since && local.0 > since.0 + nanos(interval) + slack;
        let unannounced = idle && answers && active && life.fresh.values().any(late_news);
        if unannounced {
            let what = format!("node {index} announces no virtual IP that it got");
            self.broke(Invariant::AsConfigured, now, what);
        }
        if word.epoch() != node.epochs[self.router] && word.0 != 0 {
            self.broke(
                Invariant::Superseded,
                now,
                format!("node {index} writes on"),
            );
        }
        if idle && self.lives[index].resigns {
            let what = format!("node {index} has left without a word");
            self.broke(Invariant::Resigns, now, what);
        }
        if silent || mute {
            let what = format!("node {index} sends no adverts");
            self.broke(Invariant::NoActiveWithoutAdverts, now, what);
        }
        if late {
            self.broke(
                Invariant::InTime,
                now,
                format!("node {index} is still Backup"),
            );
        }
    }

    /// The trouble is over for long enough. Returns who is Active.
    pub(crate) fn settled(&mut self, now: u64, nodes: &[Node]) -> Option<usize> {
        self.unprepared = false;
        self.missed = false;
        let of = |want: &dyn Fn(&Node) -> bool| -> Vec<usize> {
            (0..nodes.len())
                .filter(|index| want(&nodes[*index]))
                .collect()
        };
        let actives = of(&|node| node.state(self.router) == State::Active);
        // Without a lease the words of a dead process serve on: that is what `lease off` says.
        let unleased =
            |node: &Node| node.engine.is_none() && node.settings[self.router].lease == Lease::Off;
        let answering = of(&|node| node.answers(self.router, now) && !unleased(node));
        let running = of(&|node| node.plugged && node.state(self.router) != State::Initialize);
        if actives.len() != usize::from(!running.is_empty()) || answering != actives {
            let what = format!("Active are {actives:?}, and {answering:?} answer");
            self.broke(Invariant::OneActive, now, what);
            return None;
        }
        self.look_at_addresses(now, nodes);
        let [active] = *actives else { return None };
        let priority = nodes[active].settings[self.router].priority;
        let better = running.iter().find(|index| {
            let settings = &nodes[**index].settings[self.router];
            settings.priority > priority && (settings.preempt || settings.owner)
        });
        if let Some(better) = better {
            let what = format!("node {active} is Active, and node {better} is better");
            self.broke(Invariant::BestWins, now, what);
        }
        self.look_at_lists(now, active, nodes);
        self.look_at_hosts(now, active, nodes);
        Some(active)
    }

    /// Who runs and is not Active has no address of a virtual router.
    fn look_at_addresses(&mut self, now: u64, nodes: &[Node]) {
        let router = self.router;
        let is_idle = |node: &Node| node.engine.is_some() && node.state(router) != State::Active;
        let kept = |node: &Node| {
            is_idle(node) && node.has_any(router) || node.engine.is_some() && node.has_leftovers()
        };
        if let Some(keeps) = nodes.iter().position(kept) {
            let what = format!("node {keeps} has a virtual IP that it does not serve");
            self.broke(Invariant::AsConfigured, now, what);
        }
    }

    fn look_at_lists(&mut self, now: u64, active: usize, nodes: &[Node]) {
        let router = self.router;
        let mut own = 0..nodes[active].vips[router];
        let lacks = own.find(|number| !nodes[active].has(router, *number));
        if let Some(lacks) = lacks {
            let what = format!("node {active} is Active without virtual IP {lacks}");
            self.broke(Invariant::AsConfigured, now, what);
        }
        let other = nodes.iter().position(|node| node.has_others(router));
        if let Some(other) = other {
            let what = format!("node {other} has a virtual IP that it should not");
            self.broke(Invariant::AsConfigured, now, what);
        }
    }

    fn look_at_hosts(&mut self, now: u64, active: usize, nodes: &[Node]) {
        let why = match self.hosts.believed {
            Believed::Node(other) if other != active => {
                let heard = self.sights[other][active].outcome;
                if nodes[other].engine.is_some() && self.hosts.is_silent(other) {
                    "gave way without a word"
                } else if matches!(heard, Outcome::Delivered(at) if at >= self.hosts.since) {
                    "was heard since"
                } else {
                    return;
                }
            }
            Believed::Stranger if self.hosts.is_told(active) => "was heard",
            _ => return,
        };
        let what = format!(
            "node {active} is Active, and hosts believe {:?}, which {why}",
            self.hosts.believed
        );
        self.broke(Invariant::HostsReachTheActive, now, what);
    }
}
