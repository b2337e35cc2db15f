//! Virtual IPs on another interface than the adverts' (`dev`): what becomes of that interface.

use std::time::Duration;

use vrrp_tests::{
    arp_prober::ArpProber,
    capture::Capture,
    clock,
    config::Settings,
    frames::Advert,
    lab::{INNER_INTERFACE, INNER_VIP, VIP},
    link::Port,
    node::{BACKUP, MASTER, Node as _},
    wire::Frame,
};

use crate::scene::{LIMIT, Scene, await_lines, eventually, shared};

/// A router with a virtual IP on either side, started and serving.
fn scene() -> Scene {
    let config = Settings {
        // The second block of announcements would be mistaken for an answer.
        instance: "garp_master_delay 0".to_owned(),
        more_vips: format!("{INNER_VIP} dev {INNER_INTERFACE}"),
        ..Settings::fast(254).every(100)
    };
    let scene = Scene::routed(shared(), [config]).start();
    scene.await_owner(1);
    scene
}

/// They are told once, however many come: they may be those of another cluster.
#[test]
fn adverts_for_a_virtual_router_that_come_in_there_are_told() {
    let mut scene = scene();
    let send = |scene: &Scene| {
        let server = &scene.lab.behind.as_ref().unwrap().server;
        let advert = Advert::v3(51, &[VIP.octets()]);
        server.advertise(advert).unwrap();
        format!(
            "{} ({})",
            server.address,
            server.mac.map(|byte| format!("{byte:02x}")).join(":")
        )
    };
    let sender = send(&scene);
    let line = format!(
        "(VI_1) adverts with its VRID 51 come in by {INNER_INTERFACE}, from {sender}, where it does \
         not listen: compare `interface ens33` and the cabling"
    );
    await_lines(scene.log(1), 0, &[&line]);
    // The node looks at them every five seconds.
    let until = clock::now() + clock::span_nanos(Duration::from_secs(6));
    while clock::now() < until {
        send(&scene);
        clock::sleep(Duration::from_millis(500));
    }
    let told = scene.log(1).tail(usize::MAX).matches(&line).count();
    assert_eq!(told, 1);
}

//= C61: proof
#[test]
fn a_new_mac_there_is_announced_there() {
    let mut scene = scene();
    let (mac, text) = ([2, 0, 0, 0xaa, 0xbb, 0xdd], "02:00:00:aa:bb:dd");
    let behind = scene.lab.behind.as_ref().unwrap();
    let inside = Capture::start(&behind.switch).unwrap();
    let netns = &scene.router(1).netns;
    netns
        .ip(&format!("link set {INNER_INTERFACE} address {text}"))
        .unwrap();
    eventually("the new MAC is announced", || {
        inside.seen().iter().any(|seen| {
            seen.announces(INNER_VIP)
                && matches!(&seen.frame, Frame::Arp(arp) if arp.sender_mac == mac)
        })
    });
    eventually("ARP is answered with the new MAC", || {
        let prober = ArpProber::start(&behind.server, INNER_VIP, Duration::from_millis(1)).unwrap();
        clock::sleep(Duration::from_millis(50));
        let answers = prober.stop().unwrap().answers;
        !answers.is_empty() && answers.iter().all(|answer| answer.mac == mac)
    });
    assert_eq!(scene.status(1).number("became_master"), 1);
    let log = scene.log(1).tail(usize::MAX);
    assert_eq!(log.matches("MASTER STATE").count(), 1);
}

#[test]
fn a_router_whose_interface_there_is_made_anew_serves_there_again() {
    let mut scene = scene();
    let mark = scene.log(1).mark();
    let netns = &scene.router(1).netns;
    netns.ip(&format!("link del {INNER_INTERFACE}")).unwrap();
    scene
        .log(1)
        .wait_after(mark, "there is no interface ens34", LIMIT)
        .unwrap();
    scene.await_state(1, "FAULT");
    let netns = &scene.router(1).netns;
    for command in [
        format!("link add {INNER_INTERFACE} type veth peer name inner"),
        "link set inner up".to_owned(),
        format!("link set {INNER_INTERFACE} up"),
    ] {
        netns.ip(&command).unwrap();
    }
    scene.await_state(1, "MASTER");
    eventually("the virtual IP is there", || {
        let netns = &scene.router(1).netns;
        let shown = netns.ip(&format!("addr show dev {INNER_INTERFACE}"));
        shown.unwrap().contains(&INNER_VIP.to_string())
    });
    // Nobody could have put it back, and nobody tried.
    let log = scene.log(1).tail(usize::MAX);
    assert!(!log.contains("putting it back"), "{log}");
    assert!(!log.contains("refused virtual IP"), "{log}");
}

