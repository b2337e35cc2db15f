//! The link goes down, at the switch or at the router, and comes back.

use vrrp_tests::{
    config::Settings,
    node::{BACKUP, FAULT, MASTER, Node as _},
};

use crate::scene::{Scene, await_lines, shared};

#[track_caller]
fn lose_and_regain(cut: impl FnOnce(&Scene), mend: impl FnOnce(&Scene)) {
    let configs = [254, 253].map(|priority| Settings {
        advert_int_ms: 100,
        ..Settings::fast(priority)
    });
    let mut scene = Scene::started(shared(), configs);
    scene.await_owner(1);
    let mark = scene.log(1).mark();
    cut(&scene);
    await_lines(scene.log(1), mark, &[FAULT, "removing VIPs."]);
    scene.await_state(1, "FAULT");
    scene.await_no_address(1);
    scene.await_owner(2);
    assert_eq!(scene.status(1).last_cause(), "link_down");
    assert_eq!(scene.status(2).last_cause(), "active_down");

    let mark = scene.log(1).mark();
    mend(&scene);
    scene.await_owner(1);
    scene.await_no_address(2);
    await_lines(scene.log(1), mark, &[BACKUP, MASTER]);
    scene.await_state(2, "BACKUP");
}

#[test]
fn a_cut_link_is_a_fault() {
    lose_and_regain(
        |scene| scene.router(1).port.cut().unwrap(),
        |scene| scene.router(1).port.mend().unwrap(),
    );
}

#[test]
fn an_interface_set_down_is_a_fault() {
    let set = |scene: &Scene, how: &str| {
        let change = format!("link set ens33 {how}");
        scene.router(1).netns.ip(&change).unwrap();
    };
    lose_and_regain(|scene| set(scene, "down"), |scene| set(scene, "up"));
}

#[test]
fn a_router_that_starts_without_a_link_waits_in_fault() {
    let config = Settings {
        advert_int_ms: 100,
        ..Settings::fast(254)
    };
    let mut scene = Scene::new(shared(), [config]);
    scene.router(1).port.cut().unwrap();
    scene.node(1).start().unwrap();
    scene.await_state(1, "FAULT");
    await_lines(scene.log(1), 0, &["(VI_1) Entering FAULT STATE"]);
    scene.router(1).port.mend().unwrap();
    scene.await_owner(1);
}
