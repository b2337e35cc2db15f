//! A node that cannot or must not run says why, ends with a code that says whether to try again, and has changed
//! nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use vrrp_tests::{
    config::{Settings, TUTORIAL_PRIMARY},
    dump::Dump,
    lab::{Host, Lab, VIP},
    netns::unique_name,
    node::{self, NATIVE, Node as _, PINS, RUN},
    run,
    xdp_pass::XdpPass,
};

use crate::scene::{LIMIT, Scene, shared};

/// Trying again may help.
const FAILURE: i32 = 1;
/// The command line is wrong.
const USAGE: i32 = 2;
/// The configuration is wrong.
const CONFIG: i32 = 78;

/// What makes setpriv run something as an ordinary user.
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

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

/// What the unit makes of the ends of a node, and what it runs, by the file that is shipped.
#[test]
fn the_unit_knows_the_exit_codes_and_commands_of_the_node() {
    let unit = include_str!("../../dist/xvrrp.service");
    let values = |key: &str| {
        let lines = unit.lines().filter_map(|line| line.strip_prefix(key));
        Vec::from_iter(lines)
    };
    assert_eq!(values("Restart="), ["on-failure"]);
    let [prevented] = values("RestartPreventExitStatus=")[..] else {
        panic!("{unit}");
    };
    let prevented = Vec::from_iter(
        prevented
            .split(' ')
            .map(|code| code.parse::<i32>().unwrap()),
    );
    assert_eq!(prevented, [USAGE, CONFIG]);
    assert!(!prevented.contains(&FAILURE));

    // `xvrrp reload` and a stop that comes meanwhile.
    assert_eq!(values("SuccessExitStatus="), ["SIGTERM"]);

    // Its commands are those of the node, but for the place of the file.
    let commands = ["ExecStart=", "ExecReload=", "ExecStopPost="].map(values);
    for command in commands.concat() {
        let arguments = command.strip_prefix("/usr/sbin/xvrrp ").unwrap();
        let help = Vec::from_iter(arguments.split(' ').chain(["--help"]));
        assert!(xvrrp(&help).status.success(), "{command}");
    }
}

