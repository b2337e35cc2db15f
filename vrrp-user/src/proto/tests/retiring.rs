//! C44, stretched: a planned stop by way of Retiring.

use vrrp_ebpf::{abi::Follow, ownership};

use super::{
    Bench, Cause, DISOWN, FaultReason, Input, Instant, Lease, Output, START, Settings, State,
    Transition, advert, assert_moved, ms, own, settings, transition,
};

const RESIGN: Output = Output::Advertise { priority: 0 };

fn retiring() -> Bench {
    Bench::in_state(State::Retiring, settings())
}

/// 3 x 10 ms + the Skew_Time of priority 1.
fn drained() -> Instant {
    Instant(START.0 + 39_960_937)
}

fn assert_gone(out: &[Output]) {
    assert_eq!(out[..2], [DISOWN, Output::Remove]);
    assert_eq!(out.len(), 3);
    assert_moved(out, State::Retiring, State::Initialize, Cause::Drained);
}

//= C44: proof
#[test]
fn c44_resigns_in_order_and_serves_on() {
    let mut bench = Bench::in_state(State::Active, settings());
    assert_eq!(
        bench.feed(START, Input::Shutdown),
        [
            Output::Follow {
                follow: Follow {
                    restart_min: 1,
                    ..Follow::default()
                },
                clear_seen: true,
            },
            own(ownership::State::Retiring, START + ms(10) / 4),
            RESIGN,
            Output::Transition(Transition {
                from: State::Active,
                to: State::Retiring,
                cause: Cause::Shutdown,
                at: START,
                deadline: START,
                last_advert: None,
            }),
        ]
    );
    assert!(!bench.router.is_finished());
}

/// Before, the Backups wait as for an Active: the lease that was has to do.
#[test]
fn serves_until_drained_once_priority_zero_has_left() {
    let mut bench = Bench::in_state(State::Active, settings());
    bench.feed(START, Input::AdvertSent { at: START });
    let now = START + ms(5);
    let out = bench.feed(now, Input::Shutdown);
    let lease = START + ms(30);
    assert_eq!(out.get(1), Some(&own(ownership::State::Retiring, lease)));
    // An advert that was under way says nothing of the end.
    assert_eq!(bench.feed(now, Input::AdvertSent { at: START }), []);
    let drained = drained() + ms(5);
    assert_eq!(
        bench.feed(now, Input::AdvertSent { at: now }),
        [own(ownership::State::Retiring, drained)]
    );
    let repeated = now + ms(10);
    assert_eq!(bench.feed(repeated, Input::AdvertSent { at: repeated }), []);
}

#[test]
fn without_a_lease_it_serves_until_drained() {
    let settings = Settings {
        lease: Lease::Off,
        ..settings()
    };
    let mut bench = Bench::in_state(State::Active, settings);
    let out = bench.feed(START, Input::Shutdown);
    assert_eq!(
        out.get(1),
        Some(&own(ownership::State::Retiring, drained()))
    );
}

/// Sooner, the repetition would start the peers' Skew_Time over.
#[test]
fn c44_repeats_priority_zero_once_beyond_every_skew() {
    let mut bench = retiring();
    assert_eq!(bench.expire(), (START + ms(10), [RESIGN].as_slice()));
    let (due, out) = bench.expire();
    assert_eq!(due, drained());
    assert_gone(out);
}

/// A stall over the whole drain time: nobody needs priority 0 any more.
//= C44: refusal
#[test]
fn c44_does_not_repeat_after_the_end() {
    let mut bench = retiring();
    assert_gone(bench.feed(drained(), Input::Timeout));
}

#[test]
fn c44_version_2_skew_is_in_seconds() {
    let mut bench = Bench::in_version_2(State::Backup, ms(5000));
    bench.expire();
    let now = bench.router.since();
    bench.feed(now, Input::Shutdown);
    assert_eq!(bench.deadline(), now + ms(1000));
    bench.expire();
    // 3 x 5 s would be more than a stop may take.
    assert_eq!(bench.deadline(), now + ms(10_000));
}

