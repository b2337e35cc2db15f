//! Every node that the bench compares: a pair of it serves, moves and comes back whatever is done to
//! the better one, and the router is afterwards what it was before.

use std::{fs, time::Duration};

use vrrp_tests::{
    clock,
    contender::{Contender, Speech},
    dump::Dump,
    echo::Echo,
    lab::{INNER_INTERFACE, INNER_VIP, Lab, VIP},
    node::{self, Node},
    prober::{PORT, Prober},
};

use crate::scene::{Turn, alone, eventually};

/// How long the kernel may take to free what nobody uses any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// A pair with a second network, and a client that asks the VIP all the time.
struct Contest {
    // Dropped in this order: nodes end before their network goes, and the turn ends last.
    nodes: [Box<dyn Node>; 2],
    before: [Dump; 2],
    /// Whether only the Active answers the client while both nodes run.
    exclusive: bool,
    prober: Prober,
    _echos: [Echo; 2],
    lab: Lab,
    _turn: Turn,
}

impl Contest {
    /// Of the standard contender of that name; `None` if it is not installed.
    fn new(name: &str) -> Option<Self> {
        let binary = node::binary().unwrap();
        let contender = Contender::standard(&[name.to_owned()], &binary)
            .unwrap()
            .remove(0);
        if let Some(reason) = contender.is_missing() {
            eprintln!("skipped: {reason}");
            return None;
        }
        let turn = alone();
        let lab = Lab::pair().unwrap();
        let [first, second] = [&lab.routers[0].netns, &lab.routers[1].netns];
        let name = second.name();
        first
            .ip(&format!(
                "link add {INNER_INTERFACE} type veth peer name {INNER_INTERFACE} netns {name}"
            ))
            .unwrap();
        for (number, router) in (1..).zip([first, second]) {
            let address = format!("addr add 10.77.0.{number}/24 dev {INNER_INTERFACE}");
            router.ip(&address).unwrap();
            router
                .ip(&format!("link set {INNER_INTERFACE} up"))
                .unwrap();
        }
        for router in [first, second] {
            eventually("the second network is up", || {
                let addresses = format!("-br addr show dev {INNER_INTERFACE} up");
                let text = router.ip(&addresses).unwrap();
                // The link-local address comes some time after the carrier.
                text.contains(" UP ") && text.contains("fe80")
            });
        }
        let echo = |number: u8| {
            let router = &lab.routers[usize::from(number) - 1];
            Echo::start(&router.netns, VIP, PORT, number).unwrap()
        };
        let echos = [echo(1), echo(2)];
        let before = dumps(&lab);
        let mut speech = Speech::fast().and(INNER_INTERFACE, INNER_VIP);
        if contender.name.starts_with("frr") {
            // At 10 ms it may lose its own start: see vrrp_tests::node::Frr.
            speech.advert_int_ms = 100;
        }
        Some(Self {
            nodes: contender.pair(&lab, &speech).unwrap(),
            before,
            // As its documentation sets it up, FRR's Backup answers ARP questions as well.
            exclusive: contender.name != "frr-plain",
            prober: Prober::start(&lab.client.netns, VIP, Duration::from_millis(1)).unwrap(),
            _echos: echos,
            lab,
            _turn: turn,
        })
    }

    fn better(&mut self) -> &mut dyn Node {
        &mut *self.nodes[0]
    }

    /// Waits until a node, and it alone, takes itself for the Active and has the second network's
    /// address as well; and until the client is served by it.
    #[track_caller]
    fn await_active(&mut self, number: u8) {
        self.await_promotion(number);
        let other = &mut self.nodes[usize::from(2 - number)];
        eventually(&format!("r{} is not Active", 3 - number), || {
            !other.is_active().unwrap()
        });
        let exclusive = self.exclusive;
        eventually(&format!("r{number} answers the client"), || {
            let router = self.prober.answering();
            router == number || (!exclusive && router != 0)
        });
    }

