//! What goes wrong in a large world: everything follows from one seed.

use std::{net::IpAddr, ops::Range, time::Duration};

use vrrp_user::{
    io::engine::Command,
    proto::{Departures, Family, Garp, InitialState, Lease, Settings, State, Version},
};

use crate::{
    chance::{Dice, Weather},
    clock::Clock,
    engine::DEFEND_INTERVAL,
    hosts::Believed,
    node::Node,
    planted::Plant,
    rules::{Broken, Invariant},
    trace::{Trace, span},
    watch::Watch,
    world::{Build, World},
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
    let (builds, storm, base) = draw(&mut dice, plant.is_some());
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

/// One router's settings; the index makes its address.
pub(crate) fn settings(index: usize, interval: Duration, priority: u8) -> Settings {
    Settings {
        vrid: 51,
        version: Version::V3,
        family: Family::V4,
        priority,
        owner: priority == 255,
        advert_interval: interval,
        initial: InitialState::Backup,
        preempt: true,
        preempt_delay: Duration::ZERO,
        lease: Lease::Auto,
        garp: Garp {
            repeat: 1,
            delay: Duration::ZERO,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
        },
        departures: Departures::default(),
        // 1, 62, 123, 184, 5: some octets look negative.
        primary: IpAddr::from([192, 168, 1, number(index)]),
    }
}

/// The same router with IPv6.
pub(crate) fn with_ipv6(index: usize, settings: Settings) -> Settings {
    Settings {
        family: Family::V6,
        primary: IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, number(index).into()]),
        ..settings
    }
}

/// Its address in the network.
fn number(index: usize) -> u8 {
    u8::try_from(60 * (index % 4) + 1 + index).unwrap()
}

/// The nodes and the storms of a world. `alone`: with one virtual router.
fn draw(dice: &mut Dice, alone: bool) -> (Vec<Build>, Weather, Option<Duration>) {
    let count = dice.pick(&[2, 2, 3, 3, 4, 5]);
    let routers = dice.pick(&[1_u8, 1, 1, 2, 3]);
    let routers = if alone { 1 } else { routers };
    let (version, interval) = if dice.chance(100) {
        (Version::V2, dice.pick(&[1000, 2000]))
    } else {
        (Version::V3, dice.pick(&[10, 10, 10, 20, 50, 1000]))
    };
    let crowded = dice.chance(150);
    let ipv6 = version == Version::V3 && dice.chance(300);
    let mixed = version == Version::V3 && !crowded && dice.chance(300);
    let equal = dice.chance(250);
    let preempt = dice.pick(&[Some(true), Some(true), Some(false), None]);
    let lease = if dice.chance(80) {
        Lease::Off
    } else {
        Lease::Auto
    };
    let mut drawn = |index, router| {
        let multiple = if mixed { dice.range(1, 3) } else { 1 };
        let interval = Duration::from_millis(interval * multiple);
        let priority = if equal { 100 } else { priority(dice, index) };
        let settings = Settings {
            vrid: 51 + router,
            version,
            initial: if dice.chance(200) {
                InitialState::Master
            } else {
                InitialState::Backup
            },
            preempt: preempt.unwrap_or_else(|| dice.chance(500)),
            preempt_delay: if dice.chance(50) {
                interval * 5
            } else {
                Duration::ZERO
            },
            lease,
            garp: Garp {
                repeat: 1,
                delay: dice.pick(&[Duration::ZERO, interval * 3]),
                refresh: dice.pick(&[Duration::ZERO, interval * 2]),
                refresh_repeat: 1,
            },
            ..settings(index, interval, priority)
        };
        if ipv6 {
            with_ipv6(index, settings)
        } else {
            settings
        }
    };
    let settings = (0..count).map(|index| {
        let of_the_node = (0..routers).map(|router| drawn(index, router));
        of_the_node.collect()
    });
    let settings = Vec::from_iter(settings);
    let build = |settings| Build {
        settings,
        clock: Clock {
            base: dice.range(1_000_000_000, 1_000_000_000_000),
            ppm: dice.range(0, 600).cast_signed() - 300,
        },
        ring: if crowded {
            dice.pick(&[2, 8, 32])
        } else {
            4096
        },
    };
    let builds = settings.into_iter().map(build).collect();
    let base = Duration::from_millis(interval);
    let changes = version == Version::V3 && !crowded;
    (
        builds,
        storm(dice, interval * 1_000_000),
        changes.then_some(base),
    )
}

fn priority(dice: &mut Dice, index: usize) -> u8 {
    if index == 0 && dice.chance(50) {
        return 255;
    }
    let any = u8::try_from(dice.range(1, 254)).unwrap();
    dice.pick(&[any, any, 254, 253, 100, 1])
}

