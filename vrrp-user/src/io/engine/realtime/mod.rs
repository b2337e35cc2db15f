//! Real-time scheduling and locked memory for the calling thread.

use nix::{
    errno::Errno,
    sys::{
        mman::{MlockAllFlags, mlockall},
        resource::{Resource, getrlimit, setrlimit},
    },
};

mod deadline;

use std::time::Duration;

pub use deadline::Budget;

/// SCHED_FIFO priority of the engine where SCHED_DEADLINE is refused: above threaded interrupt handlers
/// (50), below the kernel's own watchdogs and migration (99).
const DEFAULT_PRIORITY: u8 = 51;

/// Whether and how the node runs in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Realtime {
    /// As well as the kernel admits: SCHED_DEADLINE, else SCHED_FIFO; with locked memory.
    Best,
    /// `vrrp_rt_priority`: SCHED_FIFO with this priority (1-99), and locked memory.
    Priority(u8),
    /// As normal threads.
    Off,
}

/// A thread of the node that has deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// The engine.
    Engine,
    /// The address worker.
    Addresses,
}

/// What a thread runs under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// SCHED_DEADLINE.
    Deadline(Budget),
    /// SCHED_FIFO with this priority.
    Fifo(u8),
    /// As every process.
    Other,
}

/// What became of a thread, and why it is no better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduling {
    /// Which one.
    pub thread: Thread,
    /// What it runs under.
    pub policy: Policy,
    /// Why SCHED_DEADLINE is refused, if it was asked for.
    pub no_deadline: Option<Errno>,
    /// Why SCHED_FIFO is refused, if it was asked for.
    pub no_fifo: Option<Errno>,
}

impl Thread {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Addresses => "addresses",
        }
    }

    /// What is reserved, which is not what is used up: a turn of the engine takes some 20 µs. Most is used
    /// when a router rises with hundreds of virtual IPs: 5.6 ms of a period with 602 of IPv6, in an
    /// unoptimised build. What is used beyond the budget, in the middle of a system call say, is waited for
    /// afterwards.
    ///
    /// The kernel prefers the thread whose period ends first. The worker's is long, so that the engine
    /// comes before it, and its budget short, should it be the other way round.
    fn budget(self) -> Budget {
        let (runtime, period) = match self {
            Self::Engine => (10, 20),
            Self::Addresses => (10, 100),
        };
        Budget {
            runtime: Duration::from_millis(runtime),
            period: Duration::from_millis(period),
        }
    }

    fn priority(self, engine: u8) -> u8 {
        match self {
            Self::Engine => engine,
            Self::Addresses => engine.saturating_sub(1).max(1),
        }
    }
}

/// Makes the calling thread, which is `thread`, real-time.
pub fn enter(thread: Thread, realtime: Realtime) -> Scheduling {
    let mut scheduling = Scheduling {
        thread,
        policy: Policy::Other,
        no_deadline: None,
        no_fifo: None,
    };
    let priority = match realtime {
        Realtime::Off => return scheduling,
        Realtime::Priority(priority) => thread.priority(priority),
        Realtime::Best => {
            let budget = thread.budget();
            match deadline::schedule(budget) {
                Ok(()) => {
                    scheduling.policy = Policy::Deadline(budget);
                    return scheduling;
                }
                Err(errno) => scheduling.no_deadline = Some(errno),
            }
            thread.priority(DEFAULT_PRIORITY)
        }
    };
    match schedule(priority) {
        Ok(()) => scheduling.policy = Policy::Fifo(priority),
        Err(errno) => scheduling.no_fifo = Some(errno),
    }
    scheduling
}

/// Locks the process's memory: a page fault between a deadline and the first frame costs more than
/// everything else there.
///
/// # Errors
/// ENOMEM or EPERM without CAP_IPC_LOCK or a sufficient RLIMIT_MEMLOCK.
pub fn lock_memory() -> Result<(), Errno> {
    // Only helps a process without CAP_IPC_LOCK; whether it is enough, mlockall tells.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_MEMLOCK) {
        setrlimit(Resource::RLIMIT_MEMLOCK, hard, hard)?;
    }
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)
}

