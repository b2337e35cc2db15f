//! An Active that ends without a word: whoever clears up after it says priority 0 for it, and nobody else is
//! spoken for.
//!
//! Adverts come every 40 s here, so that a standby that takes over within a case does so for priority 0 alone.

use std::{fs, net::IpAddr, path::Path};

use nix::sys::signal::Signal;
use vrrp_tests::{
    capture::{Capture, Seen},
    config::Settings,
    lab::VIP,
    node::Node as _,
    wire::Frame,
};

use crate::{
    preload,
    scene::{LIMIT, Scene, claim, eventually, shared},
};

/// The Active of a case, and its standby.
fn configs(change: impl Fn(&mut Settings, u8)) -> [Settings; 2] {
    [(1, 255), (2, 254)].map(|(number, priority)| {
        let mut settings = Settings::fast(priority).every(40_000);
        change(&mut settings, number);
        settings
    })
}

fn plain() -> [Settings; 2] {
    configs(|_, _| ())
}

/// Both run, the first one serves, and both know it.
fn serving(scene: Scene) -> (Scene, Capture) {
    let mut scene = scene;
    scene.node(2).start().unwrap();
    scene.await_state(2, "BACKUP");
    scene.node(1).start().unwrap();
    scene.await_state(1, "MASTER");
    eventually("the standby has heard the Active", || {
        scene.status(2).counter("advert_accepted") > 0
    });
    eventually("the addresses are there", || scene.has_address(1));
    let capture = Capture::start(&scene.lab.switch).unwrap();
    (scene, capture)
}

/// The priority 0 adverts on the wire, by router.
fn resignations(seen: &[Seen]) -> Vec<(Option<u8>, vrrp_tests::wire::Advert)> {
    let adverts = seen.iter().filter_map(|seen| match &seen.frame {
        Frame::Advert(advert) if advert.priority == 0 => Some((seen.router(), advert.clone())),
        _ => None,
    });
    adverts.collect()
}

/// The standby took over because it was told to.
#[track_caller]
fn assert_relieved(scene: &Scene) {
    scene.await_state(2, "MASTER");
    assert_eq!(scene.status(2).last_cause(), "priority_zero");
}

/// Router 1 is killed, and cleared up after as the shipped unit does.
#[track_caller]
fn kill_and_clear_up(scene: Scene) -> (Scene, Vec<Seen>) {
    let (mut scene, capture) = serving(scene);
    scene.node(1).kill().unwrap();
    scene.node(1).clear_up().unwrap();
    assert_relieved(&scene);
    assert!(!scene.has_address(1));
    (scene, capture.stop().unwrap())
}

/// The one advert that is said for router 1.
#[track_caller]
fn is_spoken_for_once(scene: Scene) -> (Scene, vrrp_tests::wire::Advert) {
    let (scene, seen) = kill_and_clear_up(scene);
    let mut told = resignations(&seen);
    assert_eq!(told.len(), 1, "{told:?}");
    let (_, advert) = told.remove(0);
    (scene, advert)
}

//= C44: proof
#[test]
fn a_killed_active_is_spoken_for() {
    let (scene, seen) = kill_and_clear_up(Scene::new(shared(), plain()));
    let told = resignations(&seen);
    let [(Some(1), advert)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(advert.source, scene.speaker(1));
    assert_eq!(advert.mac, scene.router(1).mac);
    assert_eq!((advert.version, advert.vrid), (3, 51));
    assert_eq!(
        (advert.interval_ms, &advert.vips[..]),
        (40_000, &[IpAddr::from(VIP)][..])
    );
}

/// What is said for router 1, where both have these lines.
#[track_caller]
fn said_with(version: u8, lines: &str) -> (Scene, Vec<vrrp_tests::wire::Advert>) {
    let configs = configs(|settings, _| {
        settings.version = version;
        settings.instance = lines.to_owned();
    });
    let (scene, seen) = kill_and_clear_up(Scene::new(shared(), configs));
    let told = resignations(&seen).into_iter().map(|(_, advert)| advert);
    (scene, told.collect())
}

#[test]
fn a_killed_active_is_spoken_for_with_its_password() {
    let (_, told) = said_with(2, "authentication {\n auth_type PASS\n auth_pass secret\n}");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].version, 2);
}

#[test]
fn a_killed_active_is_spoken_for_from_its_virtual_mac() {
    let (_, told) = said_with(3, "use_vmac");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].mac, [0, 0, 0x5e, 0, 1, 51]);
}

#[test]
fn a_killed_active_is_spoken_for_in_both_versions() {
    let (scene, told) = said_with(3, "v2_interop");
    let versions = Vec::from_iter(told.iter().map(|advert| advert.version));
    assert_eq!(versions, [3, 2]);
    let mac = scene.router(1).mac;
    assert!(told.iter().all(|advert| advert.mac == mac), "{told:?}");
}

#[test]
fn a_killed_active_is_spoken_for_to_its_peers() {
    let configs = configs(|settings, number| {
        let (own, other) = (number, 3 - number);
        settings.instance =
            format!("unicast_src_ip 192.168.1.{own}\nunicast_peer {{\n 192.168.1.{other}\n}}");
    });
    let (scene, told) = is_spoken_for_once(Scene::new(shared(), configs));
    assert_eq!(told.destination, scene.speaker(2));
}

