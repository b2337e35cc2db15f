//! A pair of nodes with virtual routers of one family, whose files change while the nodes run.
//!
//! r1 is Active of all of them and r2 their Backup: `VI_1` (VRID 51), which clients ask, and `VI_2` (VRID 52), of
//! which a case mostly asks that nothing happens to it.

use std::{net::IpAddr, path::Path};

use vrrp_tests::{
    capture::Capture,
    config::{self, Settings},
    echo::Echo,
    lab::{INNER_INTERFACE, VIP, VIP_V6},
    link,
    node::{Answer, Node as _},
    prober::PORT,
    rhythm,
    script::Script,
    wire::Advert,
};

use crate::scene::{RouterStatus, Scene, Turn, eventually, shared};

/// Of r1 and r2: every reload may go up or down from here.
pub(crate) const PRIORITIES: [u8; 2] = [200, 100];
/// VRIDs of `VI_1` and `VI_2`, and of two that some cases add.
pub(crate) const ONE: u8 = 51;
pub(crate) const TWO: u8 = 52;
pub(crate) const THREE: u8 = 53;
pub(crate) const FOUR: u8 = 54;
/// Between adverts, milliseconds: nobody is relieved because a machine is busy.
pub(crate) const INTERVAL: u32 = 100;

/// The family of all addresses of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// An address of the clients' network, by its last byte.
    pub(crate) fn address(self, number: u8) -> IpAddr {
        match self {
            Self::V4 => [192, 168, 1, number].into(),
            Self::V6 => [0x2001, 0xdb8, 1, 0, 0, 0, 0, number.into()].into(),
        }
    }

    /// An address of the network behind the routers, by its last byte.
    pub(crate) fn inner(self, number: u8) -> IpAddr {
        match self {
            Self::V4 => [10, 77, 0, number].into(),
            Self::V6 => [0x2001, 0xdb8, 9, 0, 0, 0, 0, number.into()].into(),
        }
    }

    /// The prefix length of a host, and that of the clients' network.
    pub(crate) fn prefixes(self) -> [u8; 2] {
        match self {
            Self::V4 => [32, 24],
            Self::V6 => [128, 64],
        }
    }

    /// What a router's adverts come from.
    pub(crate) fn speaker(self, number: u8) -> IpAddr {
        match self {
            Self::V4 => self.address(number),
            Self::V6 => [0xfe80, 0, 0, 0, 0, 0, 0, number.into()].into(),
        }
    }

    /// A virtual router with one address, and the link-local one that IPv6 begins with.
    pub(crate) fn router(self, name: &str, vrid: u8, priority: u8, address: IpAddr) -> Settings {
        let local = [0xfe80, 0, 0, 0, 0, 0, 0x5e, vrid.into()];
        let vips = match self {
            Self::V4 => vec![address],
            Self::V6 => vec![local.into(), address],
        };
        Settings {
            name: name.to_owned(),
            vrid,
            vips,
            global: "script_user root".to_owned(),
            ..Settings::fast(priority).every(INTERVAL)
        }
    }

    /// One more of r1 or r2.
    pub(crate) fn third(self, number: u8) -> Settings {
        let priority = PRIORITIES[usize::from(number) - 1];
        self.router("VI_3", THREE, priority, self.address(252))
    }

    /// One more of r1, in the network behind the routers.
    pub(crate) fn fourth(self) -> Settings {
        Settings {
            interface: INNER_INTERFACE.to_owned(),
            ..self.router("VI_4", FOUR, PRIORITIES[0], self.inner(251))
        }
    }

    /// What clients of `VI_1` ask for.
    pub(crate) fn vip(self) -> IpAddr {
        match self {
            Self::V4 => VIP.into(),
            Self::V6 => VIP_V6.into(),
        }
    }
}

/// What the routers are plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// The clients' switch.
    Clients,
    /// A network behind the routers, too.
    Routed,
    /// The clients' switch, without XDP at its end, so that the nodes judge by tc.
    Bare,
}

/// The routers of a node's file.
pub(crate) trait Routers {
    /// The one with this VRID.
    fn vrid(&mut self, vrid: u8) -> &mut Settings;
    /// Takes the one with this VRID out.
    fn remove_vrid(&mut self, vrid: u8);
}

impl Routers for Vec<Settings> {
    #[track_caller]
    fn vrid(&mut self, vrid: u8) -> &mut Settings {
        self.iter_mut().find(|one| one.vrid == vrid).unwrap()
    }

    #[track_caller]
    fn remove_vrid(&mut self, vrid: u8) {
        self.retain(|one| one.vrid != vrid);
    }
}

