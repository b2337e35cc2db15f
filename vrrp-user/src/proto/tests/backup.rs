//! C29, C34-C38, C45: Backup.

use vrrp_ebpf::ownership;

use super::{
    Advert, Bench, Cause, DOWN, Input, Instant, Lease, OURS, Output, PEER, SKEW, START, Settings,
    State, Transition, advert, an_advert, assert_flipped, assert_moved, ms, nobody, own, peer,
    settings, slow,
};

fn backup() -> Bench {
    Bench::in_state(State::Backup, settings())
}

//= C34: proof
//= C25, C32, C34: refusal
#[test]
fn c34_timer_promotes_in_order() {
    let mut bench = backup();
    let due = START + DOWN;
    assert_eq!(bench.feed(Instant(due.0 - 1), Input::Timeout), []);
    assert_eq!(
        bench.feed(due + ms(1), Input::Timeout),
        [
            own(ownership::State::Active, due + ms(1) + ms(10) / 4),
            Output::Advertise { priority: 100 },
            Output::Install,
            Output::Announce { repeat: 1 },
            Output::Transition(Transition {
                from: State::Backup,
                to: State::Active,
                cause: Cause::ActiveDown,
                at: due + ms(1),
                deadline: due,
                last_advert: None,
            }),
        ]
    );
    assert_eq!(bench.deadline(), due + ms(11));
    assert_eq!(bench.router.active_source(), Some(OURS));
}

#[test]
fn c34_stops_following_when_it_promotes() {
    let mut bench = backup();
    bench.hear(START, 200);
    let (_, out) = bench.expire();
    assert!(out.contains(&nobody(100)));
}

//= C35: proof
#[test]
fn c35_priority_zero_sets_the_timer_to_skew() {
    let mut bench = backup();
    bench.feed(START + ms(2), advert(START + ms(1), 0));
    assert_eq!(bench.deadline(), START + ms(1) + SKEW);
}

/// The retiring router answers ARP until our advert reaches it: advert first, then own.
#[test]
fn c35_silences_the_retiring_router_before_it_owns() {
    let mut bench = backup();
    bench.hear(START, 0);
    let (due, _) = bench.expire();
    let ready = due + ms(1);
    let out = bench.feed(ready, Input::AddressesReady);
    assert_flipped(out, ready);
    assert_moved(out, State::Rising, State::Active, Cause::PriorityZero);
}

//= C29: proof
//= C29: refusal
#[test]
fn c29_skew_comes_from_the_learned_interval_and_spoils_nothing() {
    let mut bench = backup();
    let slow = slow();
    bench.feed(START, Input::Advert(slow));
    assert_eq!(bench.deadline(), START + DOWN * 100);
    bench.hear(START, 0);
    assert_eq!(bench.deadline(), START + SKEW * 100);
    let resumed = Advert {
        arrived: START + ms(1),
        ..slow
    };
    bench.feed(START + ms(1), Input::Advert(resumed));
    assert_eq!(bench.deadline(), START + ms(1) + DOWN * 100);
}

//= C36: proof
#[test]
fn c36_a_better_advert_restarts_from_its_arrival() {
    let mut bench = backup();
    assert_eq!(
        bench.feed(START + ms(9), advert(START + ms(5), 101)),
        [peer(101, 100)]
    );
    assert_eq!(bench.deadline(), START + ms(5) + DOWN);
    assert_eq!(bench.router.active_source(), Some(PEER));
    assert_eq!(bench.router.active_priority(), Some(101));
    assert_eq!(bench.router.last_advert(), Some(START + ms(5)));
    // Another of the same kind needs no word to anybody.
    assert_eq!(bench.hear(START + ms(15), 101), []);
    assert_eq!(bench.deadline(), START + ms(15) + DOWN);
}

/// A higher address does not matter to a Backup.
//= C38: proof
#[test]
fn c38_equal_priority_is_authoritative() {
    let mut bench = backup();
    assert!(PEER < OURS);
    bench.hear(START + ms(5), 100);
    assert_eq!(bench.deadline(), START + ms(5) + DOWN);
}

//= C36: proof
#[test]
fn c36_without_preemption_any_advert_restarts() {
    let mut bench = Bench::in_state(
        State::Backup,
        Settings {
            preempt: false,
            ..settings()
        },
    );
    assert_eq!(bench.hear(START + ms(5), 1), [peer(1, 1)]);
    assert_eq!(bench.deadline(), START + ms(5) + DOWN);
}

//= C36, C37: refusal
#[test]
fn c37_with_preemption_a_lower_advert_is_discarded() {
    let mut bench = backup();
    assert_eq!(bench.hear(START + ms(5), 99), []);
    assert_eq!(bench.deadline(), START + DOWN);
    assert_eq!(bench.router.active_priority(), Some(99));
}

//= C37: proof
#[test]
fn c37_a_worse_active_that_lives_is_preempted_by_way_of_rising() {
    let mut bench = backup();
    bench.hear(START + ms(30), 99);
    bench.expires(State::Backup, State::Rising, Cause::Preempt);
}

/// Nobody to make ready against: it fell silent more than its own down time ago.
#[test]
fn c37_a_worse_active_that_died_is_replaced_at_once() {
    let mut bench = backup();
    bench.hear(START, 99);
    bench.expires(State::Backup, State::Active, Cause::ActiveDown);
}