/// Makes the calling thread SCHED_FIFO with this priority (1-99). EPERM without CAP_SYS_NICE or
/// RLIMIT_RTPRIO, or in a control group without real-time budget (`CONFIG_RT_GROUP_SCHED`).
fn schedule(priority: u8) -> Result<(), Errno> {
    set_scheduler(libc::SCHED_FIFO, priority)
}

/// The calling thread is real-time, behind every other real-time thread, until this is dropped.
///
/// A start is a tenth of a second of work, most of it the kernel's verifier. On a machine whose
/// CPUs are all wanted that takes seconds for an ordinary thread, in which a better router is missing.
#[derive(Debug)]
pub struct BoostedPriority(());

impl BoostedPriority {
    /// Begins.
    ///
    /// # Errors
    /// EPERM as for any real-time thread.
    pub fn begin() -> Result<Self, Errno> {
        schedule(1).map(|()| Self(()))
    }
}

impl Drop for BoostedPriority {
    fn drop(&mut self) {
        // To go back to an ordinary thread needs no privilege, so that this cannot fail.
        set_scheduler(libc::SCHED_OTHER, 0).ok();
    }
}

fn set_scheduler(policy: libc::c_int, priority: u8) -> Result<(), Errno> {
    let parameter = libc::sched_param {
        sched_priority: i32::from(priority),
    };
    // SCHED_RESET_ON_FORK: nothing that we start inherits it.
    let policy = policy | libc::SCHED_RESET_ON_FORK;
    // SAFETY: pid 0 is the calling thread; `parameter` is valid for the call.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> libc::c_int {
        // SAFETY: no pointers; pid 0 is the calling thread.
        unsafe { libc::sched_getscheduler(0) & !libc::SCHED_RESET_ON_FORK }
    }

    /// What a new thread becomes, and what the kernel says that it is then.
    fn entered(thread: Thread, realtime: Realtime) -> (Scheduling, libc::c_int) {
        let body = move || (enter(thread, realtime), policy());
        std::thread::spawn(body).join().unwrap()
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a skipped test says why")]
    fn a_thread_gets_the_best_that_is_admitted_and_says_so() {
        for (thread, priority) in [(Thread::Engine, 51), (Thread::Addresses, 50)] {
            let (found, kernels) = entered(thread, Realtime::Best);
            let expected = match (found.no_deadline, found.no_fifo) {
                (None, None) => (Policy::Deadline(thread.budget()), libc::SCHED_DEADLINE),
                (Some(errno), None) => {
                    println!("skipped: SCHED_DEADLINE is refused ({errno})");
                    (Policy::Fifo(priority), libc::SCHED_FIFO)
                }
                (_, Some(errno)) => {
                    println!("skipped: real-time scheduling is refused ({errno})");
                    (Policy::Other, libc::SCHED_OTHER)
                }
            };
            assert_eq!((found.policy, kernels), expected);
        }
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a skipped test says why")]
    fn a_priority_in_the_file_means_fifo() {
        for (thread, priority) in [(Thread::Engine, 7), (Thread::Addresses, 6)] {
            let (found, kernels) = entered(thread, Realtime::Priority(7));
            assert_eq!(found.no_deadline, None, "not asked for");
            match found.no_fifo {
                None => assert_eq!(
                    (found.policy, kernels),
                    (Policy::Fifo(priority), libc::SCHED_FIFO)
                ),
                Some(errno) => {
                    println!("skipped: real-time scheduling is refused ({errno})");
                    assert_eq!(found.policy, Policy::Other);
                }
            }
        }
        assert_eq!(Thread::Addresses.priority(1), 1);
        let (found, kernels) = entered(Thread::Engine, Realtime::Off);
        assert_eq!((found.policy, kernels), (Policy::Other, libc::SCHED_OTHER));
    }

    #[test]
    fn what_a_deadline_thread_starts_is_ordinary() {
        let body = || {
            enter(Thread::Engine, Realtime::Best);
            std::thread::spawn(policy).join().unwrap()
        };
        assert_eq!(std::thread::spawn(body).join().unwrap(), libc::SCHED_OTHER);
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a skipped test says why")]
    fn a_boost_ends() {
        match BoostedPriority::begin() {
            Ok(boost) => {
                assert_eq!(policy(), libc::SCHED_FIFO);
                drop(boost);
            }
            Err(errno) => println!("skipped: real-time scheduling is refused ({errno})"),
        }
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
