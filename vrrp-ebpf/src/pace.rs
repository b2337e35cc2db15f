//! How often the node is told of the same kind of thing. Each record wakes the engine or fills its ring, so
//! that without a bound any flood would take its CPU. What is left out is counted, and is no lost decision:
//! `last_seen`, `better_seen` and `conflict_seen` of the [`Slot`](crate::abi::Slot) are written for every frame.

use crate::abi::{Event, EventKind};

/// What a record is about. Each kind has a bound of its own, so that a flood of one does not keep the
/// others out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum News {
    /// The followed advert once more; it wakes nobody.
    Repeated = 0,
    /// An advert with priority 0.
    Leaving = 1,
    /// An advert of a router that is better than we.
    Better = 2,
    /// Any other advert.
    Other = 3,
    /// Somebody else speaks as a virtual IP of ours.
    Conflict = 4,
    /// The successor of a Retiring router announces itself.
    Successor = 5,
}

impl News {
    /// What a record is about; `better` is whether its sender is better than we.
    #[must_use]
    #[inline(always)]
    pub const fn of(event: &Event, wakes: bool, better: bool) -> Self {
        if event.kind == EventKind::Conflict as u8 {
            Self::Conflict
        } else if event.kind == EventKind::SuccessorAnnounced as u8 {
            Self::Successor
        } else if !wakes {
            Self::Repeated
        } else if event.priority == 0 {
            Self::Leaving
        } else if better {
            Self::Better
        } else {
            Self::Other
        }
    }

    /// Its bound for one virtual router.
    #[must_use]
    #[inline(always)]
    pub const fn pace(self) -> Pace {
        match self {
            Self::Conflict | Self::Successor => CLAIMS,
            Self::Repeated | Self::Leaving | Self::Better | Self::Other => ADVERTS,
        }
    }

    /// Whether it counts for [`NODE`]. Nobody is woken for what is repeated; and priority 0 makes a Backup
    /// take over early, which no stamp tells.
    #[must_use]
    #[inline(always)]
    pub const fn is_shared(self) -> bool {
        !matches!(self, Self::Repeated | Self::Leaving)
    }
}

/// Value of `PACES`: per [`News`] when the next record is due, as [`Pace`] reckons.
pub type Paces = [u64; 8];

const MILLISECOND: u64 = 1_000_000;

/// Adverts of one kind for one virtual router: 250 a second. Peers at the shortest Advertisement_Interval
/// send a hundred.
pub const ADVERTS: Pace = Pace {
    every: 4 * MILLISECOND,
    burst: 16,
};

/// Announcements of others for one virtual router: ten a second.
pub const CLAIMS: Pace = Pace {
    every: 100 * MILLISECOND,
    burst: 8,
};

/// What wakes the engine, all virtual routers together: a thousand times a second. The burst lets every
/// one of them hear of its successor at once.
pub const NODE: Pace = Pace {
    every: MILLISECOND,
    burst: 512,
};

/// A mean rate, and how many may come at once after a while without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Nanoseconds between two in the long run.
    pub every: u64,
    /// How many at once.
    pub burst: u64,
}

impl Pace {
    /// Takes one at `now`; `due` is what was kept of the last time, 0 at first. What to keep, or
    /// nothing if it is too early.
    #[must_use]
    #[inline(always)]
    pub const fn take(self, due: u64, now: u64) -> Option<u64> {
        let from = if due > now { due } else { now };
        if from - now > (self.burst - 1) * self.every {
            return None;
        }
        Some(from + self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        every: 10,
        burst: 3,
    };

    /// How many of those at these moments are taken.
    fn taken(moments: impl IntoIterator<Item = u64>) -> usize {
        let mut due = 0;
        let taken = moments
            .into_iter()
            .filter(|now| match PACE.take(due, *now) {
                Some(next) => {
                    due = next;
                    true
                }
                None => false,
            });
        taken.count()
    }

    #[test]
    fn a_burst_and_then_the_mean_rate() {
        assert_eq!(taken([1000; 50]), 3);
        // Each nanosecond of a thousand: the burst, and one every ten.
        assert_eq!(taken(1000..2000), 3 + 99);
        // Who keeps to the rate loses none.
        assert_eq!(taken((1000..2000).step_by(10)), 100);
        // After a silence there is a burst again.
        let floods = std::iter::repeat_n(1000, 9).chain(std::iter::repeat_n(1030, 9));
        assert_eq!(taken(floods), 6);
    }

    #[test]
    fn kinds_do_not_share_a_bound() {
        let event = |kind: EventKind, priority| Event {
            kind: kind as u8,
            priority,
            ..bytemuck::Zeroable::zeroed()
        };
        let advert = |priority| event(EventKind::Advert, priority);
        let all = [
            News::of(&advert(100), false, true),
            News::of(&advert(0), true, false),
            News::of(&advert(100), true, true),
            News::of(&advert(100), true, false),
            News::of(&event(EventKind::Conflict, 0), true, false),
            News::of(&event(EventKind::SuccessorAnnounced, 0), true, false),
        ];
        assert_eq!(all.map(|news| news as u8), [0, 1, 2, 3, 4, 5]);
        assert_eq!(
            all.map(News::is_shared),
            [false, false, true, true, true, true]
        );
    }
}
