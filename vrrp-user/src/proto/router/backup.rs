//! Backup: RFC 9568 section 6.4.2.

use vrrp_ebpf::abi::Follow;

use super::{Heard, Next, Phase, Router, common::Common};
use crate::proto::{Advert, Cause, Instant, LastEvent, Output, Settings, State, timers::Timer};

/// What only a Backup knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Backup {
    wait: Wait,
    /// The Active_Down_Timer that runs was started by longer intervals, of settings that have changed since.
    not_before: Instant,
}

/// What the Active_Down_Timer waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wait {
    /// The Active_Down_Interval of silence.
    #[default]
    Silence,
    /// `restarted` was set by an advert with priority 0 (the Active resigned), so that only Skew_Time is waited.
    Resigned,
    /// keepalived's hint `state MASTER`: at its first start this router takes itself for the best one, until
    /// it hears somebody.
    AsTheBest,
    /// Such a router has heard, at this time, an Active below it, and so knows that no better one serves.
    OfAWorse(Instant),
    /// The owner waits for the end of `vrrp_startup_delay` alone.
    StartupDelay,
}

impl Backup {
    /// What has to be waited for after a start.
    pub(super) fn waiting_for(wait: Wait, common: &mut Common) -> Self {
        let backup = Self::waiting(wait);
        backup.start_timer(common);
        backup
    }

    fn waiting(wait: Wait) -> Self {
        Self {
            wait,
            ..Self::default()
        }
    }

    /// When the Active_Down_Timer ends.
    fn deadline(&self, common: &Common) -> Instant {
        let from = common.waits_from();
        match self.wait {
            Wait::Silence => from + common.intervals().active_down(),
            Wait::Resigned => from + common.intervals().skew(),
            // Were it wrong, a better Active that stands still would serve until its lease ends.
            Wait::AsTheBest => from + common.intervals_of_the_best().active_down(),
            Wait::OfAWorse(heard) => {
                let early = from + common.settings.advert_interval + common.intervals().skew();
                early.max(heard)
            }
            Wait::StartupDelay => from,
        }
    }

    fn start_timer(&self, common: &mut Common) {
        let deadline = self.deadline(common).max(self.not_before);
        common.timers.set(Timer::ActiveDown, deadline);
    }

    pub(super) fn has_resigned(&self) -> bool {
        self.wait == Wait::Resigned
    }

    pub(super) fn advert(
        &mut self,
        common: &mut Common,
        advert: &Advert,
        out: &mut Vec<Output>,
    ) -> Next {
        if advert.priority == 0 {
            self.resigned(common, advert);
        } else if common.yields_to(advert) {
            self.follow(common, advert, out);
        } else {
            //= C37: RFC 9568 section 6.4.2
            // Discarded: our timer runs on, and we preempt when it ends.
            common.note_preemptee(advert);
            self.shorten_wait(common, advert);
        }
        Next::Stay
    }

    fn resigned(&mut self, common: &mut Common, advert: &Advert) {
        if advert.arrived < common.restarted {
            return;
        }
        //= C29, C35: RFC 9568 section 6.4.2
        //# If the Priority in the ADVERTISEMENT is 0, then:
        //# Set the Active_Down_Timer to Skew_Time
        common.restarted = advert.arrived;
        *self = Self::waiting(Wait::Resigned);
        common.preemptee = None;
        common.active = None;
        self.start_timer(common);
    }

