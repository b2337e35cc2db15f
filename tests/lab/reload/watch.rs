//! The watch that every case of reload relies on is not blind.

use std::time::Duration;

use vrrp_tests::{clock, node::Node as _};

use crate::{
    scene::eventually,
    stage::{Family, ONE, Stage, TWO},
};

/// What happens to r1 shows in the watch.
#[track_caller]
fn is_seen(stage: &mut Stage, what: &str, happens: impl FnOnce(&mut Stage)) {
    let watch = stage.watch(&[ONE, TWO]);
    happens(stage);
    let (complaints, _) = watch.judge(stage);
    let told = complaints.iter().any(|one| one.contains(what));
    assert!(told, "{what}: {complaints:#?}");
}

#[test]
fn nothing_is_seen_while_nothing_happens() {
    let family = Family::V6;
    let stage = Stage::pair(family);
    let watch = stage.watch(&[ONE, TWO]);
    clock::sleep(Duration::from_millis(500));
    let seen = watch.assert(&stage);
    assert!(!seen.is_empty());
}

#[test]
fn what_is_touched_is_seen() {
    let family = Family::V4;
    let mut stage = Stage::pair(family);
    let [address, prefix] = [
        family.address(253).to_string(),
        family.prefixes()[0].to_string(),
    ];
    is_seen(&mut stage, "was touched", |stage| {
        stage.ip(1, &format!("addr del {address}/{prefix} dev ens33"));
        let has = || stage.has(1, family.address(253));
        eventually("it is put back", has);
    });
    is_seen(&mut stage, "of r2", |stage| {
        stage.scene.node(1).freeze().unwrap();
        stage.await_all(2, "MASTER");
        stage.scene.node(1).thaw().unwrap();
        stage.await_all(1, "MASTER");
        stage.await_all(2, "BACKUP");
    });
}
