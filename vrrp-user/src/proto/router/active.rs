//! Active: RFC 9568 section 6.4.3, the lease, and the announcements.

use std::time::Duration;

use vrrp_ebpf::ownership;

use super::{Heard, Next, Phase, Router, common::Common, pace::Pace};
use crate::proto::{
    Advert, Cause, Garp, Instant, Output, Settings, State, election, timers::Timer,
};

/// At most one answer to conflicts in this time (DEFEND_INTERVAL of RFC 5227 section 1.1): two
/// hosts that both defend an address must not flood the link.
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// Between the announcements of a block. Back to back they would be lost together, and while the thread
/// that sends them keeps a CPU, nobody there answers the clients that heard the first.
const BLOCK_SPACING: Duration = Duration::from_millis(1);

/// What only an Active knows.
#[derive(Clone, Debug)]
pub(super) struct Active {
    /// End of the lease last given, nanoseconds.
    pub(super) lease_end: u64,
    /// When an advert of ours last left, or was decided on.
    pub(super) advertised: Instant,
    pace: Pace,
    /// Announcements of the present block still to be sent.
    block: u8,
    /// A router below us was heard since the last announcement against it.
    contested: bool,
}

impl Active {
    pub(super) fn advert(
        &mut self,
        common: &mut Common,
        now: Instant,
        advert: &Advert,
        out: &mut Vec<Output>,
    ) -> Next {
        //= C45: RFC 9568 section 6.2
        if advert.arrived < common.restarted {
            return Next::Stay;
        }
        if advert.priority == 0 {
            //= C40: RFC 9568 section 6.4.3
            if !self.has_answered(advert) {
                self.advertise(common, now, out);
                let next = now + self.pace.interval(&common.settings);
                common.timers.set(Timer::Adver, next);
            }
            // Who resigns was Active beside us, and hosts may have believed it.
            self.reassert(common, now, out);
        } else if election::deposes(advert, common.priority, common.settings.primary) {
            //= C43: RFC 9568 section 6.4.3
            //= C18: RFC 9568 erratum 8298
            return Next::FallBack(Heard::Advert(*advert));
        } else {
            //= C42: RFC 9568 section 6.4.3
            //# Send an ADVERTISEMENT immediately to assert the Active state to the sending VRRP
            //# Router and to update any learning bridges with the correct Active VRRP Router path.
            let answers = !common.settings.departures.lower_prio_no_advert;
            if answers && !self.has_answered(advert) {
                self.advertise(common, now, out);
            }
            self.reassert(common, now, out);
        }
        Next::Stay
    }

    /// The owner discards an advert of version 2: it is neither deposed nor made to answer. But hosts and
    /// switches may have believed a router below us, and would go on doing so.
    pub(super) fn discarded(
        &mut self,
        common: &mut Common,
        now: Instant,
        advert: &Advert,
        out: &mut Vec<Output>,
    ) {
        if advert.arrived >= common.restarted && advert.priority < election::OWNER {
            self.reassert(common, now, out);
        }
    }

    /// Whether an advert of ours left after this one came in: after a stall a queue of adverts
    /// needs one answer, not one each.
    fn has_answered(&self, advert: &Advert) -> bool {
        advert.arrived < self.advertised
    }

    pub(super) fn expired(
        &mut self,
        common: &mut Common,
        timer: Timer,
        now: Instant,
        deadline: Instant,
        out: &mut Vec<Output>,
    ) {
        match timer {
            //= C39: RFC 9568 section 6.4.3
            Timer::Adver => {
                self.advertise(common, now, out);
                self.next_on_grid(common, now, deadline);
            }
            Timer::Block => self.go_on_with_block(common, now, out),
            Timer::Reassert => self.reassert_again(common, now, out),
            Timer::SecondBlock => self.begin_block(common, now, out),
            Timer::Refresh => refresh(common, now, out),
            Timer::Defend => defend(common, now, out),
            // Those of other states, which were stopped.
            _ => {}
        }
    }

