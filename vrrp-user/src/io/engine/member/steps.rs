//! What an input leads to, one step at a time.

use std::net::IpAddr;

use super::{Member, Turn};
use crate::{
    io::engine::{
        Timeline,
        driver::Step,
        machine::{Machine, Superseded},
        message::Notice,
    },
    proto::{Input, Instant, Output, Router, Settings, State},
};

/// More outputs than one input can cause.
const OUTPUTS: usize = 32;

/// What is still to be done about an input that the core was fed.
#[derive(Debug)]
pub(super) struct Work {
    /// What the core wants, in order.
    outputs: Vec<Output>,
    /// How many of them are carried out.
    done: usize,
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

impl Default for Work {
    fn default() -> Self {
        Self {
            outputs: Vec::with_capacity(OUTPUTS),
            done: 0,
            advert: None,
            sent: None,
            then: Then::Nothing,
        }
    }
}

impl Member {
    /// Feeds the core, with the time at which the engine woke up. What it wants is done by [`go_on`](Self::go_on).
    pub(in crate::io::engine) fn feed(&mut self, input: Input, woken: Instant) {
        self.lost = None;
        self.handle(woken, input);
    }

    /// Gives the core other settings, and the priority that checks make of theirs.
    pub(super) fn reconfigure(&mut self, settings: &Settings, priority: u8, woken: Instant) {
        self.lost = None;
        self.hand_over(|core, out| core.reconfigure(woken, settings, priority, out));
    }

    fn handle(&mut self, now: Instant, input: Input) {
        self.hand_over(|core, out| core.handle(now, input, out));
    }

    fn hand_over(&mut self, what: impl FnOnce(&mut Router, &mut Vec<Output>)) {
        let was_active = self.core.state() == State::Active;
        self.work.outputs.clear();
        self.work.done = 0;
        what(&mut self.core, &mut self.work.outputs);
        if !was_active && self.core.state() == State::Active {
            self.timeline = Timeline::default();
        }
    }

    /// What [`go_on`](Self::go_on) will do; nothing if everything is done.
    pub(in crate::io::engine) fn next_step(&self) -> Option<Step> {
        let work = &self.work;
        if work.advert.is_some() {
            Some(Step::Advert)
        } else if work.done < work.outputs.len() {
            Some(Step::Output)
        } else if work.sent.is_some() {
            Some(Step::Renewal)
        } else {
            match work.then {
                Then::Nothing => None,
                _ => Some(Step::Telling),
            }
        }
    }

    /// What the core wants and is not carried out.
    pub(in crate::io::engine) fn pending(&self) -> &[Output] {
        self.work.outputs.get(self.work.done..).unwrap_or_default()
    }

    /// Does the next thing that the last input led to.
    pub(in crate::io::engine) fn go_on(
        &mut self,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Result<(), Superseded> {
        if let Some(advert) = self.work.advert.take() {
            self.send(advert, turn.machine);
            return Ok(());
        }
        if let Some(output) = self.work.outputs.get(self.work.done) {
            self.work.done += 1;
            return self.carry_out(*output, turn);
        }
        // Only after the whole list: a renewal must not come before the lease it renews.
        if let Some(at) = self.work.sent.take() {
            self.handle(at, Input::AdvertSent { at });
            return Ok(());
        }
        match std::mem::take(&mut self.work.then) {
            Then::Nothing => {}
            Then::Notice { notices, source } => {
                for notice in notices.into_iter().flatten() {
                    self.notice(notice, source, turn);
                }
            }
            Then::ReportPromotion => self.report_promotion(turn.machine),
            Then::AnnounceFresh => return self.go_on_announcing(turn.machine),
        }
        Ok(())
    }
}
