//! Other settings for a running router.

use std::time::Duration;

use vrrp_ebpf::ownership::{self, Ownership};

use super::{
    ADVERTISE, Advert, Bench, Cause, DOWN, Departures, Garp, InitialState, Input, Instant, Lease,
    OURS, Output, PEER, SKEW, START, Settings, State, Version, an_advert, assert_moved,
    matrix::STATES, ms, nobody, own, peer, settings, transition,
};

impl Bench {
    /// Other settings, whose priority is the one that counts.
    fn revise(&mut self, now: Instant, settings: &Settings) -> &[Output] {
        self.out.clear();
        let priority = settings.priority;
        self.router
            .reconfigure(now, settings, priority, &mut self.out);
        &self.out
    }

    /// The next advert, and the lease for it. It is handed over as soon as it is due.
    fn sends(&mut self) -> (Instant, Vec<Output>) {
        let (due, out) = self.expire();
        let mut outputs = out.to_vec();
        assert!(outputs.contains(&ADVERTISE), "{outputs:?}");
        outputs.extend_from_slice(self.feed(due, Input::AdvertSent { at: due }));
        (due, outputs)
    }
}

fn every(advert_interval: Duration) -> Settings {
    Settings {
        advert_interval,
        ..settings()
    }
}

fn active(expiry: Instant) -> Output {
    own(ownership::State::Active, expiry)
}

/// An Active that has sent an advert since it rose.
fn settled(settings: Settings) -> Bench {
    let mut bench = Bench::in_state(State::Active, settings);
    bench.feed(START, Input::AdvertSent { at: START });
    bench
}

#[test]
fn equal_settings_change_nothing() {
    for state in STATES {
        let delay = if state == State::Rising { 0 } else { 500 };
        let settings = Settings {
            preempt_delay: ms(delay),
            garp: Garp::default(),
            ..settings()
        };
        let mut bench = Bench::in_state(state, settings.clone());
        let before = format!("{:?}", bench.router);
        assert_eq!(bench.revise(START + ms(1), &settings), []);
        assert_eq!(format!("{:?}", bench.router), before);
    }
}

#[test]
fn what_makes_it_another_router_stays_with_the_source_address() {
    let mut bench = Bench::in_state(State::Active, settings());
    let other = Settings {
        primary: PEER,
        ..every(ms(20))
    };
    bench.revise(START, &other);
    assert_eq!(bench.router.settings().primary, OURS);
    let same = |change: fn(&mut Settings)| {
        let mut other = settings();
        change(&mut other);
        settings().is_same_router(&other)
    };
    assert!(same(|settings| settings.primary = PEER));
    assert!(same(|settings| settings.priority = 7));
    assert!(!same(|settings| settings.vrid = 7));
    assert!(!same(|settings| settings.version = Version::V2));
    assert!(!same(|settings| settings.family = super::Family::V6));
    assert!(!same(|settings| settings.owner = true));
    assert!(!same(
        |settings| settings.departures.also_version_2 = Some(ms(1000))
    ));
}

#[test]
fn a_shorter_interval_counts_from_now_on() {
    let mut bench = settled(every(ms(1000)));
    let now = START + ms(100);
    assert_eq!(bench.revise(now, &settings()), [], "nothing yet");
    let (due, out) = bench.sends();
    assert_eq!(due, now + ms(10));
    // Who hears that advert waits for 30 ms, also if we stand still as soon as it has left.
    assert_eq!(out, [active(due + ms(30)), ADVERTISE]);
    let (due, out) = bench.sends();
    assert_eq!(due, now + ms(20));
    assert_eq!(out, [ADVERTISE, active(due + ms(30))]);
}

#[test]
fn a_shorter_interval_makes_no_advert_late() {
    let mut bench = settled(every(ms(1000)));
    let due = START + ms(1000);
    bench.revise(START + ms(997), &settings());
    assert_eq!(bench.deadline(), due);
}

/// An answer to a worse router says the new interval as well.
#[test]
fn the_lease_is_shortened_before_whatever_advert_comes_first() {
    let mut bench = settled(every(ms(1000)));
    let now = START + ms(100);
    bench.revise(now, &settings());
    assert_eq!(bench.hear(now, 99)[..2], [active(now + ms(30)), ADVERTISE]);
    // One that left in the meantime, and before the decision, counts for the lease.
    let left = START + ms(100);
    assert_eq!(bench.feed(now, Input::AdvertSent { at: left }), []);
}