    /// Sends an advert, and keeps the Adver_Timer on its grid.
    ///
    /// A stalled Active needs no more than this. Its lease ended by itself; the adverts of whoever
    /// took over come in before the timeout and depose it or are answered; the lease is renewed
    /// when the advert has left.
    pub(super) fn advertise(&mut self, common: &mut Common, now: Instant, out: &mut Vec<Output>) {
        self.shorten_lease(common, now, out);
        self.advertised = now;
        out.push(Output::Advertise {
            priority: common.priority,
        });
        if let Some(due) = common.timers.take_expired(Timer::Adver, now) {
            self.next_on_grid(common, now, due);
        }
    }

    /// Other settings may give shorter leases. Who hears the next advert waits by them, so that the lease has to be
    /// as short before that leaves.
    fn shorten_lease(&mut self, common: &Common, now: Instant, out: &mut Vec<Output>) {
        let latest = now.max(self.advertised);
        let longest = self.pace.lease_end(&common.settings, latest);
        if self.lease_end > longest {
            self.lease_end = longest;
            out.push(own(longest));
        }
    }

    /// The Adver_Timer after one that was `due`: no drift, and no burst after a stall, which costs the grid
    /// instead.
    fn next_on_grid(&self, common: &mut Common, now: Instant, due: Instant) {
        let interval = self.pace.interval(&common.settings);
        let next = (due + interval).max(now + interval / 2);
        common.timers.set(Timer::Adver, next);
    }

    /// The settings have changed. The next advert is no later than it would have been, and no later than it is by
    /// them; the lease follows with that advert.
    pub(super) fn revise(&mut self, common: &mut Common, before: &Settings, now: Instant) {
        if common.settings.advert_interval != before.advert_interval {
            self.pace.change(before, &common.settings, now);
            let next = now + self.pace.interval(&common.settings);
            let due = common.timers.get(Timer::Adver).unwrap_or(next);
            common.timers.set(Timer::Adver, due.min(next));
        }
        reschedule(common, &before.garp, now);
    }

    /// An advert left at `at`: it renews the lease.
    pub(super) fn advert_sent(&mut self, common: &Common, at: Instant, out: &mut Vec<Output>) {
        self.advertised = self.advertised.max(at);
        // An advert of an earlier term entitles to nothing.
        if at < common.since {
            return;
        }
        self.pace.sent(at);
        let expiry = self.pace.lease_end(&common.settings, at);
        if expiry > self.lease_end {
            self.lease_end = expiry;
            out.push(own(expiry));
        }
    }

    /// Hosts and switches may have believed a router below us, so that silencing it is not enough: they
    /// must hear from us. Once now; once again an Advertisement_Interval later, because the other's
    /// own announcements may follow its advert; and not more often than that however many adverts
    /// come, or two routers that cannot hear each other would flood the link.
    fn reassert(&mut self, common: &mut Common, now: Instant, out: &mut Vec<Output>) {
        if common.timers.get(Timer::Reassert).is_some() {
            self.contested = true;
            return;
        }
        self.begin_block(common, now, out);
        let next = now + common.settings.advert_interval;
        common.timers.set(Timer::Reassert, next);
    }

    fn reassert_again(&mut self, common: &mut Common, now: Instant, out: &mut Vec<Output>) {
        announce(1, out);
        if std::mem::take(&mut self.contested) {
            let next = now + common.settings.advert_interval;
            common.timers.set(Timer::Reassert, next);
        }
    }

    /// The first announcement of a block at once, the others one by one.
    fn begin_block(&mut self, common: &mut Common, now: Instant, out: &mut Vec<Output>) {
        self.block = common.settings.garp.repeat;
        common.timers.stop(Timer::Block);
        self.go_on_with_block(common, now, out);
    }

    fn go_on_with_block(&mut self, common: &mut Common, now: Instant, out: &mut Vec<Output>) {
        announce(self.block.min(1), out);
        self.block = self.block.saturating_sub(1);
        if self.block > 0 {
            common.timers.set(Timer::Block, now + BLOCK_SPACING);
        }
    }

