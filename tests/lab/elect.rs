//! Three routers: the best one that lives has the address, and nobody else does.

use std::{fmt::Debug, time::Duration};

use vrrp_tests::{config::Settings, node::Node as _};

use crate::scene::{Scene, shared};

const WATCHED: Duration = Duration::from_millis(500);

pub(crate) fn configs(of: fn(u8) -> Settings) -> [Settings; 3] {
    [100, 99, 98].map(|priority| of(priority).every(100))
}

/// The client reaches this router and no other, and who asks for the address is led to it alone.
#[track_caller]
pub(crate) fn assert_only_owner(scene: &Scene, number: u8) {
    let (probes, questions) = scene.watch(WATCHED);
    assert_eq!(probes.twice(), 0);
    assert_all(&probes.answers, |answer| answer.router == number);

    assert_eq!(questions.answered_twice(), []);
    let mac = scene.router(number).mac;
    assert_all(&questions.answers, |answer| answer.mac == mac);
}

/// Asserts that there are answers, and that all are of the owner.
#[track_caller]
fn assert_all<A: Debug>(answers: &[A], is_of_owner: impl Fn(&A) -> bool) {
    assert!(!answers.is_empty(), "nobody answers");
    let mut strangers = answers.iter().filter(|answer| !is_of_owner(answer));
    let stranger = strangers.next();
    assert!(stranger.is_none(), "another answers, too: {stranger:?}");
}

//= C36, C46, C50: proof
#[test]
fn the_best_router_alive_has_the_address() {
    the_best_router_alive_serves(Scene::started(shared(), configs(Settings::fast)));
}

//= C36, C47, C50, C52: proof
#[test]
fn the_best_router_alive_has_the_address_of_ipv6() {
    the_best_router_alive_serves(Scene::started_v6(shared(), configs(Settings::fast_v6)));
}

pub(crate) fn the_best_router_alive_serves(mut scene: Scene) {
    scene.await_owner(1);
    for backup in [2, 3] {
        scene.await_state(backup, "BACKUP");
        assert!(!scene.has_address(backup));
        let active = scene.speaker(1).to_string();
        assert_eq!(scene.status(backup).text("active"), active);
    }
    assert_only_owner(&scene, 1);

    scene.node(1).kill().unwrap();
    scene.await_owner(2);
    // Nobody took it away; the lease that ran out is what keeps the dead router quiet.
    assert!(scene.has_address(1));
    assert_only_owner(&scene, 2);
    assert_eq!(scene.status(2).last_cause(), "active_down");
    assert_eq!(scene.status(3).text("state"), "BACKUP");

    scene.node(2).stop().unwrap();
    scene.await_owner(3);
    scene.await_no_address(2);
    assert_only_owner(&scene, 3);
    assert_eq!(scene.status(3).last_cause(), "priority_zero");

    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.await_state(3, "BACKUP");
    scene.await_no_address(3);
    assert_only_owner(&scene, 1);
    let preempted = ["INIT>BACKUP", "BACKUP>RISING", "RISING>MASTER"];
    assert_eq!(scene.status(1).transitions(), preempted);

    scene.node(2).start().unwrap();
    scene.await_state(2, "BACKUP");
    assert_only_owner(&scene, 1);
}

//= C36: proof
#[test]
fn a_better_router_that_must_not_preempt_waits_for_its_turn() {
    let [best, other, _] = configs(Settings::fast);
    let patient = Settings {
        instance: "nopreempt".to_owned(),
        ..best
    };
    let mut scene = Scene::new(shared(), [patient, other]);
    scene.node(2).start().unwrap();
    scene.await_owner(2);
    scene.node(1).start().unwrap();
    scene.await_state(1, "BACKUP");
    assert_only_owner(&scene, 2);
    assert_eq!(scene.status(1).text("state"), "BACKUP");
    scene.node(2).stop().unwrap();
    scene.await_owner(1);
}
