//! An interface that is not there when the node starts.

use rstest::rstest;
use vrrp_tests::node::Node as _;

use super::site::{Kind, OTHERS, Site};
use crate::{
    scene::{LIMIT, eventually, shared},
    stage::{Family, Network, ONE, Routers as _, Stage, TWO},
};

/// What `xvrrp check` says of r1's file.
fn check(stage: &Stage) -> String {
    let node = &stage.scene.nodes[0];
    let mut command = stage
        .scene
        .router(1)
        .netns
        .command(vrrp_tests::node::binary().unwrap());
    let output = command.args(["check", "-f"]).arg(node.config()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[rstest]
fn it_is_a_fault_until_it_comes(
    #[values(Kind::Veth, Kind::Vlan, Kind::Bridge, Kind::Bond)] kind: Kind,
) {
    let Some(mut site) = Site::prepared(shared(), kind.family(), kind) else {
        return;
    };
    let told = check(&site.stage);
    let mut lines = told.lines().filter(|line| line.contains(": warning: "));
    assert!(lines.any(|line| line.contains("ens34")), "{told}");
    for (number, state) in [(1, "MASTER"), (2, "BACKUP")] {
        site.stage.scene.node(number).start().unwrap();
        site.stage.await_state(number, ONE, state);
        site.stage.await_state(number, TWO, "FAULT");
        assert_eq!(site.stage.status(number, TWO).fault()[1], "ens34");
        let log = site.stage.scene.log(number);
        log.wait("(VI_2) Entering FAULT STATE", LIMIT).unwrap();
        log.wait("ens34", LIMIT).unwrap();
    }
    let watch = site.stage.watch(&OTHERS);
    // What changes meanwhile counts when it comes.
    let told = site
        .stage
        .change(1, |routers| routers.vrid(TWO).priority = 150);
    assert!(told.contains("priority 200 → 150"), "{told}");
    assert_eq!(site.stage.state(1, TWO).as_deref(), Some("FAULT"));
    site.make(1);
    site.stage.await_state(1, TWO, "MASTER");
    site.make(2);
    site.is_served();
    let of_r1 = site.stage.status(2, TWO).number("active_priority");
    assert_eq!(of_r1, 150);
    watch.assert(&site.stage);
    assert_eq!(site.stage.status(1, TWO).fault(), ["", "", ""]);

    site.stage.scene.node(1).stop().unwrap();
    site.stage.await_state(2, TWO, "MASTER");
    let address = site.address();
    assert!(!site.stage.has(1, address));
    eventually("r2 has it", || site.stage.has(2, address));
}

/// As `ip link` writes it, and people copy it.
#[test]
fn a_name_with_the_other_end_of_the_link() {
    let mut stage = Stage::prepared(shared(), Family::V4, Network::Clients, |_, routers| {
        routers.vrid(TWO).interface = "ens33@if7".to_owned();
    });
    let told = check(&stage);
    let mut lines = told.lines().filter(|line| line.contains("ens33@if7"));
    assert!(lines.any(|line| line.contains("`ens33`")), "{told}");
    stage.scene.node(1).start().unwrap();
    stage.await_state(1, ONE, "MASTER");
    stage.await_state(1, TWO, "FAULT");
    stage.scene.log(1).wait("`ens33`", LIMIT).unwrap();

    // What the hint says is all that there is to do.
    let watch_one = |stage: &Stage| stage.state(1, ONE);
    assert_eq!(watch_one(&stage).as_deref(), Some("MASTER"));
    stage.change(1, |routers| {
        routers.vrid(TWO).interface = "ens33".to_owned()
    });
    stage.await_state(1, TWO, "MASTER");
    assert_eq!(stage.status(1, ONE).number("became_master"), 1);
}
