//! What the links matter to: every virtual router that the engine has, with the interfaces that it is on.

use std::time::Duration;

use super::Plane;
use crate::{
    ids::RouterId,
    io::control::links::{Device, WatchedRouter},
    plan::{DesiredRouter, DesiredVip},
};

/// A source address that is gone may be back in a moment (`ip addr flush` and `add`, a network daemon that is
/// started anew), and to go on meanwhile costs less than two failovers. No longer than this, and no longer than an
/// Advertisement_Interval, which is what the standby needs at most once it has heard priority 0.
const GRACE_MAX: Duration = Duration::from_millis(100);

impl Plane<'_> {
    pub(super) fn watched(&self) -> Vec<WatchedRouter> {
        let routers = self.routers.iter();
        routers
            .map(|(id, known)| watched(*id, known.blueprint.router()))
            .collect()
    }
}

/// Of one that is as before, the monitor says nothing again.
pub(super) fn watched(id: RouterId, router: &DesiredRouter) -> WatchedRouter {
    let instance = &router.instance;
    let tracked = router.vips.iter().filter(|placed| placed.vip.tracked);
    WatchedRouter {
        id,
        name: instance.name.clone(),
        interface: Device {
            name: instance.interface.clone(),
            id: router.interface,
        },
        owner: instance.is_owner(),
        source: instance
            .source
            .map(|source| (source, instance.needs_source())),
        peers: instance.unicast.as_ref().map_or_else(Vec::new, |unicast| {
            unicast.peers.iter().map(|peer| peer.address).collect()
        }),
        vips: router
            .vips
            .iter()
            .map(|placed| (placed.id, placed.vip.address, elsewhere(placed)))
            .collect(),
        tracked: tracked
            .filter_map(|placed| Some((placed.id, elsewhere(placed)?)))
            .collect(),
        version: instance.narrowest(),
        listed: instance.advertised().count(),
        grace: instance.settings.advert_interval.min(GRACE_MAX),
    }
}

/// The interface of a virtual IP that names one (`dev`).
fn elsewhere(placed: &DesiredVip) -> Option<Device> {
    Some(Device {
        name: placed.vip.device.clone()?,
        id: placed.interface,
    })
}
