//! C39-C43, the lease, and the announcements.

use std::{net::IpAddr, time::Duration};

use vrrp_ebpf::ownership;

use super::{
    ADVERTISE, Advert, Bench, Cause, DISOWN, DOWN, Garp, Input, Instant, Lease, Output, PEER,
    START, Settings, State, Transition, advert, an_advert, assert_moved, ms, own, peer, settings,
    transition,
};

fn active() -> Bench {
    Bench::in_state(State::Active, settings())
}

//= C39: proof
#[test]
fn c39_adverts_keep_their_grid() {
    let mut bench = active();
    for step in 1..=20 {
        let due = START + ms(10 * step);
        assert_eq!(bench.deadline(), due);
        // Late by up to half an interval: no drift.
        let now = due + ms(step % 5);
        assert_eq!(bench.feed(now, Input::Timeout), [ADVERTISE]);
    }
    assert_eq!(bench.feed(START + ms(205), Input::Timeout), []);
}

//= C39, C45: refusal
#[test]
fn c39_a_stall_costs_the_grid_and_makes_no_burst() {
    let mut bench = active();
    let late = START + ms(10) + ms(100);
    assert_eq!(bench.feed(late, Input::Timeout), [ADVERTISE]);
    assert_eq!(bench.feed(late, Input::Timeout), []);
    assert_eq!(bench.deadline(), late + ms(5));
    bench.expire();
    assert_eq!(bench.deadline(), late + ms(15));
}

//= C40: proof
#[test]
fn c40_priority_zero_is_answered_and_resets_the_timer() {
    let mut bench = active();
    let now = START + ms(3);
    // Who resigns was Active beside us: the hosts that believe it are told.
    assert_eq!(
        bench.hear(now, 0),
        [ADVERTISE, Output::Announce { repeat: 1 }]
    );
    assert_eq!(bench.deadline(), now + ms(10));
    assert_eq!(bench.state(), State::Active);
}

//= C41: proof
#[test]
fn c41_a_better_advert_deposes_in_order() {
    let mut bench = active();
    let now = START + ms(4);
    assert_eq!(
        bench.feed(now, advert(START + ms(3), 101)),
        [
            DISOWN,
            ADVERTISE,
            Output::Remove,
            peer(101, 100),
            Output::Transition(Transition {
                from: State::Active,
                to: State::Backup,
                cause: Cause::BetterAdvert,
                at: now,
                deadline: now,
                last_advert: None,
            }),
        ]
    );
    assert_eq!(bench.deadline(), START + ms(3) + DOWN);
    assert_eq!(bench.router.active_source(), Some(PEER));
}

/// The ring was full: only the stamp tells of a better advert.
//= C41: proof
#[test]
fn c41_a_better_routers_stamp_deposes() {
    let mut bench = active();
    let heard = START + ms(3);
    let out = bench.feed(START + ms(10), Input::BetterSeen(heard));
    assert_eq!(out[..3], [DISOWN, ADVERTISE, Output::Remove]);
    assert_eq!(out.len(), 4);
    assert_moved(out, State::Active, State::Backup, Cause::BetterAdvert);
    assert_eq!(bench.deadline(), heard + DOWN);
    assert_eq!(bench.router.last_advert(), Some(heard));
    assert_eq!(bench.router.considered_until(), heard);
}

/// The last advert of the better router that this one has relieved.
//= C41, C45: refusal
#[test]
fn c41_a_stamp_that_was_heeded_deposes_nobody() {
    let mut bench = Bench::in_state(State::Backup, settings());
    let heard = START + ms(1);
    bench.hear(heard, 101);
    bench.expire();
    assert_eq!(
        (bench.state(), bench.router.considered_until()),
        (State::Active, heard)
    );
    for at in [START, heard] {
        assert_eq!(bench.feed(START + ms(50), Input::BetterSeen(at)), []);
    }
    assert_eq!(bench.state(), State::Active);
}

//= C27: proof
#[test]
fn c27_the_deposing_advert_teaches_its_interval() {
    let mut bench = active();
    bench.feed(
        START,
        Input::Advert(Advert {
            interval_cs: 100,
            ..an_advert(PEER, START, 101)
        }),
    );
    assert_eq!(bench.deadline(), START + DOWN * 100);
    assert_eq!(bench.router.intervals().active_adver(), ms(1000));
}

fn equal(source: &str) -> Input {
    Input::Advert(an_advert(
        source.parse::<IpAddr>().unwrap(),
        START + ms(1),
        100,
    ))
}

//= C41: proof
//= C41: refusal
#[test]
fn c41_equal_priority_goes_by_address() {
    for (source, state) in [
        ("192.168.1.3", State::Backup),
        ("192.168.1.200", State::Backup),
        ("192.168.1.1", State::Active),
        ("100.255.255.255", State::Active),
    ] {
        let mut bench = active();
        bench.feed(START + ms(1), equal(source));
        assert_eq!(bench.state(), state, "{source}");
    }
}

