//! Moves that everybody makes, in a world without chance: when the successor takes over, and for how
//! long nobody or two answer.

use std::time::Duration;

use vrrp_user::{
    io::engine::{Command, driver::Step},
    proto::{Departures, InitialState, Settings, State, Version},
};

use crate::{
    chance::{Chance, Fate, Sending, Weather},
    clock::Clock,
    engine::DEFEND_INTERVAL,
    faults::settings,
    hosts::Believed,
    trace::Trace,
    world::{Build, World},
};

const MILLISECOND: u64 = 1_000_000;
const DELAY: u64 = 200_000;
/// A turn of an engine with its wake-up, a promotion's advert included.
const TURN: u64 = 60_000;

/// All goes well and takes always the same time.
#[derive(Debug)]
pub(crate) struct Calm;

impl Chance for Calm {
    fn fate(&mut self, _: &Weather) -> Fate {
        Fate::After(DELAY)
    }

    fn stall(&mut self, _: &Weather, _: usize, _: Step) -> u64 {
        0
    }

    fn latency(&mut self) -> u64 {
        20_000
    }

    fn step(&mut self) -> u64 {
        1_000
    }

    fn sending(&mut self, _: &Weather) -> Sending {
        Sending::Leaves
    }

    fn netlink(&mut self, _: &Weather) -> u64 {
        2 * MILLISECOND
    }
}

pub(crate) struct Story {
    pub(crate) world: World<Calm>,
    pub(crate) interval: u64,
}

impl Story {
    /// Started together and settled.
    pub(crate) fn settled(version: Version, interval: Duration, priorities: &[u8]) -> Self {
        Self::departing(version, interval, priorities, Departures::default())
    }

    /// The same with routers that depart from the RFC.
    fn departing(
        version: Version,
        interval: Duration,
        priorities: &[u8],
        departures: Departures,
    ) -> Self {
        Self::changed(version, interval, priorities, |_, settings| {
            settings.departures = departures;
        })
    }

    /// The same with settings that are changed for each router.
    pub(crate) fn changed(
        version: Version,
        interval: Duration,
        priorities: &[u8],
        change: impl Fn(usize, &mut Settings),
    ) -> Self {
        let build = |(index, priority): (usize, &u8)| {
            let mut settings = Settings {
                version,
                initial: InitialState::Backup,
                ..settings(index, interval, *priority)
            };
            change(index, &mut settings);
            Build {
                settings: vec![settings],
                clock: Clock {
                    base: 1_000_000_000_000,
                    ppm: 0,
                },
                ring: 4096,
            }
        };
        let builds = priorities.iter().enumerate().map(build).collect();
        let world = World::new(builds, DELAY, Calm, Trace::default());
        let interval = u64::try_from(interval.as_nanos()).unwrap();
        let mut story = Self { world, interval };
        for (index, priority) in priorities.iter().enumerate() {
            story.world.start(index, *priority);
        }
        story.run(10 * interval);
        story
    }

    fn pair() -> Self {
        Self::settled(Version::V3, Duration::from_millis(10), &[254, 253])
    }

    /// After so many Advertisement_Intervals, the routers are in these states.
    #[track_caller]
    pub(crate) fn comes_to(&mut self, intervals: u64, states: &[State]) {
        self.run(intervals * self.interval);
        assert_eq!(self.states(), states);
    }

    pub(crate) fn run(&mut self, time: u64) {
        let end = self.world.now + time;
        self.world
            .run_until(end)
            .unwrap_or_else(|broken| panic!("{broken}"));
    }

    pub(crate) fn states(&self) -> Vec<State> {
        self.world.nodes.iter().map(|node| node.state(0)).collect()
    }

    /// Runs until `node` is Active; how long that took.
    pub(crate) fn takeover(&mut self, node: usize) -> u64 {
        let begin = self.world.now;
        while self.world.nodes[node].state(0) != State::Active {
            assert!(
                self.world.now < begin + 10 * self.interval,
                "nobody takes over"
            );
            self.run(1_000);
        }
        self.world.now - begin
    }
}

