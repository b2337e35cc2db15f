//! A node leaves nothing: everything it could have changed is as it was before, however it ended.

use std::time::Duration;

use nix::sys::signal::Signal;
use rstest::rstest;
use vrrp_tests::{
    clock, config::Settings, dump::Dump, lab::VIP, node::Node as _, process::Process,
};

use crate::{
    preload,
    scene::{LIMIT, Scene, alone, eventually},
};

/// Kills in a row.
const ROUNDS: usize = 5;

/// How long the kernel may take to free what nobody uses any more.
const PATIENCE: Duration = Duration::from_secs(10);

fn scene() -> Scene {
    // More than one address, one of them in a network that the router has no address in.
    let config = Settings::fast(254).with_lines("use_vmac");
    let mut config = config.to_string();
    let vip = format!("{VIP}\n");
    config = config.replace(
        &vip,
        &format!("{vip}192.168.1.240/24\n10.7.7.7/24 label ens33:7\n"),
    );
    Scene::new(alone(), [config])
}

/// The same with IPv6, and an address of IPv4 beside.
fn scene_v6() -> Scene {
    let config = Settings {
        more_vips: "2001:db8:1::f0/64\n2001:db8:7::7/64".to_owned(),
        instance: "virtual_ipaddress_excluded {\n 192.168.1.240\n}".to_owned(),
        ..Settings::fast_v6(254)
    };
    Scene::new_v6(alone(), [config])
}

/// Everything that the node on router 1 could leave behind.
pub(crate) fn dump(scene: &Scene) -> Dump {
    Dump::take(scene.router(1), scene.nodes[0].instance()).unwrap()
}

/// The kernel frees BPF objects some time after their last user is gone, and bpftool fails if one goes while
/// it lists them.
#[track_caller]
pub(crate) fn assert_as_before(scene: &Scene, before: &Dump) {
    let mut difference = String::new();
    let equal = clock::wait_until("the dumps are equal", PATIENCE, || {
        difference = match Dump::take(scene.router(1), scene.nodes[0].instance()) {
            Ok(now) => before.diff(&now),
            Err(error) => format!("{error:#}"),
        };
        Ok(difference.is_empty())
    });
    assert!(equal.is_ok(), "left behind:\n{difference}");
}

/// What a node that was killed leaves behind.
const LEFT: [&str; 6] = [
    "ip -d addr",
    "bridge fdb",
    "bpftool prog",
    "bpftool map",
    "/sys/fs/bpf/xvrrp",
    "/run/xvrrp",
];

/// All that a node has in the system shows in a dump.
#[track_caller]
fn assert_shows_all(scene: &Scene, before: &Dump) {
    assert_shows(scene, before, &LEFT);
    if scene.router(1).port.runs_xdp() {
        // bpftool 7.1 lists XDP here, and knows of no tcx.
        assert_shows(scene, before, &["bpftool net", "bpftool link"]);
    }
}

/// A node shows in a dump, or equal dumps mean nothing.
#[track_caller]
fn assert_shows(scene: &Scene, before: &Dump, sections: &[&str]) {
    let difference = before.diff(&dump(scene));
    for section in sections {
        assert!(difference.contains(section), "{section}:\n{difference}");
    }
}

/// Router 1 serves; with a dump from before it started.
#[track_caller]
fn serving(mut scene: Scene) -> (Scene, Dump) {
    let before = dump(&scene);
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    (scene, before)
}

#[rstest(scene, case::ipv4(scene()), case::ipv6(scene_v6()))]
fn a_clean_stop_leaves_nothing(scene: Scene) {
    let (mut scene, before) = serving(scene);
    assert_shows_all(&scene, &before);
    // A membership ends with the process.
    assert_shows(&scene, &before, &["ip maddr"]);
    scene.node(1).stop().unwrap();
    assert_as_before(&scene, &before);
}

#[rstest(scene, case::ipv4(scene()), case::ipv6(scene_v6()))]
fn cleanup_after_a_kill_leaves_nothing(scene: Scene) {
    let (mut scene, before) = serving(scene);
    scene.node(1).kill().unwrap();
    assert_shows_all(&scene, &before);
    assert!(scene.has_address(1));
    let told = scene.node(1).cleanup().unwrap();
    assert_as_before(&scene, &before);
    assert_eq!(told, "", "standard output is for answers");
    // Nothing to do is no error.
    scene.node(1).cleanup().unwrap();
    assert_as_before(&scene, &before);
}

#[test]
fn a_start_after_a_kill_takes_over_what_was_left() {
    let (mut scene, before) = serving(scene());
    scene.node(1).kill().unwrap();
    scene.node(1).start().unwrap();
    scene
        .log(1)
        .wait("removed what an earlier run left", LIMIT)
        .unwrap();
    scene.await_owner(1);
    scene.node(1).stop().unwrap();
    assert_as_before(&scene, &before);
}

