//! What an operator's scripts and hands get: notifications, SIGHUP, `xvrrp status`.

use std::fs;

use nix::sys::signal::Signal;
use vrrp_tests::{config::Settings, lab::VIP, node::Node as _, script::Script};

use crate::scene::{LIMIT, Scene, await_lines, eventually, shared};

fn settings() -> Settings {
    Settings::fast(254).every(100)
}

#[test]
fn scripts_are_told_every_transition_in_order() {
    let told = Script::of_arguments().unwrap();
    let script = told.path().display();
    let config = Settings {
        global: "script_user root\nenable_script_security".to_owned(),
        instance: format!(
            "notify_master \"{script} is master\"\nnotify_backup \"{script} is backup\"\n\
             notify_fault \"{script} is fault\"\nnotify_stop \"{script} is stop\"\n\
             notify {script}"
        ),
        ..settings()
    };
    let mut scene = Scene::started(shared(), [config]);
    let mut expected = Vec::new();
    let mut expect = |states: &[&str]| {
        for state in states {
            expected.push(format!("is {}", state.to_lowercase()));
            expected.push(format!("INSTANCE VI_1 {state} 254"));
        }
        eventually(&format!("the scripts are told {states:?}"), || {
            told.lines().len() >= expected.len()
        });
        assert_eq!(told.lines(), expected);
    };
    expect(&["BACKUP", "MASTER"]);
    scene.router(1).port.cut().unwrap();
    expect(&["FAULT"]);
    scene.router(1).port.mend().unwrap();
    expect(&["BACKUP", "MASTER"]);
    scene.node(1).stop().unwrap();
    expect(&["STOP"]);
}

/// The node says at the start that it will not run the script, and looks at it again before each run.
#[test]
fn a_script_that_others_can_change_is_refused_as_root_until_it_is_mended() {
    let script = Script::new("echo $3 >> TOLD").unwrap();
    script.set_mode(0o757).unwrap();
    let path = script.path().display();
    let config = Settings {
        global: "script_user root\nenable_script_security".to_owned(),
        instance: format!("notify {path}"),
        ..settings()
    };
    let mut scene = Scene::started(shared(), [config]);
    let reason = format!("users other than root can change {path} (enable_script_security)");
    let at_start = format!("(VI_1) {path} will not be run as root: {reason}");
    let at_run = format!("(VI_1) cannot run {path}: as root: {reason}");
    scene.await_owner(1);
    // For BACKUP and for MASTER.
    await_lines(scene.log(1), 0, &[&at_start]);
    eventually("both runs are refused", || {
        scene.log(1).tail(usize::MAX).matches(&at_run).count() == 2
    });
    assert!(script.lines().is_empty());
    script.set_mode(0o755).unwrap();
    scene.router(1).port.cut().unwrap();
    eventually("the script is told", || script.lines() == ["FAULT"]);
}

/// A script can take back what it did to the address, before the address goes.
#[test]
fn a_stop_is_told_while_the_router_still_serves() {
    let commands = "ip -o addr show dev ens33 >> TOLD\necho end >> TOLD";
    let script = Script::new(commands).unwrap();
    let told_at_stop = |state: &str, scene: &mut Scene, number: u8| {
        script.clear();
        scene.await_state(number, state);
        scene.node(number).stop().unwrap();
        // The script was waited for, and there was one.
        let lines = script.lines();
        let ends = lines.iter().filter(|line| *line == "end").count();
        assert_eq!(ends, 1, "{lines:#?}");
        lines.iter().any(|line| line.contains(&format!(" {VIP}/")))
    };
    // The successor waits 0.6 s after priority 0.
    let with_script = |priority| Settings {
        global: "script_user root".to_owned(),
        instance: format!("notify_stop {}", script.path().display()),
        ..Settings::fast(priority).every(1000)
    };
    let mut scene = Scene::serving(shared(), [254, 100].map(with_script));
    scene.await_state(2, "BACKUP");
    assert!(told_at_stop("MASTER", &mut scene, 1), "with a successor");
    scene.await_owner(2);
    assert!(told_at_stop("MASTER", &mut scene, 2), "alone");

    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.node(2).start().unwrap();
    assert!(!told_at_stop("BACKUP", &mut scene, 2));
    scene.router(1).port.cut().unwrap();
    assert!(!told_at_stop("FAULT", &mut scene, 1));
}

#[test]
fn sighup_reads_the_file_and_changes_nothing() {
    let mut scene = Scene::serving(shared(), [settings()]);
    let before = scene.status(1);

    let mark = scene.log(1).mark();
    scene.signal(1, Signal::SIGHUP);
    let complete = "Reload complete: nothing changes";
    scene.log(1).wait_after(mark, complete, LIMIT).unwrap();
    let answer = scene.node(1).reload().unwrap();
    assert_eq!((answer.code, &*answer.text), (0, "nothing changes\n"));

    let file = scene.node(1).config().to_owned();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("virtual_router_id 51", "virtual_router_id 999"),
    )
    .unwrap();
    let mark = scene.log(1).mark();
    scene.signal(1, Signal::SIGHUP);
    let place = format!("{}:9: error: ", file.display());
    scene.log(1).wait_after(mark, &place, LIMIT).unwrap();
    let refused = "Reload refused: nothing changes";
    scene.log(1).wait_after(mark, refused, LIMIT).unwrap();
    let answer = scene.node(1).reload().unwrap();
    assert_eq!(answer.code, 1);
    assert!(answer.text.starts_with(&place), "{}", answer.text);
    assert!(
        answer.text.ends_with("nothing changes\n"),
        "{}",
        answer.text
    );

    fs::write(
        &file,
        text.replace("virtual_router_id 51", "virtual_router_id 52"),
    )
    .unwrap();
    let asked = format!("check --diff -f {}", file.display());
    let seen = scene.node(1).subcommand(&asked).unwrap();
    let restart = "reload: VI_1: restarted (virtual_router_id 51 → 52); another router takes over if it is MASTER here";
    assert!(seen.lines().any(|line| line == restart), "{seen}");

    scene.await_owner(1);
    let after = scene.status(1);
    assert_eq!(after.transitions(), before.transitions());
    assert_eq!(after.number("since_ns"), before.number("since_ns"));
    assert!(after.number("adverts_sent") > before.number("adverts_sent"));
}

#[test]
fn status_tells_a_person_what_it_tells_a_program() {
    let worse = Settings::fast(253).every(100);
    let mut scene = Scene::serving(shared(), [settings(), worse]);
    scene.await_state(2, "BACKUP");
    let text = scene.node(2).subcommand("status").unwrap();
    let status = scene.status(2);
    let mode = status.text("xdp_mode");
    let usual = if scene.router(2).port.runs_xdp() {
        "native"
    } else {
        "tc"
    };
    assert!(mode.starts_with(usual), "{mode}");
    for words in ["VI_1", "BACKUP", "ens33", "192.168.1.1", "253", mode] {
        assert!(text.contains(words), "no {words} in\n{text}");
    }
    assert_eq!(status.text("active"), "192.168.1.1");
    assert_eq!(status.number("active_priority"), 254);
    assert_eq!(status.number("advert_interval_us"), 100_000);
    // (256 - 253) / 256 of 100 ms.
    assert_eq!(status.number("skew_us"), 1171);
    assert_eq!(status.number("down_us"), 301_171);

    let mark = scene.log(2).mark();
    scene.signal(2, Signal::SIGUSR1);
    scene.log(2).wait_after(mark, "VI_1", LIMIT).unwrap();
}
