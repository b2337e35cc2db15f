//! The state machine of one virtual router: RFC 9568 section 6.4, RFC 3768 section 6.4.
//!
//! ```text
//!               deadline          addresses ready             shutdown
//! Initialize ─► Backup ─┬─► Rising ─┬─► Active ─► Retiring ─► Initialize
//!                 ▲     └───────────┘     │
//!                 └── a better advert ◄───┘
//! ```
//!
//! A fault leads from everywhere to Fault (from Retiring to Initialize), link up from Fault to
//! Backup. Every router but the owner of the addresses begins as Backup.
//!
//! What the RFC calls Active is split in three, because addresses take time. *Rising* installs them
//! while another router still serves, one that is worse or one that sent priority 0 (make before break);
//! a router that fell silent is relieved at once. *Retiring* goes on serving after
//! priority 0 was sent, until the successor has taken over. The RFC goes from Active to Initialize
//! at once and lets the clients wait.

mod active;
mod backup;
mod common;
mod lifecycle;
mod pace;
mod retiring;
mod revision;
mod rising;
mod status;

use vrrp_ebpf::ownership;

use self::{active::Active, backup::Backup, common::Common, retiring::Retiring, rising::Rising};
use super::{
    Advert, Cause, Input, Instant, Output, Settings, State, Transition, election, timers::Timer,
};

/// One virtual router.
#[derive(Clone, Debug)]
pub struct Router {
    common: Common,
    phase: Phase,
}

/// The state, with what means something in it alone.
#[derive(Clone, Debug)]
enum Phase {
    Initialize,
    Fault,
    Backup(Backup),
    Rising(Rising),
    Active(Active),
    Retiring(Retiring),
}

impl Phase {
    const fn state(&self) -> State {
        match self {
            Self::Initialize => State::Initialize,
            Self::Fault => State::Fault,
            Self::Backup(_) => State::Backup,
            Self::Rising(_) => State::Rising,
            Self::Active(_) => State::Active,
            Self::Retiring(_) => State::Retiring,
        }
    }
}

/// What a phase wants the router to do next.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// Stay in the phase.
    Stay,
    /// Make ready to relieve a router that still serves. With the deadline that decided it.
    Rise(Cause, Instant),
    /// Become Active. With the deadline that decided it.
    Promote(Cause, Instant),
    /// Give way to a better router.
    FallBack(Heard),
    /// Stop serving, and stop.
    Finish(Cause),
}

/// How a better router was heard.
#[derive(Clone, Copy, Debug)]
enum Heard {
    Advert(Advert),
    /// No more than the arrival of its advert is known: its record was lost.
    Stamp(Instant),
}

