//! Which cases have the machine at the same time.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Cases that measure time or compare dumps of the machine's BPF objects want the machine alone; the
/// others share it.
static MACHINE: RwLock<()> = RwLock::new(());

/// The machine, for the length of a case.
#[must_use]
pub(crate) enum Turn {
    /// With other cases.
    Shared {
        _guard: RwLockReadGuard<'static, ()>,
    },
    /// Without.
    Alone {
        _guard: RwLockWriteGuard<'static, ()>,
    },
}

/// Waits for a place beside other cases.
pub(crate) fn shared() -> Turn {
    // A case that failed says nothing about the next one.
    let _guard = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    Turn::Shared { _guard }
}

/// Waits until no other case runs.
pub(crate) fn alone() -> Turn {
    let _guard = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    Turn::Alone { _guard }
}
