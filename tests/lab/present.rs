//! What is on an interface already when a node comes: an address that is not the node's may be served by
//! nobody else, and one that is the host's own stays.

use std::time::Duration;

use vrrp_tests::{config::Settings, lab::Host, node::Node as _};

use crate::scene::{Scene, shared};

const WATCHED: Duration = Duration::from_millis(300);

fn ip(host: &Host, arguments: &str) -> String {
    host.netns.ip(arguments).unwrap()
}

/// Has a client take a router for whom it asks, whatever that one says.
fn misdirect(scene: &Scene, number: u8) {
    let [a, b, c, d, e, f] = scene.router(number).mac;
    let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    let neighbour = format!(
        "neigh replace {} lladdr {mac} dev eth0 nud permanent",
        scene.vip
    );
    ip(&scene.lab.client, &neighbour);
}

//= C50: refusal
#[test]
fn a_backup_does_not_serve_what_was_left_with_another_prefix_length() {
    not_served(Scene::new(shared(), [254, 253].map(Settings::fast)));
}

//= C50: refusal
#[test]
fn a_backup_does_not_serve_what_was_left_with_another_prefix_length_of_ipv6() {
    not_served(Scene::new_v6(shared(), [254, 253].map(Settings::fast_v6)));
}

#[track_caller]
fn not_served(mut scene: Scene) {
    let prefix = if scene.vip.is_ipv4() { 24 } else { 64 };
    let add = format!("addr add {}/{prefix} dev ens33 nodad", scene.vip);
    ip(scene.router(2), &add);
    for number in [1, 2] {
        scene.node(number).start().unwrap();
    }
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    assert!(!scene.has_address(2), "its kernel takes it for its own");
    // So that it forwards what comes to it by mistake.
    misdirect(&scene, 2);
    let (probes, _) = scene.watch(WATCHED);
    assert!(!probes.answers.is_empty());
    assert!(probes.answers.iter().all(|answer| answer.router == 1));
}
