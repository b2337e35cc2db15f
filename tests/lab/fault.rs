//! The link goes down, at the switch or at the router, and comes back.

use std::fs;

use vrrp_tests::{
    config::Settings,
    node::{BACKUP, FAULT, MASTER, Node as _},
    run,
};

use crate::scene::{LIMIT, Scene, await_lines, shared};

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

/// Has the kernel refuse every change to a map of a process.
fn freeze(pid: u32, name: &str) {
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    let is_it = |id: &str| {
        let map = run::tool("bpftool", &format!("map show id {id}")).unwrap();
        map.contains(&format!("name {name} "))
    };
    for info in infos {
        let text = fs::read_to_string(info.unwrap().path()).unwrap();
        let mut lines = text.lines();
        let Some(id) = lines.find_map(|line| line.strip_prefix("map_id:")) else {
            continue;
        };
        if is_it(id.trim()) {
            run::tool("bpftool", &format!("map freeze id {}", id.trim())).unwrap();
            return;
        }
    }
    panic!("{pid} has no map {name}");
}

#[test]
fn a_router_that_cannot_tell_its_programs_says_why_it_stays_down() {
    let mut scene = Scene::new(shared(), [Settings::fast(254)]);
    scene.router(1).port.cut().unwrap();
    scene.node(1).start().unwrap();
    scene.await_state(1, "FAULT");
    freeze(scene.node(1).process().unwrap().pid(), "ROUTERS");
    let mark = scene.log(1).mark();
    scene.router(1).port.mend().unwrap();
    let told = "BPF map ROUTERS: Operation not permitted";
    scene.log(1).wait_after(mark, told, LIMIT).unwrap();
    assert_eq!(scene.status(1).text("state"), "FAULT");
}
