//! Rising: another router still serves, because it is below us and about to be deposed, or retires;
//! make ready before it ends.

use std::time::Duration;

use vrrp_ebpf::ownership;

use super::{Heard, Next, Phase, Router, common::Common};
use crate::proto::{Advert, Cause, Instant, Output, State, timers::Timer};

/// A router that sent priority 0 may have stopped serving with it, and the next Backup's Skew_Time runs:
/// the kernel, which takes less than a millisecond for addresses unless others hold it up, is not
/// waited for any longer.
const RELEASED_MAX: Duration = Duration::from_millis(5);

/// What only a Rising router knows.
#[derive(Clone, Debug)]
pub(super) struct Rising {
    /// Why it becomes Active.
    pub(super) cause: Cause,
}

impl Rising {
    pub(super) fn advert(&self, common: &mut Common, now: Instant, advert: &Advert) -> Next {
        if advert.arrived < common.restarted {
            return Next::Stay;
        }
        if advert.priority == 0 {
            common.restarted = advert.arrived;
            common.active = None;
            // A router that says it a second time still serves, and is waited for as before.
            if self.cause == Cause::PriorityZero {
                return Next::Stay;
            }
            Next::Promote(Cause::PriorityZero, now)
        } else if common.yields_to(advert) {
            Next::FallBack(Heard::Advert(*advert))
        } else {
            common.note_preemptee(advert);
            Next::Stay
        }
    }

    /// Priority or settings have changed: an Active that we are not to preempt any more is left alone. Otherwise XDP
    /// stamps adverts by the priority of now.
    pub(super) fn revise(common: &mut Common, now: Instant, out: &mut Vec<Output>) -> Next {
        match (common.active, common.preemptee) {
            (Some(active), Some(preemptee))
                if common.yields_to(&active) && now < preemptee.until =>
            {
                Next::FallBack(Heard::Advert(active))
            }
            _ => {
                common.follow_nobody(out);
                Next::Stay
            }
        }
    }

    /// An advert that would have kept us Backup arrived, and its record was lost.
    pub(super) fn seen(common: &Common, at: Instant) -> Next {
        if at > common.restarted {
            Next::FallBack(Heard::Stamp(at))
        } else {
            Next::Stay
        }
    }
}

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
        self.phase = Phase::Rising(Rising { cause });
        let common = &mut self.common;
        let interval = common.settings.advert_interval;
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
        common.install(out);
        common.timers.set(Timer::Rise, latest);
        common.follow_nobody(out);
        out.push(Output::Transition(transition));
    }
}
