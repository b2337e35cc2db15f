//! keepalived beside our node, on r2.

use std::process::Command;

use vrrp_tests::{
    config::Settings,
    lab::Host,
    node::{BACKUP, Keepalived, MASTER, Node as _},
};

use crate::scene::{LIMIT, Scene, eventually};

/// keepalived of this configuration, not started, if it is installed.
pub(crate) fn keepalived(router: &Host, config: &Settings) -> Option<Keepalived> {
    of_file(router, &config.to_string())
}

/// keepalived of this file, not started, if it is installed.
pub(crate) fn of_file(router: &Host, text: &str) -> Option<Keepalived> {
    let installed = Command::new("keepalived").arg("--version").output();
    if installed.is_err() {
        eprintln!("skipped: keepalived is not installed");
        return None;
    }
    Some(Keepalived::new(router, text).unwrap())
}

/// Starts it, and sees it stay Backup while r1 sends more than so many adverts.
#[track_caller]
pub(crate) fn stays_backup(scene: &Scene, keepalived: &mut Keepalived, adverts: u64) {
    keepalived.start().unwrap();
    let log = keepalived.process().unwrap().log();
    log.wait(BACKUP, LIMIT).unwrap();
    let sent = scene.status(1).number("adverts_sent");
    eventually("r1 has sent for a while", || {
        scene.status(1).number("adverts_sent") > sent + adverts
    });
    let said = keepalived.process().unwrap().log().tail(usize::MAX);
    assert!(!said.contains(MASTER), "{said}");
}
