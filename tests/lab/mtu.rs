//! Adverts have to leave: the MTU changes while they are many addresses long, a firewall refuses them.

use std::net::IpAddr;

use vrrp_tests::{
    capture::Capture,
    clock,
    config::Settings,
    lab::{LINK_LOCAL_VIP, VIP_V6},
    run,
    wire::Frame,
};

use crate::scene::{LIMIT, Scene, eventually, shared};

/// More than an advert has room for at any MTU that is used here.
const VIRTUAL_IPS: u16 = 100;

fn crowded(priority: u8) -> Settings {
    let own = [LINK_LOCAL_VIP, VIP_V6].map(IpAddr::from);
    let more = (3..=VIRTUAL_IPS).map(|number| format!("2001:db8:1:2::{number:x}").parse().unwrap());
    Settings {
        vips: own.into_iter().chain(more).collect(),
        ..Settings::fast_v6(priority).every(100)
    }
}

/// Waits until adverts of r1 with so many addresses have left, and the other one has heard them.
#[track_caller]
fn await_length(scene: &Scene, wire: &Capture, addresses: usize) {
    let source = scene.speaker(1);
    wire.clear();
    eventually(&format!("adverts carry {addresses} addresses"), || {
        let seen = wire.seen();
        let mut own = seen.iter().rev().filter(|seen| seen.is_advert_of(source));
        let newest = own.next();
        newest.is_some_and(
            |seen| matches!(&seen.frame, Frame::Advert(advert) if advert.vips.len() == addresses),
        )
    });
    let heard = scene.status(2).counter("advert_accepted");
    eventually("r2 hears them", || {
        scene.status(2).counter("advert_accepted") > heard
    });
}

/// On both routers, one after the other.
#[test]
fn a_new_mtu_has_the_adverts_fitted_to_it() {
    let mut scene = Scene::started_v6(shared(), [254, 253].map(crowded));
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    let wire = Capture::start(&scene.lab.switch).unwrap();
    await_length(&scene, &wire, 89);
    let before = [1, 2].map(|number| scene.status(number).transitions());
    for (mtu, addresses) in [(1400, 83), (1280, 76), (1500, 89)] {
        for number in [1, 2] {
            let mark = scene.log(number).mark();
            let change = format!("link set ens33 mtu {mtu}");
            scene.router(number).netns.ip(&change).unwrap();
            let told = format!("MTU of ens33 is now {mtu}: Number of VIPs (100) exceeds");
            scene.log(number).wait_after(mark, &told, LIMIT).unwrap();
        }
        await_length(&scene, &wire, addresses);
        let status = scene.status(1);
        assert!(status.number("lease_ns") > status.number("since_ns"));
    }
    let after = [1, 2].map(|number| scene.status(number).transitions());
    assert_eq!(after, before, "nobody takes over");
    let status = scene.status(1);
    assert!(status.number("lease_ns") > clock::now(), "it serves");
}

fn nft(scene: &Scene, rule: &str) {
    let mut command = scene.router(1).netns.command("nft");
    run::run(command.args(rule.split(' '))).unwrap();
}

/// The state stays, and what that means is said.
#[test]
fn a_master_whose_adverts_are_refused_says_that_it_serves_nobody() {
    let config = |priority, ours, peer| Settings {
        advert_int_ms: 100,
        instance: format!(
            "unicast_src_ip 192.168.1.{ours}\nunicast_peer {{\n 192.168.1.{peer}\n}}"
        ),
        ..Settings::fast(priority)
    };
    let mut scene = Scene::serving(shared(), [config(254, 1, 2), config(253, 2, 1)]);
    scene.await_state(2, "BACKUP");
    let mark = scene.log(1).mark();
    for rule in [
        "add table ip refuse",
        "add chain ip refuse out { type filter hook output priority 0; }",
        "add rule ip refuse out ip protocol 112 drop",
    ] {
        nft(&scene, rule);
    }
    let told = "MASTER, but it serves nobody: its adverts do not leave (Operation not permitted";
    scene.log(1).wait_after(mark, told, LIMIT).unwrap();
    let status = scene.status(1);
    assert_eq!(status.text("state"), "MASTER");
    let error = status.text("send_error");
    assert!(error.contains("Operation not permitted"), "{error}");
    scene.await_state(2, "MASTER");

    let mark = scene.log(1).mark();
    nft(&scene, "delete table ip refuse");
    let told = "adverts leave again, and it serves";
    scene.log(1).wait_after(mark, told, LIMIT).unwrap();
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
}
