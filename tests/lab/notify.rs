//! What an operator's scripts and hands get: notifications, SIGHUP, `xvrrp status`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use vrrp_tests::{config::Settings, lab::VIP, node::Node as _};

use crate::scene::{LIMIT, Scene, await_lines, eventually, shared};

fn settings() -> Settings {
    Settings::fast(254).every(100)
}

fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// A script that runs these commands, with `TOLD` for the name of the second file.
fn script(folder: &Path, commands: &str) -> (PathBuf, PathBuf) {
    let (script, told) = (folder.join("tell"), folder.join("told"));
    let commands = commands.replace("TOLD", &told.display().to_string());
    fs::write(&script, format!("#!/bin/sh\n{commands}\n")).unwrap();
    set_mode(&script, 0o755);
    (script, told)
}

fn set_mode(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn scripts_are_told_every_transition_in_order() {
    let folder = tempfile::tempdir().unwrap();
    // `$*` on one line each: what keepalived's users parse.
    let (script, told) = script(folder.path(), "echo \"$*\" >> TOLD");
    let script = script.display();
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
            lines(&told).len() >= expected.len()
        });
        assert_eq!(lines(&told), expected);
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
    let folder = tempfile::tempdir().unwrap();
    let (script, told) = script(folder.path(), "echo $3 >> TOLD");
    set_mode(&script, 0o757);
    let path = script.display();
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
    assert!(lines(&told).is_empty());
    set_mode(&script, 0o755);
    scene.router(1).port.cut().unwrap();
    eventually("the script is told", || lines(&told) == ["FAULT"]);
}

/// A script can take back what it did to the address, before the address goes.
#[test]
fn a_stop_is_told_while_the_router_still_serves() {
    let folder = tempfile::tempdir().unwrap();
    let commands = "ip -o addr show dev ens33 >> TOLD\necho end >> TOLD";
    let (script, told) = script(folder.path(), commands);
    let told_at_stop = |state: &str, scene: &mut Scene, number: u8| {
        drop(fs::remove_file(&told));
        scene.await_state(number, state);
        scene.node(number).stop().unwrap();
        // The script was waited for, and there was one.
        let lines = lines(&told);
        let ends = lines.iter().filter(|line| *line == "end").count();
        assert_eq!(ends, 1, "{lines:#?}");
        lines.iter().any(|line| line.contains(&format!(" {VIP}/")))
    };
    // The successor waits 0.6 s after priority 0.
    let with_script = |priority| Settings {
        global: "script_user root".to_owned(),
        instance: format!("notify_stop {}", script.display()),
        advert_int_ms: 1000,
        ..Settings::fast(priority)
    };
    let mut scene = Scene::started(shared(), [254, 100].map(with_script));
    scene.await_owner(1);
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
    let mut scene = Scene::started(shared(), [settings()]);
    scene.await_owner(1);
    let before = scene.status(1);

    let mark = scene.log(1).mark();
    scene.signal(1, Signal::SIGHUP);
    let valid = "is valid: 1 virtual routers; this version does not reload";
    scene.log(1).wait_after(mark, valid, LIMIT).unwrap();

    let file = scene.node(1).config().to_owned();
    let broken = fs::read_to_string(&file)
        .unwrap()
        .replace("virtual_router_id 51", "virtual_router_id 999");
    fs::write(&file, broken).unwrap();
    let mark = scene.log(1).mark();
    scene.signal(1, Signal::SIGHUP);
    let line = scene
        .log(1)
        .wait_after(mark, "nothing changes", LIMIT)
        .unwrap();
    let place = format!("{}:9: error: ", file.display());
    assert!(line.text.contains(&place), "{}", line.text);

    scene.await_owner(1);
    let after = scene.status(1);
    assert_eq!(after.transitions(), before.transitions());
    assert_eq!(after.number("since_ns"), before.number("since_ns"));
    assert!(after.number("adverts_sent") > before.number("adverts_sent"));
}

#[test]
fn status_tells_a_person_what_it_tells_a_program() {
    let worse = Settings::fast(253).every(100);
    let mut scene = Scene::started(shared(), [settings(), worse]);
    scene.await_owner(1);
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
