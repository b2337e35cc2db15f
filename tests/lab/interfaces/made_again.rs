//! An interface is deleted and made again, or another one gets its name.

use std::path::Path;

use rstest::rstest;
use vrrp_tests::{
    lab::INNER_INTERFACE,
    node::{Node as _, PINS, RUN},
    run,
};

use super::site::{Kind, OTHERS, Site};
use crate::{
    scene::{eventually, shared},
    stage::{Family, ONE, Routers as _, TWO},
};

#[rstest]
fn of_the_active_and_of_the_backup(
    #[values(Kind::Veth, Kind::Vlan, Kind::Bridge, Kind::Bond)] kind: Kind,
) {
    let Some(mut site) = Site::started(shared(), kind.family(), kind) else {
        return;
    };
    for _ in 0..2 {
        for number in [1, 2] {
            site.is_served();
            let watch = site.stage.watch(&OTHERS);
            site.delete(number);
            site.stage.await_state(number, TWO, "FAULT");
            assert_eq!(site.stage.status(number, TWO).fault()[1], "ens34");
            site.stage.await_state(3 - number, TWO, "MASTER");
            site.make(number);
            site.is_served();
            watch.assert(&site.stage);
        }
    }
    let status = site.stage.status(1, TWO);
    let missing = status.field("missing_vips").as_array().unwrap();
    assert!(missing.is_empty(), "{missing:?}");
    for number in [1, 2] {
        leaves_nothing(&mut site, number);
    }
}

/// The node of a router ends, and nothing of it stays on any of the interfaces that there were.
#[track_caller]
fn leaves_nothing(site: &mut Site, number: u8) {
    site.stage.scene.node(number).stop().unwrap();
    for address in [253, 254] {
        for address in [
            site.stage.family.inner(address),
            site.stage.family.address(address),
        ] {
            assert!(!site.stage.has(number, address), "{address}");
        }
    }
    let netns = &site.stage.scene.router(number).netns;
    let attached = run::run(netns.command("bpftool").args(["net", "show"])).unwrap();
    assert!(!attached.contains("xvrrp"), "{attached}");
    for interface in ["ens33", "ens34"] {
        let shown = site
            .stage
            .ip(number, &format!("-d link show dev {interface}"));
        assert!(!shown.contains("prog/xdp"), "{shown}");
        let filters = netns
            .tool("tc", &format!("filter show dev {interface} ingress"))
            .unwrap();
        assert_eq!(filters, "", "{interface}");
    }
    for folder in [PINS, RUN] {
        let left = Path::new(folder).join(site.stage.scene.node(number).instance());
        assert!(!left.exists(), "{}", left.display());
    }
}

/// Faster than the node can look: both notices may be read at once.
#[test]
fn in_a_moment() {
    let family = Family::V6;
    let mut site = Site::started(shared(), family, Kind::Veth).unwrap();
    let watch = site.stage.watch(&OTHERS);
    for _ in 0..5 {
        site.delete(1);
        site.make(1);
    }
    site.is_served();
    watch.assert(&site.stage);
}

/// Only a virtual IP of `VI_1` is on it.
#[test]
fn with_a_virtual_ip_on_it() {
    let family = Family::V4;
    let site = Site::with(shared(), family, Kind::Veth, |_, routers| {
        let line = format!("{} dev {INNER_INTERFACE}", family.inner(253));
        routers.vrid(ONE).more_vips = line;
    });
    let mut site = site.unwrap();
    site.make(1);
    site.make(2);
    site.stage.start();
    let address = site.address();
    eventually("r1 has it", || site.stage.has(1, address));
    for _ in 0..2 {
        let watch = site.stage.watch(&[TWO]);
        site.delete(1);
        site.stage.await_state(1, ONE, "FAULT");
        site.stage.await_state(2, ONE, "MASTER");
        assert_eq!(site.stage.status(1, ONE).fault()[1], "ens34");
        site.make(1);
        site.stage.await_state(1, ONE, "MASTER");
        site.stage.await_state(2, ONE, "BACKUP");
        eventually("r1 has it again", || site.stage.has(1, address));
        eventually("r2 has it no more", || !site.stage.has(2, address));
        watch.assert(&site.stage);
    }
}

/// It is followed, until another one has its name.
#[test]
fn under_its_old_name() {
    let family = Family::V6;
    let site = Site::started(shared(), family, Kind::Veth).unwrap();
    site.is_served();
    let watch = site.stage.watch(&OTHERS);
    let rename = |site: &Site, from: &str, to: &str| {
        for change in [
            format!("{from} down"),
            format!("{from} name {to}"),
            format!("{to} up"),
        ] {
            site.stage.ip(1, &format!("link set {change}"));
        }
    };
    rename(&site, INNER_INTERFACE, "old34");
    eventually("it says the new name", || {
        site.stage.status(1, TWO).field("renamed_to") == "old34"
    });
    let local = "addr replace fe80::1:1/64 dev old34 nodad";
    site.stage.ip(1, local);
    site.is_served();
    // The file means this interface, under the name that it had.
    assert_eq!(site.stage.reload(1), "nothing changes\n");
    // Without a link or an address.
    site.stage.ip(1, "link add ens34 type veth peer name ens35");
    site.stage.await_state(1, TWO, "FAULT");
    site.stage.await_state(2, TWO, "MASTER");
    let address = site.address();
    eventually("nothing is left on the old one", || {
        !site.stage.has(1, address)
    });
    site.stage.ip(1, "link del ens34");
    rename(&site, "old34", INNER_INTERFACE);
    site.stage.address_inner(1);
    site.is_served();
    watch.assert(&site.stage);
}