impl Router {
    /// A router in Initialize. It starts with the first [`Input::LinkUp`].
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            common: Common::new(settings),
            phase: Phase::Initialize,
        }
    }

    /// The same router, of a node that started then: `vrrp_startup_delay` counts from there, and does not hold up a router
    /// that comes later.
    #[must_use]
    pub fn of_node_since(mut self, start: Instant) -> Self {
        self.common.begin(start);
        self
    }

    /// Takes one event at `now` and pushes what it wants done, at most twelve outputs.
    ///
    /// `now` never goes backwards. Carry the whole list out, in order, before feeding what it leads
    /// to ([`Input::AdvertSent`] and the like). An Own that follows an Advertise is stored when that
    /// advert was handed to the kernel, not while it waits for a batch.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::LinkUp { primary } => self.link_up(now, primary, out),
            Input::Fault(reasons) => self.fault(reasons, now, out),
            Input::Priority(priority) => self.set_priority(priority, now, out),
            Input::Shutdown => self.shutdown(now, out),
            Input::ShutdownNow => self.shutdown_now(now, out),
            Input::Advert(advert) => self.advert(now, &advert, out),
            Input::Seen(at) => self.seen(now, at, out),
            Input::BetterSeen(at) => self.better_seen(now, at, out),
            Input::SuccessorAnnounced => self.successor_announced(now, out),
            Input::AdvertSent { at } => self.advert_sent(at, out),
            Input::AddressesReady => self.addresses_ready(now, out),
            Input::AddressesGone => self.common.addresses_gone(),
            Input::AddressLost => self.address_lost(out),
            Input::Conflict => self.conflict(now, out),
            Input::Timeout => self.timeout(now, out),
        }
    }

    /// When [`Input::Timeout`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.common.timers.next()
    }

    /// The election has considered every better advert up to this time
    /// ([`Slot::considered_until`](vrrp_ebpf::abi::Slot::considered_until)).
    #[must_use]
    pub fn considered_until(&self) -> Instant {
        self.common.restarted
    }

    fn proceed(&mut self, next: Next, now: Instant, out: &mut Vec<Output>) {
        match next {
            Next::Stay => {}
            Next::Rise(cause, deadline) => self.rise(cause, now, deadline, out),
            Next::Promote(cause, deadline) => self.promote(cause, now, deadline, out),
            Next::FallBack(heard) => self.fall_back(heard, now, out),
            Next::Finish(cause) => self.finish(cause, now, out),
        }
    }

    fn advert(&mut self, now: Instant, advert: &Advert, out: &mut Vec<Output>) {
        let common = &mut self.common;
        if common.is_said_again(advert) {
            return;
        }
        let discarded = election::owner_discards(advert.version, &common.settings);
        let next = match &mut self.phase {
            Phase::Initialize | Phase::Fault => return,
            Phase::Backup(_) | Phase::Rising(_) if discarded => return,
            Phase::Active(active) if discarded => {
                return active.discarded(common, now, advert, out);
            }
            Phase::Backup(backup) => backup.advert(common, advert, out),
            Phase::Rising(rising) => rising.advert(common, now, advert),
            Phase::Active(active) => active.advert(common, now, advert, out),
            // Also of a version that the owner discards: it says that somebody serves.
            Phase::Retiring(_) => Retiring::advert(common, now, advert),
        };
        self.proceed(next, now, out);
        self.common.arrived(advert.arrived);
        self.common.history.last_source = Some(advert.source);
    }

    fn seen(&mut self, now: Instant, at: Instant, out: &mut Vec<Output>) {
        let common = &mut self.common;
        // With both versions the stamp may be of either.
        let discarded = election::owner_discards(common.settings.version, &common.settings);
        let next = match &mut self.phase {
            // An Active goes by its records and by `better_seen`.
            Phase::Initialize | Phase::Fault | Phase::Active(_) => return,
            Phase::Backup(_) | Phase::Rising(_) if discarded => return,
            Phase::Backup(backup) => backup.seen(common, at),
            Phase::Rising(_) => Rising::seen(common, at),
            Phase::Retiring(_) => Retiring::successor_heard(common, now, at),
        };
        self.proceed(next, now, out);
        self.common.arrived(at);
    }

    fn better_seen(&mut self, now: Instant, at: Instant, out: &mut Vec<Output>) {
        if matches!(self.phase, Phase::Active(_)) && at > self.common.restarted {
            self.fall_back(Heard::Stamp(at), now, out);
            self.common.arrived(at);
        }
    }

    fn successor_announced(&mut self, now: Instant, out: &mut Vec<Output>) {
        if matches!(self.phase, Phase::Retiring(_)) {
            self.finish(Cause::Drained, now, out);
        }
    }

    fn advert_sent(&mut self, at: Instant, out: &mut Vec<Output>) {
        match &mut self.phase {
            Phase::Active(active) => active.advert_sent(&self.common, at, out),
            Phase::Retiring(retiring) => retiring.advert_sent(&self.common, at, out),
            Phase::Initialize | Phase::Fault | Phase::Backup(_) | Phase::Rising(_) => {}
        }
    }

    fn addresses_ready(&mut self, now: Instant, out: &mut Vec<Output>) {
        if let Phase::Rising(rising) = &self.phase {
            self.promote(rising.cause, now, now, out);
        }
    }

    fn address_lost(&self, out: &mut Vec<Output>) {
        if matches!(self.phase, Phase::Rising(_) | Phase::Active(_)) {
            out.push(Output::Install);
        }
    }

    fn conflict(&mut self, now: Instant, out: &mut Vec<Output>) {
        if matches!(self.phase, Phase::Active(_)) {
            Active::conflict(&mut self.common, now, out);
        }
    }

    /// One pass: a timer that a handler starts again is due later than `now`.
    fn timeout(&mut self, now: Instant, out: &mut Vec<Output>) {
        for timer in Timer::ALL {
            //= C45: RFC 9568 section 6.2
            if let Some(deadline) = self.common.timers.take_expired(timer, now) {
                let next = self.expired(timer, now, deadline, out);
                self.proceed(next, now, out);
            }
        }
    }

    /// The timer belongs to the present phase: entering another one stops all timers.
    fn expired(
        &mut self,
        timer: Timer,
        now: Instant,
        deadline: Instant,
        out: &mut Vec<Output>,
    ) -> Next {
        let common = &mut self.common;
        match &mut self.phase {
            Phase::Backup(backup) => backup.expired(common, timer, now, deadline, out),
            Phase::Rising(rising) => Next::Promote(rising.cause, deadline),
            Phase::Active(active) => {
                active.expired(common, timer, now, deadline, out);
                Next::Stay
            }
            Phase::Retiring(_) => Retiring::expired(timer, out),
            Phase::Initialize | Phase::Fault => Next::Stay,
        }
    }

    /// Changes the state, of which the caller then stores the phase. It pushes the transition, after everything
    /// urgent.
    fn enter(&mut self, to: State, cause: Cause, now: Instant, deadline: Instant) -> Transition {
        let from = self.phase.state();
        self.common.entered(from, to, cause, now, deadline)
    }

    /// Stops serving. Always the first output of a demotion.
    fn disown(out: &mut Vec<Output>) {
        out.push(Output::Own {
            state: ownership::State::Idle,
            expiry: 0,
        });
    }
}
