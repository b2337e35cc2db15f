//! A virtual IP that is not on the Active's interface: taken away in whatever rhythm it comes back; refused by
//! the kernel it is left to another router, and said.

use std::time::Duration;

use vrrp_tests::{
    config::Settings,
    lab::{INNER_INTERFACE, VIP},
    node::Node as _,
};

use crate::scene::{LIMIT, Scene, eventually, shared};

const ROUNDS: usize = 20;
const WATCHED: Duration = Duration::from_millis(300);
/// On the network behind the routers.
const REFUSED: &str = "2001:db8:9::fe";

fn started() -> Scene {
    let config = Settings::fast(254).every(100);
    Scene::serving(shared(), [config])
}

fn shell(scene: &Scene, script: &str) {
    let netns = &scene.router(1).netns;
    netns.command("sh").args(["-c", script]).output().unwrap();
}

#[track_caller]
fn comes_back_each_time(script: &str) {
    let scene = started();
    for round in 1..=ROUNDS {
        shell(&scene, script);
        eventually(&format!("the address is back, round {round}"), || {
            scene.has_address(1)
        });
    }
    scene.await_owner(1);
    assert_eq!(scene.status(1).number("became_master"), 1);
}

#[test]
fn an_address_that_is_flushed_comes_back_each_time() {
    // Each until there is none, ten times at most.
    let flush = format!("ip addr flush dev ens33 to {VIP}");
    comes_back_each_time(&format!("{flush}; {flush}; {flush}"));
}

#[test]
fn an_address_removed_as_soon_as_it_is_back_comes_back() {
    let del = format!("ip addr del {VIP}/32 dev ens33 2>/dev/null");
    comes_back_each_time(&format!("{del}; {del}"));
    let busy = format!("n=0; while [ $n -lt 3 ]; do {del} && n=$((n+1)); done");
    comes_back_each_time(&busy);
}

/// Routers with a virtual IP on the network behind them, which the first one's kernel refuses.
fn refusing<const COUNT: usize>(priorities: [u8; COUNT]) -> Scene {
    let configs = priorities.map(|priority| Settings {
        more_vips: format!("{REFUSED} dev {INNER_INTERFACE}"),
        ..Settings::fast_v6(priority).every(100)
    });
    let mut scene = Scene::routed_v6(shared(), configs);
    refuse(&scene, true);
    for number in 1..=u8::try_from(COUNT).unwrap() {
        scene.node(number).start().unwrap();
    }
    scene
}

fn refuse(scene: &Scene, is_refused: bool) {
    let key = format!("net/ipv6/conf/{INNER_INTERFACE}/disable_ipv6");
    let value = if is_refused { "1" } else { "0" };
    scene.router(1).netns.sysctl(&key, value).unwrap();
}

#[track_caller]
fn assert_refused(scene: &mut Scene) {
    scene.await_state(1, "FAULT");
    let fault = scene.status(1).object("fault");
    assert_eq!(fault["reason"], "vip_refused", "{fault}");
    assert_eq!(fault["address"], REFUSED, "{fault}");
    assert_eq!(fault["interface"], INNER_INTERFACE, "{fault}");
    let told = format!("the kernel refused virtual IP {REFUSED}: Permission denied");
    scene.log(1).wait(&told, LIMIT).unwrap();
    let hint = format!("sysctl net.ipv6.conf.{INNER_INTERFACE}.disable_ipv6");
    assert!(scene.log(1).tail(usize::MAX).contains(&hint));
}

#[test]
fn a_master_whose_kernel_refuses_an_address_leaves_it_to_another() {
    let mut scene = refusing([254, 253]);
    assert_refused(&mut scene);
    assert!(scene.status(1).number("priority_zero_sent") > 0);
    scene.await_owner(2);
    assert_eq!(scene.status(2).last_cause(), "priority_zero");
    scene.await_no_address(1);
    let (probes, questions) = scene.watch(WATCHED);
    assert!(probes.answers.iter().all(|answer| answer.router == 2));
    let mac = scene.router(2).mac;
    assert!(questions.answers.iter().all(|answer| answer.mac == mac));

    refuse(&scene, false);
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    assert_eq!(scene.status(1).object("fault"), serde_json::Value::Null);
}

#[test]
fn a_lone_router_answers_for_nothing_that_its_kernel_refuses() {
    let mut scene = refusing([254]);
    assert_refused(&mut scene);
    scene.await_no_address(1);
    // The kernel is asked again meanwhile.
    let (probes, questions) = scene.watch(4 * WATCHED);
    assert!(probes.answers.is_empty());
    assert!(questions.answers.is_empty());
    assert_eq!(scene.status(1).text("state"), "FAULT");
    refuse(&scene, false);
    scene.await_owner(1);
}