/// The pair.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) family: Family,
    /// What the file of each node says.
    pub(crate) files: [Vec<Settings>; 2],
    /// The VRIDs that it had when the nodes were started.
    pub(crate) started: [Vec<u8>; 2],
    /// What the `notify` of every virtual router was told, by node.
    pub(crate) told: [Script; 2],
    _echos: Vec<Echo>,
}

impl Stage {
    /// Both run, and r1 serves.
    pub(crate) fn pair(family: Family) -> Self {
        Self::with(shared(), family, |_, _| ())
    }

    /// The same after a change of what the files of r1 and r2 say at first.
    pub(crate) fn with(
        turn: Turn,
        family: Family,
        change: impl FnMut(u8, &mut Vec<Settings>),
    ) -> Self {
        Self::prepared(turn, family, Network::Clients, change).started()
    }

    /// The same with a network behind the routers, and files as they are.
    pub(crate) fn routed(turn: Turn, family: Family) -> Self {
        Self::prepared(turn, family, Network::Routed, |_, _| ()).started()
    }

    /// The same before the nodes are started.
    pub(crate) fn prepared(
        turn: Turn,
        family: Family,
        network: Network,
        mut change: impl FnMut(u8, &mut Vec<Settings>),
    ) -> Self {
        let told = [(); 2].map(|()| Script::of_arguments().unwrap());
        let mut files = [0, 1].map(|node| {
            let priority = PRIORITIES[node];
            let second = family.address(253);
            vec![
                family.router("VI_1", ONE, priority, family.vip()),
                family.router("VI_2", TWO, priority, second),
            ]
        });
        for (number, file) in (1..).zip(&mut files) {
            change(number, file);
        }
        let texts = [0, 1].map(|node| text(&files[node], told[node].path()));
        let scene = match (family, network) {
            (Family::V4, Network::Clients) => Scene::new(turn, texts),
            (Family::V6, Network::Clients) => Scene::new_v6(turn, texts),
            (Family::V4, Network::Routed) => Scene::routed(turn, texts),
            (Family::V6, Network::Routed) => Scene::routed_v6(turn, texts),
            (Family::V4, Network::Bare) => Scene::bare(turn, texts),
            (Family::V6, Network::Bare) => Scene::bare_v6(turn, texts),
        };
        let echos = (1..).zip(&scene.lab.routers).map(|(number, router)| {
            Echo::start(&router.netns, family.address(253), PORT, number).unwrap()
        });
        let echos = echos.collect();
        let stage = Self {
            scene,
            family,
            started: [0, 1].map(|node: usize| files[node].iter().map(|one| one.vrid).collect()),
            files,
            told,
            _echos: echos,
        };
        if network == Network::Routed {
            for number in [1, 2] {
                stage.address_inner(number);
            }
        }
        stage
    }

