//! Small worlds, exhaustively: two nodes, and at every advert and every step of an engine the choice
//! whether it goes well. All worlds with up to so many mishaps in a window are lived through.

use std::time::Duration;

use vrrp_user::{
    io::engine::{Command, driver::Step},
    proto::{Family, Settings},
};

use crate::{
    chance::{Chance, Fate, Sending, Weather},
    clock::Clock,
    faults::{settings, with_ipv6},
    rules::{Broken, Invariant},
    trace::Trace,
    variable,
    world::{Build, World},
};

/// Mishaps per world in the ordinary suite.
const MISHAPS: u64 = 1;

const INTERVAL: Duration = Duration::from_millis(10);
/// How much longer an interval becomes.
const SLOWER: u32 = 3;
const MILLISECOND: u64 = 1_000_000;
/// On a link on which all goes well.
const DELAY: u64 = 100_000;
/// An advert overtaken by the next one.
const LATE: u64 = 12 * MILLISECOND;
/// In the queueing discipline, until after the next advert.
const QUEUED: u64 = 12 * MILLISECOND;
/// Longer than a first lease; longer than a lease; for good, as far as the window goes.
const STALLS: [u64; 3] = [3 * MILLISECOND, 31 * MILLISECOND, 10_000 * MILLISECOND];

/// What happens to two nodes while mishaps may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// Both start.
    Start,
    /// The better one is Active.
    Peace,
    /// The Active is stopped.
    Stop,
    /// The better one comes back.
    Return,
    /// The machine of the Active goes off.
    Crash,
    /// The Active loses its source address.
    Fault,
    /// A reload gives the Active a longer interval.
    Slower,
    /// A reload makes the Active the worse one.
    Worse,
}

const SCENES: [Scene; 8] = [
    Scene::Start,
    Scene::Peace,
    Scene::Stop,
    Scene::Return,
    Scene::Crash,
    Scene::Fault,
    Scene::Slower,
    Scene::Worse,
];

/// Two nodes.
#[derive(Clone, Copy, Debug)]
struct Pair {
    priorities: [u8; 2],
    preempt: bool,
    family: Family,
}

const PAIRS: [Pair; 4] = [
    pair([254, 253], true, Family::V4),
    pair([254, 100], false, Family::V4),
    pair([100, 100], true, Family::V4),
    pair([254, 253], true, Family::V6),
];

const fn pair(priorities: [u8; 2], preempt: bool, family: Family) -> Pair {
    Pair {
        priorities,
        preempt,
        family,
    }
}

/// Chooses as it is told, and where it is told nothing, that all goes well.
#[derive(Debug, Default)]
struct Script {
    /// What was chosen, and among how many.
    path: Vec<(usize, usize)>,
    at: usize,
    mishaps: u64,
    open: bool,
    /// Choices met for the first time.
    met: u64,
}

impl Script {
    fn choose(&mut self, options: usize) -> usize {
        if !self.open || self.mishaps == 0 {
            return 0;
        }
        if self.at == self.path.len() {
            self.path.push((0, options));
            self.met += 1;
        }
        let (chosen, among) = self.path[self.at];
        assert_eq!(among, options, "the same choices lead to the same world");
        self.at += 1;
        self.mishaps -= u64::from(chosen > 0);
        chosen
    }

    /// The next world, if there is one.
    fn advance(&mut self, mishaps: u64) -> bool {
        self.at = 0;
        self.open = false;
        self.mishaps = mishaps;
        while let Some((chosen, options)) = self.path.pop() {
            if chosen + 1 < options {
                self.path.push((chosen + 1, options));
                return true;
            }
        }
        false
    }
}

impl Chance for Script {
    fn fate(&mut self, _: &Weather) -> Fate {
        match self.choose(4) {
            0 => Fate::After(DELAY),
            1 => Fate::Lost,
            2 => Fate::After(LATE),
            _ => Fate::Twice(DELAY, LATE),
        }
    }

    fn stall(&mut self, _: &Weather, _: usize, step: Step) -> u64 {
        let other = [
            Step::Reports,
            Step::Commands,
            Step::Telling,
            Step::Announcing,
        ];
        if other.contains(&step) {
            return 0;
        }
        let choice = self.choose(1 + STALLS.len());
        if choice == 0 { 0 } else { STALLS[choice - 1] }
    }

    fn latency(&mut self) -> u64 {
        20_000
    }

    fn step(&mut self) -> u64 {
        1_000
    }

    fn sending(&mut self, _: &Weather) -> Sending {
        match self.choose(3) {
            0 => Sending::Leaves,
            1 => Sending::Refused,
            _ => Sending::Waits(QUEUED),
        }
    }

    fn netlink(&mut self, _: &Weather) -> u64 {
        2 * MILLISECOND
    }
}

