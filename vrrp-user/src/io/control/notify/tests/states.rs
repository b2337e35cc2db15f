//! Which script a state has, and when it is told.

use super::*;

#[tokio::test(flavor = "current_thread")]
async fn specific_script_first_then_the_general_one_with_keepaliveds_arguments() {
    let bench = Bench::new();
    let mut master = bench.logger("master");
    master.argv.extend(["a b".to_owned(), "$HOME;".to_owned()]);
    let notify = Notify {
        master: Some(master),
        backup: Some(bench.logger("backup")),
        fault: Some(bench.logger("fault")),
        stop: Some(bench.logger("stop")),
        any: Some(bench.logger("any")),
    };
    let mut notifier = start([router("VI 1", notify)]);
    for state in [
        State::Backup,
        State::Active,
        State::Fault,
        State::Initialize,
    ] {
        notifier.entered(FIRST, to(state), 100);
    }
    finish(notifier).await;
    assert_eq!(
        bench.log(),
        [
            "backup",
            "any INSTANCE VI 1 BACKUP 100",
            "master a b $HOME;",
            "any INSTANCE VI 1 MASTER 100",
            "fault",
            "any INSTANCE VI 1 FAULT 100",
            "stop",
            "any INSTANCE VI 1 STOP 100",
        ]
    );
}

#[tokio::test(flavor = "current_thread")]
async fn our_own_states_are_not_told() {
    let (bench, mut notifier) = started_with("echo $3 >> $log");
    use State::{Active, Backup, Initialize, Retiring, Rising};
    for state in [Backup, Rising, Backup, Rising, Active, Retiring, Initialize] {
        notifier.entered(FIRST, to(state), 100);
    }
    finish(notifier).await;
    assert_eq!(bench.log(), ["BACKUP", "MASTER", "STOP"]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_planned_stop_is_told_while_the_router_serves_and_only_once() {
    let (bench, mut notifier) = active_with(|bench, notify| {
        notify.stop = Some(bench.logger("stop"));
    });
    // Retiring for another reason is no stop.
    let moved = Transition {
        cause: Cause::BetterAdvert,
        ..to(State::Retiring)
    };
    notifier.entered(FIRST, moved, 100);
    notifier.entered(FIRST, to(State::Retiring), 100);
    while bench.log().is_empty() {
        drop(timeout(Duration::from_millis(10), std::future::pending::<()>()).await);
    }
    assert_eq!(bench.log(), ["stop"]);
    notifier.entered(FIRST, to(State::Initialize), 100);
    finish(notifier).await;
    assert_eq!(bench.log(), ["stop"]);
}

#[tokio::test(flavor = "current_thread")]
async fn promotion_waits_for_the_addresses_but_not_for_ever() {
    let (bench, mut notifier) = active_with(|bench, notify| {
        notify.master = Some(bench.logger("master"));
    });
    let wait = timeout(Duration::from_millis(300), std::future::pending::<()>());
    wait.await.unwrap_err();
    assert!(bench.log().is_empty(), "addresses are not there yet");
    notifier.addresses_settled(FIRST);
    finish(notifier).await;
    assert_eq!(bench.log(), ["master"]);
}
