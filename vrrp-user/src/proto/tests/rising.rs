//! Rising: make ready before relieving a router that still serves.

use vrrp_ebpf::ownership;

use super::{
    Bench, Cause, DISOWN, DOWN, FaultReason, Input, Instant, Output, PEER, START, Settings, State,
    Transition, advert, assert_flipped, assert_moved, ms, nobody, own, peer, settings, transition,
};

fn rising() -> Bench {
    Bench::in_state(State::Rising, settings())
}

//= C59: refusal
#[test]
fn installs_and_holds_the_flip_back() {
    let mut bench = Bench::in_state(State::Backup, settings());
    let late = START + ms(30);
    bench.hear(late, 99);
    let (due, out) = bench.expire();
    assert_eq!(due, START + DOWN);
    assert_eq!(
        out,
        [
            own(ownership::State::Rising, due + ms(10)),
            Output::Install,
            Output::Transition(Transition {
                from: State::Backup,
                to: State::Rising,
                cause: Cause::Preempt,
                at: due,
                deadline: due,
                last_advert: Some(late),
            }),
        ]
    );
    assert_eq!(bench.deadline(), due + ms(10));
}

/// A better Active fell silent and a worse one spoke up: from the flip on its old adverts must not
/// pass quietly.
#[test]
fn stops_following() {
    let mut bench = Bench::in_state(State::Backup, settings());
    bench.hear(START, 200);
    bench.hear(START + ms(30), 99);
    let (_, out) = bench.expire();
    assert_eq!(out[1..3], [Output::Install, nobody(100)]);
    assert_eq!(bench.state(), State::Rising);
}

/// Installed already; the worse Active still answers ARP, so the advert goes first.
//= C59: proof
#[test]
fn flips_when_the_addresses_are_ready() {
    let mut bench = rising();
    let now = START + ms(3);
    let out = bench.feed(now, Input::AddressesReady);
    assert_flipped(out, now);
    assert_eq!(out.len(), 4);
    assert_moved(out, State::Rising, State::Active, Cause::Preempt);
}

#[test]
fn flips_after_one_interval_at_the_latest() {
    let mut bench = rising();
    assert_eq!(bench.feed(START + ms(9), Input::Timeout), []);
    let (due, out) = bench.expire();
    assert_eq!(due, START + ms(10));
    assert_moved(out, State::Rising, State::Active, Cause::Preempt);
}

/// Who sent priority 0 may have stopped with it.
#[test]
fn c35_waits_a_quarter_of_the_interval_for_the_addresses_after_priority_zero() {
    for (interval, wait) in [(ms(10), ms(10) / 4), (ms(1000), ms(5))] {
        let settings = Settings {
            advert_interval: interval,
            ..settings()
        };
        let mut bench = Bench::in_state(State::Backup, settings);
        bench.hear(START, 0);
        let (due, out) = bench.expire();
        assert_eq!(
            out[..2],
            [own(ownership::State::Rising, due + wait), Output::Install]
        );
        assert_moved(out, State::Backup, State::Rising, Cause::PriorityZero);
        let (late, out) = bench.expire();
        assert_eq!(late, due + wait);
        assert_moved(out, State::Rising, State::Active, Cause::PriorityZero);
    }
}

/// On the way to Active since then, after the Active's priority 0.
fn resigned() -> (Bench, Instant) {
    let mut bench = Bench::in_state(State::Backup, settings());
    bench.hear(START, 0);
    let (due, _) = bench.expire();
    (bench, due)
}

/// Of priority 1, our Skew_Time ends when a router that retires repeats priority 0.
#[test]
fn c35_priority_zero_said_again_is_no_reason_to_hurry() {
    let (mut bench, due) = resigned();
    assert_eq!(bench.hear(due, 0), []);
    assert_eq!(bench.deadline(), due + ms(10) / 4);
    bench.feed(due + ms(1), Input::AddressesReady);
    assert_eq!(bench.state(), State::Active);
}