#[test]
fn the_best_router_serves_and_goes_on() {
    let mut story = Story::settled(Version::V3, Duration::from_millis(10), &[200, 150, 100]);
    assert_eq!(
        story.states(),
        [State::Active, State::Backup, State::Backup]
    );
    story.world.watches[0].calm = true;
    let before = story.world.watches[0].promotions;
    story.run(100 * story.interval);
    assert_eq!(story.world.watches[0].promotions, before);
}

//= C25: proof
#[test]
fn a_crash_is_over_at_the_floor_of_the_rfc() {
    let mut story = Story::pair();
    let last = story.world.nodes[1]
        .engine
        .as_ref()
        .unwrap()
        .driver
        .deadline()
        .unwrap();
    let floor = story.world.nodes[1].clock.world(last);
    story.world.crash(0);
    story.takeover(1);
    // 3 x 10 ms and the Skew_Time of priority 253 after the last arrival.
    let late = story.world.now.saturating_sub(floor);
    assert!(story.world.now >= floor && late <= TURN, "{late}");
    assert_eq!(story.states(), [State::Initialize, State::Active]);
}

/// A pair of each version, and the Skew_Time of its Backup in nanoseconds.
fn settled_pairs() -> [(Story, u64); 2] {
    [
        (Version::V3, 10, [254, 253], 117_187),
        (Version::V2, 1000, [100, 99], 613_281_250),
    ]
    .map(|(version, interval, priorities, skew)| {
        let interval = Duration::from_millis(interval);
        (Story::settled(version, interval, &priorities), skew)
    })
}

/// Rising waits for the addresses, but not for ever: the other one serves meanwhile, or nobody does.
#[track_caller]
fn assert_took_a_skew(story: &Story, took: u64, skew: u64) {
    const ADDRESSES: u64 = 5_000_000;
    let addresses = ADDRESSES.min(story.interval / 4);
    let latest = skew + DELAY + addresses + 3 * TURN;
    assert!((skew..=latest).contains(&took), "{took}");
}

//= C26, C35, C44: proof
#[test]
fn a_planned_stop_costs_a_skew_and_nobody_notices() {
    for (mut story, skew) in settled_pairs() {
        story.world.watches[0].calm = true;
        story.world.command(0, Command::Stop);
        let took = story.takeover(1);
        assert_took_a_skew(&story, took, skew);
        story.comes_to(5, &[State::Initialize, State::Active]);
        assert!(
            story.world.nodes[0].engine.is_none(),
            "the process has ended"
        );
    }
}

/// The link lives: the Backup is told, and does not wait for longer than after a planned stop. Nobody serves
/// meanwhile, and nobody answers twice.
//= C26, C35, C44: proof
#[test]
fn a_lost_source_address_costs_a_skew() {
    for (mut story, skew) in settled_pairs() {
        story.world.address(0, false);
        let took = story.takeover(1);
        assert_took_a_skew(&story, took, skew);
        story.comes_to(5, &[State::Fault, State::Active]);
        story.world.watches[0].calm = true;
        story.world.address(0, true);
        story.comes_to(20, &[State::Active, State::Backup]);
    }
}

/// Without a link nobody can be told.
//= C25: proof
#[test]
fn a_cut_link_costs_an_active_down_interval() {
    let mut story = Story::pair();
    story.world.plug(0, false);
    let took = story.takeover(1);
    assert!(took > 2 * story.interval, "{took}");
    assert_eq!(story.states(), [State::Fault, State::Active]);
}

#[test]
fn the_better_router_comes_back_without_a_gap() {
    let mut story = Story::pair();
    story.world.crash(0);
    story.run(10 * story.interval);
    story.world.watches[0].calm = true;
    story.world.start(0, 254);
    story.comes_to(20, &[State::Active, State::Backup]);
}

/// The engine stands still, the programs do not: the lease ends before the Backup takes over.
#[test]
fn a_frozen_active_has_fenced_itself() {
    let mut story = Story::pair();
    story.world.stall(0, 100 * MILLISECOND);
    story.takeover(1);
    assert!(!story.world.nodes[0].answers(0, story.world.now));
    story.comes_to(20, &[State::Active, State::Backup]);
}

