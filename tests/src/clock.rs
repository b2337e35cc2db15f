//! CLOCK_MONOTONIC in nanoseconds: the clock of the node's own stamps (`bpf_ktime_get_ns`), so that
//! what the harness, the wire and the node say can be subtracted from each other.

use std::time::Duration;

use anyhow::{Result, bail};
use nix::{
    errno::Errno,
    sys::time::TimeSpec,
    time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep},
};

/// A moment of CLOCK_MONOTONIC, nanoseconds.
pub type Nanos = u64;

/// The present moment.
#[must_use]
pub fn now() -> Nanos {
    read(ClockId::CLOCK_MONOTONIC)
}

/// CPU time that the calling thread has used.
#[must_use]
pub fn cpu_time() -> Nanos {
    read(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// What has to be added to a CLOCK_REALTIME stamp of the kernel (`SO_TIMESTAMPNS`) to get
/// CLOCK_MONOTONIC. Measured anew for every batch of stamps: CLOCK_REALTIME may be stepped.
#[must_use]
pub fn realtime_offset() -> i64 {
    // The real time is read between two readings of the monotonic clock; of a few tries the one
    // that was interrupted least tells best.
    (0..3)
        .map(|_| {
            let before = now();
            let real = read(ClockId::CLOCK_REALTIME);
            let after = now();
            let middle = before.midpoint(after);
            (after - before, middle.cast_signed() - real.cast_signed())
        })
        .min()
        .map_or(0, |(_, offset)| offset)
}

/// A kernel stamp as a moment of CLOCK_MONOTONIC.
#[must_use]
pub fn from_realtime(stamp: TimeSpec, offset: i64) -> Nanos {
    (nanos(stamp).cast_signed() + offset).cast_unsigned()
}

/// Sleeps until a moment; at once if it has passed.
pub fn sleep_until(deadline: Nanos) {
    let at = TimeSpec::from_duration(Duration::from_nanos(deadline));
    while clock_nanosleep(
        ClockId::CLOCK_MONOTONIC,
        ClockNanosleepFlags::TIMER_ABSTIME,
        &at,
    ) == Err(Errno::EINTR)
    {}
}

/// Sleeps for a span.
pub fn sleep(span: Duration) {
    sleep_until(now() + span_nanos(span));
}

/// A span in nanoseconds.
#[must_use]
pub fn span_nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Asks every millisecond until the answer is yes.
///
/// # Errors
/// After `limit`, naming `what` was awaited; or the question's own error.
pub fn wait_until(
    what: &str,
    limit: Duration,
    mut question: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = now() + span_nanos(limit);
    while !question()? {
        if now() > deadline {
            bail!("waited {limit:?} in vain: {what}");
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn read(clock: ClockId) -> Nanos {
    // These two clocks exist on every Linux: reading them cannot fail.
    clock_gettime(clock).map_or(0, nanos)
}

fn nanos(stamp: TimeSpec) -> Nanos {
    stamp.tv_sec().cast_unsigned() * 1_000_000_000 + stamp.tv_nsec().cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realtime_stamp_becomes_the_moment_it_was_taken() {
        let before = now();
        let stamp = clock_gettime(ClockId::CLOCK_REALTIME).unwrap();
        let after = now();
        let converted = from_realtime(stamp, realtime_offset());
        assert!(converted + 200_000 > before, "{converted} < {before}");
        assert!(converted < after + 200_000, "{converted} > {after}");
    }

    #[test]
    fn waiting_gives_up() {
        let error = wait_until("never", Duration::from_millis(3), || Ok(false)).unwrap_err();
        assert!(error.to_string().contains("never"));
    }
}
