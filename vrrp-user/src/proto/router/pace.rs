//! How often an Active sends adverts, and for how long each of them entitles it to serve.

use std::time::Duration;

use vrrp_ebpf::ownership::Ownership;

use crate::proto::{Instant, Intervals, Lease, Settings, election};

/// The first lease is at least this long, so that it covers the way to the network card.
const FIRST_LEASE_MIN: Duration = Duration::from_millis(1);

/// The Advertisement_Interval as it is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    hurried: Option<Hurried>,
}

/// The configured interval has become longer, and a Backup that has not heard so would take over: the adverts that
/// say it leave at the interval of before. After so many, whoever has not heard one of them would not have gone on
/// following before, either.
#[derive(Clone, Copy, Debug)]
struct Hurried {
    interval: Duration,
    /// Adverts to go, of those that leave after the change.
    left: u8,
    changed: Instant,
}

impl Pace {
    /// The time from one advert to the next.
    pub(super) fn interval(self, settings: &Settings) -> Duration {
        self.hurried
            .map_or(settings.advert_interval, |hurried| hurried.interval)
    }

    /// The settings have become these.
    pub(super) fn change(&mut self, before: &Settings, settings: &Settings, now: Instant) {
        let interval = self.interval(before);
        let departures = &settings.departures;
        self.hurried = (interval < settings.advert_interval).then(|| Hurried {
            interval,
            // One that was handed over just before, and waits in the driver, does not say it.
            left: departures
                .down_timer_adverts
                .max(Intervals::DOWN_TIMER_ADVERTS)
                .saturating_add(1),
            changed: now,
        });
    }

    /// An advert left at this time.
    pub(super) fn sent(&mut self, at: Instant) {
        self.hurried = self.hurried.and_then(|hurried| {
            let left = hurried.left.saturating_sub(u8::from(at >= hurried.changed));
            (left > 0).then_some(Hurried { left, ..hurried })
        });
    }

    /// The end of a lease for an advert that left at this time, nanoseconds.
    pub(super) fn lease_end(self, settings: &Settings, at: Instant) -> u64 {
        self.lease(settings)
            .map_or(Ownership::FOREVER, |lease| (at + lease).0)
    }

    /// Of a promotion. Brief: until the first advert has left, nobody knows that we serve.
    pub(super) fn first_lease_end(self, settings: &Settings, now: Instant) -> u64 {
        self.lease(settings).map_or(Ownership::FOREVER, |lease| {
            let brief = (self.interval(settings) / 4).max(FIRST_LEASE_MIN);
            (now + brief.min(lease)).0
        })
    }

    fn lease(self, settings: &Settings) -> Option<Duration> {
        match settings.lease {
            Lease::Off => None,
            Lease::Auto => Some(automatic_lease(settings, self.interval(settings))),
            Lease::Span(span) => Some(span),
        }
    }
}

/// Shorter than any peer's Active_Down_Interval. `down_timer_adverts` cannot be seen on the wire:
/// peers have the same number by keepalived's rule, and one that has the RFC's must not find us
/// serving beside it either.
fn automatic_lease(settings: &Settings, interval: Duration) -> Duration {
    let adverts = settings.departures.down_timer_adverts;
    match adverts.min(Intervals::DOWN_TIMER_ADVERTS) {
        // A peer gives no more than its Skew_Time on top of the interval, the owner the least.
        0 | 1 => {
            let least = Intervals::new(settings.version, election::OWNER, interval);
            interval.saturating_add(least.skew())
        }
        adverts => interval.saturating_mul(u32::from(adverts)),
    }
}