    /// Somebody else announced a virtual IP, and hosts may have believed it. What may not be answered yet
    /// is answered as soon as it may: whoever announced it may be silent by then, and the hosts would
    /// stay with it.
    pub(super) fn conflict(common: &mut Common, now: Instant, out: &mut Vec<Output>) {
        let allowed = common.defended.map(|last| last + DEFEND_INTERVAL);
        match allowed.filter(|allowed| *allowed > now) {
            Some(later) => common.timers.set(Timer::Defend, later),
            None => defend(common, now, out),
        }
    }
}

impl Router {
    pub(super) fn promote(
        &mut self,
        cause: Cause,
        now: Instant,
        deadline: Instant,
        out: &mut Vec<Output>,
    ) {
        // A router that sent priority 0, or that we preempt, answers ARP until our advert reaches
        // it. Were we the owner before that, both would answer. So it is silenced first; a request
        // in the microseconds between is answered by nobody, and repeated. With nobody there, the
        // address is served as early as possible.
        let served_elsewhere = match &self.phase {
            Phase::Rising(_) => true,
            Phase::Backup(backup) => backup.has_resigned(),
            _ => false,
        };
        let transition = self.enter(State::Active, cause, now, deadline);
        let common = &mut self.common;
        let pace = Pace::default();
        let lease_end = pace.first_lease_end(&common.settings, now);
        let mut active = Active {
            lease_end,
            advertised: now,
            pace,
            block: 0,
            contested: false,
        };
        //= C59: RFC 9568 section 8.1.2
        if served_elsewhere {
            active.advertise(common, now, out);
            out.push(own(lease_end));
        } else {
            out.push(own(lease_end));
            active.advertise(common, now, out);
        }
        common.install(out);
        //= C34: RFC 9568 section 6.4.2
        active.begin_block(common, now, out);
        common.follow_nobody(out);
        let Settings {
            garp,
            advert_interval,
            ..
        } = common.settings;
        common.timers.set(Timer::Adver, now + advert_interval);
        if !garp.delay.is_zero() {
            common.timers.set(Timer::SecondBlock, now + garp.delay);
        }
        if !garp.refresh.is_zero() {
            common.timers.set(Timer::Refresh, now + garp.refresh);
        }
        self.phase = Phase::Active(active);
        out.push(Output::Transition(transition));
    }
}

const fn own(expiry: u64) -> Output {
    Output::Own {
        state: ownership::State::Active,
        expiry,
    }
}

/// What is to come of the announcements goes by another schedule. What is behind it stays so: no second block
/// follows one.
fn reschedule(common: &mut Common, before: &Garp, now: Instant) {
    let Garp { delay, refresh, .. } = common.settings.garp;
    if delay != before.delay {
        let due = common.since + delay;
        let awaited = common.timers.get(Timer::SecondBlock).is_some();
        if delay.is_zero() {
            common.timers.stop(Timer::SecondBlock);
        } else if awaited || before.delay.is_zero() && due > now {
            common.timers.set(Timer::SecondBlock, due);
        }
    }
    if refresh != before.refresh {
        let next = now + refresh;
        let due = common.timers.get(Timer::Refresh).unwrap_or(next);
        if refresh.is_zero() {
            common.timers.stop(Timer::Refresh);
        } else {
            common.timers.set(Timer::Refresh, due.min(next));
        }
    }
}

fn refresh(common: &mut Common, now: Instant, out: &mut Vec<Output>) {
    let garp = common.settings.garp;
    announce(garp.refresh_repeat, out);
    common.timers.set(Timer::Refresh, now + garp.refresh);
}

fn defend(common: &mut Common, now: Instant, out: &mut Vec<Output>) {
    common.timers.stop(Timer::Defend);
    common.defended = Some(now);
    announce(1, out);
}

fn announce(repeat: u8, out: &mut Vec<Output>) {
    if repeat > 0 {
        out.push(Output::Announce { repeat });
    }
}
