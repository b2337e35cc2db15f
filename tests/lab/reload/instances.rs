//! Virtual routers come, go and are renamed.

use vrrp_tests::{capture::Capture, config::Settings, node::Node as _, rhythm, script::Script};

use crate::{
    clean::{assert_as_before, dump},
    owners::{await_owner, owners},
    scene::{LIMIT, alone, eventually, shared},
    stage::{Family, ONE, Routers as _, Stage, THREE, TWO},
};

/// The names of a node's virtual routers, in the order of its status.
fn names(stage: &Stage, number: u8) -> Vec<String> {
    let statuses = stage.scene.statuses(number);
    let names = statuses.iter().map(|one| one.text("name").to_owned());
    names.collect()
}

#[test]
fn a_new_one_is_elected() {
    let family = Family::V6;
    let mut stage = Stage::pair(family);
    for number in [1, 2] {
        let watch = stage.watch(&[ONE, TWO]);
        // In the middle of the file.
        let told = stage.change(number, |routers| routers.insert(1, family.third(number)));
        assert!(told.contains("VI_3"), "{told}");
        let state = if number == 1 { "MASTER" } else { "BACKUP" };
        stage.await_state(number, THREE, state);
        await_owner(&stage.scene, 1, &[family.address(252)]);
        watch.assert(&stage);
        assert_eq!(names(&stage, number), ["VI_1", "VI_3", "VI_2"]);
    }
    let status = stage.status(2, THREE);
    assert_eq!(status.transitions(), ["INIT>BACKUP"]);
    // Its scripts run as those of the others.
    let told = || {
        stage.told[0]
            .lines()
            .contains(&"INSTANCE VI_3 MASTER 200".to_owned())
    };
    eventually("its script is told", told);
    stage.scene.node(1).kill().unwrap();
    stage.scene.node(1).clear_up().unwrap();
    for address in [252, 253] {
        await_owner(&stage.scene, 2, &[family.address(address)]);
    }
}

#[test]
fn one_that_is_gone_says_goodbye() {
    let family = Family::V4;
    let stop = Script::of_arguments().unwrap();
    let mut stage = Stage::with(shared(), family, |_, routers| {
        routers.vrid(TWO).instance = format!("notify_stop \"{} stop\"", stop.path().display());
    });
    let address = family.address(253);
    let watch = stage.watch(&[ONE]);
    let told = stage.change(1, |routers| routers.remove_vrid(TWO));
    assert!(told.contains("VI_2"), "{told}");
    // Told when all is done.
    assert_eq!(stop.lines(), ["stop"]);
    assert_eq!(names(&stage, 1), ["VI_1"]);
    stage.await_state(2, TWO, "MASTER");
    await_owner(&stage.scene, 2, &[address]);
    assert!(!stage.has(1, address));
    assert_eq!(stage.status(2, TWO).last_cause(), "priority_zero");
    let seen = watch.assert(&stage);
    let last = rhythm::adverts(&seen, 1, TWO).pop().unwrap().1;
    assert_eq!(last.priority, 0);
    eventually("`notify` is told", || {
        stage.told[0]
            .lines()
            .contains(&"INSTANCE VI_2 STOP 200".to_owned())
    });

    let watch = stage.watch(&[ONE]);
    stage.change(2, |routers| routers.remove_vrid(TWO));
    assert!(!stage.has(2, address));
    assert!(owners(&stage.scene, address).is_empty());
    let seen = watch.assert(&stage);
    let last = rhythm::adverts(&seen, 2, TWO).pop().unwrap().1;
    assert_eq!(last.priority, 0);
}

#[test]
fn a_backup_that_is_gone_says_nothing() {
    let family = Family::V6;
    let mut stage = Stage::pair(family);
    let capture = Capture::start(&stage.scene.lab.switch).unwrap();
    let watch = stage.watch(&[ONE]);
    stage.change(2, |routers| routers.remove_vrid(TWO));
    assert_eq!(names(&stage, 2), ["VI_1"]);
    await_owner(&stage.scene, 1, &[family.address(253)]);
    watch.assert(&stage);
    let seen = capture.stop().unwrap();
    assert_eq!(rhythm::adverts(&seen, 2, TWO), []);
}

