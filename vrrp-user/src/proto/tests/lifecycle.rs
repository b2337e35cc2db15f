//! C31-C33, FAULT, and how a stop ends.

use std::{net::IpAddr, time::Duration};

use vrrp_ebpf::ownership;

use super::{
    Advert, Bench, Cause, DISOWN, DOWN, Departures, FaultReason, InitialState, Input, Instant,
    OURS, Output, PEER, Reasons, SKEW, START, Settings, State, advert, an_advert, assert_moved, ms,
    nobody, own, settings, slow, transition,
};
use crate::proto::fault;

const UP: Input = Input::LinkUp { primary: OURS };
/// Three intervals and the least Skew_Time.
const BEST_DOWN: Duration = Duration::from_nanos(30_039_062);

//= C6, C31, C59: proof
#[test]
fn c31_the_owner_is_active_at_once() {
    let mut bench = Bench::new(settings().with_priority(255));
    let out = bench.feed(START, UP);
    assert_eq!(
        out[..5],
        [
            own(ownership::State::Active, START + ms(10) / 4),
            Output::Advertise { priority: 255 },
            Output::Install,
            Output::Announce { repeat: 1 },
            nobody(255),
        ]
    );
    assert_moved(out, State::Initialize, State::Active, Cause::Owner);
    assert_eq!(bench.deadline(), START + ms(10));
}

//= C27, C32: proof
//= C31, C32: refusal
#[test]
fn c32_others_wait_the_active_down_interval() {
    let mut bench = Bench::new(settings());
    let out = bench.feed(START, UP).to_vec();
    assert_eq!(out.len(), 2);
    assert_eq!(out[0], nobody(100));
    assert_moved(&out, State::Initialize, State::Backup, Cause::Startup);
    assert_eq!(bench.deadline(), START + DOWN);
}

//= C32: proof
//= C32: refusal
#[test]
fn c32_state_master_waits_as_the_best_router_at_the_first_start_only() {
    let mut bench = master(settings());
    bench.feed(START, UP);
    assert_eq!(bench.deadline(), START + BEST_DOWN);
    bench.feed(START + ms(1), Input::Fault(FaultReason::LinkDown.into()));
    bench.feed(START + ms(2), UP);
    assert_eq!(bench.deadline(), START + ms(2) + DOWN);
    // Nor is the hint good for anything any more.
    bench.hear(START + ms(3), 50);
    assert_eq!(bench.deadline(), START + ms(2) + DOWN);
}

/// Whoever is worse and serves would follow a better router that does.
//= C32: proof
#[test]
fn c32_state_master_relieves_a_worse_router_after_an_interval() {
    let early = START + ms(10) + SKEW;
    for heard in [START + ms(5), early + ms(3)] {
        let mut bench = master(settings());
        bench.feed(START, UP);
        bench.hear(heard, 50);
        assert_eq!(bench.deadline(), early.max(heard));
        assert_eq!(
            transition(bench.expire().1),
            Some((State::Backup, State::Rising, Cause::Preempt))
        );
    }
}

//= C32: refusal
#[test]
fn c32_state_master_hurries_for_no_other_advert() {
    let heard = START + ms(5);
    let [soon, down] = [heard + SKEW, heard + DOWN];
    for (first, due) in [
        (advert(heard, 100), down),
        (advert(heard, 200), down),
        (Input::Seen(heard), down),
        (advert(heard, 0), soon),
        // It waited in the ring.
        (advert(Instant(START.0 - 1), 50), START + BEST_DOWN),
    ] {
        let mut bench = master(settings());
        bench.feed(START, UP);
        bench.feed(heard, first);
        assert_eq!(bench.deadline(), due, "{first:?}");
        if due != START + BEST_DOWN {
            bench.hear(heard + ms(1), 50);
            assert_eq!(bench.deadline(), due, "{first:?}");
        }
    }
}

/// The owner waits for the start-up delay alone.
#[test]
fn state_master_is_nothing_to_the_owner() {
    let delayed = Departures {
        startup_delay: ms(100),
        ..Departures::default()
    };
    let mut bench = master(Settings {
        departures: delayed,
        ..settings().with_priority(255)
    });
    bench.feed(START, UP);
    bench.hear(START + ms(5), 50);
    assert_eq!(bench.deadline(), START + ms(100));
}

fn master(settings: Settings) -> Bench {
    Bench::new(Settings {
        initial: InitialState::Master,
        ..settings
    })
}

//= C33: proof
//= C33: refusal
#[test]
fn c33_no_priority_zero_from_a_backup() {
    let mut bench = Bench::in_state(State::Backup, settings());
    let out = bench.feed(START, Input::Shutdown);
    assert_moved(out, State::Backup, State::Initialize, Cause::Shutdown);
    assert_eq!(out.len(), 1);
    assert!(bench.router.is_finished());
    assert_eq!(bench.router.deadline(), None);
}

