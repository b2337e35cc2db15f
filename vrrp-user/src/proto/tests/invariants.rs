//! What must hold whatever happens, in whatever order.

use std::{net::IpAddr, time::Duration};

use proptest::prelude::*;
use vrrp_ebpf::ownership;

use super::{
    Advert, FaultReason, Garp, InitialState, Input, Instant, Lease, OURS, Output, Reasons, Router,
    START, Settings, State, Version, an_advert, ms, settings,
};

/// An input to come, `wait` after the one before; adverts and stamps are `age` old by then.
#[derive(Clone, Debug)]
struct Step {
    wait: Duration,
    age: Duration,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Plain(Input),
    Advert(u8, u8, u16),
    Seen,
    BetterSeen,
    Sent,
    /// Other settings, and a priority.
    Revise(Box<Settings>, u8),
    /// At the deadline if there is one.
    Due,
}

fn what() -> impl Strategy<Value = What> {
    let priority = prop_oneof![Just(0), 98_u8..=102, Just(255)];
    let interval = prop_oneof![8 => Just(1_u16), 1 => 1_u16..=4095];
    prop_oneof![
        3 => Just(Input::LinkUp { primary: OURS }).prop_map(What::Plain),
        1 => prop_oneof![
            Just(Input::Fault(FaultReason::LinkDown.into())),
            Just(Input::Fault(FaultReason::NoAddress.into())),
            Just(Input::Fault(Reasons::NONE)),
            Just(Input::Shutdown),
            Just(Input::ShutdownNow),
        ].prop_map(What::Plain),
        4 => prop_oneof![
            Just(Input::SuccessorAnnounced),
            Just(Input::AddressesReady),
            Just(Input::AddressesGone),
            Just(Input::AddressLost),
            Just(Input::Conflict),
            Just(Input::Timeout),
        ].prop_map(What::Plain),
        6 => (priority, 0_u8..4, interval).prop_map(|(p, s, i)| What::Advert(p, s, i)),
        1 => (98_u8..=102).prop_map(|priority| What::Plain(Input::Priority(priority))),
        1 => Just(What::Seen),
        1 => Just(What::BetterSeen),
        2 => (any_settings(), 98_u8..=102)
            .prop_map(|(settings, priority)| What::Revise(Box::new(settings), priority)),
        4 => Just(What::Sent),
        8 => Just(What::Due),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    (0_u64..20_000, 0_u64..60_000, what()).prop_map(|(wait, age, what)| Step {
        wait: Duration::from_micros(wait),
        age: Duration::from_micros(age),
        what,
    })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    (
        prop_oneof![Just(100_u8), Just(255)],
        any::<bool>(),
        prop_oneof![Just(Version::V2), Just(Version::V3)],
        prop_oneof![Just(InitialState::Master), Just(InitialState::Backup)],
        prop_oneof![
            Just(Lease::Auto),
            Just(Lease::Off),
            Just(Lease::Span(ms(7)))
        ],
        0_u64..100,
        (0_u8..6, 0_u64..50, 0_u64..50),
        prop_oneof![Just(10_u64), Just(20), Just(1000)],
    )
        .prop_map(
            |(priority, preempt, version, initial, lease, delay, garp, interval)| {
                let (repeat, second, refresh) = garp;
                Settings {
                    advert_interval: ms(interval),
                    preempt,
                    version,
                    initial,
                    lease,
                    preempt_delay: ms(delay),
                    garp: Garp {
                        repeat,
                        delay: ms(second),
                        refresh: ms(refresh),
                        refresh_repeat: 1,
                    },
                    ..settings().with_priority(priority)
                }
            },
        )
}

/// Watches a router, and remembers what the engine would.
struct Watch {
    router: Router,
    out: Vec<Output>,
    owned: ownership::State,
    expiry: u64,
    last_sent: Option<Instant>,
    installed: bool,
    follow: Option<Output>,
}

impl Watch {
    fn new(settings: Settings) -> Self {
        Self {
            router: Router::new(settings),
            out: Vec::with_capacity(16),
            owned: ownership::State::Idle,
            expiry: 0,
            last_sent: None,
            installed: false,
            follow: None,
        }
    }

    fn feed(&mut self, now: Instant, input: Input) {
        let before = self.router.state();
        if let Input::AdvertSent { at } = input {
            self.last_sent = self.last_sent.max(Some(at));
        }
        self.out.clear();
        self.router.handle(now, input, &mut self.out);
        self.check(now, Some(input), before);
    }

    /// Other settings, but for what would make it another router; then the same once more.
    fn revise(&mut self, now: Instant, wanted: Settings, priority: u8) {
        let present = self.router.settings().clone();
        let settings = Settings {
            version: present.version,
            owner: present.owner,
            priority: present.priority,
            ..wanted
        };
        let before = self.router.state();
        self.out.clear();
        self.router
            .reconfigure(now, &settings, priority, &mut self.out);
        self.check(now, None, before);
        let after = self.router.state();
        assert!(before == after || (before, after) == (State::Rising, State::Backup));
        let known = format!("{:?}", self.router);
        self.out.clear();
        self.router
            .reconfigure(now, &settings, priority, &mut self.out);
        assert_eq!(self.out, []);
        assert_eq!(format!("{:?}", self.router), known);
    }

    /// `input`: nothing for other settings.
    fn check(&mut self, now: Instant, input: Option<Input>, before: State) {
        assert!(self.out.len() <= 12 && self.out.capacity() == 16);
        let after = self.router.state();

        for output in self.out.clone() {
            match output {
                Output::Own { state, expiry } => self.own(now, input, before, state, expiry),
                Output::Advertise { priority: 0 } => {
                    assert!(matches!(before, State::Active | State::Retiring));
                }
                Output::Advertise { priority } => {
                    // Also from a router that gives way.
                    assert!(before == State::Active || after == State::Active);
                    assert_eq!(priority, self.router.priority());
                }
                Output::Announce { repeat } => {
                    assert!(repeat > 0 && after == State::Active);
                }
                Output::Install => {
                    assert!(!self.installed || input == Some(Input::AddressLost));
                    self.installed = true;
                }
                Output::Remove => {
                    assert!(self.installed);
                    self.installed = false;
                    // Fenced before a single address goes.
                    assert_eq!(self.owned, ownership::State::Idle);
                }
                Output::Follow { clear_seen, .. } => {
                    assert!(clear_seen || self.follow != Some(output), "said twice");
                    self.follow = Some(output);
                }
                Output::Transition(transition) => {
                    assert_eq!((transition.from, transition.to), (before, after));
                    assert!(transition.deadline <= transition.at);
                    assert_eq!((transition.at, self.router.since()), (now, now));
                }
            }
        }
        self.check_state(now, input, before, after);
    }

    fn own(
        &mut self,
        now: Instant,
        input: Option<Input>,
        before: State,
        state: ownership::State,
        expiry: u64,
    ) {
        if state == ownership::State::Active {
            let settings = self.router.settings();
            let lease = match settings.lease {
                Lease::Auto => settings.advert_interval * 3,
                Lease::Off => Duration::MAX,
                Lease::Span(span) => span,
            };
            if before == State::Active {
                if expiry > self.expiry {
                    // Only for an advert that left.
                    assert!(matches!(input, Some(Input::AdvertSent { .. })));
                    let sent = self.last_sent.expect("an advert left");
                    assert!(expiry <= (sent + lease).0);
                } else {
                    // For the first advert by other settings.
                    assert!(self.out.contains(&Output::Advertise {
                        priority: self.router.priority()
                    }));
                }
            } else {
                assert!(expiry <= (now + lease).0);
                assert!(self.out.iter().any(
                    |output| matches!(output, Output::Advertise { priority } if *priority > 0)
                ));
            }
        }
        self.owned = state;
        self.expiry = expiry;
    }

    fn check_state(&self, now: Instant, input: Option<Input>, before: State, after: State) {
        let owned = match after {
            State::Initialize | State::Fault | State::Backup => ownership::State::Idle,
            State::Rising => ownership::State::Rising,
            State::Active => ownership::State::Active,
            State::Retiring => ownership::State::Retiring,
        };
        assert_eq!(self.owned, owned);
        assert_eq!(
            self.installed,
            matches!(after, State::Rising | State::Active | State::Retiring)
        );
        if before != after {
            assert!(matches!(self.out.last(), Some(Output::Transition(_))));
            if owned == ownership::State::Idle && self.out.contains(&Output::Remove) {
                assert!(matches!(self.out.first(), Some(Output::Own { .. })));
            }
        }
        let timed = !matches!(after, State::Initialize | State::Fault);
        assert_eq!(self.router.deadline().is_some(), timed);
        if input == Some(Input::Timeout) {
            assert!(self.router.deadline().is_none_or(|due| due > now));
        }
    }
}

proptest! {
    #[test]
    fn hold_for_every_sequence(
        settings in any_settings(),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut watch = Watch::new(settings);
        let mut now = START;
        for step in steps {
            now = now + step.wait;
            let at = Instant(now.0 - u64::try_from(step.age.as_nanos()).unwrap());
            let input = match step.what {
                What::Plain(input) => input,
                What::Seen => Input::Seen(at),
                What::BetterSeen => Input::BetterSeen(at),
                What::Sent => Input::AdvertSent { at },
                What::Revise(settings, priority) => {
                    watch.revise(now, *settings, priority);
                    continue;
                }
                What::Due => {
                    now = watch.router.deadline().unwrap_or(now).max(now);
                    Input::Timeout
                }
                What::Advert(priority, source, interval_cs) => Input::Advert(Advert { version: watch.router.settings().version, interval_cs, ..an_advert(IpAddr::from([192, 168, 1, source]), at, priority) }),
            };
            watch.feed(now, input);
        }
        // However it went, it can be ended.
        watch.feed(now, Input::Shutdown);
        watch.feed(now, Input::ShutdownNow);
        watch.feed(now, Input::AddressesGone);
        prop_assert!(watch.router.is_finished());
    }
}
