//! What no signal may disturb.

use nix::sys::signal::{SigSet, SigmaskHow};

/// Loads a program. The kernel gives up with EAGAIN, whatever the program, if this thread has a signal to handle
/// meanwhile; other threads, or this one afterwards, handle it.
pub(super) fn undisturbed<T>(load: impl FnOnce() -> T) -> T {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let result = load();
    if let Ok(before) = before {
        let restored = before.thread_set_mask();
        debug_assert!(restored.is_ok(), "our own mask");
    }
    result
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal, pthread_sigmask};

    use super::*;

    fn is_blocked() -> bool {
        let mut mask = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, None, Some(&mut mask)).unwrap();
        mask.contains(Signal::SIGHUP)
    }

    #[test]
    fn signals_wait_for_the_end() {
        assert!(!is_blocked());
        assert!(undisturbed(is_blocked));
        assert!(!is_blocked());
    }
}