#[test]
fn a_stopped_router_does_not_start_again() {
    let mut bench = Bench::in_state(State::Backup, settings());
    bench.feed(START, Input::Shutdown);
    assert_eq!(
        bench.feed(START, Input::Fault(FaultReason::LinkDown.into())),
        []
    );
    assert_eq!(bench.feed(START, UP), []);
    assert!(bench.router.is_finished());
}

//= C4: refusal
#[test]
fn link_down_fences_first_and_sends_nothing() {
    let mut bench = Bench::in_state(State::Active, settings());
    let out = bench.feed(START, Input::Fault(FaultReason::LinkDown.into()));
    assert_eq!(out[..2], [DISOWN, Output::Remove]);
    assert_eq!(out.len(), 3);
    assert_eq!(
        transition(out),
        Some((
            State::Active,
            State::Fault,
            Cause::Fault(FaultReason::LinkDown)
        ))
    );
    assert_eq!(bench.router.deadline(), None);
    assert_eq!(bench.router.active_source(), None);
}

/// Every reason but those for which nothing can leave: the Backups are told once we serve no more.
//= C4, C44: proof
#[test]
fn a_fault_with_a_living_link_resigns() {
    for reason in fault::tests::ALL {
        if matches!(
            reason,
            FaultReason::LinkDown | FaultReason::NoInterface | FaultReason::NoMac
        ) {
            continue;
        }
        let mut bench = Bench::in_state(State::Active, settings());
        let out = bench.feed(START, Input::Fault(reason.into()));
        let resign = Output::Advertise { priority: 0 };
        assert_eq!(out[..3], [DISOWN, resign, Output::Remove]);
        assert_moved(out, State::Active, State::Fault, Cause::Fault(reason));
        // The advert that left renews nothing.
        assert_eq!(bench.feed(START, Input::AdvertSent { at: START }), []);
        assert_eq!(
            bench.feed(START, Input::Fault(FaultReason::LinkDown.into())),
            []
        );
    }
}

/// What is told first is the first of them, and one that keeps adverts from leaving is enough.
#[test]
fn several_faults_are_one() {
    let mut bench = Bench::in_state(State::Active, settings());
    let both = Reasons::from_iter([FaultReason::NoPeer, FaultReason::LinkDown]);
    let out = bench.feed(START, Input::Fault(both)).to_vec();
    assert_eq!(out[..2], [DISOWN, Output::Remove]);
    let down = Cause::Fault(FaultReason::LinkDown);
    assert_moved(&out, State::Active, State::Fault, down);
    // It stays in FAULT as long as one of them holds.
    assert_eq!(
        bench.feed(START, Input::Fault(FaultReason::NoPeer.into())),
        []
    );
    assert_eq!(bench.state(), State::Fault);
    let out = bench.feed(START + ms(1), Input::Fault(Reasons::NONE));
    assert_moved(out, State::Fault, State::Backup, Cause::LinkUp);
    assert_eq!(bench.deadline(), START + ms(1) + DOWN);
    assert_eq!(bench.router.settings().primary, OURS);
    assert_eq!(bench.feed(START, Input::Fault(Reasons::NONE)), []);
}

