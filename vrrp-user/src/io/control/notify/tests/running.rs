//! Scripts that take long, hang, fail or leave something behind.

use super::*;

#[tokio::test(flavor = "current_thread")]
async fn scripts_of_one_router_never_overlap_and_routers_do_not_wait_for_each_other() {
    let bench = Bench::new();
    let slow = "echo in >> $log.$2; sleep 0.1; echo out >> $log.$2";
    let any = Some(bench.script("any", slow));
    let notify = Notify {
        any,
        ..Notify::default()
    };
    let instances = [router("A", notify.clone()), router("B", notify)];
    let mut notifier = start(instances);
    let started = tokio::time::Instant::now();
    for number in 0..2 {
        for state in [State::Backup, State::Fault, State::Backup] {
            notifier.entered(RouterId::first(number), to(state), 100);
        }
    }
    assert!(
        started.elapsed() < Duration::from_millis(50),
        "the caller does not wait"
    );
    finish(notifier).await;
    for name in ["log.A", "log.B"] {
        assert_eq!(
            read_lines(&bench.path(name)),
            ["in", "out", "in", "out", "in", "out"]
        );
    }
}

#[tokio::test(flavor = "current_thread")]
async fn hung_script_is_killed_only_when_news_waits() {
    let bench = Bench::new();
    let hung = bench.script(
        "hung",
        "trap '' TERM; echo start >> $log; sleep 60 & wait; sleep 60",
    );
    let script = Script::new(&hung, false).unwrap();
    let patient = script.run("VI_1", &[], &BRIEF, || false);
    assert!(
        timeout(Duration::from_millis(500), patient).await.is_err(),
        "left alone"
    );
    let script = Script::new(&hung, false).unwrap();
    // Once both have come so far: before that, SIGTERM ends them.
    let impatient = script.run("VI_1", &[], &BRIEF, || bench.log().len() == 2);
    timeout(Duration::from_secs(10), impatient).await.unwrap();
    assert_eq!(bench.log(), ["start", "start"]);
}

#[tokio::test(flavor = "current_thread")]
async fn flapping_faster_than_the_scripts_keeps_the_newest() {
    let (bench, mut notifier) = started_with("echo $3 $4 >> $log");
    for flap in 0..100u8 {
        let state = if flap % 2 == 0 {
            State::Backup
        } else {
            State::Fault
        };
        notifier.entered(FIRST, to(state), flap);
    }
    finish(notifier).await;
    let log = bench.log();
    assert_eq!(log.len(), WAITING);
    assert_eq!(log.last().unwrap(), "FAULT 99");
}

#[tokio::test(flavor = "current_thread")]
async fn what_a_script_leaves_in_the_background_does_not_hold_us_up() {
    let bench = Bench::new();
    let daemon = bench.script("daemon", "(sleep 2; echo late; echo survived >> $log) &");
    let script = Script::new(&daemon, false).unwrap();
    let limits = Limits::default();
    let run = script.run("VI_1", &[], &limits, || false);
    timeout(Duration::from_secs(1), run).await.unwrap();
    for _ in 0..100 {
        if !bench.log().is_empty() {
            return;
        }
        drop(timeout(Duration::from_millis(50), std::future::pending::<()>()).await);
    }
    panic!("it was killed when it wrote to its output");
}

#[tokio::test(flavor = "current_thread")]
async fn missing_and_failing_scripts_do_not_stop_the_next() {
    let bench = Bench::new();
    let notify = Notify {
        backup: Some(config::Script {
            argv: vec!["/nonexistent".to_owned()],
            user: None,
            group: None,
            user_place: config::Place::default(),
            place: config::Place::default(),
        }),
        fault: Some(bench.script("fault", "exit 3")),
        any: Some(bench.script("any", "echo $3 >> $log; kill -9 $$")),
        ..Notify::default()
    };
    let mut notifier = start([router("VI_1", notify)]);
    notifier.entered(FIRST, to(State::Backup), 100);
    notifier.entered(FIRST, to(State::Fault), 100);
    finish(notifier).await;
    assert_eq!(bench.log(), ["BACKUP", "FAULT"]);
}
