//! Who hears whom, and when a Backup has to act: worked out from what was delivered, beside the core
//! and without its code.

use std::{collections::VecDeque, time::Duration};

use vrrp_user::proto::{Advert, InitialState, Instant, Settings, Version};

/// Arrivals remembered: more than come in the longest stall.
const REMEMBERED: usize = 1024;

/// What became of a copy of an advert for one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    InFlight,
    Lost,
    /// At this moment of the world.
    Delivered(u64),
}

/// The adverts of one router as another one gets them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// The latest advert; 0: none yet.
    pub(crate) number: u64,
    pub(crate) sent: u64,
    pub(crate) outcome: Outcome,
    /// When the last advert that was lost had been sent.
    lost: Option<u64>,
}

impl Sight {
    pub(crate) const NONE: Self = Self {
        number: 0,
        sent: 0,
        outcome: Outcome::Lost,
        lost: None,
    };

    pub(crate) fn sent(&mut self, now: u64, number: u64, lost: bool) {
        self.number = number;
        self.sent = now;
        self.outcome = Outcome::InFlight;
        if lost {
            self.lose();
        }
    }

    pub(crate) fn delivered(&mut self, now: u64, number: u64) {
        if number == self.number && self.outcome == Outcome::InFlight {
            self.outcome = Outcome::Delivered(now);
        }
    }

    /// The latest advert did not, or does not any more, reach the receiver.
    pub(crate) fn lose(&mut self) {
        self.outcome = Outcome::Lost;
        self.lost = Some(self.sent);
    }

    /// An advert was to be sent, and was not.
    pub(crate) fn refused(&mut self, now: u64) {
        self.outcome = Outcome::Lost;
        self.lost = Some(now);
    }

    /// "A hears B": B's frames of the last `interval` were delivered to A, or are on their way.
    pub(crate) fn is_heard(&self, interval: u64) -> bool {
        self.number > 0
            && self.outcome != Outcome::Lost
            && self
                .lost
                .is_none_or(|lost| lost + interval + interval / 10 < self.sent)
    }
}

/// The Active_Down_Timer as RFC 9568 section 6.4.2 (RFC 3768 section 6.4.2) has it, over what XDP
/// delivered.
#[derive(Debug)]
pub(crate) struct Oracle {
    version: Version,
    priority: u8,
    restart_min: u8,
    down_timer_adverts: u32,
    /// By what had arrived when the engine last woke up.
    known: Timer,
    /// By what has arrived.
    current: Timer,
    recent: VecDeque<Arrival>,
}

#[derive(Clone, Copy, Debug)]
struct Timer {
    since: Instant,
    interval: Duration,
    deadline: Instant,
    /// As soon as a worse router is heard, if it is the first to be: it started as MASTER.
    hint: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Instant,
    priority: u8,
    interval: Duration,
    from: usize,
    /// XDP left its time in `last_seen`. Until a start is carried out, it does not know whom to heed,
    /// and stamps the adverts of worse routers as well: a Backup may then be late, never early.
    stamped: bool,
}

impl Oracle {
    /// Nothing for a router whose `preempt_delay` makes it a matter of when its engine looks.
    pub(crate) fn new(settings: &Settings) -> Option<Self> {
        let preempts = settings.preempt || settings.owner;
        let mut oracle = Self {
            version: settings.version,
            priority: settings.priority,
            restart_min: if preempts { settings.priority } else { 1 },
            down_timer_adverts: settings.departures.down_timer_adverts.into(),
            known: Timer {
                since: Instant(0),
                interval: settings.advert_interval,
                deadline: Instant(u64::MAX),
                hint: None,
            },
            current: Timer {
                since: Instant(0),
                interval: settings.advert_interval,
                deadline: Instant(u64::MAX),
                hint: None,
            },
            recent: VecDeque::new(),
        };
        oracle.current = oracle.known;
        settings.preempt_delay.is_zero().then_some(oracle)
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.current.deadline
    }

    /// By what the engine could know at its last wake-up.
    pub(crate) fn known_deadline(&self) -> Instant {
        self.known.deadline
    }

    /// Who was heard last when the engine woke up.
    pub(crate) fn last_heard(&self, woken: Instant) -> Option<usize> {
        let heard = |arrival: &&Arrival| arrival.at <= woken && arrival.priority > 0;
        self.recent
            .iter()
            .rev()
            .find(heard)
            .map(|arrival| arrival.from)
    }

    /// Whether nothing came in between these moments.
    pub(crate) fn is_unheard(&self, from: Instant, to: Instant) -> bool {
        let mut arrivals = self.recent.iter();
        !arrivals.any(|arrival| arrival.at >= from && arrival.at <= to)
    }

    pub(crate) fn arrived(&mut self, from: usize, advert: &Advert, stamped: bool) {
        let arrival = Arrival {
            at: advert.arrived,
            priority: advert.priority,
            interval: Duration::from_millis(u64::from(advert.interval_cs) * 10),
            from,
            stamped,
        };
        self.current = self.fold_stamped(self.current, &arrival);
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(arrival);
    }