/// And so it has if the routers agree on another number of missing adverts.
#[test]
fn a_frozen_active_has_fenced_itself_however_long_the_others_wait() {
    for adverts in [2, 5] {
        let departures = Departures {
            down_timer_adverts: adverts,
            ..Departures::default()
        };
        let interval = Duration::from_millis(10);
        let mut story = Story::departing(Version::V3, interval, &[254, 253], departures);
        story.world.stall(0, 100 * MILLISECOND);
        let took = story.takeover(1);
        assert!(took > u64::from(adverts - 1) * story.interval, "{took}");
        assert!(!story.world.nodes[0].answers(0, story.world.now));
        story.comes_to(20, &[State::Active, State::Backup]);
    }
}

/// The lease of the worse router still runs when the better one is back, and nobody tells its engine.
//= C41: proof
#[test]
fn a_preempted_router_is_silenced_while_it_stands_still() {
    let mut story = Story::pair();
    story.world.crash(0);
    story.run(10 * story.interval);
    story.world.start(0, 254);
    while story.world.nodes[0].state(0) != State::Rising {
        assert!(story.world.nodes[0].state(0) != State::Active);
        story.run(10_000);
    }
    story.world.stall(1, 100 * story.interval);
    story.takeover(0);
    story.run(DELAY + TURN);
    let [better, worse] = &story.world.nodes[..] else {
        unreachable!("two nodes")
    };
    let now = story.world.now;
    assert!(better.answers(0, now) && !worse.answers(0, now));
    assert!(worse.state(0) == State::Active && worse.answers_until(0) > now);
    story.comes_to(110, &[State::Active, State::Backup]);
}

/// Whatever a router is that was started as MASTER, it may have been started beside a better one that stands still.
#[test]
fn who_starts_as_master_outlives_the_lease_of_an_active_that_stands_still() {
    for (priorities, waits) in [([254, 100], 30), ([100, 254], 30), ([100, 100], 30)] {
        let mut story = Story::settled(Version::V3, Duration::from_millis(10), &priorities);
        let active = story.world.active(0).unwrap();
        let other = 1 - active;
        story.world.crash(other);
        // An advert has just been.
        let sent = |story: &Story| story.world.nodes[active].word(0).expiry();
        let before = sent(&story);
        while sent(&story) == before {
            story.run(10_000);
        }
        story.run(DELAY + TURN);
        story.world.stall(active, 100 * MILLISECOND);
        story.world.nodes[other].file[0].settings.initial = InitialState::Master;
        story.world.start(other, priorities[other]);
        let took = story.takeover(other);
        assert!(took >= waits * MILLISECOND, "{took}");
        assert!(!story.world.nodes[active].answers(0, story.world.now));
        story.run(20 * story.interval);
    }
}

/// A worse one that is heard says that no better one serves.
#[test]
fn who_starts_as_master_relieves_a_worse_router_sooner() {
    let mut story = Story::pair();
    story.world.crash(0);
    story.run(10 * story.interval);
    story.world.watches[0].calm = true;
    story.world.nodes[0].file[0].settings.initial = InitialState::Master;
    story.world.start(0, 254);
    let took = story.takeover(0);
    // One interval, the Skew_Time of priority 254, and the addresses.
    let waits = story.interval + 78_125;
    let latest = waits + 2 * MILLISECOND + 4 * TURN;
    assert!((waits..=latest).contains(&took), "{took}");
    story.comes_to(20, &[State::Active, State::Backup]);
}

#[test]
fn of_three_the_second_takes_over() {
    let mut story = Story::settled(Version::V3, Duration::from_millis(10), &[200, 150, 100]);
    story.world.crash(0);
    story.run(10 * story.interval);
    assert_eq!(
        story.states(),
        [State::Initialize, State::Active, State::Backup]
    );
    story.world.command(1, Command::Stop);
    story.run(10 * story.interval);
    assert_eq!(story.states()[1..], [State::Initialize, State::Active]);
    story.world.start(0, 200);
    story.run(20 * story.interval);
    assert_eq!(
        story.states(),
        [State::Active, State::Initialize, State::Backup]
    );
}