#[test]
fn a_killed_active_is_spoken_for_over_ipv6() {
    let configs = [255, 254].map(|priority| Settings::fast_v6(priority).every(40_000));
    let (scene, told) = is_spoken_for_once(Scene::new_v6(shared(), configs));
    assert_eq!(told.source, scene.speaker(1));
}

#[test]
fn the_next_start_speaks_for_the_node_before_it() {
    let (mut scene, capture) = serving(Scene::new(shared(), plain()));
    scene.node(1).kill().unwrap();
    scene.node(1).start().unwrap();
    scene.log(1).wait("priority 0 sent for 1", LIMIT).unwrap();
    eventually("priority 0 is on the wire", || {
        !resignations(&capture.seen()).is_empty()
    });
    assert_eq!(resignations(&capture.stop().unwrap()).len(), 1);
}

#[test]
fn the_interface_is_spoken_from_as_it_is_now() {
    let (mut scene, capture) = serving(Scene::new(shared(), plain()));
    let (before, mac) = (scene.router(1).mac, [2, 0, 0, 0, 7, 7]);
    let netns = &scene.router(1).netns;
    netns
        .ip("link set dev ens33 address 02:00:00:00:07:07")
        .unwrap();
    eventually("the new MAC is announced", || {
        let seen = capture.seen();
        let mut announced = seen.iter().filter(|seen| seen.announces(VIP));
        announced.any(|seen| matches!(&seen.frame, Frame::Arp(arp) if arp.source == mac))
    });
    scene.node(1).kill().unwrap();
    scene.node(1).clear_up().unwrap();
    assert_relieved(&scene);
    let told = resignations(&capture.stop().unwrap());
    assert_eq!(told.len(), 1);
    assert_ne!(before, mac);
    assert_eq!(told[0].1.mac, mac);
}

#[test]
fn nobody_speaks_for_a_backup() {
    let (mut scene, capture) = serving(Scene::new(shared(), plain()));
    scene.node(2).kill().unwrap();
    scene.node(2).clear_up().unwrap();
    // Had it been said, it would be there before this answer.
    claim(&scene.lab.client, 1);
    eventually("the Active speaks", || {
        let seen = capture.seen();
        seen.iter()
            .any(|seen| seen.router() == Some(1) && seen.advert_priority() == Some(255))
    });
    assert_eq!(resignations(&capture.stop().unwrap()), []);
    assert_eq!(scene.status(1).text("state"), "MASTER");
}

#[test]
fn nobody_speaks_for_an_active_whose_better_has_come() {
    let (mut scene, capture) = serving(Scene::new(shared(), plain()));
    scene.node(1).freeze().unwrap();
    // Equal, at a higher address.
    claim(&scene.lab.client, 255);
    let client = scene.lab.client.address;
    eventually("the better one is on the wire", || {
        capture.seen().iter().any(|seen| seen.is_advert_of(client))
    });
    scene.node(1).kill().unwrap();
    scene.node(1).clear_up().unwrap();
    assert!(!scene.has_address(1));
    // Had it been said, it would be there before this.
    claim(&scene.lab.client, 254);
    eventually("the capture has seen everything", || {
        capture
            .seen()
            .iter()
            .any(|seen| seen.advert_priority() == Some(254))
    });
    assert_eq!(resignations(&capture.stop().unwrap()), []);
}

#[test]
fn an_active_that_hangs_is_spoken_for_when_it_is_fenced() {
    let (mut scene, capture) = serving(Scene::new(shared(), plain()));
    scene.node(1).freeze().unwrap();
    let refusal = scene.node(1).clear_up().unwrap_err().to_string();
    assert!(refusal.contains("kill it and run this again"), "{refusal}");
    assert_relieved(&scene);
    scene.node(1).kill().unwrap();
    scene.node(1).clear_up().unwrap();
    assert_eq!(resignations(&capture.stop().unwrap()).len(), 1, "once");
}

#[test]
fn an_engine_that_fails_says_so_itself() {
    let Some((_folder, object)) = preload::build("broken_timer", include_str!("broken_timer.c"))
    else {
        return;
    };
    let mut scene = Scene::new(shared(), plain());
    scene.node(1).preload(&object);
    let (mut scene, capture) = serving(scene);
    let now = format!("{}.now", object.display());
    fs::write(Path::new(&now), "").unwrap();
    // The answer sets the timer.
    claim(&scene.lab.client, 1);
    assert_relieved(&scene);
    assert_eq!(resignations(&capture.stop().unwrap()).len(), 1);
    scene
        .log(1)
        .wait("the engine cannot set its timer", LIMIT)
        .unwrap();
    let ended = scene.node(1).process().unwrap().wait(LIMIT).unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&ended),
        Some(Signal::SIGABRT as i32)
    );
    assert!(scene.has_address(1), "nobody has cleared up yet");
    scene.node(1).clear_up().unwrap();
    assert!(!scene.has_address(1));
}