    /// Waits until a node takes itself for the Active, whatever the other one does.
    #[track_caller]
    fn await_promotion(&mut self, number: u8) {
        let node = &mut self.nodes[usize::from(number) - 1];
        eventually(&format!("r{number} is Active"), || {
            node.is_active().unwrap()
        });
        let router = &self.lab.routers[usize::from(number) - 1].netns;
        eventually(&format!("r{number} has the second address"), || {
            let addresses = router.ip("-4 -o addr show").unwrap();
            addresses.contains(&format!("{INNER_VIP}/"))
        });
    }

    #[track_caller]
    fn assert_as_before(&self) {
        let mut difference = String::new();
        let equal = clock::wait_until("the dumps are equal", PATIENCE, || {
            let after = dumps(&self.lab);
            difference = [0, 1]
                .map(|index| network(&self.before[index], &after[index]))
                .concat();
            Ok(difference.is_empty())
        });
        assert!(equal.is_ok(), "left behind:\n{difference}");
    }
}

impl Drop for Contest {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (number, node) in (1..).zip(&mut self.nodes) {
            if let Ok(process) = node.process() {
                eprintln!("r{number} logged:\n{}", process.log().tail(30));
            }
            let addresses = self.lab.routers[number - 1].netns.ip("-br addr");
            eprintln!("r{number} has:\n{}", addresses.unwrap_or_default());
        }
    }
}

fn dumps(lab: &Lab) -> [Dump; 2] {
    [0, 1].map(|index| Dump::take(&lab.routers[index], "").unwrap())
}

/// What differs in a router's namespace. Programs, maps and links belong to the machine, where other
/// labs come and go, and to [`crate::clean`].
fn network(before: &Dump, after: &Dump) -> String {
    let machine = ["bpftool prog:", "bpftool map:", "bpftool link:"];
    let mut counts = true;
    let difference = before.diff(after);
    let lines = difference.lines().filter(|line| {
        if !line.starts_with(' ') {
            counts = !machine.contains(line);
        }
        counts
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// The letter that stands for a process' state in `/proc`, if there is such a process.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.chars().next()
}

fn contest(name: &str) {
    let Some(mut contest) = Contest::new(name) else {
        return;
    };
    for node in &mut contest.nodes {
        node.start().unwrap();
    }
    contest.await_active(1);

    contest.better().stop().unwrap();
    assert!(contest.better().pids().unwrap().is_empty());
    contest.await_active(2);
    contest.better().start().unwrap();
    contest.await_active(1);

    let pids = contest.better().pids().unwrap();
    contest.better().kill().unwrap();
    for pid in pids {
        // A zombie is dead; whoever inherited it may not look for it yet.
        eventually("it is dead", || matches!(state(pid), None | Some('Z')));
    }
    contest.await_promotion(2);
    contest.better().clear_up().unwrap();
    contest.better().start().unwrap();
    contest.await_active(1);

    let pids = contest.better().pids().unwrap();
    contest.better().freeze().unwrap();
    for pid in &pids {
        eventually("it is stopped", || state(*pid) == Some('T'));
    }
    contest.await_promotion(2);
    contest.better().thaw().unwrap();
    for pid in &pids {
        eventually("it runs on", || state(*pid) != Some('T'));
    }
    contest.await_active(1);
    assert_eq!(contest.better().pids().unwrap(), pids);

    for node in &mut contest.nodes {
        node.stop().unwrap();
    }
    // FRR's interfaces are not FRR's to remove, and with virtual MACs keepalived leaves the ARP
    // switches as it turned them.
    if !name.starts_with("frr") && name != "keepalived-vmac" {
        contest.assert_as_before();
    }
    for node in &mut contest.nodes {
        node.start().unwrap();
    }
    contest.await_promotion(1);
    for node in &mut contest.nodes {
        node.retire().unwrap();
    }
    contest.assert_as_before();
}

#[test]
fn xvrrp() {
    contest("xvrrp");
}

#[test]
fn keepalived() {
    contest("keepalived");
}

#[test]
fn keepalived_tuned() {
    contest("keepalived-tuned");
}

#[test]
fn keepalived_with_virtual_macs() {
    contest("keepalived-vmac");
}

#[test]
fn frr() {
    contest("frr");
}

#[test]
fn frr_as_documented() {
    contest("frr-plain");
}
