//! Tests of the core, named after the requirements they cover (C25 … C45 of
//! `docs/conformance.md`: RFC 9568 sections 6.1 and 6.4).

mod active;
mod backup;
mod both_versions;
mod departures;
mod history;
mod intervals;
mod invariants;
mod lifecycle;
mod lists;
mod matrix;
mod owner;
mod priority;
mod retiring;
mod revision;
mod rising;

use std::{net::IpAddr, time::Duration};

use vrrp_ebpf::{abi::Follow, ownership};

use super::{
    Advert, Cause, Departures, Family, FaultReason, Garp, History, InitialState, Input, Instant,
    LastEvent, Lease, NewMasterReason, Output, Reasons, Router, Settings, State, Transition,
    Version,
};

/// A moment that is not 0, so that a forgotten base shows.
pub(super) const START: Instant = Instant(1_000_000_000_000);
pub(super) const OURS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 2));
pub(super) const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 1));

pub(super) fn ms(span: u64) -> Duration {
    Duration::from_millis(span)
}

/// Version 3, 10 ms, priority 100 (skew 6.09375 ms, down 36.09375 ms), one announcement.
pub(crate) fn settings() -> Settings {
    Settings {
        vrid: 51,
        version: Version::V3,
        family: Family::V4,
        priority: 100,
        owner: false,
        advert_interval: ms(10),
        initial: InitialState::Backup,
        preempt: true,
        preempt_delay: Duration::ZERO,
        lease: Lease::Auto,
        garp: Garp {
            repeat: 1,
            delay: Duration::ZERO,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
        },
        departures: Departures::default(),
        primary: OURS,
    }
}

const SKEW: Duration = Duration::from_nanos(6_093_750);
const DOWN: Duration = Duration::from_nanos(36_093_750);

/// Of version 3, every 10 ms.
pub(super) fn an_advert(source: IpAddr, arrived: Instant, priority: u8) -> Advert {
    Advert {
        arrived,
        source,
        version: Version::V3,
        priority,
        interval_cs: 1,
        refuses_ours: false,
    }
}

fn advert(arrived: Instant, priority: u8) -> Input {
    Input::Advert(an_advert(PEER, arrived, priority))
}

/// A better router's advert that promises the next one in a second.
fn slow() -> Advert {
    Advert {
        interval_cs: 100,
        ..an_advert(PEER, START, 200)
    }
}

/// A router and the outputs of its last input.
struct Bench {
    router: Router,
    out: Vec<Output>,
}

impl Bench {
    /// In Initialize.
    fn new(settings: Settings) -> Self {
        Self::of(Router::new(settings))
    }

    fn of(router: Router) -> Self {
        Self {
            router,
            out: Vec::with_capacity(16),
        }
    }

    /// Brought to `state` by time [`START`]; its last output is the transition into it.
    fn in_state(state: State, settings: Settings) -> Self {
        let interval = settings.advert_interval;
        let early = Instant(START.0 - u64::try_from(interval.as_nanos()).unwrap() * 20);
        let mut bench = Self::new(settings);
        match state {
            State::Initialize => {}
            State::Fault => {
                bench.feed(START, Input::Fault(FaultReason::LinkDown.into()));
            }
            State::Backup => {
                bench.feed(START, Input::LinkUp { primary: OURS });
            }
            State::Rising => {
                bench.feed(early, Input::LinkUp { primary: OURS });
                bench.feed(START, advert(Instant(START.0 - 1), 99));
                bench.feed(START, Input::Timeout);
            }
            State::Active => {
                bench.feed(early, Input::LinkUp { primary: OURS });
                bench.feed(START, Input::Timeout);
            }
            State::Retiring => {
                bench.feed(early, Input::LinkUp { primary: OURS });
                bench.feed(early + interval * 10, Input::Timeout);
                bench.feed(START, Input::Shutdown);
            }
        }
        assert_eq!(bench.router.state(), state);
        bench
    }

    /// The same in version 2.
    fn in_version_2(state: State, advert_interval: Duration) -> Self {
        let settings = Settings {
            version: Version::V2,
            advert_interval,
            ..settings()
        };
        Self::in_state(state, settings)
    }

    /// The same with this priority.
    fn of_priority(state: State, priority: u8) -> Self {
        Self::in_state(state, settings().with_priority(priority))
    }

    /// The timer fires, which takes the router from one state to another.
    #[track_caller]
    fn expires(&mut self, from: State, to: State, cause: Cause) {
        let (_, out) = self.expire();
        assert_moved(out, from, to, cause);
    }

    /// An advert of [`PEER`] arrives.
    fn hear(&mut self, now: Instant, priority: u8) -> &[Output] {
        self.feed(now, advert(now, priority))
    }

    fn feed(&mut self, now: Instant, input: Input) -> &[Output] {
        self.out.clear();
        self.router.handle(now, input, &mut self.out);
        assert!(self.out.len() <= 12, "{:?}", self.out);
        &self.out
    }

    fn state(&self) -> State {
        self.router.state()
    }

    fn deadline(&self) -> Instant {
        self.router.deadline().expect("a timer runs")
    }

    /// Feeds the timeout that is due next.
    fn expire(&mut self) -> (Instant, &[Output]) {
        let due = self.deadline();
        (due, self.feed(due, Input::Timeout))
    }
}

fn own(state: ownership::State, expiry: Instant) -> Output {
    Output::Own {
        state,
        expiry: expiry.0,
    }
}

const ADVERTISE: Output = Output::Advertise { priority: 100 };

const DISOWN: Output = Output::Own {
    state: ownership::State::Idle,
    expiry: 0,
};

/// Follow nobody, restart for this priority or better.
fn nobody(restart_min: u8) -> Output {
    Output::Follow {
        follow: Follow {
            restart_min,
            ..Follow::default()
        },
        clear_seen: false,
    }
}

/// Follow [`PEER`] at 10 ms.
fn peer(priority: u8, restart_min: u8) -> Output {
    Output::Follow {
        follow: Follow {
            source_tail: [192, 168, 1, 1],
            interval_cs: 1,
            priority,
            restart_min,
        },
        clear_seen: false,
    }
}

/// Asserts that a router that was Rising serves since `at`: first the advert, which silences the other.
#[track_caller]
fn assert_flipped(out: &[Output], at: Instant) {
    assert_eq!(
        out[..3],
        [
            Output::Advertise { priority: 100 },
            own(ownership::State::Active, at + ms(10) / 4),
            Output::Announce { repeat: 1 },
        ]
    );
}

/// Asserts that the router went from one state to another, and why.
#[track_caller]
fn assert_moved(out: &[Output], from: State, to: State, cause: Cause) {
    assert_eq!(transition(out), Some((from, to, cause)));
}

/// The only transition among `out`: (from, to, cause).
fn transition(out: &[Output]) -> Option<(State, State, Cause)> {
    let mut found = out.iter().filter_map(|output| match output {
        Output::Transition(transition) => Some((transition.from, transition.to, transition.cause)),
        _ => None,
    });
    let first = found.next();
    assert_eq!(found.next(), None, "one transition per input");
    first
}
