//! Scripts that change and routers that go while the node runs.

use super::*;

#[tokio::test(flavor = "current_thread")]
async fn scripts_may_change_while_the_router_runs() {
    let bench = Bench::new();
    let notify = |name: &str| Notify {
        backup: Some(bench.logger(name)),
        ..Notify::default()
    };
    let mut notifier = start([router("VI_1", notify("old"))]);
    notifier.entered(FIRST, to(State::Backup), 100);
    let mut poll = tokio::time::interval(BRIEF.tick);
    while bench.log().is_empty() {
        poll.tick().await;
    }
    notifier.set(FIRST, scripts(&router("VI_1", notify("new"))));
    // The state is as before, and was told.
    notifier.entered(FIRST, to(State::Backup), 100);
    notifier.entered(FIRST, to(State::Fault), 100);
    notifier.entered(FIRST, to(State::Backup), 100);
    finish(notifier).await;
    assert_eq!(bench.log(), ["old", "new"]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_removed_router_is_told_that_it_stops_before_its_successor_starts() {
    let bench = Bench::new();
    let slow = bench.script("stop", "sleep 0.2; echo stop >> $log");
    let notify = Notify {
        stop: Some(slow),
        backup: Some(bench.logger("backup")),
        ..Notify::default()
    };
    let mut notifier = start([router("VI_1", notify.clone())]);
    notifier.entered(FIRST, to(State::Initialize), 100);
    notifier.remove(FIRST);
    let next = FIRST.next();
    notifier.set(next, scripts(&router("VI_1", notify)));
    notifier.entered(next, to(State::Backup), 100);
    // Nobody any more.
    notifier.entered(FIRST, to(State::Backup), 100);
    finish(notifier).await;
    assert_eq!(bench.log(), ["stop", "backup"]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_hung_script_of_a_removed_router_does_not_silence_its_successor() {
    let bench = Bench::new();
    let notify = Notify {
        stop: Some(bench.script("stop", "echo stop >> $log; exec sleep 600")),
        backup: Some(bench.logger("backup")),
        ..Notify::default()
    };
    let mut notifier = Notifier {
        limits: BRIEF,
        ..Notifier::default()
    };
    let instance = router("VI_1", notify);
    notifier.set(FIRST, scripts(&instance));
    notifier.entered(FIRST, to(State::Initialize), 100);
    notifier.remove(FIRST);
    let next = FIRST.next();
    notifier.set(next, scripts(&instance));
    notifier.entered(next, to(State::Backup), 100);
    let mut poll = tokio::time::interval(BRIEF.tick);
    let heard = async {
        while bench.log().len() < 2 {
            poll.tick().await;
        }
    };
    timeout(Duration::from_secs(20), heard).await.unwrap();
    assert_eq!(bench.log(), ["stop", "backup"]);
}