fn storm(dice: &mut Dice, interval: u64) -> Weather {
    let calm = Weather::FAIR.delay.1;
    Weather {
        loss: dice.pick(&[0, 0, 50, 200, 400]),
        duplication: dice.pick(&[0, 0, 100]),
        delay: (
            20_000,
            dice.pick(&[calm, calm, interval / 5, interval / 2, interval * 3 / 2]),
        ),
        stall: dice.pick(&[0, 0, 2, 20]),
        stall_max: dice.pick(&[interval / 2, interval * 5, interval * 20]),
        refusal: dice.pick(&[0, 0, 50, 500]),
        queueing: dice.pick(&[0, 0, 100, 500]),
        queued_max: dice.pick(&[interval / 10, interval / 2, interval * 2]),
        netlink: 30_000_000,
    }
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
            let new = priority(&mut self.dice, 1);
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

    /// Until every file is worked off. What that takes is what a router takes to leave, and the kernel for addresses.
    fn work_off(&mut self) -> Result<(), Broken> {
        let end = self.world.now + 4 * (self.bound() + self.storm.netlink);
        while self.world.nodes.iter().any(Node::is_reloading) {
            if self.world.now > end {
                self.world
                    .broke(Invariant::AsConfigured, "a reload does not end")?;
            }
            self.pass(self.interval() / 4)?;
        }
        Ok(())
    }

    /// Nothing is lost and nothing stands still: whoever is served goes on being served.
    fn calm(&mut self, calm: bool) {
        for router in 0..self.world.watches.len() {
            self.world.watches[router].calm = calm && self.world.active(router).is_some();
        }
    }

    /// A node is about to give its virtual routers up from this one on. Whom no other node has may be missed.
    fn give_up(&mut self, index: usize, from: usize) {
        for router in from..self.world.watches.len() {
            let others = self.world.nodes.iter().enumerate();
            let serves = |node: &Node| {
                let state = node.state(router);
                matches!(state, State::Backup | State::Active) && node.listed > router
            };
            let is_taken = { others }.any(|(other, node)| other != index && serves(node));
            self.world.watches[router].calm &= is_taken;
        }
    }

    /// A file lists another number of virtual routers; most often all of them. Returns those that come or go.
    fn relist(&mut self, index: usize) -> Range<usize> {
        let all = self.world.watches.len();
        let some = self.dice.index(all + 1);
        let listed = self.dice.pick(&[some, some, all]);
        let before = self.world.nodes[index].listed;
        self.give_up(index, listed);
        self.world.relist(index, listed);
        listed.min(before)..listed.max(before)
    }

    /// A reload changes something of a virtual router. Returns the router if it is its priority.
    fn reload(&mut self, index: usize) -> Option<usize> {
        let router = self.any_router();
        let before = self.world.nodes[index].file[router].clone();
        let mut configured = before.clone();
        let base = self.base;
        match (self.dice.range(0, 2), base) {
            (0, Some(base)) => {
                let multiple = u32::try_from(self.dice.range(1, 3)).unwrap();
                configured.settings.advert_interval = base * multiple;
            }
            (1, Some(_)) => configured.vips = u8::try_from(self.dice.range(1, 3)).unwrap(),
            _ if configured.settings.owner => {}
            _ => {
                let new = priority(&mut self.dice, 1);
                configured.settings = configured.settings.with_priority(new);
            }
        }
        self.slowest = self.interval();
        let changed = configured.settings.priority != before.settings.priority;
        if configured != before {
            self.world.reload(index, router, configured);
        }
        self.slowest = self.interval();
        changed.then_some(router)
    }

    /// Reloads in fair weather: who serves goes on, but for a router that has become better, comes or goes.
    fn reloads(&mut self) -> Result<(), Broken> {
        self.calm(true);
        let rises = |watch: &Watch| watch.promotions;
        let before = Vec::from_iter(self.world.watches.iter().map(rises));
        let mut may_move = vec![false; before.len()];
        for _ in 0..self.dice.range(1, 4) {
            let running = self.running();
            let index = self.dice.pick(&running);
            if self.dice.chance(300) {
                may_move[self.relist(index)].fill(true);
            } else if let Some(router) = self.reload(index) {
                may_move[router] = true;
            }
            let wait = self.dice.range(0, 2 * self.slowest);
            self.pass(wait)?;
        }
        self.work_off()?;
        let bound = self.bound();
        self.pass(bound)?;
        let watches = self.world.watches.iter().zip(before).zip(may_move);
        let moved = { watches }.any(|((watch, before), may)| !may && rises(watch) != before);
        if moved {
            self.world
                .broke(Invariant::NotDisplaced, "a router rises for a reload")?;
        }
        self.calm(false);
        self.settle()
    }

    /// A planned stop, a return, a change of priority, in fair weather.
    fn planned(&mut self) -> Result<(), Broken> {
        let running = self.running();
        let router = self.any_router();
        let Some(active) = self.world.active(router) else {
            return Ok(());
        };
        let index = self.dice.pick(&running);
        let index = if self.dice.chance(600) { active } else { index };
        if running.len() > 1 {
            self.calm(true);
            self.give_up(index, 0);
            self.world.command(index, Command::Stop);
            let stopped = if self.dice.chance(500) {
                self.bound()
            } else {
                5 * self.interval()
            };
            self.pass(stopped.max(4 * self.interval() + 2_000_000))?;
            if self.dice.chance(300) {
                self.change_priority(index);
            } else {
                self.world.restart(index);
            }
            let bound = self.bound();
            self.pass(bound)?;
            self.calm(false);
        }
        self.settle()
    }

    fn trouble(&mut self) -> Result<(), Broken> {
        let interval = self.interval();
        self.world.weather = self.storm;
        if self.dice.chance(300) {
            self.world.weather = Weather::FAIR;
        }
        let weather = self.world.weather;
        self.world
            .trace
            .note(self.world.now, || format!("weather: {weather}"));
        for _ in 0..self.dice.range(1, 7) {
            let wait = self.dice.pick(&[interval / 20, interval, interval * 5]);
            let wait = self.dice.range(0, wait);
            self.pass(wait)?;
            self.strike();
        }
        if self.dice.chance(50) {
            self.stranger()?;
        }
        let rest = self.dice.range(0, interval * 8);
        self.pass(rest)?;
        for index in 0..self.world.nodes.len() {
            if self.world.nodes[index].engine.is_none() && self.dice.chance(700) {
                self.world.restart(index);
            }
        }
        if self.running().is_empty() {
            self.world.restart(0);
        }
        self.settle()
    }

    /// A host that is no router claims the address, once or more, and is silent from then on.
    fn stranger(&mut self) -> Result<(), Broken> {
        for _ in 0..self.dice.range(1, 4) {
            let router = self.any_router();
            self.world.claim(router);
            let wait = self.dice.range(0, 2 * self.interval());
            self.pass(wait)?;
        }
        Ok(())
    }

    fn running(&self) -> Vec<usize> {
        let nodes = self.world.nodes.iter().enumerate();
        nodes
            .filter(|(_, node)| node.engine.is_some())
            .map(|(index, _)| index)
            .collect()
    }

    /// One fault, more often of the Active than of another.
    fn strike(&mut self) {
        let count = self.world.nodes.len();
        let any = self.dice.index(count);
        let router = self.any_router();
        let index = self
            .world
            .active(router)
            .filter(|_| self.dice.chance(500))
            .unwrap_or(any);
        let interval = self.interval();
        match self.dice.range(0, 20) {
            0..=2 => {
                let longest = self.dice.pick(&[interval / 2, interval * 4, interval * 15]);
                let length = self.dice.range(1, longest);
                self.world.stall(index, length);
            }
            3 => self.world.kill(index),
            4 => self.world.crash(index),
            5..=6 => self.world.restart(index),
            7 => self.change_priority(index),
            8 => {
                let (to, cut) = (self.dice.index(count), self.dice.chance(600));
                self.world.cut(index, to, cut);
            }
            9 => {
                let side: Vec<bool> = (0..count).map(|_| self.dice.chance(500)).collect();
                for from in 0..count {
                    (0..count).for_each(|to| self.world.cut(from, to, side[from] != side[to]));
                }
            }
            10 if self.dice.chance(500) => {
                let addressed = !self.world.nodes[index].addressed;
                self.world.address(index, addressed);
            }
            10 => {
                let plugged = !self.world.nodes[index].plugged;
                self.world.plug(index, plugged);
            }
            11..=13 => self.world.command(index, Command::Stop),
            14 => self.world.command(index, Command::StopNow),
            15..=17 => {
                self.reload(index);
            }
            18..=19 => {
                self.relist(index);
            }
            _ => self.world.fence(index),
        }
    }
}

/// What was tried, for people.
pub(crate) fn report(worlds: u64, promotions: u64, changes: u64, tolerated: u64) -> String {
    format!(
        "{promotions} elections in {worlds} worlds, with {changes} changes by a reload; at most {} of a common answer where the RFC lets an Active that stands still down",
        span(tolerated)
    )
}