/// One lost advert must not make a second Active.
#[test]
fn a_longer_interval_is_said_in_time() {
    for (down_timer_adverts, adverts) in [(3, 4), (1, 4), (7, 8)] {
        said_in_time(down_timer_adverts, adverts);
    }
}

fn said_in_time(down_timer_adverts: u8, hurried: u8) {
    let departures = Departures {
        down_timer_adverts,
        ..Departures::default()
    };
    let with = |interval| Settings {
        departures,
        ..every(interval)
    };
    let mut bench = settled(with(ms(10)));
    let leases = [ms(10), ms(1000)].map(|interval| match down_timer_adverts {
        1 => interval + interval / 256,
        _ => interval * 3,
    });
    assert_eq!(bench.revise(START + ms(4), &with(ms(1000))), []);
    for number in 1..=hurried {
        let (due, out) = bench.sends();
        assert_eq!(due, START + ms(10) * u32::from(number));
        let lease = leases[usize::from(number == hurried)];
        assert_eq!(out, [ADVERTISE, active(due + lease)], "{number}");
    }
    let (last, _) = bench.sends();
    assert_eq!(last, START + ms(10) * u32::from(hurried + 1));
    let (due, out) = bench.sends();
    assert_eq!(due, last + ms(1000));
    assert_eq!(out, [ADVERTISE, active(due + leases[1])]);
}

#[test]
fn adverts_that_do_not_leave_say_nothing_of_a_longer_interval() {
    let mut bench = settled(settings());
    bench.revise(START + ms(1), &every(ms(1000)));
    // Handed over before, and taken by the driver now.
    bench.feed(START + ms(2), Input::AdvertSent { at: START });
    for number in 1..=20 {
        let (due, out) = bench.expire();
        assert_eq!((due, out), (START + ms(10) * number, &[ADVERTISE][..]));
    }
    for number in 21..=25 {
        assert_eq!(bench.sends().0, START + ms(10) * number);
    }
    assert_eq!(bench.deadline(), START + ms(250 + 1000));
}

/// The shortest of those that a Backup may go by.
#[test]
fn intervals_that_change_again_are_said_at_the_shortest() {
    let mut bench = settled(settings());
    bench.revise(START + ms(1), &every(ms(1000)));
    bench.sends();
    bench.revise(START + ms(11), &every(ms(50)));
    for number in 2..=6 {
        assert_eq!(bench.sends().0, START + ms(10) * number);
    }
    assert_eq!(bench.deadline(), START + ms(110));
    bench.revise(START + ms(61), &every(ms(1000)));
    bench.revise(START + ms(61), &every(ms(20)));
    assert_eq!(bench.deadline(), START + ms(81));
}

#[test]
fn a_lease_follows_with_the_next_advert() {
    let with = |lease| Settings {
        lease,
        ..settings()
    };
    let mut bench = settled(with(Lease::Auto));
    assert_eq!(bench.revise(START + ms(1), &with(Lease::Off)), []);
    let forever = Output::Own {
        state: ownership::State::Active,
        expiry: Ownership::FOREVER,
    };
    assert_eq!(bench.sends().1, [ADVERTISE, forever]);
    bench.revise(START + ms(11), &with(Lease::Span(ms(15))));
    let (due, out) = bench.sends();
    assert_eq!(out, [active(due + ms(15)), ADVERTISE]);
    bench.revise(due, &with(Lease::Auto));
    let (due, out) = bench.sends();
    assert_eq!(out, [ADVERTISE, active(due + ms(30))]);
}

#[test]
fn another_priority_is_said_at_once() {
    let mut bench = settled(settings());
    let now = START + ms(5);
    assert_eq!(
        bench.revise(now, &settings().with_priority(90)),
        [Output::Advertise { priority: 90 }]
    );
    assert_eq!(bench.router.settings().priority, 90);
    assert_eq!(bench.deadline(), START + ms(10));
    // What checks make of it is said in the same advert.
    bench.out.clear();
    let other = settings().with_priority(80);
    bench.router.reconfigure(now, &other, 60, &mut bench.out);
    assert_eq!(bench.out, [Output::Advertise { priority: 60 }]);
    let shown = (bench.router.settings().priority, bench.router.priority());
    assert_eq!(shown, (80, 60));
}