/// Adverts have to come from somewhere.
#[test]
fn nothing_begins_before_there_is_a_source_address() {
    let mut bench = Bench::new(Settings {
        primary: IpAddr::from([0, 0, 0, 0]),
        ..settings()
    });
    assert_eq!(bench.feed(START, Input::Fault(Reasons::NONE)), []);
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn a_fault_without_a_link_sends_nothing() {
    use FaultReason::{LinkDown, NoInterface, NoMac};
    for reason in [LinkDown, NoInterface, NoMac] {
        for state in [State::Active, State::Retiring] {
            let mut bench = Bench::in_state(state, settings());
            let out = bench.feed(START, Input::Fault(reason.into()));
            let sends = |output: &Output| matches!(output, Output::Advertise { .. });
            assert!(!out.iter().any(sends), "{reason:?}: {out:?}");
        }
    }
}

//= C32: proof
#[test]
fn link_up_waits_a_whole_active_down_interval() {
    let mut bench = Bench::in_state(State::Fault, settings());
    let out = bench.feed(START, UP);
    assert_moved(out, State::Fault, State::Backup, Cause::LinkUp);
    assert_eq!(bench.deadline(), START + DOWN);
    // What was learned before the fault is forgotten.
    bench.hear(START, 200);
    bench.feed(START, Input::Fault(FaultReason::LinkDown.into()));
    bench.feed(START + ms(5), UP);
    assert_eq!(bench.deadline(), START + ms(5) + DOWN);
    assert_eq!(bench.router.active_priority(), None);
}

//= C27: proof
#[test]
fn c27_the_own_interval_counts_again_after_a_fault() {
    let mut bench = Bench::in_state(State::Backup, settings());
    let slow = slow();
    bench.feed(START, Input::Advert(slow));
    assert_eq!(bench.deadline(), START + DOWN * 100);
    bench.feed(START + ms(1), Input::Fault(FaultReason::LinkDown.into()));
    bench.feed(START + ms(2), UP);
    assert_eq!(bench.deadline(), START + ms(2) + DOWN);
}

/// Neither priority 0 nor a worse router's slow adverts count after a fault.
#[test]
fn a_fault_ends_what_was_heard() {
    let slow = Advert {
        interval_cs: 100,
        ..an_advert(PEER, START, 50)
    };
    for input in [advert(START, 0), Input::Advert(slow)] {
        let mut bench = Bench::in_state(State::Backup, settings());
        bench.feed(START, input);
        bench.feed(START, Input::Fault(FaultReason::LinkDown.into()));
        bench.feed(START, UP);
        let (_, out) = bench.expire();
        assert!(matches!(out[0], Output::Own { .. }));
        assert_moved(out, State::Backup, State::Active, Cause::ActiveDown);
    }
}

#[test]
fn link_up_makes_the_owner_active() {
    let mut bench = Bench::of_priority(State::Fault, 255);
    let out = bench.feed(START, UP);
    assert_moved(out, State::Fault, State::Active, Cause::Owner);
}

#[test]
fn link_up_in_a_running_state_only_changes_the_source_address() {
    for state in [State::Backup, State::Rising, State::Active, State::Retiring] {
        let mut bench = Bench::in_state(state, settings());
        let deadline = bench.router.deadline();
        assert_eq!(bench.feed(START, Input::LinkUp { primary: PEER }), []);
        assert_eq!(bench.router.settings().primary, PEER);
        assert_eq!(bench.router.deadline(), deadline);
    }
}

#[test]
fn finished_means_that_the_kernel_has_removed_the_addresses() {
    let mut bench = Bench::in_state(State::Active, settings());
    bench.feed(START, Input::Fault(FaultReason::LinkDown.into()));
    bench.feed(START, Input::Shutdown);
    assert_eq!(bench.state(), State::Initialize);
    assert!(!bench.router.is_finished());
    bench.feed(START, Input::AddressesGone);
    assert!(bench.router.is_finished());
}

/// Removed, wanted again, and only then the answer to the removal.
#[test]
fn an_overtaken_removal_is_not_the_last_word() {
    let mut bench = Bench::in_state(State::Active, settings());
    bench.hear(START, 200);
    assert!(bench.out.contains(&Output::Remove));
    let (due, out) = bench.expire();
    assert!(out.contains(&Output::Install));
    bench.feed(due, Input::AddressesGone);
    bench.feed(due, Input::ShutdownNow);
    assert!(bench.out.contains(&Output::Remove));
    assert!(!bench.router.is_finished());
}

#[test]
fn a_router_that_never_started_is_finished_when_asked() {
    let mut bench = Bench::new(settings());
    assert!(!bench.router.is_finished());
    assert_eq!(bench.feed(START, Input::Shutdown), []);
    assert!(bench.router.is_finished());
}

#[test]
fn preempt_delay_leaves_a_worse_active_alone_for_a_while() {
    let mut bench = Bench::new(Settings {
        preempt_delay: Duration::from_millis(100),
        ..settings()
    });
    assert_eq!(bench.feed(START, UP)[0], nobody(1));
    // While it runs, a worse Active is followed.
    let mut now = START;
    for step in 0..10 {
        now = START + ms(10 * step);
        bench.hear(now, 50);
        assert_eq!(bench.state(), State::Backup);
    }
    assert_eq!(now + ms(10), bench.deadline());
    // When it is over, adverts of the worse one are discarded and must wake us again.
    let (over, out) = bench.expire();
    assert_eq!(out, [nobody(100)]);
    bench.hear(over + ms(5), 50);
    assert_eq!(bench.deadline(), now + DOWN);
    bench.expires(State::Backup, State::Rising, Cause::Preempt);
}

#[test]
fn preempt_delay_keeps_an_active_that_is_no_worse_followed() {
    for priority in [100, 200] {
        let mut bench = Bench::new(Settings {
            preempt_delay: Duration::from_millis(20),
            ..settings()
        });
        bench.feed(START, UP);
        bench.hear(START, priority);
        let (_, out) = bench.expire();
        assert_eq!(out, [super::peer(priority, 100)]);
    }
}
