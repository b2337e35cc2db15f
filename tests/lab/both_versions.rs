//! Versions 2 and 3 at once (RFC 9568 section 8.4.2), beside keepalived in either.

use std::collections::BTreeSet;

use vrrp_tests::{
    capture::Capture,
    config::Settings,
    node::{MASTER, Node as _},
    wire::Frame,
};

use crate::{
    beside::{keepalived, stays_backup},
    scene::{LIMIT, Scene, eventually, shared},
};

/// Version 3 at 100 ms.
fn third(priority: u8, lines: &str) -> Settings {
    Settings {
        instance: lines.to_owned(),
        ..Settings::fast(priority).every(100)
    }
}

/// Version 2 at 1 s.
fn second(priority: u8) -> Settings {
    Settings {
        version: 2,
        advert_int_ms: 1000,
        ..third(priority, "")
    }
}

//= C68: proof
#[test]
fn an_active_speaks_to_routers_of_either_version() {
    for theirs in [second(100), third(100, "")] {
        let mut scene = Scene::serving(shared(), [third(200, "v2_interop")]);
        let Some(mut keepalived) = keepalived(scene.router(2), &theirs) else {
            return;
        };
        let capture = Capture::start(&scene.lab.switch).unwrap();
        // Five seconds: longer than the Active_Down_Interval of version 2 at 1 s.
        stays_backup(&scene, &mut keepalived, 50);
        let seen = capture.stop().unwrap();
        let told: BTreeSet<_> = seen
            .iter()
            .filter_map(|seen| match &seen.frame {
                Frame::Advert(advert) => Some((advert.version, advert.interval_ms)),
                Frame::Arp(_) | Frame::Neighbour(_) => None,
            })
            .collect();
        assert_eq!(told, BTreeSet::from([(2, 1000), (3, 100)]));
        // Both kinds of goodbye.
        scene.node(1).stop().unwrap();
        let log = keepalived.process().unwrap().log();
        log.wait(MASTER, LIMIT).unwrap();
    }
}

//= C69: proof
#[test]
fn a_backup_follows_an_active_of_either_version() {
    for (theirs, interval_us) in [(second(200), 1_000_000), (third(200, ""), 100_000)] {
        let mut scene = Scene::new(shared(), [third(100, "v2_interop")]);
        let Some(mut keepalived) = keepalived(scene.router(2), &theirs) else {
            return;
        };
        keepalived.start().unwrap();
        let log = keepalived.process().unwrap().log();
        log.wait(MASTER, LIMIT).unwrap();
        scene.node(1).start().unwrap();
        scene.await_state(1, "BACKUP");
        eventually("r1 follows r2", || {
            let status = scene.status(1);
            status.text("state") == "BACKUP"
                && status.counter("advert_accepted") > 3
                && status.number("advert_interval_us") == interval_us
        });
        keepalived.stop().unwrap();
        scene.await_owner(1);
        assert_eq!(scene.status(1).last_cause(), "priority_zero");
    }
}

//= C71: proof
#[test]
fn an_active_of_version_3_alone_is_told() {
    let configs = [third(200, ""), third(100, "v2_interop")];
    let mut scene = Scene::started(shared(), configs);
    let told = "(VI_1) 192.168.1.1 sends version 3 alone";
    scene.log(2).wait(told, LIMIT).unwrap();
    assert_eq!(scene.status(2).text("state"), "BACKUP");
}

//= C70: proof
#[test]
fn a_pair_of_both_versions_goes_by_version_3() {
    let configs = [254, 253].map(|priority| third(priority, "v2_interop"));
    let mut scene = Scene::serving(shared(), configs);
    scene.await_state(2, "BACKUP");
    eventually("r2 hears both", || {
        scene.status(2).counter("advert_accepted") > 20
    });
    assert_eq!(scene.status(2).number("advert_interval_us"), 100_000);
    scene.node(1).stop().unwrap();
    scene.await_owner(2);
    assert_eq!(scene.status(2).last_cause(), "priority_zero");
}