#[test]
fn a_backup_preempts_or_does_not_from_now_on() {
    let patient = Settings {
        preempt: false,
        ..settings()
    };
    let mut bench = Bench::in_state(State::Backup, patient.clone());
    bench.hear(START, 90);
    assert_eq!(bench.revise(START + ms(1), &settings()), [nobody(100)]);
    bench.hear(START + ms(10), 90);
    assert_eq!(bench.deadline(), START + DOWN);
    assert_eq!(bench.revise(START + ms(11), &patient), [peer(90, 1)]);
    assert_eq!(bench.deadline(), START + ms(10) + DOWN);
    // Neither does one that is about to.
    let mut bench = Bench::in_state(State::Rising, settings());
    let out = bench.revise(START, &patient);
    assert_moved(out, State::Rising, State::Backup, Cause::BetterAdvert);
}

#[test]
fn preempt_delay_is_reckoned_anew_while_it_runs() {
    let delayed = |delay| Settings {
        preempt_delay: delay,
        ..settings()
    };
    let mut bench = Bench::in_state(State::Backup, delayed(ms(100)));
    bench.hear(START, 90);
    bench.revise(START + ms(1), &delayed(ms(10)));
    assert_eq!(bench.expire(), (START + ms(10), &[nobody(100)][..]));
    // It is over, and is for the next start.
    assert_eq!(bench.revise(START + ms(11), &delayed(ms(100))), []);
    assert_eq!(bench.deadline(), START + DOWN);
    let mut bench = Bench::in_state(State::Backup, delayed(ms(100)));
    bench.revise(START + ms(1), &settings());
    assert_eq!(bench.deadline(), START, "over at once");
    assert_eq!(bench.feed(START + ms(1), Input::Timeout), [nobody(100)]);
}

#[test]
fn a_backup_goes_on_by_the_interval_of_its_active() {
    let mut bench = Bench::in_state(State::Backup, settings());
    bench.hear(START, 200);
    assert_eq!(bench.revise(START + ms(1), &every(ms(1000))), []);
    assert_eq!(bench.deadline(), START + DOWN);
    assert_eq!(bench.router.intervals().active_adver(), ms(10));
    // Of an Active that resigned, too.
    bench.hear(START + ms(2), 0);
    assert_eq!(bench.deadline(), START + ms(2) + SKEW);
}

#[test]
fn without_an_active_it_waits_by_its_own_and_never_for_less_than_before() {
    let mut bench = Bench::in_state(State::Backup, settings());
    bench.revise(START + ms(1), &every(ms(20)));
    assert_eq!(bench.deadline(), START + DOWN * 2);
    bench.revise(START + ms(2), &settings());
    assert_eq!(bench.deadline(), START + DOWN * 2);
    // Nor if only the Skew_Time would be shorter then.
    bench.revise(START + ms(2), &settings().with_priority(200));
    assert_eq!(bench.deadline(), START + DOWN * 2);
    bench.hear(START + ms(3), 200);
    assert_eq!(bench.deadline(), START + ms(3) + ms(30) + ms(10) * 56 / 256);
}

/// The Active goes by the old interval until it has been reloaded, too.
#[test]
fn in_version_2_a_backup_gives_its_active_the_longer_of_both() {
    let second = |seconds| Settings {
        version: Version::V2,
        ..every(Duration::from_secs(seconds))
    };
    let heard = |at| {
        Input::Advert(Advert {
            version: Version::V2,
            interval_cs: 200,
            ..an_advert(PEER, at, 200)
        })
    };
    let skew = ms(1000) * 156 / 256;
    let mut bench = Bench::in_state(State::Backup, second(2));
    bench.feed(START, heard(START));
    bench.revise(START + ms(1), &second(1));
    assert_eq!(bench.deadline(), START + ms(6000) + skew);
    let again = START + ms(500);
    bench.feed(again, heard(again));
    assert_eq!(bench.deadline(), again + ms(3000) + skew);
    bench.revise(again, &second(2));
    assert_eq!(bench.deadline(), again + ms(6000) + skew);
}

#[test]
fn fewer_missing_adverts_count_from_the_next_one() {
    let missing = |down_timer_adverts| Settings {
        departures: Departures {
            down_timer_adverts,
            ..Departures::default()
        },
        ..settings()
    };
    let mut bench = Bench::in_state(State::Backup, missing(5));
    bench.hear(START, 200);
    bench.revise(START, &missing(2));
    assert_eq!(bench.deadline(), START + ms(50) + SKEW);
    bench.hear(START + ms(1), 200);
    assert_eq!(bench.deadline(), START + ms(21) + SKEW);
    bench.revise(START + ms(1), &missing(10));
    assert_eq!(bench.deadline(), START + ms(101) + SKEW);
}

