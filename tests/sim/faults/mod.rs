//! What goes wrong in a large world: everything follows from one seed.

mod draw;
mod planned;
mod trouble;

use std::time::Duration;

use vrrp_user::proto::{Settings, Version};

pub(crate) use self::draw::{settings, with_ipv6};
use crate::{
    chance::{Dice, Weather},
    engine::DEFEND_INTERVAL,
    hosts::Believed,
    planted::Plant,
    rules::{Broken, Invariant},
    trace::{Trace, span},
    world::World,
};

/// Troubles in the life of a world, each with elections at its end.
const ROUNDS: usize = 4;

/// How long an answer to a stranger may take: DEFEND_INTERVAL, and an engine's turn.
const DEFENDED_WITHIN: u64 = DEFEND_INTERVAL.as_secs() * 1_001_000_000;

/// Runs the world of a seed to its end or to the first broken invariant. With `only`, no
/// other invariant counts.
pub(crate) fn live(
    seed: u64,
    plant: Option<Plant>,
    only: Option<Invariant>,
    recording: bool,
) -> (World<Dice>, Result<(), Broken>) {
    let mut dice = Dice::new(seed);
    let (builds, storm, base) = draw::draw(&mut dice, plant);
    let trace = if recording {
        Trace::recording()
    } else {
        Trace::default()
    };
    let (_, delay_max) = storm.delay;
    let delay_max = delay_max.max(Weather::FAIR.delay.1);
    let mut world = World::new(builds, delay_max, Dice::new(!seed), trace);
    if let Some(plant) = plant {
        world.plant(plant);
    }
    for watch in &mut world.watches {
        watch.only = only;
    }
    describe(&mut world, &storm);
    let mut story = Story {
        world,
        dice,
        storm,
        late_max: delay_max + storm.queued_max,
        slowest: 0,
        base,
    };
    let result = story.run();
    (story.world, result)
}

fn describe(world: &mut World<Dice>, storm: &Weather) {
    for (index, node) in world.nodes.iter().enumerate() {
        for (router, settings) in node.settings.iter().enumerate() {
            world.trace.note(0, || {
                format!(
                    "router {router} of node {index}: {:?}, priority {}, {:?} adverts, preempt {} after {:?}, {:?}, lease {:?}, {}, clock {:+} ppm",
                    settings.version,
                    settings.priority,
                    settings.advert_interval,
                    settings.preempt,
                    settings.preempt_delay,
                    settings.initial,
                    settings.lease,
                    settings.primary,
                    node.clock.ppm,
                )
            });
        }
    }
    world.trace.note(0, || format!("storms: {storm}"));
}

struct Story {
    world: World<Dice>,
    dice: Dice,
    storm: Weather,
    /// How long what was sent may still be on its way.
    late_max: u64,
    /// The longest Advertisement_Interval that there was.
    slowest: u64,
    /// The interval that all others are multiples of; nothing if it does not change.
    base: Option<Duration>,
}

impl Story {
    fn run(&mut self) -> Result<(), Broken> {
        for index in 0..self.world.nodes.len() {
            let late = self.dice.range(0, self.interval());
            self.world.run_until(self.world.now + late / 4)?;
            self.world.restart(index);
        }
        self.settle()?;
        for _ in 0..ROUNDS {
            if self.dice.chance(200) && !self.running().is_empty() {
                self.reloads()?;
            } else if self.dice.chance(400) {
                self.planned()?;
            } else {
                self.trouble()?;
            }
        }
        Ok(())
    }

    /// The longest Advertisement_Interval of all, and of those that were changed: a Backup may know it still.
    fn interval(&self) -> u64 {
        let longest = self.longest(|settings| settings.advert_interval);
        self.slowest.max(longest)
    }

    /// The longest of the routers' settings, in nanoseconds.
    fn longest(&self, span: fn(&Settings) -> Duration) -> u64 {
        let files = self.world.nodes.iter().flat_map(|node| &node.file);
        let files = files.map(|router| &router.settings);
        let all = self.world.nodes.iter().flat_map(|node| &node.settings);
        u64::try_from(all.chain(files).map(span).max().unwrap().as_nanos()).unwrap()
    }

    /// How long RFC 9568 takes at most to have one Active: a `preempt_delay`, 3 intervals, a
    /// Skew_Time, and Rising. What is still in flight may start a timer over.
    fn bound(&self) -> u64 {
        let delay = self.longest(|settings| settings.preempt_delay);
        let interval = self.interval();
        let skew = match self.world.nodes[0].settings[0].version {
            Version::V2 => 1_000_000_000,
            Version::V3 => interval,
        };
        delay + 4 * interval + skew + self.late_max + 2_000_000
    }

    fn pass(&mut self, time: u64) -> Result<(), Broken> {
        self.world.run_until(self.world.now + time)
    }

    /// A virtual router, by slot.
    fn any_router(&mut self) -> usize {
        let count = self.world.watches.len();
        self.dice.index(count)
    }

    /// A node starts, with another priority of a virtual router whose addresses it does not own.
    fn change_priority(&mut self, index: usize) {
        let router = self.any_router();
        let settings = &self.world.nodes[index].file[router].settings;
        if !settings.owner {
            let new = draw::priority(&mut self.dice, 1);
            self.world.nodes[index].set_priority(router, new);
        }
        self.world.restart(index);
    }

    /// Everything works from here on: who is Active within the bound stays so.
    fn settle(&mut self) -> Result<(), Broken> {
        self.world.heal();
        self.work_off()?;
        let bound = self.bound();
        self.pass(bound)?;
        let mut hosts = self.world.watches.iter().map(|watch| &watch.hosts);
        if hosts.any(|hosts| hosts.believed == Believed::Stranger) {
            self.pass(DEFENDED_WITHIN)?;
        }
        self.world.settled()?;
        let before = self.world.promotions();
        self.pass(6 * self.interval())?;
        self.world.settled()?;
        let now = self.world.now;
        for router in 0..self.world.watches.len() {
            let active = self.world.active(router);
            if active.is_some_and(|active| !self.world.nodes[active].takes(router, now)) {
                self.world
                    .broke(Invariant::NoService, "the Active has no addresses")?;
            }
        }
        if self.world.promotions() != before {
            self.world
                .broke(Invariant::NotDisplaced, "a router rises in peace")?;
        }
        self.world.verdict()
    }

    fn running(&self) -> Vec<usize> {
        let nodes = self.world.nodes.iter().enumerate();
        nodes
            .filter(|(_, node)| node.engine.is_some())
            .map(|(index, _)| index)
            .collect()
    }
}

/// What was tried, for people.
pub(crate) fn report(worlds: u64, promotions: u64, changes: u64, tolerated: u64) -> String {
    format!(
        "{promotions} elections in {worlds} worlds, with {changes} changes by a reload; at most {} of a common answer where the RFC lets an Active that stands still down",
        span(tolerated)
    )
}
