//! What makes another router of it: that one alone is started anew, by a planned move if it is MASTER.

use std::collections::BTreeSet;

use vrrp_tests::{arp_prober::ArpProber, clock, config::Settings, lab::INNER_INTERFACE, rhythm};

use crate::{
    owners::{await_owner, owners},
    scene::{eventually, shared},
    stage::{Family, ONE, Routers as _, Stage, TWO},
};

const OTHER: u8 = 61;

/// The Master of r1 leaves to r2 what it was, as by a planned stop, before it is the other one.
#[test]
fn another_vrid() {
    let family = Family::V6;
    let mut stage = Stage::pair(family);
    let watch = stage.watch(&[TWO]);
    let told = stage.change(1, |routers| routers.vrid(ONE).vrid = OTHER);
    assert!(told.contains("VI_1") && told.contains("61"), "{told}");
    stage.await_state(2, ONE, "MASTER");
    assert_eq!(stage.status(2, ONE).last_cause(), "priority_zero");
    let seen = watch.assert(&stage);
    let last = rhythm::adverts(&seen, 1, ONE).pop().unwrap().1;
    assert_eq!(last.priority, 0);

    let watch = stage.watch(&[TWO]);
    stage.change(2, |routers| routers.vrid(ONE).vrid = OTHER);
    stage.await_state(1, OTHER, "MASTER");
    stage.await_state(2, OTHER, "BACKUP");
    await_owner(&stage.scene, 1, &[family.vip()]);
    assert!(!stage.has(2, family.vip()));
    watch.assert(&stage);
}

#[test]
fn another_version() {
    let family = Family::V4;
    let mut stage = Stage::with(shared(), family, |_, routers| {
        routers.vrid(ONE).advert_int_ms = 1000;
    });
    for (lines, versions) in [
        ("version 2", &[2][..]),
        ("v2_interop", &[2, 3]),
        ("version 3", &[3]),
    ] {
        let watch = stage.watch(&[TWO]);
        stage.change_both(|routers| routers.vrid(ONE).instance = lines.to_owned());
        stage.await_state(1, ONE, "MASTER");
        stage.await_state(2, ONE, "BACKUP");
        await_owner(&stage.scene, 1, &[family.vip()]);
        for version in versions {
            stage.await_advert(1, ONE, lines, |advert| advert.version == *version);
        }
        assert_eq!(stage.next_advert(1, TWO).version, 3);
        watch.assert(&stage);
    }
}

/// The virtual IPs are of IPv4 now.
#[test]
fn another_family() {
    let mut stage = Stage::pair(Family::V6);
    let watch = stage.watch(&[TWO]);
    let (before, after) = (Family::V6.vip(), Family::V4.address(252));
    for number in [2, 1] {
        stage.change(number, |routers| routers.vrid(ONE).vips = vec![after]);
    }
    stage.await_state(1, ONE, "MASTER");
    stage.await_state(2, ONE, "BACKUP");
    await_owner(&stage.scene, 1, &[after]);
    assert!(stage.next_advert(1, ONE).source.is_ipv4());
    for number in [1, 2] {
        assert!(!stage.has(number, before));
    }
    assert!(owners(&stage.scene, before).is_empty());
    watch.assert(&stage);
}

/// Between the group and peers.
#[test]
fn another_way() {
    let family = Family::V6;
    let mut stage = Stage::pair(family);
    let lines = |number: u8| {
        let [own, other] = [number, 3 - number].map(|one| family.speaker(one));
        format!("unicast_src_ip {own}\nunicast_peer {{\n {other}\n}}")
    };
    for is_unicast in [true, false] {
        let watch = stage.watch(&[TWO]);
        for number in [2, 1] {
            stage.edit(number, |routers| {
                let lines = if is_unicast {
                    lines(number)
                } else {
                    String::new()
                };
                routers.vrid(ONE).instance = lines;
            });
        }
        for number in [2, 1] {
            stage.reload(number);
        }
        stage.await_state(1, ONE, "MASTER");
        stage.await_state(2, ONE, "BACKUP");
        await_owner(&stage.scene, 1, &[family.vip()]);
        let to = stage.next_advert(1, ONE).destination;
        assert_eq!(to == family.speaker(2), is_unicast, "{to}");
        watch.assert(&stage);
    }
}

/// It leaves nothing on the first interface, which the other router still uses.
#[test]
fn another_interface() {
    let family = Family::V4;
    let mut stage = Stage::routed(shared(), family);
    let address = family.inner(253);
    let watch = stage.watch(&[TWO]);
    let on_it = |routers: &mut Vec<Settings>| {
        let router = routers.vrid(ONE);
        router.interface = INNER_INTERFACE.to_owned();
        *router.vips.last_mut().unwrap() = address;
    };
    for number in [2, 1] {
        stage.change(number, on_it);
    }
    stage.await_state(1, ONE, "MASTER");
    stage.await_state(2, ONE, "BACKUP");
    let server = &stage.scene.lab.behind.as_ref().unwrap().server;
    eventually("r1 alone answers for it there", || {
        let prober = ArpProber::start(server, address, std::time::Duration::from_millis(10));
        let prober = prober.unwrap();
        clock::sleep(std::time::Duration::from_millis(200));
        let answers = prober.stop().unwrap().answers.into_iter();
        let macs: BTreeSet<_> = answers.map(|answer| answer.mac).collect();
        macs.len() == 1 && stage.has(1, address)
    });
    assert!(!stage.has(2, address));
    for number in [1, 2] {
        assert!(!stage.has(number, family.vip()));
    }
    watch.assert(&stage);
}
