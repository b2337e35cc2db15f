//! Moves that everybody makes, in a world without chance: when the successor takes over, and for how
//! long nobody or two answer.

mod takeovers;
mod usurpers;

use std::time::Duration;

use vrrp_user::{
    io::engine::driver::Step,
    proto::{Departures, InitialState, Settings, State, Version},
};

use crate::{
    chance::{Chance, Fate, Sending, Weather},
    clock::Clock,
    faults::settings,
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

    /// Node 0 crashes, another one takes over, and node 0 is started again. From then on somebody must always answer.
    fn crash_and_return(&mut self) {
        self.world.crash(0);
        self.run(10 * self.interval);
        self.world.watches[0].calm = true;
        self.world.restart(0);
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
