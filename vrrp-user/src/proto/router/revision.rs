//! What becomes of a running router when its priority or its settings change.

use super::{Next, Phase, Router, rising::Rising};
use crate::proto::{Instant, Output, Settings};

impl Router {
    /// Goes on with other settings, and with the priority that checks make of theirs.
    ///
    /// Nothing changes but what they say, and nothing at all where they are equal. No state is entered by it, but that
    /// a router which is about to preempt leaves that if it is not better any more. Intervals and leases follow with
    /// the next advert, which is never later for it:
    ///
    /// - A shorter interval counts at once. Before the first advert says it, the lease is as short.
    /// - A longer one is said in four adverts, or one more than `down_timer_adverts`, at the interval of before, whose lease counts
    ///   meanwhile: a Backup that has missed one of them has not heard of it.
    /// - A Backup goes by the Active's interval, in version 2 by its own; the wait that is under way does not become
    ///   shorter by that.
    ///
    /// VRID, family, version (or both at once) and owner-ship are those of another router
    /// ([`Settings::is_same_router`]); the source address comes with [`Input::LinkUp`](crate::proto::Input::LinkUp).
    pub fn reconfigure(
        &mut self,
        now: Instant,
        settings: &Settings,
        priority: u8,
        out: &mut Vec<Output>,
    ) {
        let common = &mut self.common;
        let settings = settings.in_place_of(&common.settings);
        let priority = settings.effective(priority);
        let other_priority = priority != common.priority;
        if settings == common.settings && !other_priority {
            return;
        }
        common.priority = priority;
        let before = common.exchange(settings, now);
        let next = match &mut self.phase {
            Phase::Initialize | Phase::Fault | Phase::Retiring(_) => Next::Stay,
            Phase::Backup(backup) => {
                backup.revise(common, &before, out);
                Next::Stay
            }
            Phase::Rising(_) => Rising::revise(common, now, out),
            Phase::Active(active) => {
                active.revise(common, &before, now);
                // Whoever is better now learns it at once, and not with the next advert.
                if other_priority {
                    active.advertise(common, now, out);
                }
                Next::Stay
            }
        };
        self.proceed(next, now, out);
    }

    /// Checks make this priority of the configured one.
    pub(super) fn set_priority(&mut self, priority: u8, now: Instant, out: &mut Vec<Output>) {
        let settings = self.common.settings.clone();
        self.reconfigure(now, &settings, priority, out);
    }
}