    /// What a router speaks from on [`INNER_INTERFACE`], if that is not there yet.
    pub(crate) fn address_inner(&self, number: u8) {
        let netns = &self.scene.router(number).netns;
        match self.family {
            Family::V4 => {
                let address = self.family.inner(number);
                if !link::has_address(netns, INNER_INTERFACE, address).unwrap() {
                    link::add_address(netns, INNER_INTERFACE, address, 24).unwrap();
                }
            }
            Family::V6 => {
                let local = IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 1, number.into()]);
                link::add_address(netns, INNER_INTERFACE, local, 64).unwrap();
            }
        }
    }

    fn started(mut self) -> Self {
        self.start();
        self
    }

    /// Starts both nodes, r1 to serve.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        self.scene.node(1).start().unwrap();
        self.await_all(1, "MASTER");
        self.scene.node(2).start().unwrap();
        self.await_all(2, "BACKUP");
    }

    /// Puts back the addresses of IPv6 that went from a router's interface with its link.
    pub(crate) fn readdress(&self, number: u8) {
        let router = self.scene.router(number);
        for address in [router.link_local(), router.address_v6()] {
            self.ip(
                number,
                &format!("addr replace {address}/64 dev ens33 nodad"),
            );
        }
    }

    /// Waits until all virtual routers of a node are in this state.
    #[track_caller]
    pub(crate) fn await_all(&self, number: u8, state: &str) {
        let vrids: Vec<_> = self.files[usize::from(number) - 1]
            .iter()
            .map(|one| one.vrid)
            .collect();
        for vrid in vrids {
            self.await_state(number, vrid, state);
        }
    }

    /// Waits until the virtual router with this VRID of a node is in this state.
    #[track_caller]
    pub(crate) fn await_state(&self, number: u8, vrid: u8, state: &str) {
        eventually(&format!("{vrid} of r{number} is {state}"), || {
            self.state(number, vrid).as_deref() == Some(state)
        });
    }

    /// What the virtual router with this VRID is; `None` without one, or while the node does not answer.
    pub(crate) fn state(&self, number: u8, vrid: u8) -> Option<String> {
        let status = self.scene.nodes[usize::from(number) - 1].status().ok()??;
        let mut routers = status["routers"].as_array()?.iter();
        let router = routers.find(|router| router["vrid"] == vrid)?;
        router["state"].as_str().map(str::to_owned)
    }

    /// What the virtual router with this VRID says about itself.
    #[track_caller]
    pub(crate) fn status(&self, number: u8, vrid: u8) -> RouterStatus {
        let mut statuses = self.scene.statuses(number);
        statuses.retain(|one| one.number("vrid") == u64::from(vrid));
        assert_eq!(statuses.len(), 1, "VRID {vrid} of r{number}: {statuses:?}");
        statuses.swap_remove(0)
    }

    /// Has a node's file say something else, which the node does not know yet.
    pub(crate) fn edit(&mut self, number: u8, change: impl FnOnce(&mut Vec<Settings>)) {
        let node = usize::from(number) - 1;
        change(&mut self.files[node]);
        let text = text(&self.files[node], self.told[node].path());
        self.scene.node(number).configure(&text).unwrap();
    }

    /// `xvrrp reload`, whatever it says.
    pub(crate) fn try_reload(&self, number: u8) -> Answer {
        self.scene.nodes[usize::from(number) - 1].reload().unwrap()
    }

    /// `xvrrp reload`, which is taken; with what it says.
    #[track_caller]
    pub(crate) fn reload(&self, number: u8) -> String {
        let answer = self.try_reload(number);
        assert_eq!(answer.code, 0, "r{number}: {}", answer.text);
        answer.text
    }

    /// Has a node's file say something else, and the node read it.
    #[track_caller]
    pub(crate) fn change(&mut self, number: u8, change: impl FnOnce(&mut Vec<Settings>)) -> String {
        self.edit(number, change);
        self.reload(number)
    }

    /// Has the files of both say something else, and both nodes read them, the Backup first.
    #[track_caller]
    pub(crate) fn change_both(&mut self, change: impl Fn(&mut Vec<Settings>)) {
        for number in [2, 1] {
            self.edit(number, &change);
        }
        for number in [2, 1] {
            self.reload(number);
        }
    }

    /// The next advert that a router sends for a VRID.
    #[track_caller]
    pub(crate) fn next_advert(&self, number: u8, vrid: u8) -> Advert {
        self.await_advert(number, vrid, "any", |_| true)
    }

    /// Waits until a router has sent so many adverts for a VRID.
    #[track_caller]
    pub(crate) fn hear(&self, number: u8, vrid: u8, count: usize) {
        let capture = Capture::start(&self.scene.lab.switch).unwrap();
        eventually(
            &format!("r{number} sends {count} adverts for {vrid}"),
            || rhythm::adverts(&capture.seen(), number, vrid).len() >= count,
        );
    }

    /// Waits for an advert of a router for a VRID.
    #[track_caller]
    pub(crate) fn await_advert(
        &self,
        number: u8,
        vrid: u8,
        what: &str,
        is_it: impl Fn(&Advert) -> bool,
    ) -> Advert {
        let capture = Capture::start(&self.scene.lab.switch).unwrap();
        let mut found = None;
        eventually(&format!("r{number} sends for {vrid}: {what}"), || {
            let adverts = rhythm::adverts(&capture.seen(), number, vrid);
            let mut adverts = adverts.into_iter().map(|(_, advert)| advert);
            found = adverts.find(|advert| is_it(advert));
            found.is_some()
        });
        found.unwrap()
    }

    /// `ip …` on a router.
    #[track_caller]
    pub(crate) fn ip(&self, number: u8, arguments: &str) -> String {
        self.scene.router(number).netns.ip(arguments).unwrap()
    }

    /// Whether a router has this address, on whatever interface.
    #[track_caller]
    pub(crate) fn has(&self, number: u8, address: IpAddr) -> bool {
        link::lists_address(&self.ip(number, "-o addr show"), address)
    }
}

/// A file in which every router but those that say otherwise has this `notify`.
fn text(routers: &[Settings], notify: &Path) -> String {
    let told = routers.iter().cloned().map(|mut router| {
        let lines = format!("notify {}\ngarp_master_delay 0\n", notify.display());
        if !router.instance.contains("notify ") {
            router.instance = lines + &router.instance;
        }
        router
    });
    config::file(&Vec::from_iter(told))
}
