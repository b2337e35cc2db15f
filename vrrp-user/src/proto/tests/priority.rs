//! The priority that counts, which checks make of the configured one.

use vrrp_ebpf::ownership;

use super::{
    Advert, Bench, Cause, DISOWN, DOWN, Departures, InitialState, Input, Instant, OURS, Output,
    PEER, START, Settings, State, Version, an_advert, assert_moved, ms, nobody, own, peer,
    settings,
};

/// Skew_Time of a priority at 10 ms.
fn skew(priority: u32) -> std::time::Duration {
    ms(10) * (256 - priority) / 256
}

/// Three intervals and that.
fn down(priority: u32) -> std::time::Duration {
    ms(30) + skew(priority)
}

#[test]
fn an_active_says_it_at_once_and_keeps_its_rhythm() {
    let mut bench = Bench::in_state(State::Active, settings());
    let due = bench.deadline();
    let now = START + ms(4);
    assert_eq!(
        bench.feed(now, Input::Priority(50)),
        [Output::Advertise { priority: 50 }]
    );
    assert_eq!((bench.state(), bench.deadline()), (State::Active, due));
    assert_eq!(bench.router.priority(), 50);
    assert_eq!(bench.router.settings().priority, 100, "as configured");
    assert_eq!(bench.router.active_priority(), Some(50));
    assert_eq!(
        bench.feed(now, Input::AdvertSent { at: now }),
        [own(ownership::State::Active, now + ms(30))]
    );
    assert_eq!(bench.feed(now, Input::Priority(50)), [], "said already");
    assert_eq!(bench.expire().1, [Output::Advertise { priority: 50 }]);
    // Who was worse is better now.
    let now = START + ms(12);
    assert_eq!(
        bench.hear(now, 51)[..2],
        [DISOWN, Output::Advertise { priority: 50 }]
    );
    assert_eq!(bench.state(), State::Backup);
}

/// An advert that is due at that very moment is the one that says it.
#[test]
fn an_active_says_it_once() {
    let mut bench = Bench::in_state(State::Active, settings());
    let due = bench.deadline();
    bench.feed(due, Input::Priority(101));
    assert_eq!(bench.feed(due, Input::Timeout), []);
    assert_eq!(bench.deadline(), due + ms(10));
}