//= C41: proof
//= C41: refusal
#[test]
fn c41_link_local_addresses() {
    for (source, state) in [
        ("fe80::8000:1", State::Backup),
        ("fe80::7fff:ffff", State::Active),
    ] {
        let mut bench = active();
        let primary = "fe80::8000:0".parse().unwrap();
        bench.feed(START, Input::LinkUp { primary });
        bench.feed(START + ms(1), equal(source));
        assert_eq!(bench.state(), state, "{source}");
    }
}

/// It is neither deposed by a lower priority for want of it, nor kept from giving way.
//= C43: proof
//= C43: refusal
#[test]
fn c43_preempt_mode_is_not_read_in_active() {
    let heard = START + ms(1);
    for preempt in [true, false] {
        for (input, state) in [
            (advert(heard, 99), State::Active),
            (advert(heard, 101), State::Backup),
            (equal("192.168.1.1"), State::Active),
            (equal("192.168.1.3"), State::Backup),
            (Input::BetterSeen(heard), State::Backup),
        ] {
            let mut bench = Bench::in_state(
                State::Active,
                Settings {
                    preempt,
                    ..settings()
                },
            );
            let deposed = bench.feed(heard, input).first() == Some(&DISOWN);
            assert_eq!(bench.state(), state, "{input:?}, preempt: {preempt}");
            assert_eq!(deposed, state == State::Backup, "{input:?}");
        }
    }
}

//= C42: proof
#[test]
fn c42_a_worse_advert_is_answered_and_the_hosts_are_told() {
    let mut bench = active();
    let now = START + ms(3);
    assert_eq!(
        bench.hear(now, 99),
        [ADVERTISE, Output::Announce { repeat: 1 }]
    );
    // The Adver_Timer is untouched.
    assert_eq!(bench.deadline(), START + ms(10));
    // Again when its own announcements are through, then silence.
    bench.feed(START + ms(10), Input::Timeout);
    assert_eq!(
        bench.feed(START + ms(13), Input::Timeout),
        [Output::Announce { repeat: 1 }]
    );
    assert_eq!(bench.deadline(), START + ms(20));
}

#[test]
fn c42_announcements_are_rate_limited_adverts_are_not() {
    let mut bench = active();
    let mut announced = 0;
    for step in 1..=50 {
        let now = START + ms(step);
        bench.hear(now, 99);
        let answers = bench.out.clone();
        assert!(answers.contains(&ADVERTISE));
        bench.feed(now, Input::Timeout);
        announced += answers
            .iter()
            .chain(&bench.out)
            .filter(|output| matches!(output, Output::Announce { .. }))
            .count();
    }
    // At 1, 11, 21, 31 and 41 ms.
    assert_eq!(announced, 5);
}

/// A stall filled the ring: one answer for all of it, and no second one for the timer.
//= C42: refusal
#[test]
fn c42_a_queue_of_worse_adverts_needs_one_answer() {
    let mut bench = active();
    let now = START + ms(100);
    let mut adverts = 0;
    for step in 1..10 {
        let out = bench.feed(now, advert(START + ms(10 * step), 99));
        adverts += out.iter().filter(|output| **output == ADVERTISE).count();
    }
    adverts += bench
        .feed(now, Input::Timeout)
        .iter()
        .filter(|output| **output == ADVERTISE)
        .count();
    assert_eq!(adverts, 1);
}

