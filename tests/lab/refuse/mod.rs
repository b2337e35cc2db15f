//! A node that cannot or must not run says why, ends with a code that says whether to try again, and has changed
//! nothing.

mod file;
mod privilege;
mod system;
mod usage;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use vrrp_tests::{
    lab::{Host, Lab},
    netns::unique_name,
    node::{self, NATIVE, PINS, RUN},
    run,
};

/// Trying again may help.
const FAILURE: i32 = 1;
/// The command line is wrong.
const USAGE: i32 = 2;
/// The configuration is wrong.
const CONFIG: i32 = 78;

/// A router with a configuration, and no node yet.
struct Place {
    lab: Lab,
    instance: String,
    folder: tempfile::TempDir,
}

impl Place {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("keepalived.conf"), config).unwrap();
        Self {
            lab: Lab::builder().routers(1).build().unwrap(),
            instance: unique_name("node"),
            folder,
        }
    }

    fn router(&self) -> &Host {
        &self.lab.routers[0]
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("keepalived.conf")
    }

    /// Runs the node on the router to its end, by way of another command if there is one. XDP is asked
    /// for, because tc would not mind a foreign XDP program.
    fn run(&self, by: &[&str]) -> Output {
        let binary = node::binary().unwrap();
        let mut words = by.iter().map(PathBuf::from).chain([binary]);
        let mut command = self.router().netns.command(words.next().unwrap());
        command.args(words).arg("run").arg("-f").arg(self.file());
        output(command.args(["--instance", &self.instance]).args(NATIVE))
    }

    /// Checks the configuration on the router.
    fn check(&self) -> Output {
        let binary = node::binary().unwrap();
        let mut command = self.router().netns.command(binary);
        output(command.arg("check").arg("-f").arg(self.file()))
    }

    /// What the network of the router is like; BPF objects of the machine are left out, since
    /// other cases come and go.
    fn network(&self) -> String {
        let netns = &self.router().netns;
        let attached = run::run(netns.command("bpftool").args(["net", "show"])).unwrap();
        let addresses = netns.ip("addr show dev ens33").unwrap();
        let groups = netns.ip("maddr show dev ens33").unwrap();
        let qdiscs = netns.tool("tc", "qdisc show dev ens33").unwrap();
        [attached, addresses, groups, qdiscs].concat()
    }

    #[track_caller]
    fn assert_refused(&self, by: &[&str], says: &[&str]) {
        self.assert_ends(by, FAILURE, says);
    }

    /// It is the file that is wrong, or does not fit the machine.
    #[track_caller]
    fn assert_misconfigured(&self, says: &[&str]) {
        self.assert_ends(&[], CONFIG, says);
    }

    #[track_caller]
    fn assert_ends(&self, by: &[&str], code: i32, says: &[&str]) {
        let before = self.network();
        let told = self.run(by);
        assert_failed(&told, code, says);
        assert_eq!(self.network(), before);
        for folder in [PINS, RUN] {
            let left = Path::new(folder).join(&self.instance);
            assert!(!left.exists(), "{} is left", left.display());
        }
    }
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[track_caller]
fn assert_failed(output: &Output, code: i32, says: &[&str]) {
    let text = said(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for words in says {
        assert!(text.contains(words), "not said: {words:?}\n{text}");
    }
}

fn xvrrp(arguments: &[&str]) -> Output {
    output(Command::new(node::binary().unwrap()).args(arguments))
}