#[test]
fn an_active_that_becomes_better_is_deposed_by_fewer() {
    let mut bench = Bench::in_state(State::Active, settings());
    bench.feed(START, Input::Priority(150));
    bench.hear(START + ms(1), 149);
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn it_is_between_1_and_254_and_an_owner_keeps_255() {
    let mut bench = Bench::in_state(State::Active, settings());
    for (wanted, used) in [(0, 1), (255, 254), (7, 7)] {
        bench.feed(START, Input::Priority(wanted));
        assert_eq!(bench.router.priority(), used);
    }
    let mut bench = Bench::of_priority(State::Active, 255);
    assert_eq!(bench.feed(START, Input::Priority(100)), []);
    assert_eq!(bench.router.priority(), 255);
}

#[test]
fn a_backup_that_nobody_told_anything_waits_by_its_new_skew_time() {
    let mut bench = Bench::in_state(State::Backup, settings());
    for priority in [200, 1, 100] {
        let wanted = u8::try_from(priority).unwrap();
        assert_eq!(
            bench.feed(START + ms(1), Input::Priority(wanted)),
            [nobody(wanted)]
        );
        assert_eq!(bench.deadline(), START + down(priority));
    }
    let mut bench = Bench::in_state(State::Backup, settings());
    bench.hear(START, 0);
    bench.feed(START + ms(1), Input::Priority(200));
    assert_eq!(bench.deadline(), START + skew(200));
}

#[test]
fn a_backup_that_becomes_better_preempts_when_its_timer_ends() {
    let mut bench = Bench::in_state(State::Backup, settings());
    let heard = START + ms(5);
    bench.hear(heard, 120);
    // From now on every advert of the other one wakes us, and restarts nothing.
    assert_eq!(
        bench.feed(START + ms(6), Input::Priority(150)),
        [nobody(150)]
    );
    assert_eq!(bench.deadline(), heard + down(150));
    assert_eq!(bench.router.active_source(), Some(PEER));
    for at in [15, 25, 35] {
        assert_eq!(bench.hear(START + ms(at), 120), []);
        assert_eq!(bench.deadline(), heard + down(150));
    }
    bench.expires(State::Backup, State::Rising, Cause::Preempt);
}

/// It goes on as if it had followed the Active all the time.
#[test]
fn a_backup_that_becomes_worse_calls_its_preemption_off() {
    let mut bench = Bench::in_state(State::Backup, settings());
    bench.hear(START + ms(20), 90);
    assert_eq!(bench.deadline(), START + DOWN);
    let now = START + ms(25);
    assert_eq!(bench.feed(now, Input::Priority(80)), [peer(90, 80)]);
    assert_eq!(bench.deadline(), START + ms(20) + down(80));
    bench.expires(State::Backup, State::Active, Cause::ActiveDown);
}

#[test]
fn without_preemption_the_active_is_followed_whatever_the_priority() {
    let patient = Settings {
        preempt: false,
        ..settings()
    };
    let mut bench = Bench::in_state(State::Backup, patient);
    bench.hear(START, 90);
    assert_eq!(bench.feed(START + ms(1), Input::Priority(200)), []);
    assert_eq!(bench.deadline(), START + down(200));
    bench.hear(START + ms(10), 90);
    assert_eq!(bench.deadline(), START + ms(10) + down(200));
}

/// It still serves in nobody's place, so that the other one has nothing to answer.
#[test]
fn a_rising_router_that_becomes_worse_leaves_the_active_alone() {
    let mut bench = Bench::in_state(State::Rising, settings());
    let out = bench.feed(START, Input::Priority(120));
    assert_eq!(out, [nobody(120)], "still better");
    let out = bench.feed(START + ms(1), Input::Priority(90)).to_vec();
    assert_eq!(out[..3], [DISOWN, Output::Remove, peer(99, 90)]);
    assert_moved(&out, State::Rising, State::Backup, Cause::BetterAdvert);
    assert_eq!(bench.deadline(), Instant(START.0 - 1) + down(90));
    // One that has been silent for too long by now is not there any more.
    let mut bench = Bench::in_state(State::Rising, settings());
    let out = bench.feed(START + DOWN, Input::Priority(90));
    assert_eq!(out, [nobody(90)]);
}

/// Nobody is left alone who has said that it goes.
#[test]
fn a_rising_router_that_becomes_worse_replaces_who_resigned() {
    let mut bench = Bench::in_state(State::Backup, settings());
    bench.hear(START, 120);
    bench.hear(START + ms(1), 0);
    bench.expire();
    assert_eq!(bench.state(), State::Rising);
    let now = START + ms(8);
    assert_eq!(bench.feed(now, Input::Priority(50)), [nobody(50)]);
    let out = bench.feed(now, Input::AddressesReady);
    assert_eq!(out[0], Output::Advertise { priority: 50 });
    assert_moved(out, State::Rising, State::Active, Cause::PriorityZero);
}

/// By the one of before, XDP would go on stamping the adverts of a router that it is to preempt.
#[test]
fn who_is_deposed_by_a_stamp_goes_by_the_priority_of_now() {
    let mut bench = Bench::in_state(State::Active, settings());
    bench.feed(START, Input::Priority(200));
    let out = bench.feed(START + ms(1), Input::BetterSeen(START + ms(1)));
    assert!(out.contains(&nobody(200)), "{out:?}");
    assert_moved(out, State::Active, State::Backup, Cause::BetterAdvert);
}

/// The hint `state MASTER` promises a better Active that its lease is over; no priority changes that.
#[test]
fn a_first_wait_as_the_best_router_stays_what_it_is() {
    let mut bench = Bench::new(Settings {
        initial: InitialState::Master,
        ..settings()
    });
    bench.feed(START, Input::LinkUp { primary: OURS });
    let due = bench.deadline();
    bench.feed(START + ms(1), Input::Priority(254));
    assert_eq!(bench.deadline(), due);
    // One below us: an interval and the Skew_Time.
    bench.hear(START + ms(2), 253);
    assert_eq!(bench.deadline(), START + ms(10) + skew(254));
    bench.feed(START + ms(3), Input::Priority(253));
    assert_eq!(bench.deadline(), START + ms(2) + down(253), "followed");
}

#[test]
fn it_outlives_states_that_have_no_use_for_it() {
    for state in [State::Initialize, State::Fault] {
        let mut bench = Bench::in_state(state, settings());
        assert_eq!(bench.feed(START, Input::Priority(200)), []);
        bench.feed(START, Input::LinkUp { primary: OURS });
        assert_eq!(bench.deadline(), START + down(200));
        assert_eq!(
            bench.expire().1[1],
            Output::Advertise { priority: 200 },
            "{state:?}"
        );
    }
    let mut bench = Bench::in_state(State::Retiring, settings());
    let due = bench.deadline();
    assert_eq!(bench.feed(START, Input::Priority(200)), []);
    assert_eq!(bench.deadline(), due);
}

/// Nor does it end `preempt_delay`, or the delay after the start.
#[test]
fn delays_go_on() {
    let mut bench = Bench::in_state(
        State::Backup,
        Settings {
            preempt_delay: ms(100),
            departures: Departures {
                startup_delay: ms(50),
                ..Departures::default()
            },
            ..settings()
        },
    );
    bench.hear(START + ms(1), 90);
    assert_eq!(bench.deadline(), START + ms(50) + DOWN);
    assert_eq!(bench.feed(START + ms(2), Input::Priority(200)), []);
    assert_eq!(bench.deadline(), START + ms(50) + down(200));
    bench.hear(START + ms(80), 90);
    bench.hear(START + ms(95), 90);
    assert_eq!(bench.expire(), (START + ms(100), &[nobody(200)][..]));
}

/// What was heard in version 2 has no interval of its own.
#[test]
fn version_2_counts_the_skew_time_in_seconds() {
    let mut bench = Bench::in_version_2(State::Backup, ms(1000));
    let heard = Advert {
        version: Version::V2,
        interval_cs: 100,
        ..an_advert(PEER, START, 200)
    };
    bench.feed(START, Input::Advert(heard));
    bench.feed(START, Input::Priority(128));
    assert_eq!(bench.deadline(), START + ms(3500));
}
