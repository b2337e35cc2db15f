//! Two and three routers on a simulated link: who serves, from when, and for how long nobody or two.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use vrrp_ebpf::{abi::Follow, ownership::Ownership};

use super::{Advert, Bench, Input, Instant, Output, START, Settings, State, Version, ms, settings};
use crate::proto::Intervals;

const LATENCY: Duration = Duration::from_micros(200);
/// From one output to the next.
const STORE: Duration = Duration::from_micros(1);
/// What the kernel takes to add or remove the addresses.
const NETLINK: Duration = Duration::from_millis(2);

struct Node {
    bench: Bench,
    /// The process runs.
    alive: bool,
    word: Ownership,
    follow: Follow,
    last_seen: u64,
}

struct Network {
    now: Instant,
    nodes: Vec<Node>,
    queue: BTreeMap<(Instant, usize), (usize, Input)>,
    queued: usize,
    /// How long ARP requests were answered by nobody, and by more than one.
    unanswered: Duration,
    twice: Duration,
    /// Departures of adverts: (when, node, priority).
    adverts: Vec<(Instant, usize, u8)>,
}

impl Network {
    fn new(version: Version, interval: Duration, priorities: &[u8]) -> Self {
        let nodes = priorities.iter().enumerate().map(|(index, priority)| Node {
            bench: Bench::new(Settings {
                version,
                advert_interval: interval,
                priority: *priority,
                primary: address(index),
                ..settings()
            }),
            alive: false,
            word: Ownership::NONE,
            follow: Follow::default(),
            last_seen: 0,
        });
        Self {
            now: START,
            nodes: nodes.collect(),
            queue: BTreeMap::new(),
            queued: 0,
            unanswered: Duration::ZERO,
            twice: Duration::ZERO,
            adverts: Vec::new(),
        }
    }

    fn start(&mut self, node: usize) {
        self.nodes[node].alive = true;
        let primary = address(node);
        self.feed(node, Input::LinkUp { primary });
    }

    /// Power off: the kernel half goes as well.
    fn crash(&mut self, node: usize) {
        let settings = self.nodes[node].bench.router.settings().clone();
        self.nodes[node].bench = Bench::new(settings);
        self.nodes[node].alive = false;
        self.nodes[node].word = Ownership::NONE;
    }

    fn later(&mut self, at: Instant, node: usize, input: Input) {
        self.queue.insert((at, self.queued), (node, input));
        self.queued += 1;
    }

    /// To everybody but `from`; who is off or frozen by then hears nothing.
    fn broadcast(&mut self, at: Instant, from: usize, input: Input) {
        for node in (0..self.nodes.len()).filter(|node| *node != from) {
            self.later(at + LATENCY, node, input);
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let delivery = self.queue.first_key_value().map(|((at, _), _)| *at);
            let timeout = (0..self.nodes.len())
                .filter(|node| self.nodes[*node].alive)
                .filter_map(|node| Some((self.nodes[node].bench.router.deadline()?, node)))
                .min();
            // The engine drains the ring before it believes a timer.
            match (delivery, timeout) {
                (Some(at), timeout)
                    if at <= end && timeout.is_none_or(|(deadline, _)| at <= deadline) =>
                {
                    self.advance(at);
                    if let Some((_, (node, input))) = self.queue.pop_first() {
                        self.deliver(node, input);
                    }
                }
                (_, Some((deadline, node))) if deadline <= end => {
                    self.advance(deadline);
                    self.feed(node, Input::Timeout);
                }
                _ => return self.advance(end),
            }
        }
    }

    /// Between events ownership only ends, by expiry.
    fn advance(&mut self, to: Instant) {
        let to = to.max(self.now);
        let mut ends: Vec<Instant> = self
            .nodes
            .iter()
            .filter(|node| node.word.answers(self.now.0, node.last_seen))
            .map(|node| Instant(node.word.expiry()).min(to))
            .collect();
        ends.sort_by(|a, b| b.cmp(a));
        let last = ends.first().copied().unwrap_or(self.now);
        self.unanswered += to.since(last);
        self.twice += ends
            .get(1)
            .map_or(Duration::ZERO, |second| second.since(self.now));
        self.now = to;
    }

