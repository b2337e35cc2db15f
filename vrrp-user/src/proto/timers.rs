//! The timers of one virtual router: a table of deadlines, nothing that runs.

use super::Instant;

/// What a deadline is for. The order of declaration is the order in which timers that expired
/// together are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Backup: end of `preempt_delay`. Before [`Self::ActiveDown`], which depends on it.
    PreemptDelay,
    /// Backup: Active_Down_Timer (RFC 9568 section 6.2).
    ActiveDown,
    /// Rising: the addresses should have been acknowledged by then; flip without them.
    Rise,
    /// Active: Adver_Timer (RFC 9568 section 6.2).
    Adver,
    /// Active: the next announcement of a block.
    Block,
    /// Active: a worse router was answered with an announcement; the next may follow.
    Reassert,
    /// Active: the second block of announcements (`garp_master_delay`).
    SecondBlock,
    /// Active: the periodic announcement (`garp_master_refresh`).
    Refresh,
    /// Active: the next answer to a conflict is allowed, and one is due.
    Defend,
    /// Retiring: the successor's advert was heard, its announcement was not.
    Linger,
    /// Retiring: nobody can still be waiting for us.
    Drain,
    /// Retiring: repeat priority 0. After [`Self::Drain`], which makes it pointless.
    Repeat,
}

impl Timer {
    /// Every timer, in order of handling.
    pub(super) const ALL: [Self; 12] = [
        Self::PreemptDelay,
        Self::ActiveDown,
        Self::Rise,
        Self::Adver,
        Self::Block,
        Self::Reassert,
        Self::SecondBlock,
        Self::Refresh,
        Self::Defend,
        Self::Linger,
        Self::Drain,
        Self::Repeat,
    ];
}

/// Deadlines by [`Timer`].
#[derive(Clone, Debug, Default)]
pub(super) struct Timers([Option<Instant>; Timer::ALL.len()]);

impl Timers {
    /// Starts `timer`, or moves it if it runs.
    pub(super) fn set(&mut self, timer: Timer, deadline: Instant) {
        if let Some(slot) = self.0.get_mut(timer as usize) {
            *slot = Some(deadline);
        }
    }

    /// The deadline of `timer` if it runs.
    pub(super) fn get(&self, timer: Timer) -> Option<Instant> {
        self.0.get(timer as usize).copied().flatten()
    }

    /// Stops `timer`.
    pub(super) fn stop(&mut self, timer: Timer) {
        if let Some(slot) = self.0.get_mut(timer as usize) {
            *slot = None;
        }
    }

    /// Stops every timer.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Stops `timer` if it runs and its deadline has come, and tells that deadline.
    pub(super) fn take_expired(&mut self, timer: Timer, now: Instant) -> Option<Instant> {
        let slot = self.0.get_mut(timer as usize)?;
        slot.take_if(|deadline| *deadline <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_has_its_own_slot() {
        let mut timers = Timers::default();
        for (index, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
            assert_eq!(timers.get(timer), None);
            timers.set(timer, Instant(100 - index as u64));
            assert_eq!(timers.next(), Some(Instant(100 - index as u64)));
        }
        timers.stop(Timer::Repeat);
        assert_eq!(timers.get(Timer::Repeat), None);
        assert_eq!(timers.next(), Some(Instant(90)));
        timers.clear();
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn expires_at_the_deadline_and_not_before() {
        let mut timers = Timers::default();
        assert_eq!(timers.take_expired(Timer::Adver, Instant(u64::MAX)), None);
        timers.set(Timer::Adver, Instant(10));
        assert_eq!(timers.take_expired(Timer::Adver, Instant(9)), None);
        assert_eq!(timers.get(Timer::Adver), Some(Instant(10)));
        assert_eq!(
            timers.take_expired(Timer::Adver, Instant(10)),
            Some(Instant(10))
        );
        assert_eq!(timers.get(Timer::Adver), None, "a timer fires once");
    }
}
