//! What a node costs while it does its work: CPU time and wake-ups of all its processes.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

/// What a set of processes has spent since they began, or, by [`Self::since`], between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// CPU time of all threads, also of those that have ended; by the scheduler's own nanoseconds, not
    /// by ticks.
    pub cpu: Duration,
    /// How often a thread gave its CPU up to wait for something (voluntary context switches): each
    /// costs a wake-up. Of living threads only: the kernel does not keep those of ended ones.
    pub wakeups: u64,
}

impl Effort {
    /// The effort so far of these processes, all threads of each.
    ///
    /// # Errors
    /// If one of them has ended: what it spent at the end is unknown.
    pub fn of(pids: &[u32]) -> Result<Self> {
        ensure!(!pids.is_empty(), "a node that does not run has no effort");
        let mut sum = Self::default();
        for &pid in pids {
            let one = of_process(pid).with_context(|| format!("the effort of process {pid}"))?;
            sum.cpu += one.cpu;
            sum.wakeups += one.wakeups;
        }
        Ok(sum)
    }

    /// What was spent since an earlier moment. No less than nothing: a thread that ended in between
    /// takes its wake-ups with it.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            wakeups: self.wakeups.saturating_sub(earlier.wakeups),
        }
    }
}

fn of_process(pid: u32) -> Result<Effort> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid)?))?;
    let cpu = Duration::from(clock_gettime(clock)?);
    let mut wakeups = 0;
    let mut threads = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while the list is read; a whole process that has ended is noticed below.
        let Ok(status) = fs::read_to_string(task?.path().join("status")) else {
            continue;
        };
        let Some(switches) = voluntary_switches(&status) else {
            continue;
        };
        wakeups += switches;
        threads += 1;
    }
    ensure!(threads > 0, "it has ended");
    Ok(Effort { cpu, wakeups })
}

/// From a thread's `status`; `None` if it has ended and only waits for its parent.
fn voluntary_switches(status: &str) -> Option<u64> {
    let value = |key: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
        Some(rest.trim())
    };
    if value("State:")?.starts_with(['Z', 'X']) {
        return None;
    }
    value("voluntary_ctxt_switches:")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{self, Command};

    use super::*;
    use crate::clock;

    const STATUS: &str = "Name:\tsh\nState:\tS (sleeping)\nThreads:\t1\n\
                          voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t90\n";

    #[test]
    fn only_switches_of_its_own_will_count() {
        assert_eq!(voluntary_switches(STATUS), Some(7));
        let dead = STATUS.replace("S (sleeping)", "Z (zombie)");
        assert_eq!(voluntary_switches(&dead), None);
    }

    #[test]
    fn every_sleep_costs_a_wakeup() {
        let before = Effort::of(&[process::id()]).unwrap();
        for _ in 0..20 {
            clock::sleep(Duration::from_millis(1));
        }
        let spent = Effort::of(&[process::id()]).unwrap().since(&before);
        assert!(spent.wakeups >= 20, "{spent:?}");
    }

    #[test]
    fn an_ended_process_is_an_error_reaped_or_not() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        clock::wait_until("an error", Duration::from_secs(10), || {
            Ok(Effort::of(&[pid]).is_err())
        })
        .unwrap();
        child.wait().unwrap();
        assert!(Effort::of(&[process::id(), pid]).is_err());
    }

    #[test]
    fn the_difference_is_never_negative() {
        let [less, more] = [3, 5].map(|n| Effort {
            cpu: Duration::from_nanos(n),
            wakeups: n,
        });
        assert_eq!(more.since(&less).wakeups, 2);
        assert_eq!(more.since(&less).cpu, Duration::from_nanos(2));
        assert_eq!(less.since(&more), Effort::default());
    }
}
