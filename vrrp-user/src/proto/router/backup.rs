//! Backup: RFC 9568 section 6.4.2.

use std::time::Duration;

use vrrp_ebpf::abi::Follow;

use super::{Peer, Router, Worse};
use crate::proto::{
    Advert, Cause, Instant, Intervals, LastEvent, Output, State, Transition, Version, intervals,
    timers::Timer,
};

impl Router {
    pub(super) fn advert_in_backup(&mut self, advert: &Advert, out: &mut Vec<Output>) {
        if advert.priority == 0 {
            self.released_by(advert);
        } else if advert.priority >= self.restart_min() {
            self.follow_advert(advert, out);
        } else {
            //= C37: RFC 9568 section 6.4.2
            // Discarded: our timer runs on, and we preempt when it ends.
            self.note_worse(advert);
            self.trust(advert);
        }
    }

    fn released_by(&mut self, advert: &Advert) {
        if advert.arrived < self.restarted {
            return;
        }
        //= C29, C35: RFC 9568 section 6.4.2
        //# If the Priority in the ADVERTISEMENT is 0, then:
        //# Set the Active_Down_Timer to Skew_Time
        self.restarted = advert.arrived;
        self.released = true;
        self.trusting = false;
        self.worse = None;
        self.active = None;
        self.wait(self.intervals.skew());
    }

    /// Learns from an advert that counts as the Active's, and restarts the Active_Down_Timer from
    /// its arrival.
    pub(super) fn follow_advert(&mut self, advert: &Advert, out: &mut Vec<Output>) {
        if advert.arrived < self.restarted && self.released {
            return;
        }
        //= C27, C36, C38: RFC 9568 section 6.4.2
        //# If Preempt_Mode is False, or if the Priority in the ADVERTISEMENT is greater than or
        //# equal to the local Priority, then:
        //# Set the Active_Adver_Interval to the Max Advertise Interval contained in the
        //# ADVERTISEMENT
        //# Recompute the Skew_Time
        //# Recompute the Active_Down_Interval
        //# Set the Active_Down_Timer to Active_Down_Interval
        self.intervals = self.intervals_of(advert);
        self.active = Some(Peer {
            source: advert.source,
            priority: advert.priority,
        });
        self.worse = None;
        self.restart_timer(advert.arrived);
        let restart_min = self.restart_min();
        self.set_follow(advert.follow(restart_min), out);
    }

    pub(super) fn seen_in_backup(&mut self, at: Instant) {
        if at > self.restarted {
            // The stamp may be older than what the ring has told since, and of the very router that
            // is worse: before a start is carried out, XDP does not know whom we heed.
            self.worse = self.worse.filter(|worse| worse.heard >= at);
            self.restart_timer(at);
        }
    }

    /// A record older than a stamp already seen moves nothing backwards.
    pub(super) fn restart_timer(&mut self, at: Instant) {
        self.restarted = self.restarted.max(at);
        self.released = false;
        self.trusting = false;
        self.wait(self.intervals.active_down());
    }

    /// Starts the Active_Down_Timer.
    pub(super) fn wait(&mut self, span: Duration) {
        self.timers.set(Timer::ActiveDown, self.waits_from() + span);
    }

    /// What the Active_Down_Timer counts from. A network that is being set up may carry nothing yet, so
    /// that silence during `vrrp_startup_delay` says nothing.
    fn waits_from(&self) -> Instant {
        self.restarted.max(self.startup_end.unwrap_or_default())
    }

    pub(super) fn note_worse(&mut self, advert: &Advert) {
        self.active = Some(Peer {
            source: advert.source,
            priority: advert.priority,
        });
        self.worse = Some(Worse {
            heard: advert.arrived,
            until: advert.arrived + self.intervals_of(advert).active_down(),
        });
    }

