//! How a scene is made: on which lab, and how far its nodes have come.

use std::net::IpAddr;

use vrrp_tests::{
    echo::Echo,
    lab::{Builder, Lab, VIP, VIP_V6},
    node::{self, Node as _, Xvrrp},
    prober::PORT,
};

use super::{Scene, Turn};

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
}
