//! Scripts that write down that they ran.

mod reload;
mod running;
mod security;
mod states;

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

/// A router with these scripts that has become Active.
fn active_with(give: impl FnOnce(&Bench, &mut Notify)) -> (Bench, Notifier) {
    let bench = Bench::new();
    let mut notify = Notify::default();
    give(&bench, &mut notify);
    let mut notifier = start([router("VI_1", notify)]);
    notifier.entered(FIRST, to(State::Active), 100);
    (bench, notifier)
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
