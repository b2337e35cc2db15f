//! What `status` shows of a router.

use std::net::IpAddr;

use super::{Phase, Router};
use crate::proto::{History, Instant, Intervals, Settings, State};

impl Router {
    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.phase.state()
    }

    /// When the state was entered.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.common.since
    }

    /// Address of the Active, if one is known; ours while we serve.
    #[must_use]
    pub fn active_source(&self) -> Option<IpAddr> {
        if self.is_serving() {
            return Some(self.common.settings.primary);
        }
        self.common.active.map(|active| active.source)
    }

    /// Priority of the Active, if one is known; ours while we serve.
    #[must_use]
    pub fn active_priority(&self) -> Option<u8> {
        if self.is_serving() {
            return Some(self.common.priority);
        }
        self.common.active.map(|active| active.priority)
    }

    fn is_serving(&self) -> bool {
        matches!(self.phase, Phase::Active(_) | Phase::Retiring(_))
    }

    /// The priority that counts in the election: the configured one, or what
    /// [`Input::Priority`](crate::proto::Input::Priority) has made of it.
    #[must_use]
    pub fn priority(&self) -> u8 {
        self.common.priority
    }

    /// Active_Adver_Interval, Skew_Time and Active_Down_Interval: as learned from the Active that we
    /// follow or last followed, else from our own Advertisement_Interval.
    #[must_use]
    pub fn intervals(&self) -> Intervals {
        self.common.intervals()
    }

    /// Arrival of the last advert taken into account.
    #[must_use]
    pub fn last_advert(&self) -> Option<Instant> {
        self.common.last_advert
    }

    /// What led to where the router is.
    #[must_use]
    pub fn history(&self) -> History {
        self.common.history
    }

    /// The settings, with the current source address.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.common.settings
    }
}
