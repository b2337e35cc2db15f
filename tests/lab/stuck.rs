//! What does not answer outside the node must not hold it up: a log that nobody reads, a configuration
//! file that is a pipe.

use std::fs;

use nix::{sys::signal::Signal, sys::stat::Mode, unistd::mkfifo};
use vrrp_tests::{config::Settings, node::Node as _};

use crate::scene::{LIMIT, Scene, await_lines, eventually, shared};

fn settings() -> Settings {
    Settings::fast(254).every(100)
}

/// Errors with what is wrong in full, which SIGHUP logs in one line.
const ERRORS: usize = 100;
const WRONG: usize = 900;

fn serving_with_its_log_unread() -> Scene {
    let mut scene = Scene::new(shared(), [settings()]);
    scene.node(1).leave_log_unread();
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let mut scene = serving_with_its_log_unread();
    scene.router(1).port.cut().unwrap();
    scene.await_state(1, "FAULT");
    scene.await_no_address(1);
    scene.router(1).port.mend().unwrap();
    scene.await_owner(1);

    // More than the node keeps.
    let wrong = format!("priority {}\n", "x".repeat(WRONG)).repeat(ERRORS);
    let file = scene.node(1).config().to_owned();
    fs::write(&file, format!("vrrp_instance VI_1 {{\n{wrong}}}\n")).unwrap();
    eventually("the node leaves lines out", || {
        let process = scene.node(1).process().unwrap();
        process.signal(Signal::SIGHUP).unwrap();
        let status = scene.node(1).status().unwrap().unwrap();
        status["log_lines_lost"].as_u64().unwrap() > 0
    });
    let text = scene.node(1).subcommand("status").unwrap();
    assert!(text.contains("log lines were lost"), "{text}");

    // What it kept comes in order, and then how much is missing.
    let process = scene.node(1).process().unwrap();
    process.read_log().unwrap();
    await_lines(
        process.log(),
        0,
        &[
            "Entering MASTER STATE",
            "Entering FAULT STATE",
            "Entering MASTER STATE",
            "keepalived.conf:2: error",
            "log lines are missing here",
        ],
    );
}

#[test]
fn a_log_that_nobody_reads_keeps_nobody_from_stopping() {
    let mut scene = serving_with_its_log_unread();
    scene.node(1).stop().unwrap();
    scene.await_no_address(1);
}

#[test]
fn a_pipe_is_no_configuration_file() {
    let complaint = "cannot read the configuration: it is no regular file";
    let mut scene = Scene::new(shared(), [settings()]);
    let file = scene.node(1).config().to_owned();
    let text = fs::read(&file).unwrap();
    let pipe = || {
        fs::remove_file(&file).unwrap();
        mkfifo(&file, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    };
    pipe();
    scene.node(1).start().unwrap();
    let process = scene.node(1).process().unwrap();
    assert!(!process.wait(LIMIT).unwrap().success());
    process.log().wait(complaint, LIMIT).unwrap();

    fs::remove_file(&file).unwrap();
    fs::write(&file, text).unwrap();
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    pipe();
    let process = scene.node(1).process().unwrap();
    process.signal(Signal::SIGHUP).unwrap();
    process.log().wait(complaint, LIMIT).unwrap();
    scene.await_owner(1);
}
