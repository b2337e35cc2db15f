//! Three routers: the best one that lives has the address, and nobody else does.

use std::time::Duration;

use vrrp_tests::{config::Settings, lab::VIP, node::Node as _};

use crate::scene::{Scene, shared};

const WATCHED: Duration = Duration::from_millis(500);

fn configs() -> [Settings; 3] {
    [100, 99, 98].map(|priority| Settings {
        advert_int_ms: 100,
        ..Settings::fast(priority)
    })
}

/// The client reaches this router and no other, and ARP leads to it alone.
#[track_caller]
fn assert_only_owner(scene: &Scene, number: u8) {
    let (probes, questions) = scene.watch(WATCHED);
    let strangers: Vec<_> = probes
        .answers
        .iter()
        .filter(|answer| answer.router != number)
        .collect();
    assert!(strangers.is_empty(), "others answer, too: {strangers:?}");
    assert_eq!(probes.twice(), 0);
    assert!(!probes.answers.is_empty(), "nobody answers the client");

    assert_eq!(questions.answered_twice(), []);
    let mac = scene.router(number).mac;
    let strangers: Vec<_> = questions
        .answers
        .iter()
        .filter(|answer| answer.mac != mac)
        .collect();
    assert!(strangers.is_empty(), "ARP leads elsewhere: {strangers:?}");
    assert!(!questions.answers.is_empty(), "nobody answers ARP");
}

//= C36, C46, C50: proof
#[test]
fn the_best_router_alive_has_the_address() {
    let mut scene = Scene::started(shared(), configs());
    scene.await_owner(1);
    for backup in [2, 3] {
        scene.await_state(backup, "BACKUP");
        assert!(!scene.router(backup).has_address(VIP).unwrap());
        assert_eq!(scene.status(backup).text("active"), "192.168.1.1");
    }
    assert_only_owner(&scene, 1);

    scene.node(1).kill().unwrap();
    scene.await_owner(2);
    // Nobody took it away; the lease that ran out is what keeps the dead router quiet.
    assert!(scene.router(1).has_address(VIP).unwrap());
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
    let patient = Settings {
        instance: "nopreempt".to_owned(),
        ..configs()[0].clone()
    };
    let mut scene = Scene::new(shared(), [patient, configs()[1].clone()]);
    scene.node(2).start().unwrap();
    scene.await_owner(2);
    scene.node(1).start().unwrap();
    scene.await_state(1, "BACKUP");
    assert_only_owner(&scene, 2);
    assert_eq!(scene.status(1).text("state"), "BACKUP");
    scene.node(2).stop().unwrap();
    scene.await_owner(1);
}
