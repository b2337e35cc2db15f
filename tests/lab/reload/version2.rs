//! Two routers of one virtual router have different address lists until both are reloaded: nobody becomes a second
//! MASTER meanwhile.

use std::time::Duration;

use rstest::rstest;
use vrrp_tests::{clock, node::Node as _};

use crate::{
    owners::await_owner,
    scene::{eventually, shared},
    stage::{Family, Network, ONE, Routers as _, Stage, TWO},
};

/// Intervals for which the lists differ: a Backup gives up its Active after less than four.
const INTERVALS: u32 = 4;

/// The Backup knows its Active, of whom alone it takes another list.
#[track_caller]
fn await_advert(stage: &Stage) {
    eventually("the Backup has heard its Active", || {
        let heard = |vrid| stage.status(2, vrid).counter("advert_accepted");
        heard(ONE) > 0 && heard(TWO) > 0
    });
}

/// An address comes, and goes again.
#[rstest]
#[case::the_backup_first([2, 1])]
#[case::the_master_first([1, 2])]
fn lists_that_differ_for_a_while(#[case] order: [u8; 2], #[values(2, 3)] version: u8) {
    let family = Family::V4;
    let address = family.address(240);
    let interval = if version == 2 { 1000 } else { 100 };
    let mut stage = Stage::with(shared(), family, |_, routers| {
        for router in routers.iter_mut() {
            (router.version, router.advert_int_ms) = (version, interval);
        }
    });
    await_advert(&stage);
    for is_added in [true, false] {
        let watch = stage.watch(&[ONE, TWO]);
        for number in order {
            stage.change(number, |routers| {
                routers.vrid(ONE).more_vips = if is_added {
                    address.to_string()
                } else {
                    String::new()
                };
            });
            let do_lists_differ = number == order[0];
            if do_lists_differ {
                clock::sleep(Duration::from_millis((INTERVALS * interval).into()));
            }
            let advert = stage.next_advert(1, ONE);
            let is_new = order == [1, 2] || number == 1;
            assert_eq!(advert.vips.contains(&address), is_new == is_added);
        }
        watch.assert(&stage);
    }
    stage.scene.node(1).stop().unwrap();
    await_owner(&stage.scene, 2, &[family.vip()]);
    assert!(!stage.has(2, address));
}

/// With another priority in the same file, by which the Backup has to know the Active again.
#[rstest]
#[case::version_2(2, 1000)]
#[case::version_3(3, 100)]
fn a_list_and_a_priority(#[case] version: u8, #[case] interval: u32) {
    let family = Family::V4;
    let mut stage = Stage::with(shared(), family, |_, routers| {
        for router in routers.iter_mut() {
            (router.version, router.advert_int_ms) = (version, interval);
        }
    });
    await_advert(&stage);
    let watch = stage.watch(&[ONE, TWO]);
    for number in [1, 2] {
        stage.change(number, |routers| {
            let router = routers.vrid(ONE);
            router.more_vips = family.address(240).to_string();
            router.priority = 150 / u8::try_from(u32::from(number)).unwrap();
        });
        clock::sleep(Duration::from_millis((INTERVALS * interval).into()));
    }
    watch.assert(&stage);
}

/// Whose lists differ from the start are two of version 2, until one of them is told not to compare.
#[test]
fn a_stranger_is_followed_once_lists_do_not_count() {
    let family = Family::V4;
    let mut stage = Stage::prepared(shared(), family, Network::Clients, |number, routers| {
        for router in routers.iter_mut() {
            (router.version, router.advert_int_ms) = (2, 1000);
        }
        if number == 2 {
            routers.vrid(ONE).more_vips = family.address(240).to_string();
        }
    });
    for number in [1, 2] {
        stage.scene.node(number).start().unwrap();
        stage.await_state(number, ONE, "MASTER");
    }
    let watch = stage.watch(&[TWO]);
    stage.change(2, |routers| {
        routers.vrid(ONE).instance = "skip_check_adv_addr".to_owned();
    });
    stage.await_state(2, ONE, "BACKUP");
    assert_eq!(stage.state(1, ONE).as_deref(), Some("MASTER"));
    await_owner(&stage.scene, 1, &[family.vip()]);
    watch.assert(&stage);
}
