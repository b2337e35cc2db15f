//! The second interface of both routers, of several kinds, which can be made and deleted at any time.

use std::net::IpAddr;

use vrrp_tests::{
    capture::Capture,
    config::Settings,
    lab::INNER_INTERFACE,
    link::{Port, Switch},
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
}

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
        Some(Self {
            stage,
            kind,
            switch: Switch::new().unwrap(),
            ports: [None, None],
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

    /// r1 serves there, on the wire and by its kernel, and r2 waits.
    #[track_caller]
    pub(super) fn is_served(&self) {
        self.stage.await_state(1, TWO, "MASTER");
        self.stage.await_state(2, TWO, "BACKUP");
        let address = self.address();
        eventually("r1 has the address", || self.stage.has(1, address));
        eventually("r2 has it no more", || !self.stage.has(2, address));
        if self.kind == Kind::Vlan {
            return;
        }
        let capture = Capture::start(&self.switch).unwrap();
        eventually("r1 sends adverts", || {
            rhythm::adverts(&capture.seen(), 1, TWO).len() > 3
        });
        assert_eq!(rhythm::adverts(&capture.stop().unwrap(), 2, TWO), []);
    }
}

/// Moves a virtual router to that interface.
pub(super) fn on_it(family: Family, router: &mut Settings) {
    router.interface = INNER_INTERFACE.to_owned();
    *router.vips.last_mut().unwrap() = family.inner(253);
}

/// What is looked at while something happens to `VI_2`.
pub(super) const OTHERS: [u8; 1] = [ONE];
