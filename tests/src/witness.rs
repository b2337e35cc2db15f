//! Who stole the time? One real-time thread per CPU that only sleeps for a millisecond at a time and
//! notes when it was woken late. Nothing on this machine comes before it, so what it misses was taken
//! by the machine's host, and no scheduling of a node could have helped.

use std::{
    fmt,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Result, anyhow};
use nix::{
    sched::{CpuSet, sched_getcpu, sched_setaffinity},
    unistd::Pid,
};

use crate::{
    clock::{self, Nanos},
    realtime,
    worker::Stop,
};

/// How long it sleeps.
const TICK: Duration = Duration::from_millis(1);
/// What is less late than this is not noted.
const NOTED: Duration = Duration::from_millis(1);
/// SCHED_FIFO priority: above everything in the lab, the judges included.
const PRIORITY: i32 = 90;
/// CPU time that one beside SCHED_FIFO loops is sure of, of every tick.
const BUDGET: Duration = Duration::from_micros(50);
/// As many of those on each CPU at the mean: they may not be bound to one.
const DENSITY: usize = 2;

/// A time during which a CPU was not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Which CPU.
    pub cpu: usize,
    /// When it was missed first.
    pub from: Nanos,
    /// When it was back.
    pub until: Nanos,
}

impl Stall {
    /// How long it was.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_nanos(self.until.saturating_sub(self.from))
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPU {} away for {:.1?}", self.cpu, self.length())
    }
}

/// The threads; end when dropped.
#[derive(Debug)]
pub struct Witness {
    stop: Stop,
    threads: Vec<JoinHandle<Result<Vec<Stall>>>>,
}

impl Witness {
    /// Starts one thread on every CPU of this process.
    ///
    /// # Errors
    /// If a thread cannot be started. One that gets no real-time priority says so at the end.
    pub fn start() -> Result<Self> {
        let stop = Stop::default();
        let threads = (0..thread::available_parallelism()?.get())
            .map(|cpu| {
                let stop = stop.clone();
                thread::Builder::new()
                    .name(format!("witness-{cpu}"))
                    .spawn(move || watch(cpu, &stop))
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { stop, threads })
    }

    /// The same where SCHED_FIFO loops take every CPU. The kernel then takes time from all SCHED_FIFO threads,
    /// which would look like the host's doing, so that these are SCHED_DEADLINE.
    ///
    /// # Errors
    /// As of [`Self::start`].
    pub fn start_beside_fifo_loops() -> Result<Self> {
        let stop = Stop::default();
        let threads = (0..DENSITY * thread::available_parallelism()?.get())
            .map(|number| {
                let stop = stop.clone();
                thread::Builder::new()
                    .name(format!("witness-{number}"))
                    .spawn(move || {
                        realtime::become_deadline(BUDGET, TICK)?;
                        note_stalls(&stop)
                    })
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { stop, threads })
    }

    /// Ends the watch and returns what was missed, by CPU and in order.
    ///
    /// # Errors
    /// If a thread had no real-time priority.
    pub fn stop(mut self) -> Result<Vec<Stall>> {
        self.stop.now();
        let mut stalls = Vec::new();
        for thread in self.threads.drain(..) {
            stalls.extend(
                thread
                    .join()
                    .map_err(|_panic| anyhow!("a witness died"))??,
            );
        }
        Ok(stalls)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop.now();
        for thread in self.threads.drain(..) {
            // Whoever wants to know calls `stop`.
            drop(thread.join());
        }
    }
}

/// The longest of `stalls` that overlaps the time from `from` to `until`.
#[must_use]
pub fn worst_between(stalls: &[Stall], from: Nanos, until: Nanos) -> Option<Stall> {
    stalls
        .iter()
        .filter(|stall| stall.from < until && stall.until > from)
        .max_by_key(|stall| stall.length())
        .copied()
}

fn watch(cpu: usize, stop: &Stop) -> Result<Vec<Stall>> {
    let mut only = CpuSet::new();
    only.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &only)?;
    realtime::become_fifo(PRIORITY)?;
    note_stalls(stop)
}

fn note_stalls(stop: &Stop) -> Result<Vec<Stall>> {
    let (tick, noted) = (clock::span_nanos(TICK), clock::span_nanos(NOTED));
    let mut stalls = Vec::new();
    let mut due = clock::now() + tick;
    while stop.is_awaited() {
        clock::sleep_until(due);
        let woken = clock::now();
        if woken.saturating_sub(due) > noted {
            stalls.push(Stall {
                cpu: sched_getcpu()?,
                from: due,
                until: woken,
            });
        }
        due = woken + tick;
    }
    Ok(stalls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_stall_of_a_time_is_found() {
        let stall = |from, until| Stall {
            cpu: 0,
            from,
            until,
        };
        let stalls = [stall(10, 20), stall(30, 60), stall(100, 900)];
        assert_eq!(worst_between(&stalls, 15, 40), Some(stall(30, 60)));
        assert_eq!(worst_between(&stalls, 20, 30), None);
        assert_eq!(worst_between(&stalls, 0, 1000), Some(stall(100, 900)));
    }
}