/// The third router's Skew_Time ended while we were at it.
#[test]
fn c35_a_worse_router_that_steps_in_is_deposed_after_all() {
    let (mut bench, due) = resigned();
    assert_eq!(bench.hear(due, 99), []);
    let out = bench.feed(due + ms(1), Input::AddressesReady);
    assert_eq!(out[0], Output::Advertise { priority: 100 });
    assert_eq!(bench.state(), State::Active);
}

//= C36: proof
#[test]
fn c36_aborts_for_a_better_or_equal_advert() {
    for priority in [100, 101, 255] {
        let mut bench = rising();
        let now = START + ms(2);
        let out = bench.hear(now, priority);
        assert_eq!(out[..3], [DISOWN, Output::Remove, peer(priority, 100)]);
        assert_moved(out, State::Rising, State::Backup, Cause::BetterAdvert);
        assert_eq!(bench.deadline(), now + DOWN);
    }
}

//= C37: proof
#[test]
fn c37_goes_on_under_worse_adverts() {
    let mut bench = rising();
    assert_eq!(bench.hear(START + ms(2), 99), []);
    assert_eq!(bench.state(), State::Rising);
}

#[test]
fn c35_flips_at_once_when_the_worse_active_resigns() {
    let mut bench = rising();
    let now = START + ms(2);
    let out = bench.hear(now, 0);
    assert_eq!(out[0], Output::Advertise { priority: 100 });
    assert_moved(out, State::Rising, State::Active, Cause::PriorityZero);
    // What arrived before that and is processed late deposes nobody.
    assert_eq!(bench.feed(now, advert(START + ms(1), 200)), []);
    assert_eq!(bench.state(), State::Active);
}

//= C45: refusal
#[test]
fn c45_history_changes_nothing() {
    let mut bench = rising();
    let before_start = Instant(START.0 - 300_000_000);
    for priority in [0, 99, 200] {
        assert_eq!(bench.feed(START, advert(before_start, priority)), []);
    }
    assert_eq!(bench.feed(START, Input::Seen(before_start)), []);
    assert_eq!(bench.state(), State::Rising);
}

//= C45: refusal
#[test]
fn c45_a_stamp_that_is_known_changes_nothing() {
    let mut bench = Bench::in_state(State::Backup, settings());
    let heard = START + ms(30);
    bench.hear(heard, 0);
    bench.expire();
    assert_eq!(bench.state(), State::Rising);
    assert_eq!(bench.feed(START + ms(50), Input::Seen(heard)), []);
    assert_eq!(bench.state(), State::Rising);
}

/// The ring was full: only the stamp tells of a better advert.
#[test]
fn aborts_for_a_stamp() {
    let mut bench = rising();
    let out = bench.feed(START + ms(2), Input::Seen(START + ms(1)));
    assert_eq!(out[..2], [DISOWN, Output::Remove]);
    assert_moved(out, State::Rising, State::Backup, Cause::BetterAdvert);
    assert_eq!(bench.deadline(), START + ms(1) + DOWN);
}

#[test]
fn aborts_for_a_fault_or_on_a_stop() {
    for (input, to, cause) in [
        // Nobody has heard of it.
        (
            Input::Fault(FaultReason::NoAddress.into()),
            State::Fault,
            Cause::Fault(FaultReason::NoAddress),
        ),
        (
            Input::Fault(FaultReason::LinkDown.into()),
            State::Fault,
            Cause::Fault(FaultReason::LinkDown),
        ),
        (Input::Shutdown, State::Initialize, Cause::Shutdown),
        (Input::ShutdownNow, State::Initialize, Cause::Shutdown),
    ] {
        let mut bench = rising();
        let out = bench.feed(START + ms(2), input);
        assert_eq!(out[..2], [DISOWN, Output::Remove]);
        assert_eq!(out.len(), 3);
        assert_eq!(transition(out), Some((State::Rising, to, cause)));
        assert_eq!(bench.router.deadline(), None);
    }
}

#[test]
fn puts_a_lost_address_back() {
    let mut bench = rising();
    assert_eq!(bench.feed(START, Input::AddressLost), [Output::Install]);
}

#[test]
fn the_worse_router_is_still_the_active_one() {
    let bench = rising();
    assert_eq!(bench.router.active_source(), Some(PEER));
    assert_eq!(bench.router.active_priority(), Some(99));
}
