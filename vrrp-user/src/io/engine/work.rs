//! What the last input of a router led to, and how much of it is done: one input at a time, one step at a time.

use std::net::IpAddr;

use super::{driver::Step, message::Notice};
use crate::{
    ids::{RouterId, VipId},
    proto::{Instant, Output, State},
};

/// More outputs than one input can cause.
const OUTPUTS: usize = 32;

/// See the module.
#[derive(Debug)]
pub(super) struct Work {
    /// Whose input it was.
    pub(super) router: Option<RouterId>,
    /// What the core wants, in order.
    outputs: Vec<Output>,
    /// How many of them are carried out.
    done: usize,
    /// The virtual IP that the input says is gone.
    pub(super) lost: Option<VipId>,
    /// The next thing is to hand this advert over.
    pub(super) advert: Option<PendingAdvert>,
    /// An advert that left at this time, of which the core is not told.
    pub(super) sent: Option<Instant>,
    pub(super) then: Then,
}

/// An advert whose time was read, and which is not handed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingAdvert {
    pub(super) priority: u8,
    pub(super) at: Instant,
}

/// What follows when every output is carried out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Then {
    #[default]
    Nothing,
    /// An advert was odd.
    Notice {
        notices: [Option<Notice>; 4],
        source: IpAddr,
    },
    /// The addresses were installed.
    ReportPromotion,
    /// Virtual IPs are new, or neighbours know them under a MAC that is not theirs any more.
    AnnounceFresh,
}

impl Work {
    pub(super) fn new() -> Self {
        Self {
            router: None,
            outputs: Vec::with_capacity(OUTPUTS),
            done: 0,
            lost: None,
            advert: None,
            sent: None,
            then: Then::Nothing,
        }
    }

    /// This router is about to take an input. All that the one before led to is done.
    pub(super) fn begin(&mut self, router: RouterId) {
        self.router = Some(router);
        self.lost = None;
    }

    /// Where the core puts what it wants.
    pub(super) fn outputs(&mut self) -> &mut Vec<Output> {
        self.outputs.clear();
        self.done = 0;
        &mut self.outputs
    }

    /// The next thing that the core wants.
    pub(super) fn next_output(&mut self) -> Option<Output> {
        let output = self.pending().first().copied()?;
        self.done += 1;
        Some(output)
    }

    /// What the core wants and is not carried out.
    pub(super) fn pending(&self) -> &[Output] {
        self.outputs.get(self.done..).unwrap_or_default()
    }

    /// Whether the router becomes Active by it.
    pub(super) fn promotes(&self) -> bool {
        let mut outputs = self.outputs.iter();
        outputs.any(|output| matches!(output, Output::Transition(to) if to.to == State::Active))
    }

    /// When the advert left of which the core is to be told next.
    pub(super) fn take_renewal(&mut self) -> Option<Instant> {
        let step = self.next_step();
        // Only after the whole list: a renewal must not come before the lease it renews.
        self.sent.take_if(|_| step == Some(Step::Renewal))
    }

    /// What is next; nothing if everything is done.
    pub(super) fn next_step(&self) -> Option<Step> {
        if self.advert.is_some() {
            Some(Step::Advert)
        } else if !self.pending().is_empty() {
            Some(Step::Output)
        } else if self.sent.is_some() {
            Some(Step::Renewal)
        } else {
            match self.then {
                Then::Nothing => None,
                _ => Some(Step::Telling),
            }
        }
    }
}
