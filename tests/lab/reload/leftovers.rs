//! What is there already when a router is new, and what is left of a node that dies after a reload.

use std::net::IpAddr;

use rstest::rstest;
use vrrp_tests::{
    capture::Capture, config::Settings, lab::INNER_INTERFACE, node::Node as _, rhythm,
};

use crate::{
    clean::{assert_as_before, dump},
    owners::await_owner,
    scene::{LIMIT, alone, eventually},
    stage::{Family, Network, ONE, Routers as _, Stage, THREE, TWO},
};

/// Puts an address on a router's interface that no node of this run put there.
fn leave(stage: &Stage, number: u8, address: IpAddr, prefix: u8) {
    let nodad = if address.is_ipv6() { " nodad" } else { "" };
    stage.ip(
        number,
        &format!("addr add {address}/{prefix} dev ens33{nodad}"),
    );
}

/// An address that another node left is served by the new Active alone, and goes with it.
#[rstest]
#[case::as_it_would_be(0, Family::V6)]
#[case::with_another_prefix_length(1, Family::V4)]
fn a_new_router_takes_over_what_was_left(#[case] which: usize, #[case] family: Family) {
    let mut stage = Stage::pair(family);
    let address = family.address(252);
    for number in [1, 2] {
        leave(&stage, number, address, family.prefixes()[which]);
    }
    let watch = stage.watch(&[ONE, TWO]);
    for number in [1, 2] {
        stage.change(number, |routers| routers.push(family.third(number)));
        let state = if number == 1 { "MASTER" } else { "BACKUP" };
        stage.await_state(number, THREE, state);
    }
    eventually("the Backup has no more", || !stage.has(2, address));
    await_owner(&stage.scene, 1, &[address]);
    eventually("the Active has it", || stage.has(1, address));
    watch.assert(&stage);
    stage.change(1, |routers| routers.remove_vrid(THREE));
    stage.await_state(2, THREE, "MASTER");
    eventually("r1 has no more", || !stage.has(1, address));
    await_owner(&stage.scene, 2, &[address]);
}

/// The same with a virtual IP that is new.
#[test]
fn a_new_virtual_ip_is_not_left_on_a_backup() {
    let family = Family::V6;
    let mut stage = Stage::pair(family);
    let address = family.address(240);
    leave(&stage, 2, address, family.prefixes()[0]);
    let watch = stage.watch(&[ONE, TWO]);
    for number in [1, 2] {
        stage.change(number, |routers| {
            routers.vrid(ONE).more_vips = address.to_string();
        });
    }
    eventually("the Backup has no more", || !stage.has(2, address));
    await_owner(&stage.scene, 1, &[address]);
    watch.assert(&stage);
}

/// r1's node starts with two routers and has by reloads a third with a virtual MAC, a fourth on another interface,
/// and virtual IPs more and less.
#[track_caller]
fn reloaded(family: Family) -> (Stage, vrrp_tests::dump::Dump) {
    let mut stage = Stage::prepared(alone(), family, Network::Routed, |_, routers| {
        routers.vrid(TWO).more_vips = family.address(241).to_string();
    });
    let before = dump(&stage.scene);
    stage.scene.node(1).start().unwrap();
    stage.await_all(1, "MASTER");
    stage.change(1, |routers| {
        routers.vrid(TWO).more_vips.clear();
        routers.vrid(ONE).more_vips = format!(
            "{}\n{} dev {INNER_INTERFACE}",
            family.address(240),
            family.inner(252)
        );
        routers.push(Settings {
            instance: "use_vmac".to_owned(),
            ..family.third(1)
        });
        routers.push(family.fourth());
    });
    stage.await_all(1, "MASTER");
    let there = [
        family.address(240),
        family.inner(252),
        family.address(252),
        family.inner(251),
    ];
    for address in there {
        eventually(&format!("{address} is there"), || stage.has(1, address));
    }
    eventually("what was removed is gone", || {
        !stage.has(1, family.address(241))
    });
    (stage, before)
}

#[test]
fn a_stop_leaves_nothing_of_a_reload() {
    let family = Family::V6;
    let (mut stage, before) = reloaded(family);
    stage.scene.node(1).stop().unwrap();
    assert_as_before(&stage.scene, &before);
}

/// And says goodbye for routers that came with the reload.
#[test]
fn a_cleanup_leaves_nothing_of_a_reload() {
    let family = Family::V4;
    let (mut stage, before) = reloaded(family);
    let capture = Capture::start(&stage.scene.lab.switch).unwrap();
    stage.scene.node(1).kill().unwrap();
    assert!(stage.has(1, family.address(252)));
    stage.scene.node(1).clear_up().unwrap();
    assert_as_before(&stage.scene, &before);
    for vrid in [ONE, TWO, THREE] {
        eventually(&format!("priority 0 is said for {vrid}"), || {
            let adverts = rhythm::adverts(&capture.seen(), 1, vrid);
            adverts.iter().any(|(_, advert)| advert.priority == 0)
        });
    }
}

/// The next start knows what the reload added.
#[test]
fn a_start_after_a_kill_takes_over_what_a_reload_added() {
    let family = Family::V6;
    let (mut stage, before) = reloaded(family);
    stage.scene.node(1).kill().unwrap();
    stage.scene.node(1).start().unwrap();
    let told = "removed what an earlier run left";
    stage.scene.log(1).wait(told, LIMIT).unwrap();
    stage.await_all(1, "MASTER");
    stage.scene.node(1).stop().unwrap();
    assert_as_before(&stage.scene, &before);
}
