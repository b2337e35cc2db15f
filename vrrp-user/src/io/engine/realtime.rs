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
    let parameter = libc::sched_param {
        sched_priority: i32::from(priority),
    };
    // SCHED_RESET_ON_FORK: nothing that we start inherits it.
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: pid 0 is the calling thread; `parameter` is valid for the call.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) };
    Errno::result(result).map(drop)
}
