//! Start, stop, and what keeps the router from working: RFC 9568 section 6.4.1, and keepalived's FAULT.

use std::{net::IpAddr, time::Duration};

use super::{Addresses, Router, intervals_as, own_intervals};
use crate::proto::{
    Cause, FaultReason, InitialState, Instant, Output, State, election, timers::Timer,
};

impl Router {
    /// Whether the router stopped for good: a shutdown was asked for, nothing is served any more,
    /// and the kernel has acknowledged the removal of every virtual IP.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.stopping && self.state == State::Initialize && self.addresses != Addresses::Leaving
    }

    pub(super) fn link_up(&mut self, now: Instant, primary: IpAddr, out: &mut Vec<Output>) {
        self.settings.primary = primary;
        match self.state {
            State::Initialize if self.stopping => {}
            State::Initialize => self.start(Cause::Startup, now, out),
            State::Fault => self.start(Cause::LinkUp, now, out),
            State::Backup | State::Rising | State::Active | State::Retiring => {}
        }
    }

    fn start(&mut self, cause: Cause, now: Instant, out: &mut Vec<Output>) {
        //= C27: RFC 9568 section 6.4.1
        self.intervals = own_intervals(&self.settings);
        self.restarted = now;
        self.released = false;
        self.worse = None;
        //= C31: RFC 9568 section 6.4.1
        let held_back = self.begin(now) > now;
        let owner = self.settings.is_owner();
        if owner && !held_back {
            return self.promote(Cause::Owner, now, now, out);
        }
        // keepalived's hint: at its first start this router trusts that it is the best one.
        self.trusting =
            !owner && cause == Cause::Startup && self.settings.initial == InitialState::Master;
        let first_wait = if owner {
            // For nobody but the end of the delay.
            Duration::ZERO
        } else if self.trusting {
            // Were it wrong, a better Active that stands still would serve until its lease ends.
            intervals_as(election::OWNER, &self.settings).active_down()
        } else {
            self.intervals.active_down()
        };
        let transition = self.enter(State::Backup, cause, now, now);
        //= C32: RFC 9568 section 6.4.1
        self.wait(first_wait);
        if !self.settings.preempt_delay.is_zero() {
            self.timers
                .set(Timer::PreemptDelay, now + self.settings.preempt_delay);
        }
        self.follow_nobody(out);
        out.push(Output::Transition(transition));
    }

    /// The end of the start-up delay, which counts from the first thing that happened to us.
    fn begin(&mut self, now: Instant) -> Instant {
        let delay = self.settings.departures.startup_delay;
        *self.startup_end.get_or_insert(now + delay)
    }

    pub(super) fn fault(&mut self, reason: FaultReason, now: Instant, out: &mut Vec<Output>) {
        self.begin(now);
        let cause = Cause::Fault(reason);
        match self.state {
            State::Fault => return,
            State::Initialize if self.stopping => return,
            State::Retiring => {
                self.leave(reason.can_send(), out);
                return self.stop(cause, now, out);
            }
            State::Rising | State::Active => self.leave(reason.can_send(), out),
            State::Initialize | State::Backup => {}
        }
        self.active = None;
        let transition = self.enter(State::Fault, cause, now, now);
        out.push(Output::Transition(transition));
    }

    /// Stops serving at once. `resign`: the Backups are told, so that the next one waits for its Skew_Time
    /// alone.
    fn leave(&mut self, resign: bool, out: &mut Vec<Output>) {
        let waited_for = match self.state {
            State::Active => true,
            // With a successor at work nobody waits for our word any more. Nor once priority 0 has left:
            // another one would start the Backups' Skew_Time over.
            State::Retiring => {
                self.timers.get(Timer::Linger).is_none() && self.advertised <= self.since
            }
            // Nobody has heard of us yet, and priority 0 would make Backups rise beside the Active.
            State::Rising => false,
            State::Initialize | State::Fault | State::Backup => return,
        };
        self.disown(out);
        if resign && waited_for {
            //= C4: RFC 9568 section 7.2
            // From the last source address, even if that is what was lost.
            out.push(Output::Advertise { priority: 0 });
        }
        self.remove(out);
    }

    pub(super) fn shutdown(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.stopping = true;
        match self.state {
            State::Initialize | State::Retiring => {}
            //= C44: RFC 9568 section 6.4.3
            State::Active => self.retire(now, out),
            State::Rising => self.finish(Cause::Shutdown, now, out),
            //= C33: RFC 9568 section 6.4.2
            State::Backup | State::Fault => self.stop(Cause::Shutdown, now, out),
        }
    }

    pub(super) fn shutdown_now(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.stopping = true;
        if self.state != State::Initialize {
            self.leave(true, out);
            self.stop(Cause::Shutdown, now, out);
        }
    }

    /// Leaves a state that may own the addresses for Initialize.
    pub(super) fn finish(&mut self, cause: Cause, now: Instant, out: &mut Vec<Output>) {
        self.disown(out);
        self.remove(out);
        self.stop(cause, now, out);
    }

    fn stop(&mut self, cause: Cause, now: Instant, out: &mut Vec<Output>) {
        self.active = None;
        let transition = self.enter(State::Initialize, cause, now, now);
        out.push(Output::Transition(transition));
    }
}
