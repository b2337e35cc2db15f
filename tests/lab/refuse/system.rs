//! By what else runs on the machine, or was done to it.

use std::{fs, path::Path, process::Command};

use vrrp_tests::{
    config::{Settings, TUTORIAL_PRIMARY},
    dump::Dump,
    lab::VIP,
    netns::unique_name,
    node::{self, NATIVE, Node as _, PINS, RUN},
    run,
    xdp_pass::XdpPass,
};

use super::{FAILURE, Place, assert_failed, output, said};
use crate::scene::{LIMIT, Scene, shared};

/// tc programs would sit beside each other, where XDP has room for one.
#[test]
fn another_nodes_program_is_not_told_to_be_detached() {
    let mut scene = Scene::serving(shared(), [Settings::fast(254)]);
    let file = scene.node(1).config().display().to_string();
    let name = scene.node(1).instance().to_owned();
    let addresses = |scene: &Scene| scene.router(1).netns.ip("addr show dev ens33").unwrap();
    let had = addresses(&scene);
    for mode in [NATIVE, ["--xdp-mode", "tc"]] {
        // One that is not refused runs until it is ended.
        let mut second = scene.router(1).netns.command("timeout");
        second.args(["-k1", "20"]).arg(node::binary().unwrap());
        let other = unique_name("node");
        second.args(["run", "-f", &file, "--instance", &other]);
        let told = output(second.args(mode));
        let says = format!("ens33 already has the programs of another xvrrp, instance {name}");
        assert_failed(&told, FAILURE, &[&says, "xvrrp cleanup --instance"]);
        assert!(!said(&told).contains("xdp off"), "{}", said(&told));
        assert!(!Path::new(RUN).join(&other).exists(), "{mode:?}");
    }
    assert_eq!(addresses(&scene), had);
    assert_eq!(scene.status(1).text("state"), "MASTER");
}

#[test]
fn a_damaged_journal_is_named_and_the_rest_removed() {
    let mut scene = Scene::serving(shared(), [Settings::fast(254)]);
    scene.node(1).kill().unwrap();
    let name = scene.node(1).instance().to_owned();
    let journal = Path::new(RUN).join(&name).join("journal");
    fs::write(&journal, "{\"layout\":1").unwrap();
    let mut command = scene.router(1).netns.command(node::binary().unwrap());
    let told = output(command.args(["cleanup", "--instance", &name]));
    assert!(told.status.success(), "{}", said(&told));
    let says = format!("the journal {} is damaged", journal.display());
    assert!(said(&told).contains(&says), "{}", said(&told));
    assert!(!scene.has_address(1));
    for folder in [PINS, RUN] {
        assert!(!Path::new(folder).join(&name).exists(), "{folder}");
    }
}

#[test]
fn what_somebody_removed_under_a_running_node_is_told() {
    let mut scene = Scene::serving(shared(), [Settings::fast(254)]);
    let name = scene.node(1).instance().to_owned();
    for folder in [PINS, RUN] {
        let folder = Path::new(folder).join(&name);
        for entry in fs::read_dir(&folder).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        fs::remove_dir(&folder).unwrap();
        let says = format!("from {}: ", folder.display());
        let line = scene.log(1).wait(&says, LIMIT).unwrap();
        assert!(line.text.contains("somebody removed"), "{}", line.text);
        assert!(line.text.contains("restart xvrrp"), "{}", line.text);
    }
    scene.node(1).stop().unwrap();
    assert!(!scene.has_address(1));
}

#[test]
fn a_foreign_xdp_program_is_named_and_stays() {
    let place = Place::new(TUTORIAL_PRIMARY);
    let _pass = XdpPass::attach(&place.router().netns, "ens33").unwrap();
    assert!(place.network().contains("xdp:\nens33"));
    place.assert_refused(&[], &["ens33 already has an XDP program", "xv_pass"]);
}

/// Ahead and behind: a lease that never ends, and one that has always ended.
#[test]
fn a_time_namespace_with_an_offset_is_refused() {
    for offset in ["--monotonic=100000", "--monotonic=-7"] {
        if let Err(refusal) = run::run(Command::new("unshare").args(["--time", offset, "true"])) {
            eprintln!("skipped: time namespaces are not to be had here: {refusal:#}");
            return;
        }
        let place = Place::new(TUTORIAL_PRIMARY);
        // A node that is not refused runs until it is ended.
        let by = [
            "timeout",
            "-k1",
            "20",
            "unshare",
            "--time",
            offset,
            "--kill-child",
        ];
        place.assert_refused(&by, &["CLOCK_MONOTONIC", "time namespace"]);
    }
}

/// One without is like the host's.
#[test]
fn a_time_namespace_without_an_offset_is_not() {
    let place = Place::new(TUTORIAL_PRIMARY);
    let _pass = XdpPass::attach(&place.router().netns, "ens33").unwrap();
    // It comes as far as this.
    let by = ["timeout", "-k1", "20", "unshare", "--time", "--kill-child"];
    place.assert_refused(&by, &["already has an XDP program"]);
}

#[test]
fn a_second_node_of_the_same_name_leaves_the_first_alone() {
    let mut scene = Scene::serving(shared(), [Settings::fast(254)]);
    let dump = |scene: &Scene| Dump::take(scene.router(1), scene.nodes[0].instance()).unwrap();
    let addresses = |scene: &Scene| scene.router(1).netns.ip("addr show dev ens33").unwrap();
    let (before, had) = (dump(&scene), addresses(&scene));
    let file = scene.node(1).config().display().to_string();
    let refusal = scene
        .node(1)
        .subcommand(&format!("run -f {file}"))
        .unwrap_err()
        .to_string();
    let pid = scene.node(1).process().unwrap().pid();
    assert!(refusal.contains("exit status: 1"), "{refusal}");
    assert!(
        refusal.contains(&format!("is already running (process {pid})")),
        "{refusal}"
    );
    assert!(refusal.contains("--instance NAME"), "{refusal}");
    let cleanup = scene.node(1).cleanup().unwrap_err().to_string();
    assert!(cleanup.contains("is already running"), "{cleanup}");
    assert_eq!(addresses(&scene), had);
    // Other cases come and go; what is in this namespace and of this instance does not.
    let difference = before.diff(&dump(&scene));
    for section in ["bpftool net", "ip -d addr", PINS, RUN] {
        assert!(!difference.contains(section), "{difference}");
    }
    assert!(scene.router(1).has_address(VIP).unwrap());
    assert_eq!(scene.status(1).number("became_master"), 1);
}
