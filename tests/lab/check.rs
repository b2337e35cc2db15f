//! `xvrrp check` says what a node that runs would say, in the same words, and of the lines that it is about.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use vrrp_tests::{
    config::Settings,
    node::{self, Node as _},
};

use crate::{
    beside,
    scene::{LIMIT, Scene, shared},
};

/// What `check` prints on a router of the file of r1's node.
#[track_caller]
fn check(scene: &Scene, number: u8) -> String {
    let mut command = scene.router(number).netns.command(node::binary().unwrap());
    told(command.arg("check").arg("-f").arg(scene.nodes[0].config()))
}

#[track_caller]
fn told(command: &mut Command) -> String {
    let Output { status, stdout, .. } = command.output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{text}");
    text
}

/// The warnings among it, without the file: `LINE: TEXT`.
fn warnings(scene: &Scene, told: &str) -> Vec<(usize, String)> {
    let file = format!("{}:", scene.nodes[0].config().display());
    let of_lines = told.lines().filter_map(|line| line.strip_prefix(&file));
    let parts = of_lines.filter_map(|line| line.split_once(": warning: "));
    Vec::from_iter(parts.map(|(line, text)| (line.parse().unwrap(), text.to_owned())))
}

/// The line of the file that has this in it.
fn line_of(scene: &Scene, word: &str) -> usize {
    let file = fs::read_to_string(scene.nodes[0].config()).unwrap();
    1 + file.lines().position(|line| line.contains(word)).unwrap()
}

#[test]
fn scripts_that_cannot_be_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    // Root's alone, as what the folder is in: only the mode of `open` lets others change it.
    for (name, mode) in [("plain", 0o644), ("private", 0o700), ("open", 0o757)] {
        fs::write(path(name), "#!/bin/sh\n").unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (plain, private, open) = (path("plain"), path("private"), path("open"));
    let missing = path("missing");
    let config = Settings {
        global: "script_user root\nenable_script_security".to_owned(),
        instance: format!(
            "notify_backup {plain}\nnotify_master {missing} nobody\nnotify_stop {open}\nnotify {private} nobody"
        ),
        ..Settings::fast(254)
    };
    let mut scene = Scene::new(shared(), [config]);
    let told = check(&scene, 1);
    let denied = "Permission denied (os error 13)";
    let expected = [
        ("notify_backup", format!("cannot run {plain}: {denied}")),
        (
            "notify_master",
            format!("cannot run {missing}: No such file or directory (os error 2)"),
        ),
        (
            "notify_stop",
            format!(
                "{open} will not be run as root: users other than root can change {open} (enable_script_security)"
            ),
        ),
        ("notify ", format!("cannot run {private}: {denied}")),
    ];
    let expected = expected.map(|(keyword, text)| {
        let text = format!("(VI_1) {text}");
        (line_of(&scene, keyword), text)
    });
    assert_eq!(warnings(&scene, &told), expected, "{told}");

    scene.node(1).start().unwrap();
    for (_, text) in expected {
        scene.log(1).wait(&text, LIMIT).unwrap();
    }
}

#[test]
fn a_source_address_that_this_machine_lacks() {
    let config = Settings::fast(254)
        .with_lines("unicast_src_ip 192.168.1.77\nunicast_peer {\n192.168.1.2\n}");
    let mut scene = Scene::new(shared(), [config]);
    let line = line_of(&scene, "unicast_src_ip");
    let found = warnings(&scene, &check(&scene, 1));
    let fault = "its source address 192.168.1.77 is not on this machine";
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, line);
    assert!(found[0].1.starts_with(&format!("(VI_1) {fault}: ")));

    scene.node(1).start().unwrap();
    let says = format!("(VI_1): entering FAULT state ({fault})");
    scene.log(1).wait(&says, LIMIT).unwrap();

    let netns = &scene.router(1).netns;
    netns.ip("addr add 192.168.1.77/32 dev lo").unwrap();
    let elsewhere = "(VI_1) source address 192.168.1.77 is not on ens33: adverts to it may come by another interface, by \
                     which they are not heard";
    let found = warnings(&scene, &check(&scene, 1));
    assert_eq!(found, [(line, elsewhere.to_owned())]);
    scene.log(1).wait(elsewhere, LIMIT).unwrap();
}

#[test]
fn a_keepalived_in_this_network_namespace() {
    let settings = Settings::fast(254);
    let scene = Scene::new(shared(), [settings.clone()]);
    let Some(mut keepalived) = beside::keepalived(scene.router(2), &settings) else {
        return;
    };
    let here = "keepalived runs in this network namespace, process";
    assert!(!check(&scene, 2).contains(here));
    keepalived.start().unwrap();
    let told = check(&scene, 2);
    let line = told.lines().find(|line| line.contains(here));
    let line = line.unwrap_or_else(|| panic!("{told}"));
    let pid = keepalived.process().unwrap().pid().to_string();
    assert!(line.contains(&pid), "{line}");
    assert!(line.contains(": warning: "), "{line}");
    assert!(line.contains("stop it before `run`"), "{line}");
    assert!(!check(&scene, 1).contains(here));

    // One that may not look says where it may be.
    let folder = scene.nodes[0].config().parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = scene.router(2).netns.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(node::binary().unwrap()).args(["check", "-f"]);
    let told = self::told(command.arg(scene.nodes[0].config()));
    let line = told
        .lines()
        .find(|line| line.contains("keepalived runs on this machine"));
    assert!(line.is_some_and(|line| line.contains(&pid)), "{told}");
}