//= C40, C41, C45: refusal
#[test]
fn c45_history_deposes_nobody() {
    let mut bench = active();
    let before_start = Instant(START.0 - 300_000_000);
    for priority in [0, 99, 200] {
        assert_eq!(bench.feed(START, advert(before_start, priority)), []);
    }
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn the_lease_follows_the_adverts_that_left() {
    let mut bench = active();
    let sent = START + ms(1);
    assert_eq!(
        bench.feed(START + ms(2), Input::AdvertSent { at: sent }),
        [own(ownership::State::Active, sent + ms(30))]
    );
    // Not backwards, not to where it ends already, and not for adverts of an earlier term.
    for at in [START, sent] {
        assert_eq!(bench.feed(START + ms(2), Input::AdvertSent { at }), []);
    }
    let mut bench = active();
    let earlier = Instant(START.0 - 1);
    assert_eq!(bench.feed(START, Input::AdvertSent { at: earlier }), []);
}

#[test]
fn the_lease_is_as_configured() {
    let lease = Lease::Span(ms(7));
    let mut bench = Bench::in_state(
        State::Active,
        Settings {
            lease,
            ..settings()
        },
    );
    assert_eq!(
        bench.feed(START, Input::AdvertSent { at: START }),
        [own(ownership::State::Active, START + ms(7))]
    );
    let lease = Lease::Off;
    let mut bench = Bench::in_state(
        State::Active,
        Settings {
            lease,
            ..settings()
        },
    );
    assert_eq!(bench.feed(START, Input::AdvertSent { at: START }), []);
}

#[test]
fn an_advert_that_did_not_leave_renews_nothing() {
    let mut bench = active();
    for _ in 0..10 {
        assert_eq!(bench.expire().1, [ADVERTISE]);
    }
}

#[test]
fn second_block_and_refreshes() {
    let garp = Garp {
        repeat: 3,
        delay: ms(5),
        refresh: ms(9),
        refresh_repeat: 2,
    };
    let mut bench = Bench::in_state(State::Active, Settings { garp, ..settings() });
    let mut announced = Vec::new();
    while bench.deadline() < START + ms(20) {
        let (due, out) = bench.expire();
        announced.extend(out.iter().filter_map(|output| match output {
            Output::Announce { repeat } => Some((due, *repeat)),
            _ => None,
        }));
    }
    assert_eq!(
        announced,
        [(1, 1), (2, 1), (5, 1), (6, 1), (7, 1), (9, 2), (18, 2)]
            .map(|(at, repeat)| (START + ms(at), repeat))
    );
}

#[test]
fn announces_nothing_when_told_to() {
    let garp = Garp {
        repeat: 0,
        delay: ms(4),
        refresh: Duration::ZERO,
        refresh_repeat: 0,
    };
    let bench = Bench::in_state(State::Active, Settings { garp, ..settings() });
    assert!(
        !bench
            .out
            .iter()
            .any(|output| matches!(output, Output::Announce { .. }))
    );
}

#[test]
fn defends_once_in_ten_seconds() {
    let mut bench = active();
    let once = [Output::Announce { repeat: 1 }];
    assert_eq!(bench.feed(START, Input::Conflict), once);
    assert_eq!(bench.feed(START + ms(10_000), Input::Conflict), once);
    let mut bench = Bench::in_state(State::Backup, settings());
    assert_eq!(bench.feed(START, Input::Conflict), []);
}

/// A router with adverts every 40 s, so that nothing else is due meanwhile.
fn slow() -> Settings {
    Settings {
        advert_interval: ms(40_000),
        ..settings()
    }
}

#[test]
fn a_conflict_that_may_not_be_answered_yet_is_answered_when_it_may() {
    let once = [Output::Announce { repeat: 1 }];
    let mut bench = Bench::in_state(State::Active, slow());
    bench.feed(START, Input::Conflict);
    // However many there are, and whenever the last one was: one answer.
    for at in [1, 5_000, 9_999] {
        assert_eq!(bench.feed(START + ms(at), Input::Conflict), []);
    }
    let end = START + ms(10_000);
    assert_eq!(bench.deadline(), end);
    assert_eq!(bench.feed(end, Input::Timeout), once);
    // With it the time begins anew, and with nothing to answer none is due.
    assert_eq!(bench.deadline(), START + ms(40_000));
    assert_eq!(bench.feed(end + ms(9_999), Input::Conflict), []);
    assert_eq!(bench.expire(), (end + ms(10_000), &once[..]));
}

/// The claim of another term is no concern of this one: its promotion has announced the addresses.
#[test]
fn a_defence_that_is_due_ends_with_the_term() {
    let mut bench = Bench::in_state(State::Active, slow());
    bench.feed(START, Input::Conflict);
    bench.feed(START + ms(1), Input::Conflict);
    assert_eq!(bench.deadline(), START + ms(10_000));
    bench.hear(START + ms(2), 200);
    assert_eq!(bench.state(), State::Backup);
    assert_ne!(bench.deadline(), START + ms(10_000));
}

#[test]
fn puts_a_lost_address_back() {
    let mut bench = active();
    assert_eq!(bench.feed(START, Input::AddressLost), [Output::Install]);
    bench.hear(START, 200);
    assert_eq!(
        transition(&bench.out),
        Some((State::Active, State::Backup, Cause::BetterAdvert))
    );
    assert_eq!(bench.feed(START, Input::AddressLost), []);
}

//= C42: refusal
#[test]
fn c42_what_came_in_before_our_advert_left_is_answered_by_it() {
    let mut bench = active();
    // The engine handles a whole queue under one `now`, which the adverts may be younger than.
    let now = START + ms(4);
    let left = now + ms(2);
    assert!(bench.hear(now, 99).contains(&ADVERTISE));
    bench.feed(left, Input::AdvertSent { at: left });
    assert_eq!(bench.feed(now, advert(now + ms(1), 99)), []);
    assert_eq!(bench.feed(now, advert(left, 99)), [ADVERTISE]);
}