    pub(crate) fn woke(&mut self, woken: Instant) {
        let since = self.known.since;
        let new = self
            .recent
            .iter()
            .rev()
            .take_while(|arrival| arrival.at > since);
        let count = new.count();
        let news = self.recent.range(self.recent.len() - count..);
        let news = news.filter(|arrival| arrival.at <= woken);
        self.known = news.fold(self.known, |timer, arrival| self.fold(timer, arrival));
        self.known.since = woken;
    }

    /// Backup from a start on.
    pub(crate) fn started(&mut self, at: Instant, first: bool, settings: &Settings) {
        let interval = settings.advert_interval;
        let hint = first && settings.initial == InitialState::Master;
        let skew = self.skew(interval);
        let (wait, hint) = if hint && self.priority < 255 {
            // The Skew_Time of priority 255.
            let least = skew / (256 - u32::from(self.priority));
            let wait = interval * self.down_timer_adverts + least;
            (wait, Some(at + interval + skew))
        } else {
            (self.down(interval), None)
        };
        self.reset(Timer {
            since: at,
            interval,
            deadline: at + wait,
            hint,
        });
    }

    /// The settings have changed, whatever the state. What is known from before bounds the deadline from both sides
    /// until the timer is started again.
    pub(crate) fn reconfigured(&mut self, before: &Settings, settings: &Settings) {
        if settings == before {
            return;
        }
        let skews = [self.known, self.current].map(|timer| self.skew(timer.interval));
        let preempts = settings.preempt || settings.owner;
        self.priority = settings.priority;
        self.restart_min = if preempts { settings.priority } else { 1 };
        let own = settings.advert_interval;
        if own != before.advert_interval {
            // Whether somebody was heard is not for us to say.
            self.suspend();
            self.known.interval = self.known.interval.min(own);
            self.current.interval = self.current.interval.max(own);
            return;
        }
        // What is suspended stays so.
        let moved = |deadline: Instant, before: Duration, after: Duration| {
            let before = u64::try_from(before.as_nanos()).unwrap();
            Instant(
                deadline
                    .0
                    .saturating_sub(before)
                    .saturating_add(u64::try_from(after.as_nanos()).unwrap()),
            )
        };
        let after_known = self.skew(self.known.interval);
        let known = moved(self.known.deadline, skews[0], after_known);
        self.known.deadline = self.known.deadline.min(known);
        let after = self.skew(self.current.interval);
        let current = moved(self.current.deadline, skews[1], after);
        let last = self.recent.back().copied();
        let last = last.filter(|last| last.priority > 0 && last.priority >= self.restart_min);
        let followed = last.map_or(Instant(0), |last| last.at + self.down(last.interval));
        self.current.deadline = self.current.deadline.max(current).max(followed);
        // A first wait as the best router goes on, by the Skew_Time of now.
        let hint = self.known.hint;
        self.known.hint = hint.map(|hint| hint.min(moved(hint, skews[0], after_known)));
        self.current.hint = None;
    }

    /// Backup by way of a better advert.
    pub(crate) fn deposed(&mut self, advert: &Advert, woken: Instant) {
        let interval = Duration::from_millis(u64::from(advert.interval_cs) * 10);
        self.reset(Timer {
            since: advert.arrived,
            interval,
            deadline: advert.arrived + self.down(interval),
            hint: None,
        });
        self.woke(woken);
    }

    /// Not a Backup, or one of whom too little is known.
    pub(crate) fn suspend(&mut self) {
        self.current.deadline = Instant(u64::MAX);
        self.known.deadline = Instant(0);
    }

    fn reset(&mut self, timer: Timer) {
        self.known = timer;
        let later = self
            .recent
            .iter()
            .filter(|arrival| arrival.at > timer.since);
        self.current = later.fold(timer, |timer, arrival| self.fold_stamped(timer, arrival));
    }

    fn fold(&self, timer: Timer, arrival: &Arrival) -> Timer {
        if arrival.priority == 0 {
            Timer {
                deadline: arrival.at + self.skew(timer.interval),
                hint: None,
                ..timer
            }
        } else if arrival.priority >= self.restart_min {
            Timer {
                interval: arrival.interval,
                deadline: arrival.at + self.down(arrival.interval),
                hint: None,
                ..timer
            }
        } else if let Some(hint) = timer.hint {
            Timer {
                deadline: hint.max(arrival.at).min(timer.deadline),
                hint: None,
                ..timer
            }
        } else {
            timer
        }
    }

    fn fold_stamped(&self, timer: Timer, arrival: &Arrival) -> Timer {
        let mut timer = self.fold(timer, arrival);
        if arrival.stamped && arrival.priority < self.restart_min {
            let stamped = arrival.at + self.down(timer.interval);
            timer.deadline = timer.deadline.max(stamped);
        }
        timer
    }

    fn skew(&self, interval: Duration) -> Duration {
        let unit = match self.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => interval,
        };
        unit * (256 - u32::from(self.priority)) / 256
    }

    fn down(&self, interval: Duration) -> Duration {
        interval * self.down_timer_adverts + self.skew(interval)
    }
}
