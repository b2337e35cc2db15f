//! Everything that is left to chance: the fate of a frame, how long an engine takes, where it
//! stands still. Seeded in large worlds ([`Dice`]), chosen one by one in small ones
//! ([`explore`](crate::explore)).

use vrrp_user::io::engine::driver::Step;

pub(crate) use vrrp_tests::dice::Dice;

use crate::trace::span;

/// What the LAN does with one copy of a frame; spans in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lost,
    After(u64),
    Twice(u64, u64),
}

/// What the kernel does with an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    Leaves,
    /// The driver has no room for it for so long, nanoseconds.
    Waits(u64),
    Refused,
}

/// How rough the world is at present. Chances are per thousand, spans in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) loss: u32,
    pub(crate) duplication: u32,
    /// Each copy takes its own time, so that a wide range is reordering as well.
    pub(crate) delay: (u64, u64),
    /// Of an engine, to stand still before a step.
    pub(crate) stall: u32,
    /// The longest of these.
    pub(crate) stall_max: u64,
    /// Of the kernel, to refuse an advert (ENOBUFS).
    pub(crate) refusal: u32,
    /// Of an advert, to wait in the queueing discipline, and the longest time that it does.
    pub(crate) queueing: u32,
    pub(crate) queued_max: u64,
    /// What the kernel takes at most to add or remove the addresses of all virtual routers of a node.
    pub(crate) netlink: u64,
}

impl Weather {
    /// Nothing goes wrong.
    pub(crate) const FAIR: Self = Self {
        loss: 0,
        duplication: 0,
        delay: (20_000, 200_000),
        stall: 0,
        stall_max: 0,
        refusal: 0,
        queueing: 0,
        queued_max: 0,
        netlink: 2_000_000,
    };
}

/// Decides what nobody planned.
pub(crate) trait Chance {
    fn fate(&mut self, weather: &Weather) -> Fate;
    /// How long the engine stands still before this step, usually 0.
    fn stall(&mut self, weather: &Weather, node: usize, step: Step) -> u64;
    /// From the reason to wake up to being awake.
    fn latency(&mut self) -> u64;
    /// What a step takes.
    fn step(&mut self) -> u64;
    /// What the kernel does with an advert.
    fn sending(&mut self, weather: &Weather) -> Sending;
    /// What the kernel takes to add or remove the addresses.
    fn netlink(&mut self, weather: &Weather) -> u64;
}

/// The longest [`Chance::latency`].
pub(crate) const LATENCY_MAX: u64 = 60_000;
/// The longest [`Chance::step`].
pub(crate) const STEP_MAX: u64 = 3_000;

impl Chance for Dice {
    fn fate(&mut self, weather: &Weather) -> Fate {
        let (low, high) = weather.delay;
        if self.chance(weather.loss) {
            Fate::Lost
        } else if self.chance(weather.duplication) {
            Fate::Twice(self.range(low, high), self.range(low, high))
        } else {
            Fate::After(self.range(low, high))
        }
    }

    fn stall(&mut self, weather: &Weather, _: usize, _: Step) -> u64 {
        if !self.chance(weather.stall) {
            return 0;
        }
        // Short ones are as interesting as long ones.
        let longest = self.pick(&[
            weather.stall_max / 50,
            weather.stall_max / 5,
            weather.stall_max,
        ]);
        self.range(1, longest.max(1))
    }

    fn latency(&mut self) -> u64 {
        self.range(2_000, LATENCY_MAX)
    }

    fn step(&mut self) -> u64 {
        self.range(500, STEP_MAX)
    }

    fn sending(&mut self, weather: &Weather) -> Sending {
        if self.chance(weather.refusal) {
            Sending::Refused
        } else if self.chance(weather.queueing) {
            Sending::Waits(self.range(1, weather.queued_max.max(1)))
        } else {
            Sending::Leaves
        }
    }

    fn netlink(&mut self, weather: &Weather) -> u64 {
        let longest = self.pick(&[300_000, 3_000_000, 30_000_000]);
        self.range(100_000, longest.min(weather.netlink))
    }
}

impl std::fmt::Display for Weather {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (low, high) = self.delay;
        write!(
            out,
            "loss {}‰, duplication {}‰, delay {}-{}, stalls {}‰ up to {}, refused sends {}‰, queued {}‰ up to {}, addresses in {}",
            self.loss,
            self.duplication,
            span(low),
            span(high),
            self.stall,
            span(self.stall_max),
            self.refusal,
            self.queueing,
            span(self.queued_max),
            span(self.netlink)
        )
    }
}
