//! The only place that reads a clock.

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