#[test]
fn a_new_name_there_changes_nothing() {
    let mut scene = scene();
    let netns = &scene.router(1).netns;
    // Older kernels rename only what is down.
    for change in ["down", "name lan0", "up"] {
        let subject = if change == "up" {
            "lan0"
        } else {
            INNER_INTERFACE
        };
        netns.ip(&format!("link set {subject} {change}")).unwrap();
    }
    scene.await_owner(1);
    let mark = scene.log(1).mark();
    let netns = &scene.router(1).netns;
    netns
        .ip(&format!("addr del {INNER_VIP}/32 dev lan0"))
        .unwrap();
    let lost = "Netlink reflector reports IP 10.77.0.254 removed from ens34, putting it back";
    scene.log(1).wait_after(mark, lost, LIMIT).unwrap();
    eventually("the address is put back", || {
        let netns = &scene.router(1).netns;
        let addresses = netns.ip("-4 addr show dev lan0").unwrap();
        addresses.contains("10.77.0.254/32")
    });
    let log = scene.log(1).tail(usize::MAX);
    assert_eq!(log.matches("removed from").count(), 1, "{log}");
}

/// Two routers with a virtual IP on either side, whose lines for the inner one end like this.
fn pair(options: &str) -> [Settings; 2] {
    [254, 253].map(|priority| Settings {
        // Slow enough that nobody is relieved for want of adverts before priority 0 is heard.
        more_vips: format!("{INNER_VIP} dev {INNER_INTERFACE} {options}"),
        ..Settings::fast(priority).every(1000)
    })
}

fn inner_port(scene: &Scene) -> &Port {
    &scene.lab.behind.as_ref().unwrap().ports[0]
}

fn assert_names_the_interface(scene: &Scene) {
    let status = scene.status(1);
    let vip = INNER_VIP.to_string();
    let about = ["vip_interface_down", INNER_INTERFACE, &vip];
    assert_eq!(
        status.fault(),
        about.map(serde_json::Value::from).each_ref()
    );
}

#[track_caller]
fn resigns_and_comes_back(lose: impl FnOnce(&Scene), regain: impl FnOnce(&Scene)) {
    let mut scene = Scene::routed(shared(), pair(""));
    for number in [1, 2] {
        scene.node(number).start().unwrap();
    }
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    let mark = scene.log(1).mark();
    lose(&scene);
    let told = "entering FAULT state (interface ens34 of virtual IP 10.77.0.254 down)";
    scene.log(1).wait_after(mark, told, LIMIT).unwrap();
    scene.await_owner(2);
    assert_eq!(scene.status(2).last_cause(), "priority_zero");
    assert_eq!(scene.status(1).last_cause(), "vip_interface_down");
    assert_names_the_interface(&scene);
    scene.await_no_address(1);
    let mark = scene.log(1).mark();
    regain(&scene);
    await_lines(scene.log(1), mark, &[BACKUP, MASTER]);
    scene.await_owner(1);
}

#[test]
fn a_cable_cut_there_is_a_fault_that_resigns() {
    resigns_and_comes_back(
        |scene| inner_port(scene).cut().unwrap(),
        |scene| inner_port(scene).mend().unwrap(),
    );
}

#[test]
fn an_interface_set_down_there_is_a_fault_that_resigns() {
    resigns_and_comes_back(
        |scene| scene.set_link(INNER_INTERFACE, "down"),
        |scene| scene.set_link(INNER_INTERFACE, "up"),
    );
}

#[test]
fn a_router_that_starts_without_the_interface_there_waits_in_fault() {
    let mut scene = Scene::routed(shared(), pair(""));
    inner_port(&scene).cut().unwrap();
    scene.node(1).start().unwrap();
    scene.await_state(1, "FAULT");
    assert_names_the_interface(&scene);
    inner_port(&scene).mend().unwrap();
    scene.await_owner(1);
}

#[test]
fn an_interface_that_is_not_tracked_may_be_down() {
    let mut scene = Scene::routed(shared(), pair("no_track"));
    inner_port(&scene).cut().unwrap();
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    let mark = scene.log(1).mark();
    inner_port(&scene).mend().unwrap();
    let told = "Netlink reports ens34 up";
    scene.log(1).wait_after(mark, told, LIMIT).unwrap();
    inner_port(&scene).cut().unwrap();
    let told = "Netlink reports ens34 down";
    scene.log(1).wait_after(mark, told, LIMIT).unwrap();
    let status = scene.status(1);
    assert_eq!(status.text("state"), "MASTER");
    assert_eq!(status.number("became_master"), 1);
}

#[test]
fn a_virtual_ip_whose_untracked_interface_is_deleted_is_missing() {
    let mut scene = Scene::routed(shared(), pair("no_track"));
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    let netns = &scene.router(1).netns;
    netns.ip(&format!("link del {INNER_INTERFACE}")).unwrap();
    eventually("the virtual IP is missing", || {
        let missing = scene.status(1).object("missing_vips");
        missing[0]["address"] == INNER_VIP.to_string() && missing[0]["interface"] == INNER_INTERFACE
    });
    // Another one is put back by itself, and twice: the missing one is no reason to give up either time.
    for _ in 0..2 {
        let netns = &scene.router(1).netns;
        netns.ip(&format!("addr del {VIP}/32 dev ens33")).unwrap();
        clock::sleep(Duration::from_millis(1500));
        assert!(scene.has_address(1));
    }
    let status = scene.status(1);
    assert_eq!(status.text("state"), "MASTER");
    assert_eq!(status.number("became_master"), 1);
}
