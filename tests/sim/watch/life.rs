//! What is known of a virtual router of a node beside what it says.

use std::{collections::BTreeMap, time::Duration};

use vrrp_user::proto::{Cause, Instant, Settings};

use crate::hearing::Oracle;

/// What is known of a node beside what it says.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) oracle: Option<Oracle>,
    pub(super) answers: bool,
    /// When it began to answer.
    pub(super) since: u64,
    pub(super) cause: Option<Cause>,
    /// When its engine woke up for that decision, and who it had heard last.
    pub(super) decided: u64,
    pub(super) heard: Option<usize>,
    /// When it last became Backup by a start or its link, and that again at a decision to rise without
    /// having heard anybody since.
    pub(super) began: u64,
    pub(super) unheard: Option<u64>,
    /// When it decided to stop serving in peace.
    pub(super) retired: u64,
    /// When an advert left, by its own clock, and when one was last handed over.
    pub(super) left: Option<Instant>,
    pub(super) promoted: Option<Instant>,
    /// When the next advert has to be handed over.
    pub(super) due: Instant,
    pub(super) pace: Pace,
    /// The interval by which the lease may count that it has, and the first one.
    pub(super) leased: Duration,
    pub(super) rose_with: Duration,
    /// Virtual IPs that it got while it was Active, when, and not announced yet.
    pub(super) fresh: BTreeMap<u8, Instant>,
    /// Promoted, and no advert handed over since.
    pub(super) unsaid: bool,
    /// Was Active, is in FAULT with a living link, and no priority 0 has left since.
    pub(super) resigns: bool,
}

/// The Advertisement_Interval that a router keeps to. A longer one is said in as many adverts as a Backup may miss.
#[derive(Debug, Default)]
pub(super) struct Pace {
    pub(super) interval: Duration,
    /// The longer one, and how many adverts are to say it still.
    pub(super) next: Option<(Duration, u8)>,
}

impl Pace {
    pub(super) fn change(&mut self, settings: &Settings) {
        let wanted = settings.advert_interval;
        let adverts = settings.departures.down_timer_adverts.max(3);
        self.next = (wanted > self.interval).then_some((wanted, adverts));
        self.interval = self.interval.min(wanted);
    }

    pub(super) fn sent(&mut self) {
        self.next = match self.next {
            Some((interval, 1)) => {
                self.interval = interval;
                None
            }
            next => next.map(|(interval, left)| (interval, left - 1)),
        };
    }
}

impl Life {
    pub(super) fn left(&mut self, local: Instant) {
        self.left = Some(local);
        self.pace.sent();
        self.leased = self.pace.interval;
    }
}
