//! Real-time scheduling and locked memory for the calling thread.

use nix::{
    errno::Errno,
    sys::{
        mman::{MlockAllFlags, mlockall},
        resource::{Resource, getrlimit, setrlimit},
    },
};

/// Priority of the engine if `vrrp_rt_priority` does not say: above threaded interrupt handlers
/// (50), below the kernel's own watchdogs and migration (99).
pub const DEFAULT_PRIORITY: u8 = 51;

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

/// Makes the calling thread SCHED_FIFO with this priority (1-99).
///
/// # Errors
/// EPERM without CAP_SYS_NICE or RLIMIT_RTPRIO, or in a control group without real-time budget
/// (`CONFIG_RT_GROUP_SCHED`).
pub fn schedule(priority: u8) -> Result<(), Errno> {
    set_scheduler(libc::SCHED_FIFO, priority)
}

/// The calling thread is real-time, behind every other real-time thread, until this is dropped.
///
/// A start is a tenth of a second of work, most of it the kernel's verifier. On a machine whose
/// CPUs are all wanted that takes seconds for an ordinary thread, in which a better router is missing.
#[derive(Debug)]
pub struct Hurry(());

impl Hurry {
    /// Begins.
    ///
    /// # Errors
    /// As of [`schedule`].
    pub fn begin() -> Result<Self, Errno> {
        schedule(1).map(|()| Self(()))
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        // Nobody may be refused less.
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

    #[test]
    #[expect(clippy::print_stdout, reason = "a skipped test says why")]
    fn a_hurry_ends() {
        match Hurry::begin() {
            Ok(hurry) => {
                assert_eq!(policy(), libc::SCHED_FIFO);
                drop(hurry);
            }
            Err(errno) => println!("skipped: real-time scheduling is refused ({errno})"),
        }
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
