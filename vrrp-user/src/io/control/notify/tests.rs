use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::*;
use crate::proto::Instant;

const FIRST: RouterId = RouterId::first(0);

const BRIEF: Limits = Limits {
    slow: Duration::from_millis(50),
    kill: Duration::from_millis(100),
    tick: Duration::from_millis(10),
};

/// A directory with scripts that append to one file.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn script(&self, name: &str, body: &str) -> config::Script {
        let path = self.path(name);
        let log = self.path("log");
        fs::write(&path, format!("#!/bin/sh\nlog={}\n{body}\n", log.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        config::Script {
            argv: vec![path.display().to_string()],
            user: None,
            group: None,
            user_place: config::Place::default(),
            place: config::Place::default(),
        }
    }

    /// One script that logs its arguments.
    fn logger(&self, name: &str) -> config::Script {
        self.script(name, &format!("echo {name} \"$@\" >> $log"))
    }

    fn log(&self) -> Vec<String> {
        read_lines(&self.path("log"))
    }
}

fn read_lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn router(name: &str, notify: Notify) -> config::Instance {
    config::Instance {
        notify,
        ..crate::io::control::tests::instance(name)
    }
}

fn scripts(instance: &config::Instance) -> Scripts {
    Scripts::new(instance, false).unwrap()
}

fn start(routers: impl Into<Vec<config::Instance>>) -> Notifier {
    let mut notifier = Notifier::default();
    for (slot, instance) in (0..).zip(routers.into()) {
        notifier.set(RouterId::first(slot), scripts(&instance));
    }
    notifier
}

/// The transition to a state, for the reason that there mostly is.
fn to(state: State) -> Transition {
    Transition {
        from: State::Backup,
        to: state,
        cause: match state {
            State::Retiring | State::Initialize => Cause::Shutdown,
            _ => Cause::LinkUp,
        },
        at: Instant(0),
        deadline: Instant(0),
        last_advert: None,
    }
}

async fn finish(notifier: Notifier) {
    notifier.finish(Duration::from_secs(20)).await;
}

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

/// A router whose `notify` is a script with this in it.
fn started_with(script: &str) -> (Bench, Notifier) {
    let bench = Bench::new();
    let notify = Notify {
        any: Some(bench.script("any", script)),
        ..Notify::default()
    };
    let notifier = start([router("VI_1", notify)]);
    (bench, notifier)
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

/// A router with these scripts that has become Active.
fn active_with(give: impl FnOnce(&Bench, &mut Notify)) -> (Bench, Notifier) {
    let bench = Bench::new();
    let mut notify = Notify::default();
    give(&bench, &mut notify);
    let mut notifier = start([router("VI_1", notify)]);
    notifier.entered(FIRST, to(State::Active), 100);
    (bench, notifier)
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

#[expect(clippy::print_stdout, reason = "a skipped test says why")]
#[tokio::test(flavor = "current_thread")]
async fn a_script_that_others_can_change_does_not_run_as_root() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: what runs as root can be shown by root alone");
        return;
    }
    let bench = Bench::new();
    // The folder of the bench is everybody's.
    let script = bench.logger("script");
    let nobody = config::Script {
        user: Some("nobody".to_owned()),
        ..script.clone()
    };
    let [guarded, trusted, as_nobody] = [(&script, true), (&script, false), (&nobody, true)]
        .map(|(script, is_guarded)| Script::new(script, is_guarded).unwrap());
    let limits = Limits::default();
    let run = async |script: &Script, argument: &str| {
        let arguments = [argument.to_owned()];
        script.run("VI_1", &arguments, &limits, || false).await;
    };
    fs::write(bench.path("log"), "").unwrap();
    fs::set_permissions(bench.path("log"), fs::Permissions::from_mode(0o666)).unwrap();
    run(&guarded, "guarded").await;
    run(&trusted, "trusted").await;
    run(&as_nobody, "nobody").await;
    assert_eq!(bench.log(), ["script trusted", "script nobody"]);
    // The same one is looked at before each run.
    fs::set_permissions(bench.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    run(&guarded, "mended").await;
    assert_eq!(bench.log().last().unwrap(), "script mended");
}

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

#[test]
fn unknown_users_and_groups_are_errors() {
    let script = |user: Option<&str>, group: Option<&str>| config::Script {
        argv: vec!["/bin/true".to_owned()],
        user: user.map(str::to_owned),
        group: group.map(str::to_owned),
        user_place: config::Place::default(),
        place: config::Place::default(),
    };
    let error = Script::new(&script(Some("no such user"), None), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "script /bin/true: there is no user no such user"
    );
    let error = Script::new(&script(None, Some("no such group")), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "script /bin/true: there is no group no such group"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn user_and_group_are_taken_on_with_all_supplementary_groups() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let bench = Bench::new();
    let mut script = bench.script("who", "id -un >> $log; id -Gn >> $log; id -gn >> $log");
    script.user = Some("nobody".to_owned());
    script.group = Some("daemon".to_owned());
    let script = Script::new(&script, false).unwrap();
    script.run("VI_1", &[], &Limits::default(), || false).await;
    let groups = &bench.log()[1];
    assert!(!groups.split(' ').any(|group| group == "root"), "{groups}");
    assert_eq!(bench.log()[0], "nobody");
    assert_eq!(bench.log()[2], "daemon");
}

#[test]
fn what_cannot_be_run_is_said_before() {
    let bench = Bench::new();
    let flaws = |script: &config::Script, is_guarded: bool| script_flaws(script, is_guarded);
    let (fine, mut private) = (bench.script("fine", ""), bench.script("private", ""));
    assert_eq!(flaws(&fine, false).len(), 1);
    let as_user = |script: &config::Script, user: &str| config::Script {
        user: Some(user.to_owned()),
        ..script.clone()
    };
    let (by_nobody, by_root) = (as_user(&fine, "nobody"), as_user(&fine, "root"));
    assert_eq!(flaws(&by_nobody, true), [""; 0]);

    // The folder is writable for everybody.
    let path = |name: &str| bench.path(name).display().to_string();
    let folder = bench.0.path().display();
    let change = format!("users other than root can change {folder}");
    assert_eq!(
        flaws(&by_root, true),
        [format!(
            "{} will not be run as root: {change} (enable_script_security)",
            path("fine")
        )]
    );
    assert_eq!(
        flaws(&by_root, false),
        [format!(
            "SECURITY VIOLATION - {} runs as root, and {change}; enable_script_security would refuse it",
            path("fine")
        )]
    );

    let missing = "No such file or directory (os error 2)";
    private.argv[0] = path("missing");
    assert_eq!(
        flaws(&as_user(&private, "nobody"), true),
        [format!("cannot run {}: {missing}", path("missing"))]
    );
    private.argv[0] = "no-such-program".to_owned();
    assert_eq!(
        flaws(&private, false),
        [format!("cannot run no-such-program: {missing}")]
    );

    let denied = |name: &str| format!("cannot run {}: Permission denied (os error 13)", path(name));
    fs::set_permissions(bench.path("fine"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(flaws(&by_nobody, false), [denied("fine")]);
    if nix::unistd::geteuid().is_root() {
        private.argv[0] = path("private");
        fs::set_permissions(bench.path("private"), fs::Permissions::from_mode(0o700)).unwrap();
        let found = flaws(&as_user(&private, "nobody"), false);
        assert_eq!(found, [denied("private")]);
        assert_eq!(flaws(&as_user(&private, "root"), false).len(), 1);
    }
}

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
