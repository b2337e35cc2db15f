//! The only place that reads clocks.

use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

use crate::proto::Instant;

/// CLOCK_MONOTONIC now: the clock of `bpf_ktime_get_ns`.
#[must_use]
pub fn now() -> Instant {
    // clock_gettime fails only for a clock that does not exist; 0 would then fence everything, the
    // safe side.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Instant(0), |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
        Instant(seconds * 1_000_000_000 + nanos)
    })
}

/// The date of a moment, as the wall clock is set at present.
#[must_use]
pub fn wall(moment: Instant) -> SystemTime {
    // The age first: a thread that is held up in between tells a date too late, never one too early.
    let age = now().since(moment);
    let present = clock_gettime(ClockId::CLOCK_REALTIME).map_or(Duration::ZERO, Duration::from);
    SystemTime::UNIX_EPOCH + present.saturating_sub(age)
}