    fn deliver(&mut self, node: usize, input: Input) {
        if !self.nodes[node].alive {
            return;
        }
        if let Input::Advert(advert) = input
            && advert.priority >= self.nodes[node].follow.restart_min.max(1)
        {
            self.nodes[node].last_seen = advert.arrived.0;
        }
        self.feed(node, input);
    }

    fn feed(&mut self, node: usize, input: Input) {
        let outputs = self.nodes[node].bench.feed(self.now, input).to_vec();
        for output in outputs {
            self.advance(self.now + STORE);
            self.carry_out(node, output);
        }
    }

    fn carry_out(&mut self, node: usize, output: Output) {
        let now = self.now;
        match output {
            Output::Own { state, expiry } => {
                self.nodes[node].word = Ownership::new(state, 1, expiry);
            }
            Output::Follow { follow, clear_seen } => {
                self.nodes[node].follow = follow;
                if clear_seen {
                    self.nodes[node].last_seen = 0;
                }
            }
            Output::Advertise { priority } => {
                self.adverts.push((now, node, priority));
                self.later(now, node, Input::AdvertSent { at: now });
                let settings = self.nodes[node].bench.router.settings();
                let advert = Advert {
                    arrived: now + LATENCY,
                    source: settings.primary,
                    version: settings.version,
                    priority,
                    interval_cs: u16::try_from(settings.advert_interval.as_millis() / 10).unwrap(),
                };
                self.broadcast(now, node, Input::Advert(advert));
            }
            Output::Announce { .. } => self.broadcast(now, node, Input::SuccessorAnnounced),
            Output::Install => self.later(now + NETLINK, node, Input::AddressesReady),
            Output::Remove => self.later(now + NETLINK, node, Input::AddressesGone),
            Output::Transition(_) => {}
        }
    }

    fn states(&self) -> Vec<State> {
        let state = |node: &Node| node.bench.router.state();
        self.nodes.iter().map(state).collect()
    }

    /// Forgets what was measured.
    fn measure(&mut self) {
        self.unanswered = Duration::ZERO;
        self.twice = Duration::ZERO;
        self.adverts.clear();
    }

    /// When `node` first sent an advert with a priority since [`Self::measure`].
    fn takeover(&self, node: usize) -> Instant {
        let mut adverts = self.adverts.iter();
        let found = adverts.find(|(_, from, priority)| *from == node && *priority > 0);
        found.expect("it took over").0
    }
}

fn address(node: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(
        10,
        0,
        0,
        100 + u8::try_from(node).unwrap() * 50,
    ))
}

/// Started together and settled; the first is the best.
fn settled(version: Version, interval: Duration, priorities: &[u8]) -> Network {
    let mut network = Network::new(version, interval, priorities);
    for node in 0..priorities.len() {
        network.start(node);
    }
    network.run(interval * 10);
    let states = network.states();
    assert_eq!(states[0], State::Active);
    assert!(states[1..].iter().all(|state| *state == State::Backup));
    network.measure();
    network
}

fn pair() -> Network {
    settled(Version::V3, ms(10), &[254, 253])
}

/// Outputs that lie between two events.
const STORES: Duration = Duration::from_micros(20);

#[test]
fn the_best_router_serves_and_goes_on() {
    let mut network = pair();
    network.run(ms(1000));
    assert_eq!(network.states(), [State::Active, State::Backup]);
    assert_eq!(network.unanswered, Duration::ZERO);
    assert_eq!(network.twice, Duration::ZERO);
    assert_eq!(network.adverts.len(), 100);
}

#[test]
fn a_crash_is_over_at_the_floor_of_the_rfc() {
    let mut network = pair();
    network.run(ms(15));
    let (last, _, _) = *network.adverts.last().unwrap();
    network.crash(0);
    network.run(ms(100));
    assert_eq!(network.states(), [State::Initialize, State::Active]);
    let floor = last + LATENCY + Duration::from_nanos(30_117_187);
    let late = network.takeover(1).since(floor);
    assert!(floor <= network.takeover(1) && late <= STORES, "{late:?}");
    assert_eq!(network.twice, Duration::ZERO);
}

