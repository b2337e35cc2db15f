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
mod lifecycle;
mod retiring;
mod rising;
mod status;

use std::net::IpAddr;

use vrrp_ebpf::{abi::Follow, ownership};

use super::{
    Advert, Cause, History, Input, Instant, Intervals, Output, Settings, State, Transition,
    election,
    timers::{Timer, Timers},
};

/// One virtual router.
#[derive(Clone, Debug)]
pub struct Router {
    settings: Settings,
    state: State,
    since: Instant,
    timers: Timers,
    /// Of the Active that we follow; our own until one is heard.
    intervals: Intervals,
    /// The moment that the Active_Down_Timer counts from. What arrived before it is history.
    restarted: Instant,
    /// That moment was a priority 0 advert.
    released: bool,
    /// End of `vrrp_startup_delay`; the Active_Down_Timer counts from no earlier moment.
    startup_end: Option<Instant>,
    /// First start as `state MASTER`, and nobody was heard since.
    trusting: bool,
    /// A live Active that we are about to preempt.
    worse: Option<Worse>,
    /// Why we are or were Rising.
    rises_for: Cause,
    /// Who sent the last advert with a priority.
    active: Option<Peer>,
    last_advert: Option<Instant>,
    /// Who was last heard in version 3, and when its silence there means that it has stopped.
    version_3: Option<(IpAddr, Instant)>,
    /// The word that the engine was last told.
    follow: Option<Follow>,
    addresses: Addresses,
    /// End of the lease last given, nanoseconds.
    lease_end: u64,
    /// When an advert of ours last left, or was decided on.
    advertised: Instant,
    /// Announcements of the present block still to be sent.
    block: u8,
    /// A worse router was heard since the last announcement against it.
    contested: bool,
    /// When we last answered a conflict.
    defended: Option<Instant>,
    /// Shutdown was asked for: never start again.
    stopping: bool,
    history: History,
}

/// An Active with a priority below ours.
#[derive(Clone, Copy, Debug)]
struct Worse {
    /// Arrival of its last advert.
    heard: Instant,
    /// From then on its silence means that it is gone.
    until: Instant,
}

/// The sender of an advert.
#[derive(Clone, Copy, Debug)]
struct Peer {
    source: IpAddr,
    priority: u8,
}

/// What was last asked of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addresses {
    Absent,
    /// Install was asked for, and maybe acknowledged.
    Wanted,
    /// Remove was asked for and is not acknowledged.
    Leaving,
}

