//! Side by side with keepalived, as installed: each takes over from the other and gives way to the
//! other.

use std::{process::Command, time::Duration};

use vrrp_tests::{
    clock,
    config::Settings,
    node::{BACKUP, Keepalived, MASTER, Node as _},
};

use crate::scene::{LIMIT, Scene, eventually, shared};

/// How both are told to speak.
#[derive(Clone, Copy)]
enum Speech {
    V2WithPassword,
    V3,
}

impl Speech {
    fn interval(self) -> Duration {
        match self {
            Self::V2WithPassword => Duration::from_secs(1),
            Self::V3 => Duration::from_millis(100),
        }
    }

    fn config(self, priority: u8) -> String {
        let (version, instance) = match self {
            Self::V2WithPassword => (2, "authentication {\n auth_type PASS\n auth_pass 1111\n }"),
            Self::V3 => (3, ""),
        };
        let settings = Settings {
            version,
            advert_int_ms: u32::try_from(self.interval().as_millis()).unwrap(),
            instance: instance.to_owned(),
            ..Settings::fast(priority)
        };
        // More than one address: keepalived compares the list.
        settings
            .to_string()
            .replace("192.168.1.254\n", "192.168.1.254\n 192.168.1.253\n")
    }
}

/// xvrrp on r1 with priority 100 and keepalived on r2, neither started.
fn pair(speech: Speech, keepalived_priority: u8) -> Option<(Scene, Keepalived)> {
    if Command::new("keepalived")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: keepalived is not installed");
        return None;
    }
    let scene = Scene::new(shared(), [speech.config(100)]);
    let config = speech.config(keepalived_priority);
    let keepalived = Keepalived::new(scene.router(2), &config).unwrap();
    Some((scene, keepalived))
}

#[track_caller]
fn await_answers(scene: &Scene, number: u8) {
    let prober = scene.prober();
    eventually(&format!("r{number} answers the client"), || {
        prober.answering() == number
    });
    prober.stop().unwrap();
}

/// xvrrp refused nothing of what it heard.
#[track_caller]
fn assert_understood(scene: &Scene) {
    let status = scene.status(1);
    assert!(status.counter("advert_accepted") > 0);
    for refused in [
        "bad_ttl",
        "bad_version",
        "bad_type",
        "bad_length",
        "bad_checksum",
        "bad_count",
        "bad_interval",
        "bad_auth_type",
        "bad_password",
        "bad_address_list",
        "address_list_differs",
    ] {
        assert_eq!(status.counter(refused), 0, "{refused}");
    }
}

/// Nobody's second thoughts: several intervals later everything is as it was.
#[track_caller]
fn assert_settled(scene: &Scene, state: &str, speech: Speech) {
    clock::sleep(speech.interval() * 4);
    assert_eq!(scene.status(1).text("state"), state);
}

fn keepalived_is_better(speech: Speech) {
    let Some((mut scene, mut keepalived)) = pair(speech, 200) else {
        return;
    };
    keepalived.start().unwrap();
    keepalived
        .process()
        .unwrap()
        .log()
        .wait(MASTER, LIMIT)
        .unwrap();
    scene.node(1).start().unwrap();
    scene.await_state(1, "BACKUP");
    assert_settled(&scene, "BACKUP", speech);
    await_answers(&scene, 2);
    assert_eq!(scene.status(1).text("active"), "192.168.1.2");
    assert_understood(&scene);

    keepalived.stop().unwrap();
    scene.await_owner(1);
    assert_eq!(scene.status(1).last_cause(), "priority_zero");

    keepalived.start().unwrap();
    keepalived
        .process()
        .unwrap()
        .log()
        .wait(MASTER, LIMIT)
        .unwrap();
    scene.await_state(1, "BACKUP");
    scene.await_no_address(1);
    await_answers(&scene, 2);
    assert_settled(&scene, "BACKUP", speech);
    assert_understood(&scene);
}

fn xvrrp_is_better(speech: Speech) {
    let Some((mut scene, mut keepalived)) = pair(speech, 50) else {
        return;
    };
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    keepalived.start().unwrap();
    let log = |keepalived: &mut Keepalived| keepalived.process().unwrap().log().tail(usize::MAX);
    keepalived
        .process()
        .unwrap()
        .log()
        .wait(BACKUP, LIMIT)
        .unwrap();
    assert_settled(&scene, "MASTER", speech);
    // It hears us and takes our list of addresses for its own.
    assert!(!log(&mut keepalived).contains(MASTER));
    await_answers(&scene, 1);

    scene.node(1).stop().unwrap();
    keepalived
        .process()
        .unwrap()
        .log()
        .wait(MASTER, LIMIT)
        .unwrap();
    await_answers(&scene, 2);
    scene.await_no_address(1);

    let mark = keepalived.process().unwrap().log().mark();
    scene.node(1).start().unwrap();
    let yields = keepalived.process().unwrap().log();
    yields.wait_after(mark, BACKUP, LIMIT).unwrap();
    scene.await_owner(1);
    scene.await_no_address(2);
    assert_settled(&scene, "MASTER", speech);
    assert_understood(&scene);
    assert!(!log(&mut keepalived).contains("ignoring"));
}

#[test]
fn a_better_keepalived_v2() {
    keepalived_is_better(Speech::V2WithPassword);
}

#[test]
fn a_better_keepalived_v3() {
    keepalived_is_better(Speech::V3);
}

#[test]
fn a_worse_keepalived_v2() {
    xvrrp_is_better(Speech::V2WithPassword);
}

#[test]
fn a_worse_keepalived_v3() {
    xvrrp_is_better(Speech::V3);
}
