//! What a virtual router knows whatever its state: its settings, its timers, the Active that it heard,
//! and what it last told the engine.

use std::{net::IpAddr, time::Duration};

use vrrp_ebpf::abi::Follow;

use crate::proto::{
    Advert, Cause, History, Instant, Intervals, Output, Settings, State, Transition, Version,
    election,
    input::tail,
    intervals,
    timers::{Timer, Timers},
};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) settings: Settings,
    /// The priority that counts: the configured one, or what checks make of it.
    pub(super) priority: u8,
    pub(super) since: Instant,
    /// Those of the present state; entering another one stops them.
    pub(super) timers: Timers,
    /// Active_Adver_Interval as the Active that we follow or last followed says it in version 3; nothing until one
    /// is heard.
    active_adver: Option<Duration>,
    /// The moment that the Active_Down_Timer counts from. What arrived before it is history.
    pub(super) restarted: Instant,
    /// When our node started, or else the first thing happened to us.
    begun: Option<Instant>,
    /// End of `vrrp_startup_delay`, which counts from then; the Active_Down_Timer counts from no earlier moment.
    startup_end: Instant,
    /// An Active below us, which we preempt as long as it lives.
    pub(super) preemptee: Option<Preemptee>,
    /// The last advert with a priority, which its sender has not taken back by one with priority 0.
    pub(super) active: Option<Advert>,
    pub(super) last_advert: Option<Instant>,
    /// Who was last heard in version 3, and when its silence there means that it has stopped.
    version_3: Option<(IpAddr, Instant)>,
    /// The word that the engine was last told.
    pub(super) follow: Option<Follow>,
    pub(super) addresses: Addresses,
    /// When we last answered a conflict.
    pub(super) defended: Option<Instant>,
    /// Shutdown was asked for: never start again.
    pub(super) stopping: bool,
    pub(super) history: History,
}

/// An Active with a priority below ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preemptee {
    /// Arrival of its last advert.
    pub(super) heard: Instant,
    /// From then on its silence means that it is gone.
    pub(super) until: Instant,
}

/// What was last asked of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addresses {
    Absent,
    /// Install was asked for, and maybe acknowledged.
    Wanted,
    /// Remove was asked for and is not acknowledged.
    Leaving,
}

