//! The second interface of both routers, of several kinds, which can be made and deleted at any time.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use vrrp_tests::{
    arp_prober::ArpProber,
    capture::Capture,
    config::Settings,
    lab::{Host, INNER_INTERFACE, SERVER},
    link::{self, Port, Switch},
    netns::Netns,
    rhythm,
};

use crate::{
    scene::{Turn, eventually},
    stage::{Family, Network, ONE, Routers as _, Stage, TWO},
};

/// What ens34 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A link to another switch.
    Veth,
    /// A VLAN of ens33.
    Vlan,
    /// A bridge over such a link.
    Bridge,
    /// A bond of such a link.
    Bond,
}

impl Kind {
    /// What is on it: half the kinds have the one family, half the other.
    pub(super) fn family(self) -> Family {
        match self {
            Self::Veth | Self::Bond => Family::V4,
            Self::Vlan | Self::Bridge => Family::V6,
        }
    }

    /// Drivers of what is over other interfaces have no XDP.
    fn network(self) -> Network {
        match self {
            Self::Veth => Network::Clients,
            Self::Vlan | Self::Bridge | Self::Bond => Network::Bare,
        }
    }

    /// Why this kernel has none.
    fn missing(self, stage: &Stage) -> Option<String> {
        let add = match self {
            Self::Veth => return None,
            Self::Vlan => "link add link ens33 name tried type vlan id 9",
            Self::Bridge => "link add tried type bridge",
            Self::Bond => "link add tried type bond mode active-backup",
        };
        let netns = &stage.scene.router(1).netns;
        let tried = netns.ip(add).and_then(|_| netns.ip("link del tried"));
        tried
            .err()
            .map(|error| format!("no {self:?} here: {error:#}"))
    }
}

/// A [`Stage`] with that interface, as far as it is there.
pub(super) struct Site {
    pub(super) stage: Stage,
    kind: Kind,
    switch: Switch,
    ports: [Option<Port>; 2],
    asking: Host,
}

/// Between questions of a host in that network.
const PERIOD: Duration = Duration::from_millis(2);

impl Site {
    /// Neither router has the interface, and no node runs.
    pub(super) fn prepared(turn: Turn, family: Family, kind: Kind) -> Option<Self> {
        Self::with(turn, family, kind, |_, routers| {
            on_it(family, routers.vrid(TWO))
        })
    }

    /// The same with these changes of the files of r1 and r2.
    pub(super) fn with(
        turn: Turn,
        family: Family,
        kind: Kind,
        change: impl FnMut(u8, &mut Vec<Settings>),
    ) -> Option<Self> {
        let stage = Stage::prepared(turn, family, kind.network(), change);
        if let Some(reason) = kind.missing(&stage) {
            eprintln!("skipped: {reason}");
            return None;
        }
        let switch = Switch::new().unwrap();
        let network = match kind {
            Kind::Vlan => &stage.scene.lab.switch,
            _ => &switch,
        };
        let asking = asking(network, kind);
        Some(Self {
            stage,
            kind,
            switch,
            ports: [None, None],
            asking,
        })
    }

    /// Both have it, both nodes run, and r1 serves.
    pub(super) fn started(turn: Turn, family: Family, kind: Kind) -> Option<Self> {
        let mut site = Self::prepared(turn, family, kind)?;
        site.make(1);
        site.make(2);
        site.stage.start();
        Some(site)
    }

    /// Makes the interface of a router.
    #[track_caller]
    pub(super) fn make(&mut self, number: u8) {
        if self.kind == Kind::Vlan {
            let add = format!("link add link ens33 name {INNER_INTERFACE} type vlan id 9");
            self.stage.ip(number, &add);
        } else {
            let name = match self.kind {
                Kind::Veth => INNER_INTERFACE,
                _ => "port34",
            };
            let netns = &self.stage.scene.router(number).netns;
            let port = self.switch.plug(netns, name, &format!("to-r{number}"));
            self.ports[usize::from(number) - 1] = Some(port.unwrap());
        }
        let over = match self.kind {
            Kind::Veth | Kind::Vlan => None,
            Kind::Bridge => Some("bridge stp_state 0 forward_delay 0"),
            Kind::Bond => Some("bond mode active-backup miimon 10"),
        };
        if let Some(over) = over {
            for change in [
                format!("link add {INNER_INTERFACE} type {over}"),
                "link set port34 down".to_owned(),
                format!("link set port34 master {INNER_INTERFACE}"),
                "link set port34 up".to_owned(),
            ] {
                self.stage.ip(number, &change);
            }
        }
        self.stage
            .ip(number, &format!("link set {INNER_INTERFACE} up"));
        self.stage.address_inner(number);
    }