#[test]
fn the_better_router_comes_back_without_a_gap() {
    let mut network = pair();
    network.crash(0);
    network.run(ms(100));
    network.start(0);
    network.measure();
    network.run(ms(200));
    assert_eq!(network.states(), [State::Active, State::Backup]);
    assert!(network.unanswered <= STORES, "{:?}", network.unanswered);
    // Both serve only while the advert is on its way.
    assert!(network.twice <= LATENCY, "{:?}", network.twice);
}

#[test]
fn a_planned_stop_costs_a_skew_and_nobody_notices() {
    let mut network = pair();
    let stopped = network.now;
    network.feed(0, Input::Shutdown);
    network.run(ms(100));
    assert_eq!(network.states(), [State::Initialize, State::Active]);
    assert!(network.nodes[0].bench.router.is_finished());
    let skew = Intervals::new(Version::V3, 253, ms(10)).skew();
    assert!(network.takeover(1).since(stopped) <= LATENCY + skew + STORES);
    assert!(network.unanswered <= STORES, "{:?}", network.unanswered);
    assert!(network.twice <= LATENCY, "{:?}", network.twice);
    let resigned = network
        .adverts
        .iter()
        .filter(|(_, _, priority)| *priority == 0);
    assert_eq!(resigned.count(), 1);
}

/// The process hangs, its BPF programs do not: the lease ends before the Backup takes over.
#[test]
fn a_frozen_active_has_fenced_itself() {
    let mut network = pair();
    network.run(ms(7));
    network.nodes[0].alive = false;
    network.run(ms(100));
    assert_eq!(network.nodes[1].bench.router.state(), State::Active);
    assert_eq!(network.twice, Duration::ZERO);
    // Thawed, it is the better one again, and there is one Active.
    network.nodes[0].alive = true;
    network.run(ms(100));
    assert_eq!(network.states(), [State::Active, State::Backup]);
    assert!(network.twice <= LATENCY, "{:?}", network.twice);
}

#[test]
fn of_three_the_second_takes_over() {
    let mut network = settled(Version::V3, ms(10), &[200, 150, 100]);
    network.crash(0);
    network.run(ms(100));
    assert_eq!(
        network.states(),
        [State::Initialize, State::Active, State::Backup]
    );
    assert!(network.adverts.iter().all(|(_, node, _)| *node != 2));
    network.feed(1, Input::Shutdown);
    network.run(ms(100));
    assert_eq!(network.states()[1..], [State::Initialize, State::Active]);
    network.start(0);
    network.run(ms(200));
    assert_eq!(network.states()[0], State::Active);
    assert_eq!(network.states()[2], State::Backup);
}

#[test]
fn equal_priorities_end_with_the_higher_address() {
    let mut network = Network::new(Version::V3, ms(10), &[100, 100, 100]);
    for node in 0..3 {
        network.start(node);
    }
    network.run(ms(100));
    // .100, .150, .200: the last has the highest, if octets are unsigned.
    assert_eq!(
        network.states(),
        [State::Backup, State::Backup, State::Active]
    );
    network.measure();
    network.run(ms(1000));
    assert_eq!(network.twice, Duration::ZERO);
}

#[test]
fn the_tutorials_pair() {
    let mut network = settled(Version::V2, ms(1000), &[100, 99]);
    let stopped = network.now;
    network.feed(0, Input::Shutdown);
    network.run(ms(5000));
    assert_eq!(network.states(), [State::Initialize, State::Active]);
    let skew = Duration::from_nanos(613_281_250);
    assert!(network.takeover(1).since(stopped) <= LATENCY + skew + STORES);
    network.crash(0);
    network.start(0);
    network.measure();
    network.run(ms(10_000));
    assert_eq!(network.states(), [State::Active, State::Backup]);
    assert!(network.unanswered <= STORES, "{:?}", network.unanswered);
}