fn builds(pair: Pair) -> Vec<Build> {
    let nodes = pair.priorities.into_iter().enumerate();
    let settings = |index, priority| {
        let settings = Settings {
            preempt: pair.preempt,
            ..settings(index, INTERVAL, priority)
        };
        match pair.family {
            Family::V4 => settings,
            Family::V6 => with_ipv6(index, settings),
        }
    };
    let build = |(index, priority)| Build {
        settings: vec![settings(index, priority)],
        // As different as clocks are: the first is slow.
        clock: Clock {
            base: 1_000_000_000 * (index as u64 + 1),
            ppm: if index == 0 { -100 } else { 100 },
        },
        ring: 4096,
    };
    nodes.map(build).collect()
}

fn live(world: &mut World<Script>, pair: Pair, scene: Scene) -> Result<(), Broken> {
    let [first, second] = pair.priorities;
    let wait = 100 * MILLISECOND;
    let begin = if scene == Scene::Start { 0 } else { wait };
    if scene != Scene::Start {
        world.start(0, first);
        world.run_until(wait / 2)?;
        world.start(1, second);
        world.run_until(begin)?;
    }
    let active = world.active(0);
    if scene == Scene::Return {
        world.crash(0);
        world.run_until(begin + wait)?;
    }
    world.chance.open = true;
    match (scene, active) {
        (Scene::Start, _) => {
            world.start(0, first);
            world.start(1, second);
        }
        (Scene::Return, _) => world.start(0, first),
        (Scene::Stop, Some(active)) => world.command(active, Command::Stop),
        (Scene::Crash, Some(active)) => world.crash(active),
        (Scene::Fault, Some(active)) => world.address(active, false),
        (Scene::Slower, Some(active)) => {
            let mut configured = world.nodes[active].file[0].clone();
            configured.settings.advert_interval = INTERVAL * SLOWER;
            world.reload(active, 0, configured);
        }
        (Scene::Worse, Some(active)) => {
            let mut configured = world.nodes[active].file[0].clone();
            configured.settings = configured.settings.with_priority(1);
            world.reload(active, 0, configured);
        }
        _ => {}
    }
    world.run_until(world.now + 60 * MILLISECOND)?;
    world.chance.open = false;
    world.run_until(world.now + 40 * MILLISECOND)?;
    for (index, priority) in pair.priorities.into_iter().enumerate() {
        if world.nodes[index].engine.is_none() {
            world.start(index, priority);
        }
    }
    world.heal();
    let slower = if scene == Scene::Slower {
        SLOWER.into()
    } else {
        1
    };
    world.run_until(world.now + slower * 75 * MILLISECOND)?;
    world.settled()?;
    let before = world.promotions();
    world.run_until(world.now + slower * 30 * MILLISECOND)?;
    if world.promotions() != before {
        world.broke(Invariant::NotDisplaced, "a router rises in peace")?;
    }
    world.verdict()
}

//= C34, C35, C36, C37, C41: proof
#[test]
fn small_worlds_hold_every_invariant() {
    let mishaps = variable("XVRRP_SIM_MISHAPS").unwrap_or(MISHAPS);
    let (mut worlds, mut choices, mut elections, mut tolerated) = (0_u64, 0, 0, 0);
    for pair in PAIRS {
        for scene in SCENES {
            let mut script = Script {
                mishaps,
                ..Script::default()
            };
            loop {
                let mut world = World::new(builds(pair), LATE, script, Trace::default());
                let result = live(&mut world, pair, scene);
                worlds += 1;
                elections += world.promotions();
                tolerated = tolerated.max(world.tolerated());
                script = world.chance;
                if let Err(broken) = result {
                    panic!("{}", tell(pair, scene, &script.path, mishaps, &broken));
                }
                if !script.advance(mishaps) {
                    break;
                }
            }
            choices += script.met;
        }
    }
    println!(
        "{worlds} worlds with up to {mishaps} mishaps at {choices} choices, {elections} elections; at most {} of a common answer where the RFC lets an Active that stands still down",
        crate::trace::span(tolerated)
    );
}

/// The world of a path once more, with its trace.
fn tell(
    pair: Pair,
    scene: Scene,
    path: &[(usize, usize)],
    mishaps: u64,
    broken: &Broken,
) -> String {
    let script = Script {
        path: path.to_vec(),
        mishaps,
        ..Script::default()
    };
    let mut world = World::new(builds(pair), LATE, script, Trace::recording());
    let again = live(&mut world, pair, scene);
    assert!(again.is_err(), "a path is a world");
    let chosen: Vec<usize> = path.iter().map(|(chosen, _)| *chosen).collect();
    format!(
        "{}\n{pair:?} {scene:?} {chosen:?}\n{broken}",
        world.trace.text()
    )
}
