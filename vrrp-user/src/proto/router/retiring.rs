//! Retiring: a planned stop that the clients do not notice.
//!
//! Priority 0 is sent and answers to ARP go on until the successor's advert (the BPF programs see to
//! that by `last_seen`); data is served until the successor has announced itself, or nobody can be
//! waiting for us any more.

use std::time::Duration;

use vrrp_ebpf::{abi::Follow, ownership};

use super::Router;
use crate::proto::{Advert, Cause, Instant, Intervals, Output, State, Version, timers::Timer};

/// A stop never takes longer than this, however slow the adverts are.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Announcements follow the first advert at once; one that takes longer was lost.
const LINGER_MAX: Duration = Duration::from_millis(50);

impl Router {
    pub(super) fn retire(&mut self, now: Instant, out: &mut Vec<Output>) {
        let transition = self.enter(State::Retiring, Cause::Shutdown, now, now);
        let drained = now + self.longest_peer_down().min(DRAIN_MAX);
        // Before priority 0 leaves: an older stamp would silence us before there is a successor,
        // and whatever its priority, its advert must leave a stamp.
        let follow = Follow {
            restart_min: 1,
            ..Follow::default()
        };
        self.follow = Some(follow);
        out.push(Output::Follow {
            follow,
            clear_seen: true,
        });
        // Until priority 0 has left, the Backups wait as for an Active, and no longer.
        self.lease_end = self.lease_end.min(drained.0);
        out.push(Output::Own {
            state: ownership::State::Retiring,
            expiry: self.lease_end,
        });
        //= C44: RFC 9568 section 6.4.3
        out.push(Output::Advertise { priority: 0 });
        self.timers.set(Timer::Drain, drained);
        self.timers
            .set(Timer::Repeat, now + self.beyond_every_skew());
        out.push(Output::Transition(transition));
    }

    /// Active_Down_Interval of the worst possible peer (priority 1), which learned our interval: the
    /// longest that anybody waits if our priority 0 was lost.
    fn longest_peer_down(&self) -> Duration {
        self.longest(1, Intervals::active_down)
    }

    /// Longer than the Skew_Time of any peer. Each priority 0 starts that over, so repeating it
    /// sooner would delay the successor.
    fn beyond_every_skew(&self) -> Duration {
        self.longest(0, Intervals::skew)
    }

    /// The longer of what a peer of this priority makes of our adverts in either version.
    fn longest(&self, priority: u8, span: fn(&Intervals) -> Duration) -> Duration {
        let departures = &self.settings.departures;
        let adverts = departures
            .down_timer_adverts
            .max(Intervals::DOWN_TIMER_ADVERTS);
        let of = |version, interval| {
            span(&Intervals::new(version, priority, interval).down_after(adverts))
        };
        let own = of(self.settings.version, self.settings.advert_interval);
        departures
            .also_version_2
            .map_or(own, |interval| own.max(of(Version::V2, interval)))
    }

    pub(super) fn advert_in_retiring(&mut self, now: Instant, advert: &Advert) {
        if advert.priority > 0 {
            self.successor_heard(now, advert.arrived);
        }
    }

    /// Whoever sends adverts after our priority 0 is the successor.
    pub(super) fn successor_heard(&mut self, now: Instant, at: Instant) {
        if at < self.since || self.timers.get(Timer::Linger).is_some() {
            return;
        }
        self.timers.stop(Timer::Repeat);
        let linger = self.settings.advert_interval.min(LINGER_MAX);
        self.timers.set(Timer::Linger, now + linger);
    }

    pub(super) fn successor_announced(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.state == State::Retiring {
            self.finish(Cause::Drained, now, out);
        }
    }

    pub(super) fn repeat_priority_zero(&mut self, out: &mut Vec<Output>) {
        self.timers.stop(Timer::Repeat);
        out.push(Output::Advertise { priority: 0 });
    }
}