    /// Deletes it.
    #[track_caller]
    pub(super) fn delete(&mut self, number: u8) {
        self.stage
            .ip(number, &format!("link del {INNER_INTERFACE}"));
        if matches!(self.kind, Kind::Bridge | Kind::Bond) {
            self.stage.ip(number, "link del port34");
        }
        self.ports[usize::from(number) - 1] = None;
    }

    /// The virtual IP on it.
    pub(super) fn address(&self) -> IpAddr {
        self.stage.family.inner(253)
    }

    /// r1 serves there, on the wire, by its programs and by its kernel, and r2 waits.
    #[track_caller]
    pub(super) fn is_served(&self) {
        self.stage.await_state(1, TWO, "MASTER");
        self.stage.await_state(2, TWO, "BACKUP");
        let address = self.address();
        eventually("r1 has the address", || self.stage.has(1, address));
        eventually("r2 has it no more", || !self.stage.has(2, address));
        let mac = self.mac(1);
        let answered = self.answered();
        let prober = ArpProber::start(&self.asking, address, PERIOD).unwrap();
        let capture = Capture::start(&self.switch).unwrap();
        let adverts = || rhythm::adverts(&capture.seen(), 1, TWO);
        if self.kind == Kind::Vlan {
            // The capture reads no tags.
            eventually("a client asks", || prober.asked() >= 100);
        } else {
            eventually("r1 sends adverts", || adverts().len() > 3);
            assert!(adverts().iter().all(|(_, advert)| advert.mac == mac));
        }
        assert_eq!(rhythm::adverts(&capture.stop().unwrap(), 2, TWO), []);
        let questions = prober.stop().unwrap();
        let macs = questions.answers.iter().map(|answer| answer.mac);
        assert_eq!(BTreeSet::from_iter(macs), BTreeSet::from([mac]));
        assert_eq!(questions.answered_twice(), []);
        let lost = questions.answered(0);
        assert_eq!(lost, 0, "of {}", questions.asked.len());
        // By the programs: the kernel alone would answer, too.
        assert!(self.answered() >= answered + questions.asked.len() as u64);
    }

    /// How many questions r1's programs have answered.
    fn answered(&self) -> u64 {
        let counter = match self.stage.family {
            Family::V4 => "arp_answered",
            Family::V6 => "nd_answered",
        };
        self.stage.status(1, TWO).counter(counter)
    }

    /// The MAC of a router's interface with the virtual IP, whatever that is called.
    fn mac(&self, number: u8) -> [u8; 6] {
        let shown = self.stage.ip(number, "-o addr show");
        let mut lines = shown.lines();
        let line = lines.find(|line| link::lists_address(line, self.address()));
        let name = line.unwrap().split_whitespace().nth(1).unwrap();
        link::mac(&self.stage.scene.router(number).netns, name).unwrap()
    }
}

/// A host in the network that the interface is in.
fn asking(switch: &Switch, kind: Kind) -> Host {
    let netns = Netns::new("asking").unwrap();
    let port = switch.plug(&netns, "eth0", "to-asking").unwrap();
    let interface = match kind {
        Kind::Vlan => {
            netns
                .ip("link add link eth0 name eth0.9 type vlan id 9")
                .unwrap();
            netns.ip("link set eth0.9 up").unwrap();
            "eth0.9"
        }
        _ => "eth0",
    };
    Host {
        mac: link::mac(&netns, interface).unwrap(),
        netns,
        interface,
        address: SERVER,
        port,
    }
}

/// Moves a virtual router to that interface.
pub(super) fn on_it(family: Family, router: &mut Settings) {
    router.interface = INNER_INTERFACE.to_owned();
    *router.vips.last_mut().unwrap() = family.inner(253);
}

/// What is looked at while something happens to `VI_2`.
pub(super) const OTHERS: [u8; 1] = [ONE];