/// The kernel takes a moment to release what a killed process had, the lock and the programs among it.
#[test]
fn a_cleanup_right_after_a_kill_waits_for_the_end_of_the_node() {
    let mut scene = scene();
    let before = dump(&scene);
    for _ in 0..ROUNDS {
        scene.node(1).start().unwrap();
        scene.await_owner(1);
        let node = scene.node(1).process().unwrap();
        node.signal(Signal::SIGKILL).unwrap();
        scene.node(1).subcommand("cleanup").unwrap();
        scene.node(1).process().unwrap().wait(LIMIT).unwrap();
    }
    assert_as_before(&scene, &before);
}

#[test]
fn a_fence_takes_a_hanging_node_out_of_service() {
    let (mut scene, before) = serving(scene());
    scene.node(1).freeze().unwrap();
    let refusal = scene.node(1).subcommand("cleanup --fence").unwrap_err();
    assert!(refusal.to_string().contains("kill it and run this again"));
    eventually("the address is gone", || {
        !scene.router(1).has_address(VIP).unwrap()
    });
    let (probes, questions) = scene.watch(Duration::from_millis(100));
    assert!(probes.answers.is_empty());
    assert!(questions.answers.is_empty());
    scene.node(1).kill().unwrap();
    scene.node(1).clear_up().unwrap();
    assert_as_before(&scene, &before);
}

/// Its address worker wakes up as soon as its engine does.
#[test]
fn a_fenced_node_that_goes_on_puts_no_address_back() {
    let mut scene = scene();
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.node(1).freeze().unwrap();
    scene.node(1).subcommand("cleanup --fence").unwrap_err();
    assert!(!scene.has_address(1));
    let netns = &scene.router(1).netns;
    let mut monitor = netns.command("ip");
    monitor.args(["-oneline", "monitor", "address"]);
    let monitor = Process::start(monitor).unwrap();
    // What it reports from now on is the node's doing.
    let mark = "10.9.9.9/32";
    eventually("the monitor listens", || {
        let netns = &scene.router(1).netns;
        netns.ip(&format!("addr add {mark} dev lo")).unwrap();
        netns.ip(&format!("addr del {mark} dev lo")).unwrap();
        monitor.log().tail(usize::MAX).contains(mark)
    });
    scene.node(1).thaw().unwrap();
    let process = scene.node(1).process().unwrap();
    let ended = process.wait(LIMIT).unwrap();
    let log = process.log().tail(usize::MAX);
    assert!(!scene.has_address(1));
    let came = monitor.log().tail(usize::MAX);
    assert!(!came.contains(": ens33 "), "{came}");
    assert_eq!(ended.code(), Some(1), "{log}");
    let told = "taken out of service by `xvrrp cleanup --fence`";
    assert_eq!(log.matches(told).count(), 1, "{log}");
    assert!(!log.contains("another"), "nobody took over: {log}");
    scene.node(1).clear_up().unwrap();
}

#[test]
fn an_address_that_was_there_before_stays() {
    // As the owner (priority 255) has it: it is the interface's own.
    let config = Settings::fast(255);
    let mut scene = Scene::new(alone(), [config]);
    let add = format!("addr add {VIP}/32 dev ens33");
    scene.router(1).netns.ip(&add).unwrap();
    let before = dump(&scene);
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.node(1).stop().unwrap();
    assert_as_before(&scene, &before);
    assert!(scene.router(1).has_address(VIP).unwrap());
}

/// Starts the node, has it serve by clsact, lets `end` end it, and compares.
#[track_caller]
fn serve_by_clsact(prepare: impl FnOnce(&Scene), end: impl FnOnce(&mut Scene)) {
    let source = include_str!("without_tcx.c");
    let Some((_folder, object)) = preload::build("without_tcx", source) else {
        return;
    };
    let mut scene = scene();
    prepare(&scene);
    let before = dump(&scene);
    scene.node(1).preload(&object);
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.log(1).wait("egress by clsact", LIMIT).unwrap();
    for side in ["ingress", "egress"] {
        let section = format!("tc filter show dev ens33 {side}");
        assert_shows(&scene, &before, &[&section]);
    }
    end(&mut scene);
    assert_as_before(&scene, &before);
}

fn stop(scene: &mut Scene) {
    scene.node(1).stop().unwrap();
}

#[test]
fn a_clean_stop_leaves_nothing_of_clsact() {
    serve_by_clsact(|_| (), stop);
}

#[test]
fn cleanup_after_a_kill_leaves_nothing_of_clsact() {
    let end = |scene: &mut Scene| {
        scene.node(1).kill().unwrap();
        scene.node(1).cleanup().unwrap();
    };
    serve_by_clsact(|_| (), end);
}

#[test]
fn somebody_elses_clsact_stays() {
    let add = |scene: &Scene| {
        let add = "qdisc add dev ens33 clsact";
        scene.router(1).netns.tool("tc", add).unwrap();
    };
    serve_by_clsact(add, stop);
}
