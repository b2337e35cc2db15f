//! The intervals of RFC 9568 section 6.1 and RFC 3768 section 6.1, in nanoseconds.

use std::time::Duration;

use super::Version;

/// Unit of Skew_Time in version 2, whatever the Advertisement_Interval.
const SECOND: Duration = Duration::from_secs(1);

/// What a router waits for, given the interval that the Active advertises.
///
/// Nothing is rounded to centiseconds: at 10 ms adverts every Skew_Time would be 0, and all Backups
/// would take over together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    active_adver: Duration,
    skew: Duration,
    down_timer_adverts: u8,
}

impl Intervals {
    /// How many adverts may be missing (RFC 9568 section 6.1).
    pub const DOWN_TIMER_ADVERTS: u8 = 3;

    /// For a router of this `version` and `priority` (1-255), under an Active that sends every
    /// `active_adver` (at most 255 s).
    #[must_use]
    pub fn new(version: Version, priority: u8, active_adver: Duration) -> Self {
        let unit = match version {
            //= C26: RFC 3768 section 6.1
            Version::V2 => SECOND,
            //= C25: RFC 9568 section 6.1
            Version::V3 => active_adver,
        };
        Self {
            active_adver,
            skew: unit.saturating_mul(256 - u32::from(priority)) / 256,
            down_timer_adverts: Self::DOWN_TIMER_ADVERTS,
        }
    }

    /// With another number of missing adverts, keepalived's `down_timer_adverts`.
    #[must_use]
    pub fn down_after(self, adverts: u8) -> Self {
        Self {
            down_timer_adverts: adverts,
            ..self
        }
    }

    /// Active_Adver_Interval: what the Active says it sends at.
    #[must_use]
    pub fn active_adver(&self) -> Duration {
        self.active_adver
    }

    /// Skew_Time: how long we wait after a priority 0 advert; the better, the shorter.
    #[must_use]
    pub fn skew(&self) -> Duration {
        self.skew
    }

    /// Active_Down_Interval: 3 x Active_Adver_Interval + Skew_Time, or as
    /// [`down_after`](Self::down_after) says.
    #[must_use]
    pub fn active_down(&self) -> Duration {
        //= C30: RFC 9568 section 6.1
        self.active_adver
            .saturating_mul(u32::from(self.down_timer_adverts))
            .saturating_add(self.skew)
    }
}

/// The Max Advertise Interval of an advert, in centiseconds, as a span.
#[must_use]
pub fn from_centiseconds(interval: u16) -> Duration {
    Duration::from_millis(u64::from(interval) * 10)
}
