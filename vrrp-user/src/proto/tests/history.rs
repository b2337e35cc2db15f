//! What RFC 8347 tells about the past (C72): `last-event`, `new-master-reason`, `up-datetime` and
//! `last-adv-source`.

use super::{
    Bench, FaultReason, History, Input, Instant, LastEvent, NewMasterReason, OURS, PEER, START,
    Settings, State, ms, settings,
};

fn history(bench: &Bench) -> History {
    bench.router.history()
}

#[track_caller]
fn is(bench: &Bench, last_event: LastEvent, new_master_reason: NewMasterReason) {
    let history = history(bench);
    assert_eq!(
        (history.last_event, history.new_master_reason),
        (last_event, new_master_reason)
    );
}

#[test]
fn c72_nothing_has_happened_to_a_new_router() {
    assert_eq!(history(&Bench::new(settings())), History::default());
    is(
        &Bench::new(settings()),
        LastEvent::None,
        NewMasterReason::NotMaster,
    );
}

#[test]
fn c72_a_silent_active_did_not_respond() {
    let mut bench = Bench::in_state(State::Backup, settings());
    is(&bench, LastEvent::Startup, NewMasterReason::NotMaster);
    bench.expire();
    assert_eq!(bench.state(), State::Active);
    is(
        &bench,
        LastEvent::MasterTimeout,
        NewMasterReason::NoResponse,
    );
}

#[test]
fn c72_one_that_resigned_leaves_it_to_the_next_priority() {
    let mut bench = Bench::in_state(State::Backup, settings());
    bench.hear(START, 0);
    let (due, _) = bench.expire();
    is(&bench, LastEvent::MasterTimeout, NewMasterReason::NotMaster);
    bench.feed(due, Input::AddressesReady);
    assert_eq!(bench.state(), State::Active);
    is(&bench, LastEvent::MasterTimeout, NewMasterReason::Priority);
}

#[test]
fn c72_a_worse_active_is_preempted() {
    let mut bench = Bench::in_state(State::Rising, settings());
    is(
        &bench,
        LastEvent::LowerPriorityMaster,
        NewMasterReason::NotMaster,
    );
    bench.feed(START + ms(1), Input::AddressesReady);
    assert_eq!(bench.state(), State::Active);
    is(
        &bench,
        LastEvent::LowerPriorityMaster,
        NewMasterReason::Preempted,
    );
}

#[test]
fn c72_a_worse_active_that_resigns_before_the_flip_was_not_preempted() {
    let mut bench = Bench::in_state(State::Rising, settings());
    let now = START + ms(1);
    bench.hear(now, 0);
    assert_eq!(bench.state(), State::Active);
    is(&bench, LastEvent::MasterTimeout, NewMasterReason::Priority);
}

#[test]
fn c72_the_owner_has_the_priority() {
    let mut bench = Bench::new(settings().with_priority(255));
    bench.feed(START, Input::LinkUp { primary: OURS });
    is(&bench, LastEvent::Startup, NewMasterReason::Priority);
    assert_eq!(history(&bench).up_since, Some(START));

    bench.feed(START + ms(1), Input::Fault(FaultReason::LinkDown.into()));
    bench.feed(START + ms(2), Input::LinkUp { primary: OURS });
    is(&bench, LastEvent::InterfaceUp, NewMasterReason::Priority);
}

/// The reason outlives the office; the event does not.
#[test]
fn c72_a_better_router_deposes() {
    let mut bench = Bench::in_state(State::Active, settings());
    let now = START + ms(1);
    bench.hear(now, 101);
    assert_eq!(bench.state(), State::Backup);
    is(
        &bench,
        LastEvent::HigherPriorityBackup,
        NewMasterReason::NoResponse,
    );
}

#[test]
fn c72_the_end_of_the_preempt_delay_is_an_event() {
    let mut bench = Bench::in_state(
        State::Backup,
        Settings {
            preempt_delay: ms(5),
            ..settings()
        },
    );
    is(&bench, LastEvent::Startup, NewMasterReason::NotMaster);
    bench.expire();
    assert_eq!(bench.state(), State::Backup);
    is(
        &bench,
        LastEvent::PreemptHoldTimeout,
        NewMasterReason::NotMaster,
    );
}

#[test]
fn c72_up_means_out_of_initialize_and_fault() {
    let mut bench = Bench::in_state(State::Active, settings());
    let up = history(&bench).up_since.unwrap();
    assert!(up < START, "counted from the start, not from the promotion");

    let now = START + ms(1);
    bench.feed(now, Input::Fault(FaultReason::LinkDown.into()));
    is(
        &bench,
        LastEvent::InterfaceDown,
        NewMasterReason::NoResponse,
    );
    assert_eq!(history(&bench).up_since, None);

    let now = START + ms(2);
    bench.feed(now, Input::LinkUp { primary: OURS });
    is(&bench, LastEvent::InterfaceUp, NewMasterReason::NoResponse);
    assert_eq!(history(&bench).up_since, Some(now));
}

#[test]
fn c72_a_planned_stop_is_up_until_it_has_drained() {
    let mut bench = Bench::in_state(State::Retiring, settings());
    is(&bench, LastEvent::Shutdown, NewMasterReason::NoResponse);
    assert!(history(&bench).up_since.is_some());
    bench.feed(START + ms(1), Input::SuccessorAnnounced);
    assert_eq!(bench.state(), State::Initialize);
    is(&bench, LastEvent::Shutdown, NewMasterReason::NoResponse);
    assert_eq!(history(&bench).up_since, None);
}

#[test]
fn c72_the_last_source_is_whoever_was_heard_last() {
    let mut bench = Bench::in_state(State::Active, settings());
    assert_eq!(history(&bench).last_source, None);
    // Worse than us, and then on its way out: it deposes nobody, but it was heard.
    for (late, priority) in [(1, 99), (2, 0)] {
        let now: Instant = START + ms(late);
        bench.hear(now, priority);
        assert_eq!(bench.state(), State::Active);
        assert_eq!(history(&bench).last_source, Some(PEER));
    }

    let mut deaf = Bench::in_state(State::Fault, settings());
    deaf.hear(START, 99);
    assert_eq!(history(&deaf).last_source, None);
}
