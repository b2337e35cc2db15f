//! Version 2 while routers have different address lists: whoever knows the other goes on hearing it, and
//! nobody preempts an Active that would not hear of it.

use std::time::Duration;

use vrrp_ebpf::abi::Follow;

use super::{
    Advert, Bench, Cause, Input, Instant, Output, PEER, START, Settings, State, Version, an_advert,
    assert_moved, ms, nobody, settings,
};

const SECOND: Duration = Duration::from_secs(1);
/// Of a router with priority 100.
const DOWN: Duration = Duration::from_nanos(3_609_375_000);

/// A version 2 advert of [`PEER`], which has our address list or `another`.
fn advert(arrived: Instant, priority: u8, another: bool) -> Input {
    Input::Advert(Advert {
        version: Version::V2,
        interval_cs: 100,
        refuses_ours: another,
        ..an_advert(PEER, arrived, priority)
    })
}

/// Follow [`PEER`], restart for what is at least our priority.
fn follows(priority: u8) -> Output {
    Output::Follow {
        follow: Follow {
            source_tail: [192, 168, 1, 1],
            interval_cs: 100,
            priority,
            restart_min: 100,
        },
        clear_seen: false,
    }
}

fn in_state(state: State) -> Bench {
    Bench::in_version_2(state, SECOND)
}

//= C20, C37: refusal
#[test]
fn an_active_that_refuses_our_adverts_is_not_preempted() {
    let mut bench = in_state(State::Backup);
    let out = bench.feed(START + SECOND, advert(START + SECOND, 50, true));
    assert_eq!(out, [follows(50)]);
    assert_eq!(bench.deadline(), START + SECOND + DOWN);
    // Its records are lost, its stamp is not.
    let seen = START + SECOND * 2;
    bench.feed(START + SECOND + DOWN, Input::Seen(seen));
    assert_eq!(bench.deadline(), seen + DOWN);
    // It dies, and is relieved like any other.
    bench.expires(State::Backup, State::Active, Cause::ActiveDown);
}

//= C37: proof
#[test]
fn it_is_preempted_when_the_lists_agree_again() {
    let mut bench = in_state(State::Backup);
    let mut now = START;
    for another in [true, true, false, false, false] {
        now = now + SECOND;
        bench.feed(now, advert(now, 50, another));
    }
    assert_eq!(bench.deadline(), START + SECOND * 2 + DOWN);
    bench.expires(State::Backup, State::Rising, Cause::Preempt);
}

/// Its interval may be the reason, so that it counts.
//= C19: proof
#[test]
fn it_is_waited_for_by_its_own_interval() {
    let mut bench = in_state(State::Backup);
    let slow = Advert {
        version: Version::V2,
        interval_cs: 500,
        refuses_ours: true,
        ..an_advert(PEER, START + SECOND, 200)
    };
    bench.feed(START + SECOND, Input::Advert(slow));
    // Its Skew_Time is of seconds (RFC 3768 section 6.1).
    assert_eq!(bench.deadline(), START + SECOND + DOWN + SECOND * 12);
    let now = START + SECOND * 6;
    bench.feed(now, advert(now, 200, false));
    assert_eq!(bench.deadline(), now + DOWN);
}

/// It got its new list while we were about to preempt it.
//= C20: refusal
#[test]
fn a_router_on_the_way_up_leaves_it_to_one_that_refuses_its_adverts() {
    let mut bench = Bench::in_state(
        State::Rising,
        Settings {
            version: Version::V2,
            advert_interval: SECOND,
            ..settings()
        },
    );
    let now = START + ms(1);
    let out = bench.feed(now, advert(now, 99, true));
    assert!(out.contains(&follows(99)));
    assert_moved(out, State::Rising, State::Backup, Cause::BetterAdvert);
}

/// An Active gives way to whom RFC 3768 section 6.4.3 names, and to nobody else.
#[test]
fn an_active_goes_by_the_priority() {
    let mut bench = in_state(State::Active);
    let now = START + ms(1);
    bench.feed(now, advert(now, 99, true));
    assert_eq!(bench.state(), State::Active);
    bench.feed(now, advert(now, 101, true));
    assert_eq!(bench.state(), State::Backup);
}

/// XDP knows the last Active by it, when our own time as Active has come and when it is over.
#[test]
fn the_last_active_is_remembered_from_state_to_state() {
    let mut bench = Bench::new(Settings {
        version: Version::V2,
        advert_interval: SECOND,
        ..settings()
    });
    let up = Input::LinkUp {
        primary: super::OURS,
    };
    assert!(bench.feed(START, up).contains(&nobody(100)));
    bench.feed(START, advert(START, 150, false));
    // It resigns, and is the last one all the same.
    bench.feed(START + ms(1), advert(START + ms(1), 0, false));
    let last = |restart_min, clear_seen| Output::Follow {
        follow: Follow {
            source_tail: [192, 168, 1, 1],
            restart_min,
            ..Follow::default()
        },
        clear_seen,
    };
    let (_, out) = bench.expire();
    assert!(out.contains(&last(100, false)), "{out:?}");
    assert_eq!(bench.state(), State::Rising);
    bench.expire();
    assert_eq!(bench.state(), State::Active);
    let now = bench.deadline();
    let out = bench.feed(now, Input::Shutdown);
    assert!(out.contains(&last(1, true)), "{out:?}");
}