    /// Learns from an advert that counts as the Active's, and restarts the Active_Down_Timer from
    /// its arrival.
    fn follow(&mut self, common: &mut Common, advert: &Advert, out: &mut Vec<Output>) {
        if advert.arrived < common.restarted && self.has_resigned() {
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
        common.learn_interval(advert);
        common.active = Some(*advert);
        common.preemptee = None;
        self.restart_timer(common, advert.arrived);
        let restart_min = common.restart_min();
        common.set_follow(advert.follow(restart_min), out);
    }

    pub(super) fn seen(&mut self, common: &mut Common, at: Instant) -> Next {
        if at > common.restarted {
            // The stamp may be older than what the ring has told since, and of the very router that
            // we preempt: before a start is carried out, XDP does not know whom we follow.
            common.preemptee = common.preemptee.filter(|preemptee| preemptee.heard >= at);
            self.restart_timer(common, at);
        }
        Next::Stay
    }

    /// Priority or settings have changed: whoever is Active is followed from its last advert on, or preempted. The
    /// timer goes on from where it was started, by the Skew_Time of now.
    pub(super) fn revise(&mut self, common: &mut Common, before: &Settings, out: &mut Vec<Output>) {
        let settings = &common.settings;
        let spans = |of: &Settings| (of.advert_interval, of.departures.down_timer_adverts);
        // An Active that is alive may go by the intervals of before.
        if spans(settings) != spans(before)
            && let Some(due) = common.timers.get(Timer::ActiveDown)
        {
            self.not_before = due;
        }
        let delay = settings.preempt_delay;
        if delay != before.preempt_delay && common.timers.get(Timer::PreemptDelay).is_some() {
            let end = common.since + delay;
            common.timers.set(Timer::PreemptDelay, end);
        }
        if let (Some(_), Some(active)) = (common.preemptee, common.active) {
            if common.yields_to(&active) {
                return self.follow(common, &active, out);
            }
            common.note_preemptee(&active);
        }
        renew_follow(common, out);
        self.start_timer(common);
    }

    /// A record older than a stamp already seen moves nothing backwards.
    fn restart_timer(&mut self, common: &mut Common, at: Instant) {
        common.restarted = common.restarted.max(at);
        *self = Self::waiting(Wait::Silence);
        self.start_timer(common);
    }

    /// An Active below us tells that no better one serves, which it would follow: with `state MASTER`, it is
    /// relieved after an Advertisement_Interval and the Skew_Time.
    fn shorten_wait(&mut self, common: &mut Common, advert: &Advert) {
        if advert.arrived >= common.restarted && self.wait == Wait::AsTheBest {
            self.wait = Wait::OfAWorse(advert.arrived);
            self.start_timer(common);
        }
    }

    pub(super) fn expired(
        &self,
        common: &mut Common,
        timer: Timer,
        now: Instant,
        deadline: Instant,
        out: &mut Vec<Output>,
    ) -> Next {
        if timer == Timer::PreemptDelay {
            common.history.last_event = LastEvent::PreemptHoldTimeout;
            renew_follow(common, out);
            return Next::Stay;
        }
        if common
            .preemptee
            .is_some_and(|preemptee| now < preemptee.until)
        {
            Next::Rise(Cause::Preempt, deadline)
        } else if self.has_resigned() {
            Next::Rise(Cause::PriorityZero, deadline)
        } else {
            Next::Promote(Cause::ActiveDown, deadline)
        }
    }
}

/// From here on an Active below `restart_min` is discarded; its last advert before still counts.
fn renew_follow(common: &mut Common, out: &mut Vec<Output>) {
    let restart_min = common.restart_min();
    let follow = common.follow.unwrap_or_default();
    if follow.priority < restart_min {
        common.follow_nobody(out);
    } else {
        common.set_follow(
            Follow {
                restart_min,
                ..follow
            },
            out,
        );
    }
}

impl Router {
    /// A better router was heard while we were serving or about to.
    ///
    /// Fenced first: the advert that then leaves renews no lease. Whoever deposes us answers it and announces
    /// itself (RFC 9568 section 6.4.3), which it has no reason to do if it never heard of us.
    pub(super) fn fall_back(&mut self, heard: Heard, now: Instant, out: &mut Vec<Output>) {
        Self::disown(out);
        let common = &mut self.common;
        if matches!(self.phase, Phase::Active(_))
            && common.settings.departures.higher_prio_send_advert
        {
            out.push(Output::Advertise {
                priority: common.priority,
            });
        }
        common.remove(out);
        let transition = self.enter(State::Backup, Cause::BetterAdvert, now, now);
        let mut backup = Backup::default();
        match heard {
            //= C27: RFC 9568 section 6.4.3
            Heard::Advert(advert) => backup.follow(&mut self.common, &advert, out),
            Heard::Stamp(at) => {
                backup.seen(&mut self.common, at);
                // Priority and settings may be others than when we rose.
                self.common.follow_nobody(out);
            }
        }
        self.phase = Phase::Backup(backup);
        out.push(Output::Transition(transition));
    }
}
