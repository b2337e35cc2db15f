//! Scheduling of the harness' own threads. A measuring thread that waits for a CPU measures itself.

use std::{io, thread::JoinHandle, time::Duration};

use anyhow::{Context as _, Result};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::mman::{MlockAllFlags, mlockall},
    unistd::Pid,
};

use crate::{clock, worker::Stop};

/// SCHED_FIFO priority of the probers and captures: above the node's engine (50 by default), which
/// they hold up for some 10 µs per probe at most.
pub const JUDGE: i32 = 60;
/// SCHED_FIFO priority of the echo on each router: above the engine. Real routers do not share their
/// CPUs. Here the threads of one would keep the other's service from answering until its address is
/// gone, and the more so the more a node cares for real time: half of a planned stop's gap was that.
pub const ECHO: i32 = 55;

/// SCHED_FIFO priority of a harness that must get on while a load takes every CPU.
const CONDUCTOR: i32 = 2;

/// Makes the calling thread real-time and locks the process' memory, each page when it is first touched: the
/// stacks of all judges, as a whole, would be copied for every command that is started.
///
/// # Errors
/// If either is refused (no privilege).
pub fn become_fifo(priority: i32) -> Result<()> {
    let on_fault = MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    let all = MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE;
    mlockall(all | on_fault).context("mlockall")?;
    set_scheduler(libc::SCHED_FIFO, priority).context("SCHED_FIFO")
}

/// Makes the calling thread real-time, above every load and below everything that is measured. Threads
/// and processes that it starts are ordinary ones.
///
/// # Errors
/// If the kernel refuses.
pub fn become_conductor() -> Result<()> {
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    set_scheduler(policy, CONDUCTOR).context("SCHED_FIFO")
}

/// Size of `sched_attr` as sched_setattr(2) is told: that of its first version (SCHED_ATTR_SIZE_VER0).
const ATTRIBUTES: u32 = 48;

/// Puts the calling thread before every SCHED_FIFO thread, for so much of every period (SCHED_DEADLINE).
///
/// # Errors
/// If the kernel refuses: no privilege, too much of it promised to others, an affinity.
pub fn become_deadline(runtime: Duration, period: Duration) -> Result<()> {
    share(0, runtime, period)
}

/// Gives a thread so much of every period and no more (SCHED_DEADLINE); 0 is the calling one, others may
/// be the kernel's.
///
/// # Errors
/// As [`become_deadline`], or if there is no such thread.
pub fn share(thread: i32, runtime: Duration, period: Duration) -> Result<()> {
    let period = clock::span_nanos(period);
    let attributes = libc::sched_attr {
        size: ATTRIBUTES,
        sched_policy: libc::SCHED_DEADLINE as u32,
        sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: clock::span_nanos(runtime),
        sched_deadline: period,
        sched_period: period,
    };
    // SAFETY: the pointer is to a live sched_attr that knows its size.
    let set = unsafe { libc::syscall(libc::SYS_sched_setattr, thread, &raw const attributes, 0) };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error()).context("SCHED_DEADLINE")
    }
}

/// Whether [`share`] failed because the kernel has promised too much to others already.
#[must_use]
pub fn is_promised_away(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.and_then(io::Error::raw_os_error) == Some(libc::EBUSY)
}

/// The scheduling policy of a thread of any process, such as [`libc::SCHED_FIFO`].
///
/// # Errors
/// If there is no such thread.
pub fn policy_of(thread: i32) -> Result<i32> {
    // SAFETY: sched_getscheduler(2) takes a number.
    let policy = unsafe { libc::sched_getscheduler(thread) };
    if policy < 0 {
        return Err(io::Error::last_os_error()).context("sched_getscheduler");
    }
    Ok(policy & !libc::SCHED_RESET_ON_FORK)
}

/// Makes the calling thread SCHED_FIFO, on one CPU alone.
///
/// # Errors
/// If the kernel refuses.
pub fn become_fifo_on(cpu: usize, priority: i32) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &only)?;
    set_scheduler(libc::SCHED_FIFO, priority).context("SCHED_FIFO")
}

/// Makes the calling thread an ordinary one, whatever its creator was.
///
/// # Errors
/// If the kernel refuses.
pub fn become_other() -> Result<()> {
    set_scheduler(libc::SCHED_OTHER, 0).context("SCHED_OTHER")
}

/// One spinning SCHED_IDLE thread per CPU: keeps a virtual machine's CPUs awake, so that the host
/// does not have to bring them back (5-17 ms about once a second without). Any other thread comes
/// first. Ends on drop.
#[derive(Debug)]
pub struct Spinners {
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

impl Spinners {
    /// Starts them on every CPU of this process.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start() -> Result<Self> {
        let stop = Stop::default();
        let mut threads = Vec::new();
        for cpu in 0..std::thread::available_parallelism()?.get() {
            let stop = stop.clone();
            let spin = move || {
                let mut only = CpuSet::new();
                // Without either of both it would disturb what it is to protect.
                let placed = only.set(cpu).is_ok()
                    && sched_setaffinity(Pid::from_raw(0), &only).is_ok()
                    && set_scheduler(libc::SCHED_IDLE, 0).is_ok();
                while placed && stop.is_awaited() {
                    std::hint::spin_loop();
                }
            };
            let name = format!("spinner-{cpu}");
            threads.push(std::thread::Builder::new().name(name).spawn(spin)?);
        }
        Ok(Self { stop, threads })
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        self.stop.now();
        for thread in self.threads.drain(..) {
            // A spinner has nothing to say, not even by a panic.
            drop(thread.join());
        }
    }
}

fn set_scheduler(policy: i32, priority: i32) -> io::Result<()> {
    let parameters = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: the pointer is to a live sched_param; pid 0 is the calling thread.
    if unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
