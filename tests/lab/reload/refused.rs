//! A file with a mistake in it: nothing changes, and whoever asked is told where the mistake is.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use nix::sys::signal::Signal;
use serde_json::Value;
use vrrp_tests::{
    config::Settings,
    maps,
    node::{Node as _, RUN},
    xdp_pass::XdpPass,
};

use crate::{
    clean::{assert_as_before, dump},
    scene::{LIMIT, alone, eventually},
    stage::{Family, Network, ONE, Routers as _, Stage, TWO},
};

/// Maps that change while nothing happens, or that bpftool cannot list.
const LIVELY: [&str; 4] = ["SLOTS", "EVENTS", "PACES", "SAMPLES"];

/// What r1's node tells its programs, and its files, by name.
fn inside(stage: &mut Stage) -> BTreeMap<String, Vec<String>> {
    let pid = stage.scene.node(1).process().unwrap().pid();
    let mut inside = BTreeMap::new();
    for (name, id) in maps::of_process(pid).unwrap() {
        let lower = name.to_lowercase();
        let is_lively =
            LIVELY.contains(&name.as_str()) || lower.contains("count") || lower.contains("rodata");
        if let (false, Ok(entries)) = (is_lively, maps::entries(id)) {
            inside.insert(name, entries);
        }
    }
    let folder = Path::new(RUN).join(stage.scene.nodes[0].instance());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // One is a socket.
        let text = fs::read_to_string(&path).unwrap_or_default();
        inside.insert(path.display().to_string(), vec![text]);
    }
    assert!(inside.len() > 5, "{:?}", inside.keys());
    inside
}

/// The journal of r1's node.
fn journal(stage: &Stage) -> String {
    let folder = Path::new(RUN).join(stage.scene.nodes[0].instance());
    fs::read_to_string(folder.join("journal")).unwrap()
}

/// The status of r1's node without what goes on by itself.
fn status(stage: &Stage) -> Vec<BTreeMap<&'static str, Value>> {
    const STEADY: [&str; 14] = [
        "name",
        "interface",
        "vrid",
        "version",
        "state",
        "fault",
        "warnings",
        "since_ns",
        "priority",
        "advert_interval_us",
        "vips",
        "virtual_mac",
        "transitions",
        "timeline",
    ];
    let statuses = stage.scene.statuses(1).into_iter();
    let steady = statuses.map(|one| STEADY.map(|name| (name, one.object(name))).into());
    steady.collect()
}

/// Makes a mistake in r1's file. How the diagnostic begins, whose line has this in it.
fn spoil(stage: &mut Stage, from: &str, to: &str, named: &str) -> String {
    let file = stage.scene.node(1).config().to_owned();
    let text = fs::read_to_string(&file).unwrap().replacen(from, to, 1);
    fs::write(&file, &text).unwrap();
    let at = 1 + text.lines().position(|line| line.contains(named)).unwrap();
    format!("{}:{at}: error: ", file.display())
}

#[test]
fn a_file_with_a_mistake() {
    let family = Family::V6;
    let mut stage = Stage::with(alone(), family, |_, _| ());
    let watch = stage.watch(&[ONE, TWO]);
    let before = (dump(&stage.scene), inside(&mut stage), status(&stage));
    for (from, to, named) in [
        ("virtual_router_id 52", "virtual_router_id 999", "999"),
        ("virtual_router_id 52", "virtual_router_id 51", "VI_2"),
        ("interface ens33", "interface", "interface"),
    ] {
        // What is right in it does not count either.
        stage.edit(1, |routers| {
            routers.vrid(ONE).priority = 50;
            routers.vrid(ONE).more_vips = family.address(240).to_string();
        });
        let place = spoil(&mut stage, from, to, named);
        let answer = stage.try_reload(1);
        assert_eq!(answer.code, 1, "{to}: {}", answer.text);
        assert!(answer.text.contains(&place), "{to}: {}", answer.text);
    }
    assert_as_before(&stage.scene, &before.0);
    assert_eq!(inside(&mut stage), before.1);
    assert_eq!(status(&stage), before.2);
    assert_eq!(stage.next_advert(1, ONE).priority, 200);
    watch.assert(&stage);

    // Mended, it is taken.
    stage.change(1, |routers| routers.vrid(ONE).priority = 150);
    assert_eq!(stage.next_advert(1, ONE).priority, 150);
    eventually("r1 has it", || stage.has(1, family.address(240)));
}

