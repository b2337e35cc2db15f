//! A virtual router as far as links matter, and what is told about it.

use std::{net::IpAddr, time::Duration};

use super::News;
use crate::{
    ids::{InterfaceId, RouterId, VipId},
    io::control::warnings::Warning,
    proto::Version,
};

/// What is to be told about one change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::io::control) struct Change {
    /// What the engine has to know of.
    pub(in crate::io::control) news: Option<News>,
    /// For the log.
    pub(in crate::io::control) line: Option<(tracing::Level, String)>,
    /// The router, what is wrong with it though it works, and whether that begins or is over.
    pub(in crate::io::control) warning: Option<(RouterId, Warning, bool)>,
}

/// An interface of the configuration. It stays the same under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io::control) struct Device {
    /// Name that the configuration has for it.
    pub(in crate::io::control) name: String,
    /// Which one it is, with programs of ours; `None` while there is none.
    pub(in crate::io::control) id: Option<InterfaceId>,
}

/// A virtual router as far as links matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io::control) struct WatchedRouter {
    pub(in crate::io::control) id: RouterId,
    pub(in crate::io::control) name: String,
    /// Interface of its adverts.
    pub(in crate::io::control) interface: Device,
    /// Priority 255: a virtual IP may be the interface's own address.
    pub(in crate::io::control) owner: bool,
    /// Source address of its adverts if the configuration names one, and whether it cannot work
    /// without.
    pub(in crate::io::control) source: Option<(IpAddr, bool)>,
    /// Its unicast peers.
    pub(in crate::io::control) peers: Vec<IpAddr>,
    /// Virtual IPs, with their interface if it is another one.
    pub(in crate::io::control) vips: Vec<(VipId, IpAddr, Option<Device>)>,
    /// Virtual IPs on another interface without which the router cannot work.
    pub(in crate::io::control) tracked: Vec<(VipId, Device)>,
    /// The version whose adverts have the least room, and how many virtual IPs they are to carry.
    pub(in crate::io::control) version: Version,
    pub(in crate::io::control) listed: usize,
    /// How long it goes on from a source address that is gone.
    pub(in crate::io::control) grace: Duration,
}

impl WatchedRouter {
    /// Interface of its adverts, if it exists.
    pub(super) fn interface(&self) -> Option<InterfaceId> {
        self.interface.id
    }

    /// Every interface that it needs, that of its adverts last.
    pub(super) fn devices(&self) -> impl Iterator<Item = &Device> {
        let elsewhere = self.vips.iter().filter_map(|(.., device)| device.as_ref());
        elsewhere.chain([&self.interface])
    }

    pub(super) fn is_ipv4(&self) -> bool {
        let first = self.vips.first();
        first.is_none_or(|(_, address, _)| address.is_ipv4())
    }

    /// Virtual IPs, and the interface that each is on; without those whose interface does not exist.
    pub(super) fn places(&self) -> impl Iterator<Item = (VipId, IpAddr, InterfaceId)> {
        self.vips.iter().filter_map(|(vip, address, elsewhere)| {
            let device = elsewhere.as_ref().unwrap_or(&self.interface);
            Some((*vip, *address, device.id?))
        })
    }
}