#[test]
fn one_that_is_renamed_goes_on() {
    let mut stage = Stage::pair(Family::V4);
    for number in [1, 2] {
        let watch = stage.watch(&[ONE, TWO]);
        let told = stage.change(number, |routers| routers.vrid(ONE).name = "VI_A".to_owned());
        assert!(told.contains("VI_1") && told.contains("VI_A"), "{told}");
        watch.assert(&stage);
        assert_eq!(names(&stage, number), ["VI_A", "VI_2"]);
    }
    let mark = stage.scene.log(1).mark();
    stage.scene.set_link("ens33", "down");
    let said = "(VI_A) Entering FAULT STATE";
    stage.scene.log(1).wait_after(mark, said, LIMIT).unwrap();
    eventually("the script is told its name", || {
        stage.told[0]
            .lines()
            .contains(&"INSTANCE VI_A FAULT 200".to_owned())
    });
}

#[test]
fn the_order_of_the_file_changes_nothing() {
    let mut stage = Stage::pair(Family::V6);
    let watch = stage.watch(&[ONE, TWO]);
    for number in [1, 2] {
        assert!(stage.reload(number).contains("nothing changes"));
        let told = stage.change(number, |routers| routers.reverse());
        assert!(told.contains("nothing changes"), "{told}");
        assert_eq!(names(&stage, number), ["VI_2", "VI_1"]);
    }
    watch.assert(&stage);
}

/// No router of the old file is in the new one, and then none of the new one in the old one.
#[test]
fn all_are_others() {
    let family = Family::V4;
    let mut stage = Stage::pair(family);
    let before = stage.files[0].clone();
    let told = stage.change(1, |routers| *routers = vec![family.third(1)]);
    for name in ["VI_1", "VI_2", "VI_3"] {
        assert!(told.contains(name), "{told}");
    }
    stage.await_all(1, "MASTER");
    stage.await_all(2, "MASTER");
    await_owner(&stage.scene, 1, &[family.address(252)]);
    await_owner(&stage.scene, 2, &[family.vip(), family.address(253)]);
    assert!(!stage.has(1, family.vip()));
    stage.change(1, |routers| routers.clone_from(&before));
    stage.await_all(1, "MASTER");
    stage.await_all(2, "BACKUP");
    await_owner(&stage.scene, 1, &[family.vip(), family.address(253)]);
    assert!(owners(&stage.scene, family.address(252)).is_empty());
}

/// Programs, groups, virtual MACs and addresses of some, of both families, that came and went.
#[test]
fn one_that_is_gone_leaves_nothing() {
    let mut stage = Stage::routed(alone(), Family::V6);
    let before = dump(&stage.scene);
    let watch = stage.watch(&[ONE, TWO]);
    stage.change(1, |routers| {
        for family in [Family::V4, Family::V6] {
            routers.push(Settings {
                name: format!("VI_3_{family:?}"),
                instance: "use_vmac".to_owned(),
                more_vips: format!("{} dev ens34", family.inner(252)),
                ..family.third(1)
            });
            routers.push(Settings {
                name: format!("VI_4_{family:?}"),
                ..family.fourth()
            });
        }
    });
    stage.await_all(1, "MASTER");
    for family in [Family::V4, Family::V6] {
        for address in [family.address(252), family.inner(252), family.inner(251)] {
            eventually(&format!("{address} is there"), || stage.has(1, address));
        }
    }
    let during = before.diff(&dump(&stage.scene));
    assert!(during.contains("ip -d addr"), "{during}");
    stage.change(1, |routers| routers.truncate(2));
    watch.assert(&stage);
    assert_as_before(&stage.scene, &before);
}