/// XDP stamped an advert of the worse one before it was told at the start whom to heed. Found by the
/// simulator: the stamp made the router forget that the other was alive.
#[test]
fn c37_an_old_stamp_does_not_bury_a_worse_active_that_lives() {
    let mut bench = backup();
    bench.hear(START + ms(30), 99);
    bench.feed(START + DOWN, Input::Seen(START + ms(1)));
    assert_eq!(bench.deadline(), START + ms(1) + DOWN);
    bench.expires(State::Backup, State::Rising, Cause::Preempt);
}

#[test]
fn c37_priority_zero_of_the_worse_active_ends_it() {
    let mut bench = backup();
    bench.hear(START + ms(20), 99);
    bench.hear(START + ms(25), 0);
    bench.expires(State::Backup, State::Rising, Cause::PriorityZero);
}

//= C26: proof
//= C27: refusal
#[test]
fn c27_version_2_keeps_its_own_interval() {
    let mut bench = Bench::in_version_2(State::Backup, ms(1000));
    bench.hear(START, 200);
    assert_eq!(bench.deadline(), START + ms(3000) + SKEW * 100);
}

//= C27: refusal
#[test]
fn c27_a_discarded_advert_teaches_nothing() {
    let mut bench = backup();
    let slow = Advert {
        interval_cs: 100,
        ..an_advert(PEER, START + ms(5), 99)
    };
    assert_eq!(bench.feed(START + ms(5), Input::Advert(slow)), []);
    assert_eq!(bench.router.intervals().active_adver(), ms(10));
    assert_eq!(bench.deadline(), START + DOWN);
}

//= C26: refusal
#[test]
fn c26_version_2_does_not_rise_before_its_unscaled_skew() {
    let mut bench = Bench::in_version_2(State::Backup, ms(5000));
    let due = START + ms(15_000) + SKEW * 100;
    assert_eq!(bench.feed(Instant(due.0 - 1), Input::Timeout), []);
    assert_eq!(bench.state(), State::Backup);
    bench.feed(due, Input::Timeout);
    assert_eq!(bench.state(), State::Active);
}

//= C45: proof
#[test]
fn c45_a_stamp_restarts_only_forwards() {
    let mut bench = backup();
    bench.hear(START + ms(5), 200);
    bench.feed(START + ms(9), Input::Seen(START + ms(4)));
    assert_eq!(bench.deadline(), START + ms(5) + DOWN);
    bench.feed(START + ms(9), Input::Seen(START + ms(8)));
    assert_eq!(bench.deadline(), START + ms(8) + DOWN);
    assert_eq!(bench.router.last_advert(), Some(START + ms(8)));
}

//= C45: refusal
#[test]
fn c45_a_record_older_than_the_stamp_teaches_but_moves_nothing_back() {
    let mut bench = backup();
    bench.feed(START + ms(9), Input::Seen(START + ms(8)));
    bench.feed(START + ms(9), advert(START + ms(5), 200));
    assert_eq!(bench.deadline(), START + ms(8) + DOWN);
    assert_eq!(bench.router.active_priority(), Some(200));
}

//= C35: refusal
#[test]
fn c45_priority_zero_and_what_came_before_it() {
    // Followed by a newer stamp: the Active went on.
    let mut bench = backup();
    bench.feed(START + ms(9), Input::Seen(START + ms(8)));
    bench.feed(START + ms(9), advert(START + ms(5), 0));
    assert_eq!(bench.deadline(), START + ms(8) + DOWN);
    // A late record or stamp from before it does not bring the Active back.
    bench.hear(START + ms(20), 0);
    bench.feed(START + ms(21), advert(START + ms(19), 200));
    bench.feed(START + ms(21), Input::Seen(START + ms(20)));
    assert_eq!(bench.deadline(), START + ms(20) + SKEW);
    // A newer one does.
    bench.feed(START + ms(22), Input::Seen(START + ms(22)));
    assert_eq!(bench.deadline(), START + ms(22) + DOWN);
    bench.expires(State::Backup, State::Active, Cause::ActiveDown);
}

/// A clock has only so many moments. What the ring holds of one is in the order of its arrival.
//= C35, C36: proof
#[test]
fn of_records_with_one_stamp_the_last_one_counts() {
    let mut bench = backup();
    bench.hear(START, 0);
    bench.hear(START, 200);
    assert_eq!(bench.deadline(), START + DOWN);
    bench.hear(START, 0);
    assert_eq!(bench.deadline(), START + SKEW);

    // As late as while Rising.
    let (due, _) = bench.expire();
    assert_eq!(bench.state(), State::Rising);
    bench.feed(due, advert(START, 200));
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.deadline(), START + DOWN);

    // Active by a priority 0.
    let mut bench = Bench::in_state(State::Rising, settings());
    bench.hear(START, 0);
    assert_eq!(bench.state(), State::Active);
    bench.hear(START, 200);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn the_first_lease_is_brief_but_never_longer_than_the_lease() {
    for (lease, interval, expected) in [
        (Lease::Auto, ms(10), ms(10) / 4),
        (Lease::Auto, ms(2), ms(1)),
        (Lease::Span(ms(1) / 2), ms(10), ms(1) / 2),
    ] {
        let mut bench = Bench::in_state(
            State::Backup,
            Settings {
                lease,
                advert_interval: interval,
                ..settings()
            },
        );
        let (due, out) = bench.expire();
        assert_eq!(out[0], own(ownership::State::Active, due + expected));
    }
    let mut bench = Bench::in_state(
        State::Backup,
        Settings {
            lease: Lease::Off,
            ..settings()
        },
    );
    let (_, out) = bench.expire();
    assert_eq!(out[0], own(ownership::State::Active, Instant(u64::MAX)));
}
