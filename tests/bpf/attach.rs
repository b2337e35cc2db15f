//! Interfaces that get programs, and lose them, while a node runs: with the capabilities that are left by then.

use std::{env, fs, process::Command, slice, time::Duration};

use aya::programs::{ProgramInfo, SchedClassifier, TcAttachType};
use vrrp_tests::{
    clock,
    netns::{self, Netns, unique_name},
    run,
    xdp_pass::XdpPass,
};
use vrrp_user::{
    ids::InterfaceId,
    io::{
        bpf::{
            Attachment, BpfError, Choice, Dataplane, Mode, Place, Wishes,
            pinned::{self, InstancePins, Pins as _},
        },
        privilege,
    },
};

use crate::{kernel::object, preload};

/// Set where the kernel is made to look as if it had no tcx.
const WITHOUT_TCX: &str = "XVRRP_TEST_WITHOUT_TCX";
const LIMIT: Duration = Duration::from_secs(5);

/// A namespace with interfaces, and a folder of pins.
struct Site {
    host: Netns,
    pins: InstancePins,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.pins.remove(false).ok();
    }
}

impl Site {
    fn new() -> Self {
        netns::ensure_bpffs().unwrap();
        let host = Netns::new("attach").unwrap();
        for (one, other) in [("eth0", "peer0"), ("eth1", "peer1")] {
            host.ip(&format!("link add {one} type veth peer name {other}"))
                .unwrap();
            host.ip(&format!("link set {one} up")).unwrap();
        }
        let pins = InstancePins::new(&unique_name("attach"));
        pinned::prepare(pins.directory()).unwrap();
        Self { host, pins }
    }

    fn place(&self, interface: &str, is_marked: bool) -> Place {
        let shown = self.host.ip(&format!("-o link show dev {interface}"));
        let index = shown.unwrap().split(':').next().unwrap().parse().unwrap();
        Place {
            interface: interface.to_owned(),
            id: InterfaceId(index),
            is_marked,
        }
    }

    /// What a node has loaded some moments after its start.
    fn load(&self, choice: Choice) -> Dataplane {
        let wishes = Wishes { choice, log: false };
        let dataplane = Dataplane::load(self.pins.directory(), wishes).unwrap();
        dataplane.load_rest().unwrap().join().unwrap();
        dataplane
    }

    /// Does something in the namespace, as a node that has started.
    fn later<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let done = self.host.run(|| {
            privilege::drop_capabilities(false)?;
            Ok(act())
        });
        done.unwrap()
    }

    /// What is pinned of an interface.
    fn pinned(&self, place: &Place) -> Vec<String> {
        let files = fs::read_dir(self.pins.directory()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let suffix = format!("-{}", place.id.0);
        let mut found = Vec::from_iter(names.filter_map(|name| {
            let name = name.strip_suffix(&suffix)?;
            Some(name.to_owned())
        }));
        found.sort();
        found
    }

    /// Programs on an interface: in tc, in the order in which frames meet them, and the mode of XDP.
    fn programs(&self, interface: &str) -> Vec<String> {
        let in_tc = |place| {
            if is_without_tcx() {
                return Ok(filters(interface, place));
            }
            let (_, programs) = SchedClassifier::query_tcx(interface, place)?;
            let names = programs.iter().filter_map(ProgramInfo::name_as_str);
            Ok(Vec::from_iter(names.map(str::to_owned)))
        };
        let tc = [TcAttachType::Egress, TcAttachType::Ingress];
        let found = tc.map(|place| self.host.run(|| in_tc(place)).unwrap());
        let mut found = found.concat();
        let shown = self.host.ip(&format!("link show dev {interface}")).unwrap();
        let words = shown.split_whitespace();
        found.extend(
            words
                .filter(|word| word.starts_with("xdp"))
                .map(str::to_owned),
        );
        found
    }

    /// What there is of ours on an interface.
    fn state(&self, place: &Place) -> (Vec<String>, Vec<String>) {
        (self.pinned(place), self.programs(&place.interface))
    }
}

/// Whether the kernel is one before 6.6, or this process takes it for one.
fn is_without_tcx() -> bool {
    env::var_os(WITHOUT_TCX).is_some()
        || SchedClassifier::query_tcx("lo", TcAttachType::Egress).is_err()
}

/// Filters of clsact, in the order in which frames meet them.
fn filters(interface: &str, place: TcAttachType) -> Vec<String> {
    let side = match place {
        TcAttachType::Egress => "egress",
        _ => "ingress",
    };
    let shown = run::tool("tc", &format!("filter show dev {interface} {side}"));
    let shown = shown.unwrap_or_default();
    let with_handle = shown.split("handle ").skip(1);
    let names = with_handle.filter_map(|filter| filter.split_whitespace().nth(1));
    names.map(str::to_owned).collect()
}

/// A link outlives its last pin by moments.
#[track_caller]
fn await_programs(site: &Site, place: &Place, expected: &[&str]) {
    let are_there = || Ok(site.programs(&place.interface) == expected);
    clock::wait_until(&format!("{expected:?}"), LIMIT, are_there).unwrap();
}

#[track_caller]
fn await_nothing(site: &Site, place: &Place) {
    assert_eq!(site.pinned(place), Vec::<String>::new());
    await_programs(site, place, &[]);
}

fn attach(dataplane: &mut Dataplane, place: &Place) -> Result<Attachment, BpfError> {
    let mut attached = dataplane.attach(slice::from_ref(place));
    attached.result.map(|()| attached.attachments.remove(0))
}