#[test]
fn the_startup_delay_is_reckoned_anew_while_it_runs() {
    let delayed = |delay| Settings {
        departures: Departures {
            startup_delay: delay,
            ..Departures::default()
        },
        ..settings()
    };
    let mut bench = Bench::in_state(State::Backup, delayed(ms(500)));
    bench.revise(START + ms(1), &delayed(ms(100)));
    assert_eq!(bench.deadline(), START + ms(100) + DOWN);
    bench.revise(START + ms(99), &delayed(ms(200)));
    assert_eq!(bench.deadline(), START + ms(200) + DOWN);
    bench.revise(START + ms(200), &delayed(ms(500)));
    assert_eq!(bench.deadline(), START + ms(200) + DOWN, "it is over");
    // An owner waits for nothing else.
    let owner = |delay| delayed(delay).with_priority(255);
    let mut bench = Bench::in_state(State::Backup, owner(ms(500)));
    bench.revise(START + ms(1), &owner(ms(100)));
    assert_eq!(bench.deadline(), START + ms(100));
}

/// Where the second block is to come, and refreshes.
#[test]
fn announcements_go_on_by_the_new_schedule() {
    let with = |delay, refresh| Settings {
        garp: Garp {
            repeat: 1,
            delay,
            refresh,
            refresh_repeat: 2,
        },
        advert_interval: ms(1000),
        ..settings()
    };
    let never = Duration::ZERO;
    let announced = |before: &Settings, at, after: &Settings| {
        let mut bench = settled(before.clone());
        assert_eq!(bench.revise(START + at, after), []);
        let mut announced = Vec::new();
        while bench.deadline() < START + ms(700) {
            let (due, out) = bench.expire();
            let [Output::Announce { repeat }] = *out else {
                panic!("{out:?}");
            };
            announced.push((due.since(START), repeat));
        }
        announced
    };
    let plain = with(never, never);
    let second = |delay| with(ms(delay), never);
    assert_eq!(announced(&second(500), ms(100), &plain), []);
    assert_eq!(announced(&plain, ms(100), &second(500)), [(ms(500), 1)]);
    assert_eq!(announced(&plain, ms(600), &second(500)), []);
    assert_eq!(announced(&second(500), ms(1), &second(600)), [(ms(600), 1)]);
    assert_eq!(announced(&second(600), ms(1), &second(500)), [(ms(500), 1)]);
    let refresh = |period| with(never, ms(period));
    assert_eq!(announced(&refresh(500), ms(100), &plain), []);
    assert_eq!(announced(&plain, ms(100), &refresh(500)), [(ms(600), 2)]);
    assert_eq!(
        announced(&refresh(300), ms(100), &refresh(500)),
        [(ms(300), 2)]
    );
    assert_eq!(
        announced(&refresh(900), ms(100), &refresh(500)),
        [(ms(600), 2)]
    );
    // One block was enough.
    let mut bench = settled(second(100));
    bench.expire();
    bench.revise(START + ms(200), &second(500));
    assert_eq!(bench.deadline(), START + ms(1000));
}

/// `state` counts at the first start.
#[test]
fn the_initial_state_is_behind_it() {
    let hint = Settings {
        initial: InitialState::Master,
        ..settings()
    };
    let mut bench = Bench::in_state(State::Backup, settings());
    assert_eq!(bench.revise(START, &hint), []);
    assert_eq!(bench.deadline(), START + DOWN);
    let mut bench = Bench::new(settings());
    bench.revise(START, &hint);
    bench.feed(START, Input::LinkUp { primary: OURS });
    assert_eq!(bench.deadline(), START + ms(30) + ms(10) / 256);
}

#[test]
fn a_router_that_is_leaving_leaves() {
    let mut bench = Bench::in_state(State::Retiring, settings());
    let due = bench.deadline();
    assert_eq!(bench.revise(START, &every(ms(1000)).with_priority(7)), []);
    assert_eq!((bench.state(), bench.deadline()), (State::Retiring, due));
    assert_eq!(transition(&bench.out), None);
}