impl Common {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            priority: settings.effective(settings.priority),
            settings,
            since: Instant::default(),
            timers: Timers::default(),
            active_adver: None,
            restarted: Instant::default(),
            begun: None,
            startup_end: Instant::default(),
            preemptee: None,
            active: None,
            last_advert: None,
            version_3: None,
            follow: None,
            addresses: Addresses::Absent,
            defended: None,
            stopping: false,
            history: History::default(),
        }
    }

    /// Nobody has been heard: Active_Adver_Interval is our own Advertisement_Interval until an Active is.
    pub(super) fn start_over(&mut self, now: Instant) {
        //= C27: RFC 9568 section 6.4.1
        self.active_adver = None;
        self.restarted = now;
        self.preemptee = None;
    }

    /// Exchanges the settings, and returns those of before.
    pub(super) fn exchange(&mut self, settings: Settings, now: Instant) -> Settings {
        let before = std::mem::replace(&mut self.settings, settings);
        // A delay that is over stays so.
        if let Some(begun) = self.begun
            && self.startup_end > now
        {
            self.startup_end = begun + self.settings.departures.startup_delay;
        }
        before
    }

    /// The end of the start-up delay, which counts from the first call.
    pub(super) fn begin(&mut self, now: Instant) -> Instant {
        if self.begun.is_none() {
            self.begun = Some(now);
            self.startup_end = now + self.settings.departures.startup_delay;
        }
        self.startup_end
    }

    pub(super) fn entered(
        &mut self,
        from: State,
        to: State,
        cause: Cause,
        now: Instant,
        deadline: Instant,
    ) -> Transition {
        self.history.entered(from, to, cause, now);
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

    /// An advert was taken into account that arrived then.
    pub(super) fn arrived(&mut self, at: Instant) {
        self.last_advert = self.last_advert.max(Some(at));
    }

    /// What the Active_Down_Timer counts from. A network that is being set up may carry nothing yet, so
    /// that silence during `vrrp_startup_delay` says nothing.
    pub(super) fn waits_from(&self) -> Instant {
        self.restarted.max(self.startup_end)
    }

    pub(super) fn note_preemptee(&mut self, advert: &Advert) {
        self.active = Some(*advert);
        self.preemptee = Some(Preemptee {
            heard: advert.arrived,
            until: advert.arrived + self.intervals_of(advert).active_down(),
        });
    }

    /// Whether an advert says in version 2 what its sender says in version 3 as well. That is not
    /// to be listened to (RFC 9568 section 8.4.2): its interval is rounded up to seconds.
    pub(super) fn is_said_again(&mut self, advert: &Advert) -> bool {
        match (self.settings.version, advert.version) {
            (Version::V2, _) => false,
            (Version::V3, Version::V3) => {
                let silent = advert.arrived + self.intervals_of(advert).active_down();
                self.version_3 = Some((advert.source, silent));
                false
            }
            //= C70: RFC 9568 section 8.4.2
            (Version::V3, Version::V2) => self
                .version_3
                .is_some_and(|(source, silent)| source == advert.source && advert.arrived < silent),
        }
    }

    /// Learns the interval of the Active that we follow.
    pub(super) fn learn_interval(&mut self, advert: &Advert) {
        self.active_adver = self.interval_of(advert);
    }

    /// Active_Adver_Interval, Skew_Time and Active_Down_Interval, by the interval of the Active that we follow; by
    /// our own until one is heard.
    pub(super) fn intervals(&self) -> Intervals {
        self.intervals_at(self.active_adver)
    }

    /// The timers that an advert's sender expects of us.
    fn intervals_of(&self, advert: &Advert) -> Intervals {
        self.intervals_at(self.interval_of(advert))
    }

    /// The interval that an advert says, if what it says can differ from ours.
    fn interval_of(&self, advert: &Advert) -> Option<Duration> {
        match self.settings.version {
            // It is ours, or it would have been refused on arrival; but for an Active that we know.
            Version::V2 => advert
                .refuses_ours
                .then(|| intervals::from_centiseconds(advert.interval_cs)),
            //= C69: RFC 9568 section 8.4.2
            Version::V3 => Some(intervals::from_centiseconds(advert.interval_cs)),
        }
    }

    fn intervals_at(&self, active_adver: Option<Duration>) -> Intervals {
        let settings = &self.settings;
        let active_adver = active_adver.unwrap_or(settings.advert_interval);
        Intervals::new(settings.version, self.priority, active_adver)
            .down_after(settings.departures.down_timer_adverts)
    }

    /// The intervals of the best router that there can be, by our own interval.
    pub(super) fn intervals_of_the_best(&self) -> Intervals {
        let settings = &self.settings;
        Intervals::new(settings.version, election::OWNER, settings.advert_interval)
            .down_after(settings.departures.down_timer_adverts)
    }

    pub(super) fn install(&mut self, out: &mut Vec<Output>) {
        if self.addresses != Addresses::Wanted {
            self.addresses = Addresses::Wanted;
            out.push(Output::Install);
        }
    }

    pub(super) fn remove(&mut self, out: &mut Vec<Output>) {
        if self.addresses == Addresses::Wanted {
            self.addresses = Addresses::Leaving;
            out.push(Output::Remove);
        }
    }

    pub(super) fn addresses_gone(&mut self) {
        // An answer to an older Remove, overtaken by an Install, changes nothing.
        if self.addresses == Addresses::Leaving {
            self.addresses = Addresses::Absent;
        }
    }

    pub(super) fn set_follow(&mut self, follow: Follow, out: &mut Vec<Output>) {
        if self.follow != Some(follow) {
            self.follow = Some(follow);
            out.push(Output::Follow {
                follow,
                clear_seen: false,
            });
        }
    }

    /// Follow nobody: every advert wakes the engine.
    pub(super) fn follow_nobody(&mut self, out: &mut Vec<Output>) {
        self.set_follow(self.nobody(self.restart_min()), out);
    }

    /// The word for nobody. In version 2 it still names the other router that was Active last: XDP takes
    /// that one's adverts whatever their address list and interval, or both would go on serving if these came to
    /// differ.
    pub(super) fn nobody(&self, restart_min: u8) -> Follow {
        let nobody = Follow {
            restart_min,
            ..Follow::default()
        };
        let settings = &self.settings;
        if settings.version == Version::V3 && settings.departures.also_version_2.is_none() {
            return nobody;
        }
        let before = self.follow.unwrap_or_default().source_tail;
        Follow {
            source_tail: self.active.map_or(before, |active| tail(active.source)),
            ..nobody
        }
    }

    /// Whether a router that is not Active leaves that to the sender of this advert. Its priority is not 0.
    pub(super) fn yields_to(&self, advert: &Advert) -> bool {
        //= C20: RFC 3768 section 7.1
        // Whoever refuses our adverts would not give way: it is preempted when lists and intervals agree again.
        advert.refuses_ours || advert.priority >= self.restart_min()
    }

    pub(super) fn restart_min(&self) -> u8 {
        let held_back = self.timers.get(Timer::PreemptDelay).is_some();
        election::restart_min(&self.settings, self.priority, held_back)
    }
}