#[test]
fn a_running_node_attaches_marks_and_detaches_one_interface_alone() {
    if object().is_none() {
        return;
    }
    for (choice, mode, bare, marked) in [
        (
            Choice::Tc,
            Mode::Tc,
            &["xvrrp_egress", "xvrrp_receive"][..],
            &["xvrrp_egress", "xvrrp_receive", "xvrrp_mark"][..],
        ),
        (
            Choice::Native,
            Mode::NativeFrags,
            &["xvrrp_egress", "xdp"],
            &["xvrrp_egress", "xvrrp_mark", "xdp"],
        ),
    ] {
        let site = Site::new();
        let (first, second) = (site.place("eth0", true), site.place("eth1", false));
        let mut dataplane = site.load(choice);
        let attached = site.host.run(|| Ok(attach(&mut dataplane, &first)?));
        let first_attachment = attached.unwrap();
        let before = site.state(&first);
        assert_eq!(before.1, marked);

        let mut attachment = site.later(|| attach(&mut dataplane, &second)).unwrap();
        assert_eq!(attachment.reception.mode, mode);
        let unmarked = site.state(&second);
        assert_eq!(unmarked.1, bare);
        for is_marked in [false, true, true, false, true] {
            site.later(|| dataplane.set_marked(&mut attachment, is_marked))
                .unwrap();
            let expected = if is_marked { marked } else { bare };
            await_programs(&site, &second, expected);
            let pins = site.pinned(&second);
            let is_pinned = is_marked && !is_without_tcx();
            assert_eq!(pins.contains(&"mark".to_owned()), is_pinned);
        }
        site.later(|| dataplane.detach(attachment)).unwrap();
        await_nothing(&site, &second);
        assert_eq!(site.state(&first), before);

        site.later(|| dataplane.detach(first_attachment)).unwrap();
        await_nothing(&site, &first);
        let again = site.later(|| attach(&mut dataplane, &first)).unwrap();
        assert_eq!(site.state(&first), before);
        site.later(|| dataplane.detach(again)).unwrap();
    }
}

#[test]
fn a_renamed_interface_is_marked_and_the_one_with_its_name_is_not() {
    if object().is_none() {
        return;
    }
    for choice in [Choice::Tc, Choice::Native] {
        let site = Site::new();
        let (place, other) = (site.place("eth0", false), site.place("eth1", false));
        let mut dataplane = site.load(choice);
        let mut attachment = site.later(|| attach(&mut dataplane, &place)).unwrap();
        for (from, to) in [("eth0", "old0"), ("eth1", "eth0")] {
            for change in [
                format!("{from} down"),
                format!("{from} name {to}"),
                format!("{to} up"),
            ] {
                site.host.ip(&format!("link set {change}")).unwrap();
            }
        }
        site.later(|| dataplane.set_marked(&mut attachment, true))
            .unwrap();
        let mark = "xvrrp_mark".to_owned();
        assert!(site.programs("old0").contains(&mark));
        assert!(!site.programs("eth0").contains(&mark));
        assert_eq!(site.pinned(&other), Vec::<String>::new());
        site.later(|| dataplane.detach(attachment)).unwrap();
    }
}

#[test]
fn the_same_by_filters_of_clsact() {
    let source = include_str!("../lab/without_tcx.c");
    let Some((_folder, preloaded)) = preload::build("without_tcx", source) else {
        return;
    };
    let mut again = Command::new(env::current_exe().unwrap());
    again.arg("--exact").args([
        "attach::a_running_node_attaches_marks_and_detaches_one_interface_alone",
        "attach::a_renamed_interface_is_marked_and_the_one_with_its_name_is_not",
        "attach::what_cannot_be_attached_leaves_the_interface_as_it_was",
    ]);
    again.env("LD_PRELOAD", preloaded);
    let told = run::run(again.env(WITHOUT_TCX, "1")).unwrap();
    assert!(told.contains("3 passed"), "{told}");
}

#[test]
fn what_cannot_be_attached_leaves_the_interface_as_it_was() {
    if object().is_none() {
        return;
    }
    let site = Site::new();
    let (first, second) = (site.place("eth0", true), site.place("eth1", true));
    let mut dataplane = site.load(Choice::Native);
    let foreign = XdpPass::attach(&site.host, "eth1").unwrap();
    let _first = site.later(|| attach(&mut dataplane, &first)).unwrap();
    let before = (site.state(&first), site.state(&second));
    let error = site.later(|| attach(&mut dataplane, &first)).unwrap_err();
    assert!(matches!(error, BpfError::Interfaces(_)), "{error}");
    for has_qdisc in [false, is_without_tcx()] {
        let refused = site.later(|| dataplane.attach(slice::from_ref(&second)));
        let error = refused.result.unwrap_err();
        assert!(matches!(error, BpfError::Foreign { .. }), "{error}");
        // The qdisc was made by the first try alone, and stays.
        let made = refused.qdisc_of_refused;
        assert_eq!(made, (is_without_tcx() && !has_qdisc).then_some(second.id));
        assert_eq!((site.state(&first), site.state(&second)), before);
    }
    drop(foreign);
    let _second = site.later(|| attach(&mut dataplane, &second)).unwrap();
    assert_eq!(site.pinned(&second), site.pinned(&first));
}

#[test]
fn an_interface_that_is_gone_is_detached_without_a_complaint() {
    if object().is_none() {
        return;
    }
    for choice in [Choice::Tc, Choice::Native] {
        let site = Site::new();
        let place = site.place("eth0", true);
        let mut dataplane = site.load(choice);
        let attachment = site.later(|| attach(&mut dataplane, &place)).unwrap();
        // Filters of clsact have no pins.
        if !is_without_tcx() {
            assert_eq!(site.pinned(&place).len(), 3);
        }
        site.host.ip("link del eth0").unwrap();
        site.later(|| dataplane.detach(attachment)).unwrap();
        assert_eq!(site.pinned(&place), Vec::<String>::new());
    }
}