    /// A worse Active tells that no better one serves, which it would follow: with `state MASTER`, it is
    /// relieved after an Advertisement_Interval and the Skew_Time.
    fn trust(&mut self, advert: &Advert) {
        if advert.arrived >= self.restarted && std::mem::take(&mut self.trusting) {
            let wait = self.settings.advert_interval + self.intervals.skew();
            let early = self.waits_from() + wait;
            self.timers
                .set(Timer::ActiveDown, early.max(advert.arrived));
        }
    }

    /// Whether an advert says in version 2 what its sender says in version 3 as well. That is not
    /// to be listened to (RFC 9568 section 8.4.2): its interval is rounded up to seconds.
    pub(super) fn is_said_again(&mut self, advert: &Advert) -> bool {
        match (self.settings.version, advert.version) {
            (Version::V2, _) => false,
            (Version::V3, Version::V3) => {
                let silent = advert.arrived + self.intervals_of(advert).active_down();
                self.version_3 = Some((advert.source, silent));
                false
            }
            //= C70: RFC 9568 section 8.4.2
            (Version::V3, Version::V2) => self
                .version_3
                .is_some_and(|(source, silent)| source == advert.source && advert.arrived < silent),
        }
    }

    /// The timers that an advert's sender expects of us.
    fn intervals_of(&self, advert: &Advert) -> Intervals {
        let settings = &self.settings;
        let active_adver = match settings.version {
            // A version 2 advert with another interval than ours was refused on arrival.
            Version::V2 => settings.advert_interval,
            //= C69: RFC 9568 section 8.4.2
            Version::V3 => intervals::from_centiseconds(advert.interval_cs),
        };
        Intervals::new(settings.version, settings.priority, active_adver)
            .down_after(settings.departures.down_timer_adverts)
    }

    pub(super) fn active_down(&mut self, now: Instant, deadline: Instant, out: &mut Vec<Output>) {
        if self.worse.is_some_and(|worse| now < worse.until) {
            self.rise(Cause::Preempt, now, deadline, out);
        } else if self.released {
            self.rise(Cause::PriorityZero, now, deadline, out);
        } else {
            self.promote(Cause::ActiveDown, now, deadline, out);
        }
    }

    /// From here on a worse Active is discarded; its last advert before still counts.
    pub(super) fn preempt_delay_over(&mut self, out: &mut Vec<Output>) {
        self.timers.stop(Timer::PreemptDelay);
        self.history.last_event = LastEvent::PreemptHoldTimeout;
        let restart_min = self.restart_min();
        let follow = self.follow.unwrap_or_default();
        if follow.priority < restart_min {
            self.follow_nobody(out);
        } else {
            self.set_follow(
                Follow {
                    restart_min,
                    ..follow
                },
                out,
            );
        }
    }

    /// A better router was heard while we were serving or about to.
    pub(super) fn fall_back(&mut self, now: Instant, advert: &Advert, out: &mut Vec<Output>) {
        let transition = self.give_way(now, out);
        //= C27: RFC 9568 section 6.4.3
        self.follow_advert(advert, out);
        out.push(Output::Transition(transition));
    }

    /// As [`Self::fall_back`], knowing no more of the advert than when it arrived: its record was lost.
    pub(super) fn fall_back_unheard(&mut self, now: Instant, at: Instant, out: &mut Vec<Output>) {
        let transition = self.give_way(now, out);
        self.seen_in_backup(at);
        out.push(Output::Transition(transition));
    }

    /// Fenced first: the advert renews no lease. Whoever deposes us answers it and announces itself
    /// (RFC 9568 section 6.4.3), which it has no reason to do if it never heard of us.
    fn give_way(&mut self, now: Instant, out: &mut Vec<Output>) -> Transition {
        self.disown(out);
        if self.state == State::Active && self.settings.departures.higher_prio_send_advert {
            out.push(Output::Advertise {
                priority: self.settings.priority,
            });
        }
        self.remove(out);
        self.enter(State::Backup, Cause::BetterAdvert, now, now)
    }
}
