//! Active: RFC 9568 section 6.4.3, the lease, and the announcements.

use std::time::Duration;

use vrrp_ebpf::ownership::{self, Ownership};

use super::Router;
use crate::proto::{
    Advert, Cause, Instant, Intervals, Lease, Output, State, election, timers::Timer,
};

/// At most one answer to conflicts in this time (DEFEND_INTERVAL of RFC 5227 section 1.1): two
/// hosts that both defend an address must not flood the link.
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// Between the announcements of a block. Back to back they would be lost together, and while the thread
/// that sends them keeps a CPU, nobody there answers the clients that heard the first.
const BLOCK_SPACING: Duration = Duration::from_millis(1);

/// The first lease is at least this long, so that it covers the way to the network card.
const FIRST_LEASE_MIN: Duration = Duration::from_millis(1);

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
        let served_elsewhere = self.state == State::Rising || self.released;
        let transition = self.enter(State::Active, cause, now, deadline);
        self.contested = false;
        self.lease_end = self.first_lease(now);
        let own = Output::Own {
            state: ownership::State::Active,
            expiry: self.lease_end,
        };
        //= C59: RFC 9568 section 8.1.2
        if served_elsewhere {
            self.advertise(now, out);
            out.push(own);
        } else {
            out.push(own);
            self.advertise(now, out);
        }
        self.install(out);
        //= C34: RFC 9568 section 6.4.2
        self.begin_block(now, out);
        let garp = self.settings.garp;
        self.follow_nobody(out);
        self.timers
            .set(Timer::Adver, now + self.settings.advert_interval);
        if !garp.delay.is_zero() {
            self.timers.set(Timer::SecondBlock, now + garp.delay);
        }
        if !garp.refresh.is_zero() {
            self.timers.set(Timer::Refresh, now + garp.refresh);
        }
        out.push(Output::Transition(transition));
    }

    pub(super) fn advert_in_active(
        &mut self,
        now: Instant,
        advert: &Advert,
        out: &mut Vec<Output>,
    ) {
        //= C45: RFC 9568 section 6.2
        if advert.arrived < self.restarted {
            return;
        }
        if advert.priority == 0 {
            //= C40: RFC 9568 section 6.4.3
            if !self.answered(advert) {
                self.advertise(now, out);
                self.timers
                    .set(Timer::Adver, now + self.settings.advert_interval);
            }
            // Who resigns was Active beside us, and hosts may have believed it.
            self.reassert(now, out);
        } else if election::deposes(advert, &self.settings) {
            //= C43: RFC 9568 section 6.4.3
            //= C18: RFC 9568 erratum 8298
            self.fall_back(now, advert, out);
        } else {
            //= C42: RFC 9568 section 6.4.3
            //# Send an ADVERTISEMENT immediately to assert the Active state to the sending VRRP
            //# Router and to update any learning bridges with the correct Active VRRP Router path.
            if !self.answered(advert) && !self.settings.departures.lower_prio_no_advert {
                self.advertise(now, out);
            }
            self.reassert(now, out);
        }
    }

    /// The owner discards an advert of version 2: it is neither deposed nor made to answer. But hosts and
    /// switches may have believed a worse router, and would go on doing so.
    pub(super) fn discarded_in_active(
        &mut self,
        now: Instant,
        advert: &Advert,
        out: &mut Vec<Output>,
    ) {
        if advert.arrived >= self.restarted && advert.priority < election::OWNER {
            self.reassert(now, out);
        }
    }

    /// Whether an advert of ours left after this one came in: after a stall a queue of adverts
    /// needs one answer, not one each.
    fn answered(&self, advert: &Advert) -> bool {
        advert.arrived < self.advertised
    }

    /// Sends an advert, and keeps the Adver_Timer on its grid: no drift, and no burst after a
    /// stall, which costs the grid instead.
    ///
    /// A stalled Active needs no more than this. Its lease ended by itself; the adverts of whoever
    /// took over come in before the timeout and depose it or are answered; the lease is renewed
    /// when the advert has left.
    pub(super) fn advertise(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.advertised = now;
        out.push(Output::Advertise {
            priority: self.settings.priority,
        });
        if let Some(due) = self.timers.expired(Timer::Adver, now) {
            let interval = self.settings.advert_interval;
            let next = (due + interval).max(now + interval / 2);
            self.timers.set(Timer::Adver, next);
        }
    }

    /// Renews the lease for an advert that left at `at`.
    pub(super) fn renew(&mut self, at: Instant, out: &mut Vec<Output>) {
        // An advert of an earlier term entitles to nothing.
        if at < self.since {
            return;
        }
        let (state, end) = match self.state {
            State::Active => (
                ownership::State::Active,
                self.lease().map(|lease| at + lease),
            ),
            // It was priority 0.
            State::Retiring => (ownership::State::Retiring, self.timers.get(Timer::Drain)),
            State::Initialize | State::Fault | State::Backup | State::Rising => return,
        };
        if let Some(Instant(expiry)) = end
            && expiry > self.lease_end
        {
            self.lease_end = expiry;
            out.push(Output::Own { state, expiry });
        }
    }

    /// Brief: until the first advert has left, nobody knows that we serve.
    fn first_lease(&self, now: Instant) -> u64 {
        self.lease().map_or(Ownership::FOREVER, |lease| {
            let brief = (self.settings.advert_interval / 4).max(FIRST_LEASE_MIN);
            (now + brief.min(lease)).0
        })
    }

    fn lease(&self) -> Option<Duration> {
        match self.settings.lease {
            Lease::Off => None,
            Lease::Auto => Some(self.automatic_lease()),
            Lease::Span(span) => Some(span),
        }
    }

    /// Shorter than any peer's Active_Down_Interval. `down_timer_adverts` cannot be seen on the wire:
    /// peers have the same number by keepalived's rule, and one that has the RFC's must not find us
    /// serving beside it either.
    fn automatic_lease(&self) -> Duration {
        let adverts = self.settings.departures.down_timer_adverts;
        let interval = self.settings.advert_interval;
        match adverts.min(Intervals::DOWN_TIMER_ADVERTS) {
            // A peer gives no more than its Skew_Time on top of the interval, the owner the least.
            0 | 1 => {
                let least = Intervals::new(self.settings.version, election::OWNER, interval);
                interval.saturating_add(least.skew())
            }
            adverts => interval.saturating_mul(u32::from(adverts)),
        }
    }

    /// Hosts and switches may have believed a worse router, so that silencing it is not enough: they
    /// must hear from us. Once now; once again an Advertisement_Interval later, because the other's
    /// own announcements may follow its advert; and not more often than that however many adverts
    /// come, or two routers that cannot hear each other would flood the link.
    fn reassert(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.timers.get(Timer::Reassert).is_some() {
            self.contested = true;
            return;
        }
        self.begin_block(now, out);
        self.timers
            .set(Timer::Reassert, now + self.settings.advert_interval);
    }

    pub(super) fn reassert_again(&mut self, now: Instant, out: &mut Vec<Output>) {
        announce(1, out);
        if self.contested {
            self.contested = false;
            self.timers
                .set(Timer::Reassert, now + self.settings.advert_interval);
        } else {
            self.timers.stop(Timer::Reassert);
        }
    }

    pub(super) fn second_block(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.timers.stop(Timer::SecondBlock);
        self.begin_block(now, out);
    }

    /// The first announcement of a block at once, the others one by one.
    fn begin_block(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.block = self.settings.garp.repeat;
        self.go_on_with_block(now, out);
    }

    pub(super) fn go_on_with_block(&mut self, now: Instant, out: &mut Vec<Output>) {
        announce(self.block.min(1), out);
        self.block = self.block.saturating_sub(1);
        if self.block > 0 {
            self.timers.set(Timer::Block, now + BLOCK_SPACING);
        } else {
            self.timers.stop(Timer::Block);
        }
    }

    pub(super) fn refresh(&mut self, now: Instant, out: &mut Vec<Output>) {
        announce(self.settings.garp.refresh_repeat, out);
        self.timers
            .set(Timer::Refresh, now + self.settings.garp.refresh);
    }

    /// Somebody else announced a virtual IP, and hosts may have believed it. What may not be answered yet
    /// is answered as soon as it may: whoever announced it may be silent by then, and the hosts would
    /// stay with it.
    pub(super) fn conflict(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.state != State::Active {
            return;
        }
        let allowed = self.defended.map(|last| last + DEFEND_INTERVAL);
        match allowed.filter(|allowed| *allowed > now) {
            Some(later) => self.timers.set(Timer::Defend, later),
            None => self.defend(now, out),
        }
    }

    pub(super) fn defend(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.timers.stop(Timer::Defend);
        self.defended = Some(now);
        announce(1, out);
    }
}

fn announce(repeat: u8, out: &mut Vec<Output>) {
    if repeat > 0 {
        out.push(Output::Announce { repeat });
    }
}