/// What is in order in it has been prepared by then, and is taken back.
#[test]
fn an_interface_that_cannot_be_used() {
    let family = Family::V6;
    let mut stage = Stage::prepared(alone(), family, Network::Routed, |_, _| ());
    stage.ip(1, "link add ens36 type veth peer name ens37");
    for change in ["ens36", "ens37"] {
        stage.ip(1, &format!("link set {change} up"));
    }
    let foreign = XdpPass::attach(&stage.scene.router(1).netns, "ens36").unwrap();
    stage.start();
    let watch = stage.watch(&[ONE, TWO]);
    // The journal goes on to list where filters may be: to look for them costs nothing.
    let inside = |stage: &mut Stage| {
        let (journal, mut others) = (journal(stage), inside(stage));
        others.retain(|name, _| !name.contains("/journal"));
        assert!(
            !journal.contains("ens34") && !journal.contains("ens36"),
            "{journal}"
        );
        others
    };
    let before = (dump(&stage.scene), inside(&mut stage), status(&stage));
    stage.edit(1, |routers| {
        let router = routers.vrid(ONE);
        router.priority = 150;
        router.more_vips = family.address(240).to_string();
        let inner = Settings {
            interface: "ens34".to_owned(),
            instance: "use_vmac".to_owned(),
            ..family.router("VI_3", 53, 200, family.inner(253))
        };
        let refused = Settings {
            interface: "ens36".to_owned(),
            ..family.router("VI_4", 54, 200, family.inner(252))
        };
        routers.extend([inner, refused]);
    });
    let answer = stage.try_reload(1);
    assert_eq!(answer.code, 1, "{}", answer.text);
    let why = "ens36 already has an XDP program";
    assert!(answer.text.contains(why), "{}", answer.text);
    let log = stage.scene.log(1).lines();
    let tried = log.iter().any(|line| line.text.contains("ens34: XDP"));
    assert!(tried, "ens34 was made ready");
    assert_as_before(&stage.scene, &before.0);
    assert_eq!(inside(&mut stage), before.1);
    assert_eq!(status(&stage), before.2);
    assert_eq!(stage.next_advert(1, ONE).priority, 200);
    watch.assert(&stage);

    // When it is gone, the same file is taken.
    drop(foreign);
    stage.reload(1);
    stage.await_state(1, 53, "MASTER");
    assert_eq!(stage.next_advert(1, ONE).priority, 150);
}

#[test]
fn a_file_that_is_gone() {
    let mut stage = Stage::pair(Family::V4);
    let watch = stage.watch(&[ONE, TWO]);
    let file = stage.scene.node(1).config().to_owned();
    fs::remove_file(&file).unwrap();
    let answer = stage.try_reload(1);
    assert_eq!(answer.code, 1, "{}", answer.text);
    assert!(
        answer.text.contains(&file.display().to_string()),
        "{}",
        answer.text
    );
    watch.assert(&stage);
}

/// Root may read what another user alone may read, and so does the node when it has given up what else root may.
#[test]
fn a_file_of_another_user_is_no_mistake() {
    let mut stage = Stage::pair(Family::V4);
    let watch = stage.watch(&[ONE, TWO]);
    stage.edit(1, |routers| routers.vrid(ONE).priority = 150);
    let file = stage.scene.node(1).config().to_owned();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    chown(&file, Some(65534), Some(65534)).unwrap();
    stage.reload(1);
    assert_eq!(stage.next_advert(1, ONE).priority, 150);
    watch.assert(&stage);
}

/// A signal has no answer: the log says it.
#[test]
fn a_signal_says_it_in_the_log() {
    let mut stage = Stage::pair(Family::V4);
    let watch = stage.watch(&[ONE, TWO]);
    let place = spoil(
        &mut stage,
        "virtual_router_id 52",
        "virtual_router_id 999",
        "999",
    );
    let mark = stage.scene.log(1).mark();
    stage.scene.signal(1, Signal::SIGHUP);
    stage.scene.log(1).wait_after(mark, &place, LIMIT).unwrap();
    watch.assert(&stage);

    let watch = stage.watch(&[ONE, TWO]);
    stage.edit(1, |routers| routers.vrid(ONE).priority = 150);
    stage.scene.signal(1, Signal::SIGHUP);
    stage.await_advert(1, ONE, "150", |advert| advert.priority == 150);
    watch.assert(&stage);
}

#[test]
fn nobody_is_there_to_reload() {
    let mut stage = Stage::pair(Family::V4);
    stage.scene.node(1).stop().unwrap();
    let answer = stage.try_reload(1);
    assert_ne!(answer.code, 0, "{}", answer.text);
    let instance = stage.scene.node(1).instance().to_owned();
    assert!(answer.text.contains(&instance), "{}", answer.text);
}