#[test]
fn ends_at_the_successors_announcement() {
    let mut bench = retiring();
    let now = START + ms(1);
    assert_eq!(bench.hear(now, 99), []);
    assert_gone(bench.feed(now, Input::SuccessorAnnounced));
    assert!(!bench.router.is_finished());
    bench.feed(now, Input::AddressesGone);
    assert!(bench.router.is_finished());
}

#[test]
fn lingers_after_the_successors_advert_without_repeating() {
    for input in [advert(START + ms(1), 1), Input::Seen(START + ms(1))] {
        let mut bench = retiring();
        assert_eq!(bench.feed(START + ms(1), input), []);
        // A second advert does not prolong it.
        bench.hear(START + ms(4), 1);
        let (due, out) = bench.expire();
        assert_eq!(due, START + ms(11));
        assert_gone(out);
    }
}

#[test]
fn lingers_for_50_ms_at_most() {
    let mut bench = Bench::in_state(
        State::Retiring,
        Settings {
            advert_interval: ms(1000),
            ..settings()
        },
    );
    bench.hear(START + ms(1), 99);
    assert_eq!(bench.deadline(), START + ms(51));
}

#[test]
fn only_an_advert_after_ours_is_a_successors() {
    let mut bench = retiring();
    let before = Instant(START.0 - 1);
    bench.feed(START, advert(before, 99));
    bench.feed(START, Input::Seen(before));
    bench.feed(START, advert(START + ms(1), 0));
    assert_eq!(bench.expire(), (START + ms(10), [RESIGN].as_slice()));
}

#[test]
fn a_second_shutdown_changes_nothing() {
    let mut bench = retiring();
    assert_eq!(bench.feed(START + ms(1), Input::Shutdown), []);
    assert_eq!(bench.state(), State::Retiring);
}

#[test]
fn out_at_once_when_asked_again() {
    let mut bench = retiring();
    let out = bench.feed(START + ms(1), Input::ShutdownNow);
    assert_eq!(out[..3], [DISOWN, RESIGN, Output::Remove]);
    assert_moved(out, State::Retiring, State::Initialize, Cause::Shutdown);
    // A second priority 0 would start the Backups' Skew_Time over.
    let mut bench = retiring();
    bench.feed(START, Input::AdvertSent { at: START + ms(1) });
    let out = bench.feed(START + ms(5), Input::ShutdownNow);
    assert_eq!(out[..2], [DISOWN, Output::Remove]);
    // With a successor at work priority 0 would only disturb.
    let mut bench = retiring();
    bench.hear(START + ms(1), 99);
    let out = bench.feed(START + ms(1), Input::ShutdownNow);
    assert_eq!(out[..2], [DISOWN, Output::Remove]);
}

//= C44: proof
#[test]
fn c44_out_at_once_from_active() {
    let mut bench = Bench::in_state(State::Active, settings());
    let out = bench.feed(START, Input::ShutdownNow);
    assert_eq!(out[..3], [DISOWN, RESIGN, Output::Remove]);
    assert_moved(out, State::Active, State::Initialize, Cause::Shutdown);
}

#[test]
fn without_a_link_there_is_nobody_to_wait_for() {
    let mut bench = retiring();
    let out = bench.feed(START, Input::Fault(FaultReason::LinkDown.into()));
    assert_eq!(out[..2], [DISOWN, Output::Remove]);
    assert_eq!(
        transition(out),
        Some((
            State::Retiring,
            State::Initialize,
            Cause::Fault(FaultReason::LinkDown)
        ))
    );
}

/// Once it has left, another one would start the Backups' Skew_Time over; who has heard a successor is waited
/// for by nobody.
#[test]
fn a_fault_with_a_living_link_says_priority_zero_unless_it_is_said() {
    let sent = Input::AdvertSent { at: START + ms(1) };
    for (before, says) in [
        (None, true),
        (Some(advert(START, 99)), false),
        (Some(sent), false),
    ] {
        let mut bench = retiring();
        if let Some(input) = before {
            bench.feed(START, input);
        }
        let out = bench.feed(START + ms(2), Input::Fault(FaultReason::NoAddress.into()));
        assert_eq!(out[0], DISOWN);
        assert_eq!(out.contains(&RESIGN), says);
        assert_eq!(
            transition(out),
            Some((
                State::Retiring,
                State::Initialize,
                Cause::Fault(FaultReason::NoAddress)
            ))
        );
    }
}
