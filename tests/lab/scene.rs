//! What every case begins with: a lab, a node per router, and the questions that are asked of them.

use std::{
    net::IpAddr,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::Value;
use vrrp_tests::{
    arp_prober::{ArpProber, ArpRecording},
    clock,
    echo::Echo,
    frames::Advert,
    gap::Recording,
    lab::{Builder, Host, Lab, VIP, VIP_V6},
    node::{self, Node as _, Xvrrp},
    prober::{PORT, Prober},
    process::Log,
};

/// How long a condition is waited for. A node on a busy machine takes seconds to start.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Cases that measure time or compare dumps of the machine's BPF objects want the machine alone; the
/// others share it.
static MACHINE: RwLock<()> = RwLock::new(());

/// The machine, for the length of a case.
#[must_use]
pub(crate) enum Turn {
    /// With other cases.
    Shared {
        _guard: RwLockReadGuard<'static, ()>,
    },
    /// Without.
    Alone {
        _guard: RwLockWriteGuard<'static, ()>,
    },
}

/// Waits for a place beside other cases.
pub(crate) fn shared() -> Turn {
    // A case that failed says nothing about the next one.
    let _guard = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    Turn::Shared { _guard }
}

/// Waits until no other case runs.
pub(crate) fn alone() -> Turn {
    let _guard = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    Turn::Alone { _guard }
}

/// Routers with a node each. A case that fails shows what the nodes have to say.
pub(crate) struct Scene {
    // Dropped in this order: nodes end before their network goes, and the turn ends last.
    pub(crate) nodes: Vec<Xvrrp>,
    _echos: Vec<Echo>,
    pub(crate) lab: Lab,
    /// The virtual IP that clients ask for.
    pub(crate) vip: IpAddr,
    _turn: Turn,
}

impl Scene {
    /// One router per configuration, none started; and never less than two routers, the second for
    /// whoever brings a node of another kind.
    pub(crate) fn new<T: ToString>(turn: Turn, configs: impl IntoIterator<Item = T>) -> Self {
        Self::of(Lab::builder(), VIP.into(), turn, configs)
    }

    /// The same with a network behind the routers.
    pub(crate) fn routed<T: ToString>(turn: Turn, configs: impl IntoIterator<Item = T>) -> Self {
        Self::of(Lab::builder().behind(), VIP.into(), turn, configs)
    }

    /// The same on veths without XDP at their other end, as containers have them.
    pub(crate) fn bare<T: ToString>(turn: Turn, configs: impl IntoIterator<Item = T>) -> Self {
        Self::of(Lab::builder().bare(), VIP.into(), turn, configs)
    }

    /// Both.
    pub(crate) fn bare_v6<T: ToString>(turn: Turn, configs: impl IntoIterator<Item = T>) -> Self {
        Self::of(Lab::builder().bare().ipv6(), VIP_V6.into(), turn, configs)
    }

    /// Both, with a network behind the routers.
    pub(crate) fn bare_routed<T: ToString>(
        turn: Turn,
        configs: impl IntoIterator<Item = T>,
    ) -> Self {
        Self::of(Lab::builder().bare().behind(), VIP.into(), turn, configs)
    }

    /// The same, and with IPv6 as [`Self::new_v6`], but not behind the routers.
    pub(crate) fn routed_v6<T: ToString>(turn: Turn, configs: impl IntoIterator<Item = T>) -> Self {
        Self::of(Lab::builder().behind().ipv6(), VIP_V6.into(), turn, configs)
    }

    /// The same with IPv6 beside IPv4. Clients ask for the virtual IP of IPv6.
    pub(crate) fn new_v6<T: ToString>(turn: Turn, configs: impl IntoIterator<Item = T>) -> Self {
        Self::of(Lab::builder().ipv6(), VIP_V6.into(), turn, configs)
    }

    fn of<T: ToString>(
        lab: Builder,
        vip: IpAddr,
        turn: Turn,
        configs: impl IntoIterator<Item = T>,
    ) -> Self {
        let configs: Vec<String> = configs.into_iter().map(|one| one.to_string()).collect();
        let count = u8::try_from(configs.len().max(2)).unwrap();
        let lab = lab.routers(count).build().unwrap();
        let binary = node::binary().unwrap();
        let nodes = lab
            .routers
            .iter()
            .zip(&configs)
            .map(|(router, config)| Xvrrp::new(&binary, router, config).unwrap())
            .collect();
        let echos = lab
            .routers
            .iter()
            .zip(1..)
            .map(|(router, number)| Echo::start(&router.netns, vip, PORT, number).unwrap())
            .collect();
        Self {
            nodes,
            _echos: echos,
            lab,
            vip,
            _turn: turn,
        }
    }

    /// The same with every node started.
    pub(crate) fn started<T: ToString>(turn: Turn, configs: impl IntoIterator<Item = T>) -> Self {
        Self::new(turn, configs).start()
    }

    /// The same with IPv6, as [`Self::new_v6`].
    pub(crate) fn started_v6<T: ToString>(
        turn: Turn,
        configs: impl IntoIterator<Item = T>,
    ) -> Self {
        Self::new_v6(turn, configs).start()
    }

    /// The same when the first router serves.
    #[track_caller]
    pub(crate) fn serving<T: ToString>(turn: Turn, configs: impl IntoIterator<Item = T>) -> Self {
        let scene = Self::started(turn, configs);
        scene.await_owner(1);
        scene
    }

    /// The same when the first router serves, and the second is its Backup.
    #[track_caller]
    pub(crate) fn pair<T: ToString>(turn: Turn, configs: impl IntoIterator<Item = T>) -> Self {
        let scene = Self::started(turn, configs);
        scene.await_roles(1, 2);
        scene
    }

    /// Starts every node.
    pub(crate) fn start(mut self) -> Self {
        for node in &mut self.nodes {
            node.start().unwrap();
        }
        self
    }

    /// Starts a client that asks the VIP every millisecond.
    pub(crate) fn prober(&self) -> Prober {
        Prober::start(&self.lab.client.netns, self.vip, Duration::from_millis(1)).unwrap()
    }

    /// Lets a client ask the VIP, by UDP and by ARP or Neighbour Discovery, for a while.
    pub(crate) fn watch(&self, span: Duration) -> (Recording, ArpRecording) {
        let prober = self.prober();
        let questions = self.arp_prober();
        clock::sleep(span);
        (prober.stop().unwrap(), questions.stop().unwrap())
    }

    /// Starts a client that asks who has the VIP, by ARP or Neighbour Discovery, every millisecond.
    pub(crate) fn arp_prober(&self) -> ArpProber {
        ArpProber::start(&self.lab.client, self.vip, Duration::from_millis(1)).unwrap()
    }

    /// The router with this number, from 1.
    pub(crate) fn router(&self, number: u8) -> &Host {
        &self.lab.routers[usize::from(number) - 1]
    }

    /// The node on the router with this number.
    pub(crate) fn node(&mut self, number: u8) -> &mut Xvrrp {
        &mut self.nodes[usize::from(number) - 1]
    }

    /// Waits until one router has the address and the other one is its Backup.
    #[track_caller]
    pub(crate) fn await_roles(&self, owner: u8, backup: u8) {
        self.await_owner(owner);
        self.await_state(backup, "BACKUP");
    }

    /// Starts a router, which takes the address, and then its Backup.
    #[track_caller]
    pub(crate) fn start_in_turn(&mut self, owner: u8, backup: u8) {
        self.node(owner).start().unwrap();
        self.await_owner(owner);
        self.node(backup).start().unwrap();
        self.await_state(backup, "BACKUP");
    }

    /// Sends a signal to the node of this router.
    #[track_caller]
    pub(crate) fn signal(&mut self, number: u8, signal: Signal) {
        let process = self.node(number).process().unwrap();
        process.signal(signal).unwrap();
    }

    /// Sets an interface of router 1 up or down.
    #[track_caller]
    pub(crate) fn set_link(&self, interface: &str, how: &str) {
        let change = format!("link set {interface} {how}");
        self.router(1).netns.ip(&change).unwrap();
    }

    /// Its log.
    pub(crate) fn log(&mut self, number: u8) -> &Log {
        self.node(number).process().unwrap().log()
    }

    /// What the first virtual router of a node says about itself.
    #[track_caller]
    pub(crate) fn status(&self, number: u8) -> RouterStatus {
        self.statuses(number).swap_remove(0)
    }

    /// What every virtual router of a node says about itself.
    #[track_caller]
    pub(crate) fn statuses(&self, number: u8) -> Vec<RouterStatus> {
        let status = self.nodes[usize::from(number) - 1].status();
        let mut status = status.unwrap().unwrap();
        let routers = status["routers"].as_array_mut().unwrap();
        std::mem::take(routers)
            .into_iter()
            .map(RouterStatus)
            .collect()
    }

    /// Waits until a node says that its first virtual router is in this state.
    #[track_caller]
    pub(crate) fn await_state(&self, number: u8, state: &str) {
        let node = &self.nodes[usize::from(number) - 1];
        eventually(&format!("r{number} is {state}"), || {
            // A node that starts or ends does not answer.
            matches!(node.status(), Ok(Some(status)) if status["routers"][0]["state"] == state)
        });
    }

    /// Waits until a router, and none of the others that run, serves: it says so, has the address,
    /// and answers the client.
    #[track_caller]
    pub(crate) fn await_owner(&self, number: u8) {
        self.await_state(number, "MASTER");
        let prober = self.prober();
        eventually(&format!("r{number} answers the client"), || {
            prober.answering() == number
        });
        prober.stop().unwrap();
        let owner = self.router(number);
        eventually(&format!("r{number} has the address"), || {
            owner.has_address(self.vip).unwrap()
        });
    }

    /// Waits until a router does not have the address.
    #[track_caller]
    pub(crate) fn await_no_address(&self, number: u8) {
        let router = self.router(number);
        eventually(&format!("r{number} gives the address up"), || {
            !router.has_address(self.vip).unwrap()
        });
    }

    /// Whether a router has the address.
    pub(crate) fn has_address(&self, number: u8) -> bool {
        self.router(number).has_address(self.vip).unwrap()
    }

    /// The address that a router's adverts come from.
    pub(crate) fn speaker(&self, number: u8) -> IpAddr {
        let router = self.router(number);
        match self.vip {
            IpAddr::V4(_) => router.address.into(),
            IpAddr::V6(_) => router.link_local().into(),
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (number, node) in (1..).zip(&mut self.nodes) {
            match node.status() {
                Ok(status) => eprintln!("r{number} says: {}", status.unwrap_or_default()),
                Err(error) => eprintln!("r{number} says nothing: {error:#}"),
            }
            if let Ok(process) = node.process() {
                eprintln!("r{number} logged:\n{}", process.log().tail(40));
            }
        }
    }
}

/// One virtual router in `xvrrp status --json`.
#[derive(Debug)]
pub(crate) struct RouterStatus(Value);

impl RouterStatus {
    /// One of its fields, of whatever kind.
    pub(crate) fn field(&self, field: &str) -> &Value {
        &self.0[field]
    }

    /// A number among its fields.
    #[track_caller]
    pub(crate) fn number(&self, field: &str) -> u64 {
        self.0[field]
            .as_u64()
            .unwrap_or_else(|| panic!("no number {field} in {}", self.0))
    }

    /// A moment of the last promotion.
    #[track_caller]
    pub(crate) fn timeline(&self, moment: &str) -> u64 {
        self.0["timeline"][moment]
            .as_u64()
            .unwrap_or_else(|| panic!("no {moment} in {}", self.0))
    }

    /// A text among its fields.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field]
            .as_str()
            .unwrap_or_else(|| panic!("no text {field} in {}", self.0))
    }

    /// An object among its fields, or null.
    pub(crate) fn object(&self, field: &str) -> Value {
        self.0[field].clone()
    }

    /// A counter of the BPF programs.
    #[track_caller]
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.0["counters"][name]
            .as_u64()
            .unwrap_or_else(|| panic!("no counter {name} in {}", self.0))
    }

    /// The words for what is wrong although it works.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        let all = self.0["warnings"].as_array().into_iter().flatten();
        all.map(|one| text(&one["warning"])).collect()
    }

    /// When another router served although this one was Active: begin and end.
    #[track_caller]
    pub(crate) fn lapse(&self, other: impl Into<IpAddr>) -> (u64, u64) {
        let lapse = &self.0["lapse"];
        assert_eq!(text(&lapse["active"]), other.into().to_string(), "{lapse}");
        assert_eq!(lapse["unserved"], false, "{lapse}");
        self.lapse_moments()
    }

    /// When nobody served although this one was Active: begin and end.
    #[track_caller]
    pub(crate) fn lapse_of_all(&self) -> (u64, u64) {
        let lapse = &self.0["lapse"];
        assert_eq!(lapse["unserved"], true, "{lapse}");
        assert_eq!(lapse["active"], Value::Null, "{lapse}");
        self.lapse_moments()
    }

    #[track_caller]
    fn lapse_moments(&self) -> (u64, u64) {
        let lapse = &self.0["lapse"];
        let moment = |name: &str| {
            lapse[name]
                .as_u64()
                .unwrap_or_else(|| panic!("no {name} in {lapse}"))
        };
        (moment("began_ns"), moment("ended_ns"))
    }

    /// A leaf of RFC 8347, by its path below `vrrp-instance`: `state`, `statistics/interval-errors`;
    /// null without it.
    pub(crate) fn ietf(&self, leaf: &str) -> &Value {
        let instance = &self.0["ietf-vrrp:vrrp-instance"];
        leaf.split('/').fold(instance, |value, name| &value[name])
    }

    /// What keeps it from working: reason, interface, address; empty what there is not.
    pub(crate) fn fault(&self) -> [&str; 3] {
        ["reason", "interface", "address"].map(|name| text(&self.0["fault"][name]))
    }

    /// The state changes so far, as `FROM>TO`.
    pub(crate) fn transitions(&self) -> Vec<String> {
        let transitions = self.0["transitions"].as_array();
        transitions
            .into_iter()
            .flatten()
            .map(|one| format!("{}>{}", text(&one["from"]), text(&one["to"])))
            .collect()
    }

    /// When they were decided.
    pub(crate) fn transition_moments(&self) -> Vec<u64> {
        let transitions = self.0["transitions"].as_array();
        let moments = transitions.into_iter().flatten();
        moments.filter_map(|one| one["at_ns"].as_u64()).collect()
    }

    /// Why the last of them was.
    pub(crate) fn last_cause(&self) -> &str {
        let last = self.0["transitions"].as_array().and_then(|all| all.last());
        last.map_or("", |last| text(&last["cause"]))
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = clock::now() + clock::span_nanos(LIMIT);
    while !holds() {
        assert!(clock::now() < deadline, "waited {LIMIT:?} in vain: {what}");
        clock::sleep(LOOK);
    }
}

/// Waits for lines that contain these texts, in this order, from the line numbered `mark` on.
#[track_caller]
pub(crate) fn await_lines(log: &Log, mark: usize, texts: &[&str]) {
    let mut from = mark;
    for text in texts {
        log.wait_after(from, text, LIMIT).unwrap();
        let lines = log.lines();
        let found = lines[from..]
            .iter()
            .position(|line| line.text.contains(text));
        from += found.unwrap() + 1;
    }
}

/// A host says that it is a router of this priority, which sends an advert every 40 s.
#[track_caller]
pub(crate) fn claim(host: &Host, priority: u8) {
    let advert = Advert {
        priority,
        timing: [0x0f, 0xa0],
        ..Advert::v3(51, &[VIP.octets()])
    };
    host.advertise(advert).unwrap();
}
