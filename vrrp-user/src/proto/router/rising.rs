//! Rising: another router still serves, because it is worse than we and about to be deposed, or retires;
//! make ready before it ends.

use std::time::Duration;

use vrrp_ebpf::ownership;

use super::Router;
use crate::proto::{Advert, Cause, Instant, Output, State, timers::Timer};

/// A router that sent priority 0 may have stopped serving with it, and the next Backup's Skew_Time runs:
/// the kernel, which takes less than a millisecond for addresses unless others hold it up, is not
/// waited for any longer.
const RELEASED_MAX: Duration = Duration::from_millis(5);

impl Router {
    /// Installs the addresses while egress still holds their packets back, and waits for the kernel:
    /// one Advertisement_Interval at most before a live router is deposed, a quarter and
    /// [`RELEASED_MAX`] after priority 0.
    pub(super) fn rise(
        &mut self,
        cause: Cause,
        now: Instant,
        deadline: Instant,
        out: &mut Vec<Output>,
    ) {
        let transition = self.enter(State::Rising, cause, now, deadline);
        self.rises_for = cause;
        let interval = self.settings.advert_interval;
        let latest = now
            + if cause == Cause::PriorityZero {
                RELEASED_MAX.min(interval / 4)
            } else {
                interval
            };
        out.push(Output::Own {
            state: ownership::State::Rising,
            expiry: latest.0,
        });
        self.install(out);
        self.timers.set(Timer::Rise, latest);
        self.follow_nobody(out);
        out.push(Output::Transition(transition));
    }

    pub(super) fn advert_in_rising(
        &mut self,
        now: Instant,
        advert: &Advert,
        out: &mut Vec<Output>,
    ) {
        if advert.arrived < self.restarted {
            return;
        }
        if advert.priority == 0 {
            self.restarted = advert.arrived;
            self.active = None;
            // Said again, it is no reason to hurry: who says it still serves.
            if self.rises_for != Cause::PriorityZero {
                self.promote(Cause::PriorityZero, now, now, out);
            }
        } else if advert.priority >= self.restart_min() {
            self.fall_back(now, advert, out);
        } else {
            self.note_worse(advert);
        }
    }

    /// An advert that would have kept us Backup arrived, and its record was lost.
    pub(super) fn seen_in_rising(&mut self, now: Instant, at: Instant, out: &mut Vec<Output>) {
        if at > self.restarted {
            self.fall_back_unheard(now, at, out);
        }
    }
}
