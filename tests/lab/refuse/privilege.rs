//! Without the rights that it takes.

use std::{fs, path::Path, process::Command};

use vrrp_tests::{
    config::{Settings, TUTORIAL_PRIMARY},
    node,
};

use super::{FAILURE, Place, assert_failed, output};
use crate::scene::{Scene, shared};

/// What makes setpriv run something as an ordinary user.
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// What root is told who lacks a capability, or all.
#[track_caller]
fn assert_refused_without(capability: &str, texts: &[&str]) {
    let [bounding, inheritable] =
        ["bounding-set", "inh-caps"].map(|set| format!("--{set}=-{capability}"));
    Place::new(TUTORIAL_PRIMARY).assert_refused(&["setpriv", &bounding, &inheritable], texts);
}

#[test]
fn without_bpf_it_says_what_it_needs() {
    assert_refused_without("all", &["CAP_BPF", "CAP_NET_ADMIN", "Linux 5.10"]);
}

#[test]
fn an_ordinary_user_is_told_what_is_missing() {
    let place = Place::new(TUTORIAL_PRIMARY);
    // The configuration has to be readable, or that would be what is missing.
    open_to_all(place.folder.path(), 0o755);
    open_to_all(&place.file(), 0o644);
    let nobody = ["setpriv"].into_iter().chain(NOBODY);
    place.assert_refused(&Vec::from_iter(nobody), &["run as root", "/run/xvrrp"]);
}

#[test]
fn an_ordinary_user_who_cleans_up_is_told_who_may() {
    let mut scene = Scene::started(shared(), [Settings::fast(254)]);
    scene.await_state(1, "MASTER");
    let mut command = Command::new("setpriv");
    command.args(NOBODY).arg(node::binary().unwrap());
    command.args(["cleanup", "--instance", scene.node(1).instance()]);
    assert_failed(
        &output(&mut command),
        FAILURE,
        &["`xvrrp cleanup` has to be run as root"],
    );
}

#[test]
fn a_capability_that_is_missing_is_named() {
    assert_refused_without(
        "net_raw",
        &[
            "this process lacks CAP_NET_RAW",
            "cannot start every virtual router",
            "not permitted",
        ],
    );
}

#[test]
fn an_ordinary_user_who_asks_for_the_status_is_told_who_may() {
    let mut scene = Scene::started(shared(), [Settings::fast(254)]);
    scene.await_state(1, "MASTER");
    let name = scene.node(1).instance().to_owned();
    let mut command = Command::new("setpriv");
    command.args(NOBODY);
    command
        .arg(node::binary().unwrap())
        .args(["status", "--instance", &name]);
    let told = output(&mut command);
    assert_failed(
        &told,
        FAILURE,
        &[&format!(
            "only root may ask a node (sudo xvrrp status --instance {name})"
        )],
    );
}

fn open_to_all(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
