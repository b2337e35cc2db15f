//! Rising: a worse router is Active and serves; make ready before deposing it.

use vrrp_ebpf::ownership;

use super::Router;
use crate::proto::{Advert, Cause, Instant, Output, State, timers::Timer};

impl Router {
    /// Installs the addresses while egress still holds their packets back, and waits for the kernel,
    /// but not longer than one Advertisement_Interval.
    pub(super) fn rise(&mut self, now: Instant, deadline: Instant, out: &mut Vec<Output>) {
        let transition = self.enter(State::Rising, Cause::Preempt, now, deadline);
        let latest = now + self.settings.advert_interval;
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
            self.promote(Cause::PriorityZero, now, now, out);
        } else if advert.priority >= self.restart_min() {
            self.fall_back(now, advert, out);
        } else {
            self.note_worse(advert);
        }
    }

    /// An advert that would have kept us Backup arrived, and its record was lost.
    pub(super) fn seen_in_rising(&mut self, now: Instant, at: Instant, out: &mut Vec<Output>) {
        if at <= self.restarted {
            return;
        }
        self.disown(out);
        self.remove(out);
        let transition = self.enter(State::Backup, Cause::BetterAdvert, now, now);
        self.seen_in_backup(at);
        out.push(Output::Transition(transition));
    }
}