fn open_to_all(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
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

//= C6, C28: refusal
#[test]
fn errors_of_the_configuration_are_told_with_their_line() {
    let cases = [
        ("virtual_router_id 1\n", "", 11, "virtual"),
        (
            "virtual_router_id 1\n",
            "virtual_router_id 256\n",
            14,
            "256",
        ),
        ("interface ens33\n", "", 11, "interface"),
        ("priority 100\n", "priority 0\n", 15, "1 to 255"),
        ("priority 100\n", "priority 256\n", 15, "1 to 255"),
        ("advert_int 1\n", "advert_int 0\n", 16, "`advert_int 0`"),
        ("advert_int 1\n", "advert_int 256\n", 16, "`advert_int 256`"),
        (
            "192.168.1.254\n",
            "192.168.1.254.7\n",
            22,
            "192.168.1.254.7",
        ),
    ];
    for (from, to, line, says) in cases {
        let config = TUTORIAL_PRIMARY.replace(from, to);
        assert_ne!(config, TUTORIAL_PRIMARY);
        let place = Place::new(&config);
        let file = format!("{}:{line}: error: ", place.file().display());
        place.assert_misconfigured(&[&file, says, "nothing is started"]);
    }
}

#[test]
fn a_virtual_router_that_is_there_twice_is_an_error() {
    let twin = TUTORIAL_PRIMARY
        .split_once("vrrp_instance")
        .map(|(_, body)| format!("{TUTORIAL_PRIMARY}\nvrrp_instance{body}"))
        .unwrap();
    let twin = twin.replacen("vrrp_instance VI_1", "vrrp_instance VI_0", 1);
    let place = Place::new(&twin);
    place.assert_misconfigured(&["VI_0", "VI_1", "nothing is started"]);
}

#[test]
fn a_missing_interface_is_told_with_its_line() {
    let config = TUTORIAL_PRIMARY
        .replace("interface ens33", "interface ens33@if7")
        .replace(
            "192.168.1.254\n",
            "192.168.1.254\n192.168.1.253 dev ens34\n",
        );
    let place = Place::new(&config);
    let file = place.file().display().to_string();
    let told = place.check();
    let faulted = "FAULT until there is one";
    let name = format!("{file}:13: warning: (VI_1) there is no interface ens33@if7: {faulted}");
    let device = format!("{file}:23: warning: (VI_1) there is no interface ens34: {faulted}");
    assert_failed(&told, 0, &[&name, "did you mean `ens33`?", &device]);
    fs::write(place.file(), TUTORIAL_PRIMARY).unwrap();
    let told = place.check();
    assert_failed(&told, 0, &[]);
    assert!(!said(&told).contains("there is no interface"));
}

#[test]
fn an_unknown_script_user_is_told_before_anything_is_started() {
    let config = TUTORIAL_PRIMARY.replace(
        "    state",
        "    notify /bin/true nobody_of_that_name\n    state",
    );
    let place = Place::new(&config);
    let line = format!("{}:12: ", place.file().display());
    let says = "(VI_1) script /bin/true: there is no user nobody_of_that_name";
    place.assert_misconfigured(&[&format!("{line}error: {says}"), "nothing is started"]);
    assert_failed(&place.check(), 0, &[&format!("{line}warning: {says}")]);
}

/// What the interface has is its own: the only address, and one whose removal takes others along.
#[test]
fn an_interfaces_own_address_is_no_virtual_ip() {
    for (vip, more, own) in [
        ("192.168.1.1", "", "192.168.1.1/24"),
        ("192.168.1.1/24", "", "192.168.1.1/24"),
        ("192.168.1.1/24", "192.168.1.9/24", "192.168.1.1/24"),
        (
            "10.7.7.7",
            "10.7.7.7/8 valid_lft 600 preferred_lft 600",
            "10.7.7.7/8",
        ),
    ] {
        let place = Place::new(&TUTORIAL_PRIMARY.replace("192.168.1.254", vip));
        if !more.is_empty() {
            let add = format!("addr add {more} dev ens33");
            place.router().netns.ip(&add).unwrap();
        }
        let told = format!("(VI_1) virtual IP {own} is ens33's own address");
        let error = format!("{}:22: error: {told}", place.file().display());
        place.assert_misconfigured(&[&error, "priority 255", "nothing is started"]);

        let warning = format!("{}:22: warning: {told}", place.file().display());
        assert_failed(&place.check(), 0, &[&warning]);
    }
}

#[test]
fn a_missing_file_is_told() {
    let place = Place::new(TUTORIAL_PRIMARY);
    fs::remove_file(place.file()).unwrap();
    place.assert_misconfigured(&["keepalived.conf", "No such file"]);
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

#[test]
fn usage_errors_end_with_2() {
    for arguments in [
        &[
            "run",
            "--vrid",
            "0",
            "--interface",
            "ens33",
            "--vip",
            "192.168.1.254",
        ][..],
        &["run", "--no-such-flag"],
        &["run", "--vrid", "1", "--interface", "ens33", "--vip", "foo"],
        &["status", "--instance", "../x"],
        &[],
    ] {
        assert_failed(&xvrrp(arguments), USAGE, &["--help"]);
    }
}

#[test]
fn check_tells_good_from_bad() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keepalived.conf");
    let name = file.to_str().unwrap();

    fs::write(&file, TUTORIAL_PRIMARY).unwrap();
    let told = xvrrp(&["check", "-f", name]);
    assert!(told.status.success(), "{}", said(&told));
    assert!(said(&told).contains("(VI_1) ens33 VRID 1, priority 100, 1 virtual IPs"));

    let unknown = TUTORIAL_PRIMARY.replace("state MASTER", "sttae MASTER");
    fs::write(&file, unknown).unwrap();
    let told = xvrrp(&["check", "-f", name]);
    assert!(told.status.success(), "{}", said(&told));
    let warning = format!("{name}:12: warning: ");
    assert!(said(&told).contains(&warning), "{}", said(&told));

    fs::write(&file, TUTORIAL_PRIMARY.replace("id 1\n", "id 0\n")).unwrap();
    let error = format!("{name}:14: error: ");
    assert_failed(&xvrrp(&["check", "-f", name]), CONFIG, &[&error]);
}

#[test]
fn status_of_no_node_is_an_error() {
    let told = xvrrp(&["status", "--instance", &unique_name("none")]);
    assert_failed(
        &told,
        FAILURE,
        &["xvrrp: ", "no node runs as this instance"],
    );
}
