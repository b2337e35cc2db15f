//! `xvrrp check --diff` says what a reload would do, and does nothing.

use vrrp_tests::node::{Answer, Node as _};

use crate::stage::{Family, ONE, Routers as _, Stage, TWO};

#[track_caller]
fn diff(stage: &Stage) -> Answer {
    let node = &stage.scene.nodes[0];
    let arguments = format!("check --diff -f {}", node.config().display());
    node.ask(&arguments).unwrap()
}

#[test]
fn it_says_what_a_reload_says() {
    let family = Family::V6;
    let mut stage = Stage::pair(family);
    let watch = stage.watch(&[ONE, TWO]);
    let answer = diff(&stage);
    assert_eq!(answer.code, 0, "{}", answer.text);
    assert!(answer.text.contains("nothing changes"), "{}", answer.text);
    let address = family.address(240);
    stage.edit(1, |routers| {
        routers.vrid(ONE).more_vips = address.to_string();
        routers.vrid(TWO).priority = 150;
        routers.push(family.router("VI_3", 53, 200, family.address(252)));
    });
    let answer = diff(&stage);
    assert_eq!(answer.code, 0, "{}", answer.text);
    for word in ["VI_1", &address.to_string(), "VI_2", "150", "VI_3"] {
        assert!(answer.text.contains(word), "{word}: {}", answer.text);
    }
    assert!(!stage.has(1, address));
    assert_eq!(stage.scene.statuses(1).len(), 2);
    assert_eq!(stage.next_advert(1, TWO).priority, 200);

    // The reload does just that, and says so.
    let told = stage.reload(1);
    for line in told.lines().filter(|line| line.contains("VI_")) {
        assert!(answer.text.contains(line), "{line}: {}", answer.text);
    }
    watch.assert(&stage);
    assert!(diff(&stage).text.contains("nothing changes"));

    // One that a reload would refuse.
    let watch = stage.watch(&[ONE, TWO]);
    stage.edit(1, |routers| routers.vrid(TWO).interface.clear());
    let answer = diff(&stage);
    // As every `check` of a file with a mistake: EX_CONFIG.
    assert_eq!(answer.code, 78, "{}", answer.text);
    let file = stage.scene.nodes[0].config().display().to_string();
    let mut lines = answer.text.lines();
    let is_told = |line: &str| line.starts_with(&file) && line.contains(": error: ");
    assert!(lines.any(is_told), "{}", answer.text);
    watch.assert(&stage);
}

#[test]
fn without_a_node_there_is_nothing_to_compare_with() {
    let mut stage = Stage::pair(Family::V4);
    stage.scene.node(1).stop().unwrap();
    let answer = diff(&stage);
    assert_eq!(answer.code, 1, "{}", answer.text);
    assert!(!answer.text.contains("nothing changes"), "{}", answer.text);
    let instance = stage.scene.node(1).instance().to_owned();
    assert!(
        answer.text.contains(&instance) || answer.text.contains("no node"),
        "{}",
        answer.text
    );
}
