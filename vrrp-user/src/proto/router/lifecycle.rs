//! Start, stop, and what keeps the router from working: RFC 9568 section 6.4.1, and keepalived's FAULT.

use std::net::IpAddr;

use super::{
    Phase, Router,
    backup::{Backup, Wait},
    common::Addresses,
};
use crate::proto::{Cause, InitialState, Instant, Output, Reasons, State, timers::Timer};

impl Router {
    /// Whether the router stopped for good: a shutdown was asked for, nothing is served any more,
    /// and the kernel has acknowledged the removal of every virtual IP.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.common.stopping
            && matches!(self.phase, Phase::Initialize)
            && self.common.addresses != Addresses::Leaving
    }

    pub(super) fn link_up(&mut self, now: Instant, primary: IpAddr, out: &mut Vec<Output>) {
        self.common.settings.primary = primary;
        match self.phase {
            Phase::Initialize if self.common.stopping => {}
            Phase::Initialize => self.start(Cause::Startup, now, out),
            Phase::Fault => self.start(Cause::LinkUp, now, out),
            Phase::Backup(_) | Phase::Rising(_) | Phase::Active(_) | Phase::Retiring(_) => {}
        }
    }

    fn start(&mut self, cause: Cause, now: Instant, out: &mut Vec<Output>) {
        self.common.start_over(now);
        //= C31: RFC 9568 section 6.4.1
        let held_back = self.common.begin(now) > now;
        let owner = self.common.settings.owner;
        if owner && !held_back {
            return self.promote(Cause::Owner, now, now, out);
        }
        let transition = self.enter(State::Backup, cause, now, now);
        let common = &mut self.common;
        let settings = &common.settings;
        let preempt_delay = settings.preempt_delay;
        let wait = if owner {
            Wait::StartupDelay
        } else if cause == Cause::Startup && settings.initial == InitialState::Master {
            Wait::AsTheBest
        } else {
            Wait::Silence
        };
        //= C32: RFC 9568 section 6.4.1
        let backup = Backup::waiting_for(wait, common);
        if !preempt_delay.is_zero() {
            common.timers.set(Timer::PreemptDelay, now + preempt_delay);
        }
        common.follow_nobody(out);
        self.phase = Phase::Backup(backup);
        out.push(Output::Transition(transition));
    }

    pub(super) fn fault(&mut self, reasons: Reasons, now: Instant, out: &mut Vec<Output>) {
        let Some(first) = reasons.first() else {
            let primary = self.common.settings.primary;
            if !primary.is_unspecified() {
                self.link_up(now, primary, out);
            }
            return;
        };
        self.common.begin(now);
        let cause = Cause::Fault(first);
        match self.phase {
            Phase::Fault => return,
            Phase::Initialize if self.common.stopping => return,
            Phase::Retiring(_) => {
                self.leave(reasons.can_send(), out);
                return self.stop(cause, now, out);
            }
            Phase::Rising(_) | Phase::Active(_) => self.leave(reasons.can_send(), out),
            Phase::Initialize | Phase::Backup(_) => {}
        }
        self.common.active = None;
        let transition = self.enter(State::Fault, cause, now, now);
        self.phase = Phase::Fault;
        out.push(Output::Transition(transition));
    }

    /// Stops serving at once. `resign`: the Backups are told, so that the next one waits for its Skew_Time
    /// alone.
    fn leave(&mut self, resign: bool, out: &mut Vec<Output>) {
        let waited_for = match &self.phase {
            Phase::Active(_) => true,
            Phase::Retiring(retiring) => retiring.is_waited_for(&self.common),
            // Nobody has heard of us yet, and priority 0 would make Backups rise beside the Active.
            Phase::Rising(_) => false,
            Phase::Initialize | Phase::Fault | Phase::Backup(_) => return,
        };
        Self::disown(out);
        if resign && waited_for {
            //= C4: RFC 9568 section 7.2
            // From the last source address, even if that is what was lost.
            out.push(Output::Advertise { priority: 0 });
        }
        self.common.remove(out);
    }

    pub(super) fn shutdown(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.common.stopping = true;
        match &self.phase {
            Phase::Initialize | Phase::Retiring(_) => {}
            //= C44: RFC 9568 section 6.4.3
            Phase::Active(active) => {
                self.retire(active.lease_end, active.advertised, now, out);
            }
            Phase::Rising(_) => self.finish(Cause::Shutdown, now, out),
            //= C33: RFC 9568 section 6.4.2
            Phase::Backup(_) | Phase::Fault => self.stop(Cause::Shutdown, now, out),
        }
    }

    pub(super) fn shutdown_now(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.common.stopping = true;
        if !matches!(self.phase, Phase::Initialize) {
            self.leave(true, out);
            self.stop(Cause::Shutdown, now, out);
        }
    }

    /// Leaves a state that may own the addresses for Initialize.
    pub(super) fn finish(&mut self, cause: Cause, now: Instant, out: &mut Vec<Output>) {
        Self::disown(out);
        self.common.remove(out);
        self.stop(cause, now, out);
    }

    fn stop(&mut self, cause: Cause, now: Instant, out: &mut Vec<Output>) {
        self.common.active = None;
        let transition = self.enter(State::Initialize, cause, now, now);
        self.phase = Phase::Initialize;
        out.push(Output::Transition(transition));
    }
}