//= C41: proof
#[test]
fn equal_priorities_end_with_the_higher_address() {
    let story = Story::settled(Version::V3, Duration::from_millis(10), &[100; 4]);
    // .1, .62, .123, .184: octets are unsigned.
    assert_eq!(story.world.active(0), Some(3));
}

/// Better and worse routers up to `worse` do not hear each other, and the worse one has taken over. The loss ends
/// right after an advert of the usurper, so that the next one is of the better router.
fn after_a_loss(priorities: &[u8], departures: Departures) -> Story {
    let interval = Duration::from_millis(10);
    let mut story = Story::departing(Version::V3, interval, priorities, departures);
    let others = 1..priorities.len();
    let cut = |story: &mut Story, cut| {
        for other in others.clone() {
            story.world.cut(0, other, cut);
            story.world.cut(other, 0, cut);
        }
    };
    cut(&mut story, true);
    story.takeover(1);
    story.run(3 * story.interval);
    assert_eq!(story.states()[..2], [State::Active, State::Active]);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(1));
    let lease = |story: &Story| story.world.nodes[1].word(0).expiry();
    let before = lease(&story);
    while lease(&story) == before {
        story.run(10_000);
    }
    cut(&mut story, false);
    story
}

/// The better router has no other reason to announce itself than the last advert of the other one.
//= C41, C42: proof
#[test]
fn who_was_not_heard_is_told_of_a_usurper() {
    let mut story = after_a_loss(&[254, 253], Departures::default());
    let adverts = story.world.adverts;
    while story.world.nodes[1].state(0) == State::Active {
        story.run(1_000);
    }
    // An advert's way there, one's way back, and a turn at either end.
    story.run(2 * DELAY + 2 * TURN);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
    assert_eq!(story.states(), [State::Active, State::Backup]);
    // The regular one, that of the router that gives way, and the answer.
    assert_eq!(story.world.adverts - adverts, 3);
}

#[test]
fn a_usurper_leaves_in_silence_if_told_so() {
    let silent = Departures {
        higher_prio_send_advert: false,
        ..Departures::default()
    };
    let mut story = after_a_loss(&[254, 253], silent);
    story.comes_to(100, &[State::Active, State::Backup]);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(1));
}

/// A third router that hears the last advert of the one that gives way neither rises nor stays with it.
#[test]
fn a_last_advert_leads_nobody_astray() {
    for priorities in [[254, 200, 100], [254, 101, 100], [101, 100, 1]] {
        let mut story = after_a_loss(&priorities, Departures::default());
        let promotions = story.world.watches[0].promotions;
        story.run(20 * story.interval);
        assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
        assert_eq!(
            story.world.watches[0].promotions, promotions,
            "{priorities:?}"
        );
        assert_eq!(
            story.states(),
            [State::Active, State::Backup, State::Backup]
        );
        let third = story.world.nodes[2].engine.as_ref().unwrap();
        assert_eq!(
            third.core(0).unwrap().active_priority(),
            Some(priorities[0])
        );
    }
}

/// With a return, each says one thing: the better one that it serves, the other its last, and the answer.
#[test]
fn a_planned_return_takes_three_adverts() {
    let mut story = Story::pair();
    story.world.crash(0);
    story.run(10 * story.interval);
    story.world.watches[0].calm = true;
    story.world.start(0, 254);
    while story.world.nodes[0].state(0) != State::Active {
        story.run(1_000);
    }
    let adverts = story.world.adverts;
    story.run(story.interval / 2);
    assert_eq!(story.states(), [State::Active, State::Backup]);
    assert_eq!(story.world.adverts - adverts, 3);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
}

/// The second claim comes when the first was just answered. Without an answer the hosts would stay with it.
#[test]
fn a_claim_that_may_not_be_answered_yet_is_answered_when_it_may() {
    let mut story = Story::pair();
    let defended = u64::try_from(DEFEND_INTERVAL.as_nanos()).unwrap();
    // At the start, both may have announced themselves.
    story.run(defended);
    story.world.claim(0);
    story.run(DELAY + TURN);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
    story.world.claim(0);
    story.run(defended - DELAY - TURN);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Stranger);
    story.run(DELAY + 2 * TURN);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
    assert_eq!(story.states(), [State::Active, State::Backup]);
}
