//! What makes another router of it: that one alone is started anew, by a planned move if it is MASTER.

use std::collections::BTreeSet;

use vrrp_tests::{
    capture::Seen, config::Settings, lab::INNER_INTERFACE, link, prober::Prober, rhythm,
    wire::Advert,
};

use crate::{
    owners::{await_owner, macs, owners},
    scene::{eventually, shared},
    stage::{Family, ONE, Routers as _, Stage, TWO},
};

const OTHER: u8 = 61;

/// The first router of r1 said priority 0 as its last word, and no client was answered by two at once. What r1 said
/// up to then, and from then on.
#[track_caller]
fn planned(seen: &[Seen], client: Prober) -> [Vec<Advert>; 2] {
    let recording = client.stop().unwrap();
    assert_eq!(recording.twice(), 0, "no two owners");
    // To r2, and back.
    assert!(recording.changes() <= 2, "{} moves", recording.changes());
    let adverts = rhythm::adverts(seen, 1, ONE).into_iter();
    let mut old = Vec::from_iter(adverts.map(|(_, advert)| advert));
    let end = old.iter().rposition(|advert| advert.priority == 0);
    let new = old.split_off(end.unwrap() + 1);
    [old, new]
}

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
    let mut before = BTreeSet::from([3]);
    for (lines, versions) in [
        ("version 2", &[2][..]),
        ("v2_interop", &[2, 3]),
        ("version 3", &[3]),
    ] {
        let watch = stage.watch(&[TWO]);
        let client = stage.asking(1, family.vip());
        stage.change_both(|routers| routers.vrid(ONE).instance = lines.to_owned());
        stage.await_state(1, ONE, "MASTER");
        stage.await_state(2, ONE, "BACKUP");
        await_owner(&stage.scene, 1, &[family.vip()]);
        for version in versions {
            stage.await_advert(1, ONE, lines, |advert| advert.version == *version);
        }
        assert_eq!(stage.next_advert(1, TWO).version, 3);
        let versions = BTreeSet::from_iter(versions.iter().copied());
        let said = planned(&watch.assert(&stage), client);
        let said = said.map(|all| BTreeSet::from_iter(all.iter().map(|one| one.version)));
        assert_eq!(said, [before, versions.clone()]);
        before = versions;
    }
}

/// The virtual IPs are of IPv4 now.
#[test]
fn another_family() {
    let mut stage = Stage::pair(Family::V6);
    let watch = stage.watch(&[TWO]);
    let (before, after) = (Family::V6.vip(), Family::V4.address(252));
    let client = stage.asking(1, before);
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
    let [old, new] = planned(&watch.assert(&stage), client);
    assert!(old.iter().all(|advert| advert.source.is_ipv6()), "{old:?}");
    assert!(new.iter().all(|advert| advert.source.is_ipv4()), "{new:?}");
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
        let client = stage.asking(1, family.vip());
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
        let said = planned(&watch.assert(&stage), client);
        for (adverts, is_unicast) in said.iter().zip([!is_unicast, is_unicast]) {
            let mut to = adverts.iter().map(|advert| advert.destination);
            assert!(
                to.all(|to| (to == family.speaker(2)) == is_unicast),
                "{adverts:?}"
            );
        }
    }
}

/// It leaves nothing on the first interface, which the other router still uses.
#[test]
fn another_interface() {
    let family = Family::V4;
    let mut stage = Stage::routed(shared(), family);
    let address = family.inner(253);
    let watch = stage.watch(&[TWO]);
    let client = stage.asking(1, family.vip());
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
    let mac = link::mac(&stage.scene.router(1).netns, INNER_INTERFACE).unwrap();
    eventually("r1 alone answers for it there", || {
        macs(server, address) == BTreeSet::from([mac]) && stage.has(1, address)
    });
    assert!(!stage.has(2, address));
    for number in [1, 2] {
        assert!(!stage.has(number, family.vip()));
    }
    let [_, after] = planned(&watch.assert(&stage), client);
    assert_eq!(after, []);
}
