//! SCHED_DEADLINE (sched(7)): so much CPU time in every period, before every SCHED_FIFO thread.

use std::time::Duration;

use nix::errno::Errno;

/// Size of `sched_attr`, of its first version (SCHED_ATTR_SIZE_VER0), as the kernel is told it.
const ATTRIBUTES: u32 = 48;
const _: () = assert!(size_of::<libc::sched_attr>() == ATTRIBUTES as usize);

/// CPU time that a thread is sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// So much,
    pub runtime: Duration,
    /// in every such span.
    pub period: Duration,
}

/// Makes the calling thread SCHED_DEADLINE. What it needs beyond its budget it gets from what other such
/// threads leave over (SCHED_FLAG_RECLAIM), and otherwise in the next period. What it starts is ordinary.
///
/// # Errors
/// EPERM without CAP_SYS_NICE or for a thread that may not run on every CPU, EBUSY when too much is promised
/// to others, EINVAL of a kernel without it.
pub(super) fn schedule(budget: Budget) -> Result<(), Errno> {
    let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let attributes = libc::sched_attr {
        size: ATTRIBUTES,
        sched_policy: libc::SCHED_DEADLINE as u32,
        sched_flags: (libc::SCHED_FLAG_RESET_ON_FORK | libc::SCHED_FLAG_RECLAIM) as u64,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: nanos(budget.runtime),
        sched_deadline: nanos(budget.period),
        sched_period: nanos(budget.period),
    };
    // SAFETY: sched_setattr(2) reads `attributes`, which is as large as its `size` says and lives through the
    // call; 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    Errno::result(result).map(drop)
}
