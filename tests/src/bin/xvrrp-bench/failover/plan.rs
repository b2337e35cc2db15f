//! What is measured, how often and in which order.

use std::time::Duration;

use vrrp_tests::{
    contender::Speech,
    failover::{Event, FROZEN, Timing},
    lab::{INNER_INTERFACE, INNER_VIP},
};

use super::args::{Args, Load};

/// From this interval on, failovers take seconds, and a tenth of them is measured.
const SLOW_MS: u32 = 1000;
const SLOW_SHARE: usize = 10;
/// The priorities with the least skew.
const PRIORITIES: [u8; 2] = [254, 253];

/// Events in a row on one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) timing: Timing,
    pub(super) load: Load,
    pub(super) events: Vec<Event>,
}

impl Session {
    /// What the pair is told: to own both sides of the gateway.
    pub(super) fn speech(&self) -> Speech {
        Speech {
            version: self.timing.version,
            advert_int_ms: self.timing.advert_int_ms,
            priorities: self.timing.priorities,
            ..Speech::fast()
        }
        .and(INNER_INTERFACE, INNER_VIP)
    }

    /// About how long it takes.
    pub(super) fn estimate(&self) -> Duration {
        let start = Duration::from_millis(600);
        let events = self.events.iter().map(|event| {
            let watches = 1 + u32::from(event.way_back().is_some());
            let around = self.timing.settle.max(self.timing.interval()) + self.timing.settle;
            let judges = Duration::from_millis(200);
            let waiting = match event {
                Event::Freeze => FROZEN,
                Event::Lossy | Event::Calm => self.timing.quiet,
                _ => self.timing.interval() * 4,
            };
            (around + judges) * watches + waiting
        });
        start + events.sum()
    }
}

/// The whole run.
#[derive(Debug)]
pub(super) struct Plan {
    sessions: Vec<Session>,
    turns: usize,
    seed: u64,
}

impl Plan {
    pub(super) fn new(args: &Args) -> Self {
        let turns = if args.quick { 2 } else { usize::from(args.n) };
        let idle_only = [Load::Idle];
        let loads = if args.quick {
            &idle_only[..]
        } else {
            &args.loads
        };
        let mut sessions = Vec::new();
        for &advert_int_ms in &args.adverts {
            for &load in loads {
                let happens = |event: &&Event| {
                    let asked = load == Load::Idle || args.loaded_events.contains(event);
                    asked && !(args.quick && **event == Event::Freeze)
                };
                sessions.push(Session {
                    timing: timing(advert_int_ms, args),
                    load,
                    events: args.events.iter().filter(happens).copied().collect(),
                });
            }
        }
        Self {
            sessions,
            turns,
            seed: args.seed,
        }
    }

    /// How often everybody has a turn.
    pub(super) fn turns(&self) -> usize {
        self.turns
    }

    /// What each node goes through in a turn.
    pub(super) fn sessions(&self, turn: usize) -> Vec<Session> {
        let slow = turn.is_multiple_of(SLOW_SHARE) || self.turns < SLOW_SHARE;
        let due = |session: &&Session| slow || session.timing.advert_int_ms < SLOW_MS;
        self.sessions.iter().filter(due).cloned().collect()
    }

    /// Every session there is.
    pub(super) fn all_sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// What decides chance in a turn: the same for every node.
    pub(super) fn seed(&self, turn: usize) -> u64 {
        self.seed.wrapping_mul(1_000_003).wrapping_add(turn as u64)
    }
}

fn timing(advert_int_ms: u32, args: &Args) -> Timing {
    let interval = Duration::from_millis(advert_int_ms.into());
    Timing {
        version: 3,
        advert_int_ms,
        priorities: PRIORITIES,
        probe: Duration::from_micros(args.probe.into()),
        routed: Duration::from_micros(args.routed_probe.into()),
        arp: Duration::from_millis(1),
        settle: Duration::from_millis(100),
        quiet: Duration::from_secs(1) + interval * 5,
        patience: Duration::from_secs(2) + interval * 10,
    }
}
