//! Retiring: a planned stop that the clients do not notice.
//!
//! Priority 0 is sent and answers to ARP go on until the successor's advert (the BPF programs see to
//! that by `last_seen`); data is served until the successor has announced itself, or nobody can be
//! waiting for us any more.

use std::time::Duration;

use vrrp_ebpf::ownership;

use super::{Next, Phase, Router, common::Common};
use crate::proto::{
    Advert, Cause, Instant, Intervals, Output, Settings, State, Version, timers::Timer,
};

/// A stop never takes longer than this, however slow the adverts are.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Announcements follow the first advert at once; one that takes longer was lost.
const LINGER_MAX: Duration = Duration::from_millis(50);

/// What only a Retiring router knows.
#[derive(Clone, Debug)]
pub(super) struct Retiring {
    /// End of the lease last given, nanoseconds.
    lease_end: u64,
    /// When an advert of ours last left, or was decided on.
    advertised: Instant,
}

impl Retiring {
    pub(super) fn advert(common: &mut Common, now: Instant, advert: &Advert) -> Next {
        if advert.priority > 0 {
            return Self::successor_heard(common, now, advert.arrived);
        }
        Next::Stay
    }

    /// Whoever sends adverts after our priority 0 is the successor.
    pub(super) fn successor_heard(common: &mut Common, now: Instant, at: Instant) -> Next {
        if at >= common.since && !Self::has_successor(common) {
            common.timers.stop(Timer::Repeat);
            let linger = common.settings.advert_interval.min(LINGER_MAX);
            common.timers.set(Timer::Linger, now + linger);
        }
        Next::Stay
    }

    fn has_successor(common: &Common) -> bool {
        common.timers.get(Timer::Linger).is_some()
    }

    /// Whether Backups wait for our word. With a successor at work none does; nor once priority 0 has left:
    /// another one would start their Skew_Time over.
    pub(super) fn is_waited_for(&self, common: &Common) -> bool {
        !Self::has_successor(common) && self.advertised <= common.since
    }

    /// Priority 0 left at `at`. From then on the Backups wait for their Skew_Time, and longest those that
    /// have not heard it.
    pub(super) fn advert_sent(&mut self, common: &Common, at: Instant, out: &mut Vec<Output>) {
        self.advertised = self.advertised.max(at);
        // An advert of an earlier term entitles to nothing.
        if at < common.since {
            return;
        }
        if let Some(Instant(expiry)) = common.timers.get(Timer::Drain)
            && expiry > self.lease_end
        {
            self.lease_end = expiry;
            out.push(own(expiry));
        }
    }

    pub(super) fn expired(timer: Timer, out: &mut Vec<Output>) -> Next {
        if timer == Timer::Repeat {
            out.push(Output::Advertise { priority: 0 });
            return Next::Stay;
        }
        Next::Finish(Cause::Drained)
    }
}

impl Router {
    /// `lease_end` and `advertised` are those of the Active.
    pub(super) fn retire(
        &mut self,
        lease_end: u64,
        advertised: Instant,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let transition = self.enter(State::Retiring, Cause::Shutdown, now, now);
        let common = &mut self.common;
        let drained = now + longest_peer_down(&common.settings).min(DRAIN_MAX);
        // Before priority 0 leaves: an older stamp would silence us before there is a successor,
        // and whatever its priority, its advert must leave a stamp.
        let follow = common.nobody(1);
        common.follow = Some(follow);
        out.push(Output::Follow {
            follow,
            clear_seen: true,
        });
        // Until priority 0 has left, the Backups wait as for an Active, and no longer.
        let lease_end = lease_end.min(drained.0);
        out.push(own(lease_end));
        //= C44: RFC 9568 section 6.4.3
        out.push(Output::Advertise { priority: 0 });
        common.timers.set(Timer::Drain, drained);
        let repeat = now + beyond_every_skew(&common.settings);
        common.timers.set(Timer::Repeat, repeat);
        self.phase = Phase::Retiring(Retiring {
            lease_end,
            advertised,
        });
        out.push(Output::Transition(transition));
    }
}

const fn own(expiry: u64) -> Output {
    Output::Own {
        state: ownership::State::Retiring,
        expiry,
    }
}

/// Active_Down_Interval of the worst possible peer (priority 1), which learned our interval: the
/// longest that anybody waits if our priority 0 was lost.
fn longest_peer_down(settings: &Settings) -> Duration {
    longest(settings, 1, Intervals::active_down)
}

/// Longer than the Skew_Time of any peer. Each priority 0 starts that over, so repeating it
/// sooner would delay the successor.
fn beyond_every_skew(settings: &Settings) -> Duration {
    longest(settings, 0, Intervals::skew)
}

/// The longer of what a peer of this priority makes of our adverts in either version.
fn longest(settings: &Settings, priority: u8, span: fn(&Intervals) -> Duration) -> Duration {
    let departures = &settings.departures;
    let adverts = departures
        .down_timer_adverts
        .max(Intervals::DOWN_TIMER_ADVERTS);
    let of =
        |version, interval| span(&Intervals::new(version, priority, interval).down_after(adverts));
    let own = of(settings.version, settings.advert_interval);
    departures
        .also_version_2
        .map_or(own, |interval| own.max(of(Version::V2, interval)))
}