impl Router {
    /// A router in Initialize. It starts with the first [`Input::LinkUp`].
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            intervals: own_intervals(&settings),
            settings,
            state: State::Initialize,
            since: Instant::default(),
            timers: Timers::default(),
            restarted: Instant::default(),
            released: false,
            startup_end: None,
            trusting: false,
            worse: None,
            rises_for: Cause::Preempt,
            active: None,
            last_advert: None,
            version_3: None,
            follow: None,
            addresses: Addresses::Absent,
            lease_end: 0,
            advertised: Instant::default(),
            block: 0,
            contested: false,
            defended: None,
            stopping: false,
            history: History::default(),
        }
    }

    /// Takes one event at `now` and pushes what it wants done, at most twelve outputs.
    ///
    /// `now` never goes backwards. Carry the whole list out, in order, before feeding what it leads
    /// to ([`Input::AdvertSent`] and the like). An Own that follows an Advertise is stored when that
    /// advert was handed to the kernel, not while it waits for a batch.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::LinkUp { primary } => self.link_up(now, primary, out),
            Input::Fault(reason) => self.fault(reason, now, out),
            Input::Shutdown => self.shutdown(now, out),
            Input::ShutdownNow => self.shutdown_now(now, out),
            Input::Advert(advert) => self.advert(now, &advert, out),
            Input::Seen(at) => self.seen(now, at, out),
            Input::BetterSeen(at) => self.better_seen(now, at, out),
            Input::SuccessorAnnounced => self.successor_announced(now, out),
            Input::AdvertSent { at } => {
                self.advertised = self.advertised.max(at);
                self.renew(at, out);
            }
            Input::AddressesReady => self.addresses_ready(now, out),
            Input::AddressesGone => self.addresses_gone(),
            Input::AddressLost => self.address_lost(out),
            Input::Conflict => self.conflict(now, out),
            Input::Timeout => self.timeout(now, out),
        }
    }

    /// When [`Input::Timeout`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The election has considered every better advert up to this time
    /// ([`Slot::considered_until`](vrrp_ebpf::abi::Slot::considered_until)).
    #[must_use]
    pub fn considered_until(&self) -> Instant {
        self.restarted
    }

    fn advert(&mut self, now: Instant, advert: &Advert, out: &mut Vec<Output>) {
        if self.is_said_again(advert) {
            return;
        }
        let discarded = election::owner_discards(advert.version, &self.settings);
        match self.state {
            State::Initialize | State::Fault => return,
            State::Backup | State::Rising if discarded => return,
            State::Active if discarded => return self.discarded_in_active(now, advert, out),
            State::Backup => self.advert_in_backup(advert, out),
            State::Rising => self.advert_in_rising(now, advert, out),
            State::Active => self.advert_in_active(now, advert, out),
            // Also of a version that the owner discards: it says that somebody serves.
            State::Retiring => self.advert_in_retiring(now, advert),
        }
        self.last_advert = self.last_advert.max(Some(advert.arrived));
        self.history.last_source = Some(advert.source);
    }

    fn seen(&mut self, now: Instant, at: Instant, out: &mut Vec<Output>) {
        // With both versions the stamp may be of either.
        let discarded = election::owner_discards(self.settings.version, &self.settings);
        match self.state {
            // An Active goes by its records and by `better_seen`.
            State::Initialize | State::Fault | State::Active => return,
            State::Backup | State::Rising if discarded => return,
            State::Backup => self.seen_in_backup(at),
            State::Rising => self.seen_in_rising(now, at, out),
            State::Retiring => self.successor_heard(now, at),
        }
        self.last_advert = self.last_advert.max(Some(at));
    }

    fn better_seen(&mut self, now: Instant, at: Instant, out: &mut Vec<Output>) {
        if self.state == State::Active && at > self.restarted {
            self.fall_back_unheard(now, at, out);
            self.last_advert = self.last_advert.max(Some(at));
        }
    }

    /// One pass: a timer that a handler starts again is due later than `now`.
    fn timeout(&mut self, now: Instant, out: &mut Vec<Output>) {
        for timer in Timer::ALL {
            //= C45: RFC 9568 section 6.2
            let Some(deadline) = self.timers.expired(timer, now) else {
                continue;
            };
            match timer {
                Timer::PreemptDelay => self.preempt_delay_over(out),
                Timer::ActiveDown => self.active_down(now, deadline, out),
                Timer::Rise => self.promote(self.rises_for, now, deadline, out),
                //= C39: RFC 9568 section 6.4.3
                Timer::Adver => self.advertise(now, out),
                Timer::Block => self.go_on_with_block(now, out),
                Timer::Reassert => self.reassert_again(now, out),
                Timer::SecondBlock => self.second_block(now, out),
                Timer::Refresh => self.refresh(now, out),
                Timer::Defend => self.defend(now, out),
                Timer::Repeat => self.repeat_priority_zero(out),
                Timer::Linger | Timer::Drain => self.finish(Cause::Drained, now, out),
            }
        }
    }

    /// Changes the state. The transition is pushed by the caller, after everything urgent.
    fn enter(&mut self, to: State, cause: Cause, now: Instant, deadline: Instant) -> Transition {
        let from = self.state;
        self.history.entered(from, to, cause, now);
        self.state = to;
        self.since = now;
        self.timers.clear();
        Transition {
            from,
            to,
            cause,
            at: now,
            deadline,
            last_advert: self.last_advert,
        }
    }

    /// Stops serving. Always the first output of a demotion.
    fn disown(&mut self, out: &mut Vec<Output>) {
        self.lease_end = 0;
        out.push(Output::Own {
            state: ownership::State::Idle,
            expiry: 0,
        });
    }

    fn install(&mut self, out: &mut Vec<Output>) {
        if self.addresses != Addresses::Wanted {
            self.addresses = Addresses::Wanted;
            out.push(Output::Install);
        }
    }

    fn remove(&mut self, out: &mut Vec<Output>) {
        if self.addresses == Addresses::Wanted {
            self.addresses = Addresses::Leaving;
            out.push(Output::Remove);
        }
    }

    fn addresses_gone(&mut self) {
        // An answer to an older Remove, overtaken by an Install, changes nothing.
        if self.addresses == Addresses::Leaving {
            self.addresses = Addresses::Absent;
        }
    }

    fn addresses_ready(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.state == State::Rising {
            self.promote(self.rises_for, now, now, out);
        }
    }

    fn address_lost(&self, out: &mut Vec<Output>) {
        if matches!(self.state, State::Rising | State::Active) {
            out.push(Output::Install);
        }
    }

    fn set_follow(&mut self, follow: Follow, out: &mut Vec<Output>) {
        if self.follow != Some(follow) {
            self.follow = Some(follow);
            out.push(Output::Follow {
                follow,
                clear_seen: false,
            });
        }
    }

    /// Follow nobody: every advert wakes the engine.
    fn follow_nobody(&mut self, out: &mut Vec<Output>) {
        let restart_min = self.restart_min();
        self.set_follow(
            Follow {
                restart_min,
                ..Follow::default()
            },
            out,
        );
    }

    fn restart_min(&self) -> u8 {
        let held_back = self.timers.get(Timer::PreemptDelay).is_some();
        election::restart_min(&self.settings, held_back)
    }
}

/// Active_Adver_Interval is our own Advertisement_Interval until an Active is heard.
fn own_intervals(settings: &Settings) -> Intervals {
    intervals_as(settings.priority, settings)
}

/// The same, had we that priority.
fn intervals_as(priority: u8, settings: &Settings) -> Intervals {
    Intervals::new(settings.version, priority, settings.advert_interval)
        .down_after(settings.departures.down_timer_adverts)
}
