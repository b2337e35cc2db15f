//! The MTU, and how many virtual IPs adverts have room for. Pure.

use std::collections::BTreeMap;

use tracing::Level;
use vrrp_ebpf::wire::encode;

use super::{
    News,
    router::{Change, WatchedRouter},
    table::Table,
};
use crate::{ids::RouterId, proto::Family};

/// How many virtual IPs the adverts of each router were last said to carry.
#[derive(Debug, Default)]
pub(super) struct Room {
    advertised: BTreeMap<RouterId, usize>,
}

impl Room {
    /// Forgets the other routers.
    pub(super) fn retain(&mut self, keep: impl Fn(RouterId) -> bool) {
        self.advertised.retain(|router, _| keep(*router));
    }

    /// Adverts that are longer than the MTU do not leave: those virtual IPs that they have no room for are served, but
    /// not advertised, as at the start. What is in the file is advertised again when there is room.
    pub(super) fn judge(
        &mut self,
        routers: &[WatchedRouter],
        table: &Table,
        changes: &mut Vec<Change>,
    ) {
        for router in routers {
            let Some(link) = table.link(router.interface()) else {
                continue;
            };
            let advertised = link.mtu.map_or(router.listed, |mtu| fitting(router, mtu));
            // An advert without any is none: a fault.
            if advertised == 0 || self.advertised.get(&router.id) == Some(&advertised) {
                continue;
            }
            let before = self.advertised.insert(router.id, advertised);
            changes.push(Change {
                news: Some(News::Fit {
                    router: router.id,
                    advertised,
                }),
                // What it was at the start was said then.
                line: before.map(|_| fitted(router, link.mtu, advertised)),
                ..Change::default()
            });
        }
    }
}

/// keepalived's words for adverts with room for `room` of `listed` virtual IPs.
#[must_use]
pub(in crate::io::control) fn excess(listed: usize, room: usize) -> String {
    format!(
        "Number of VIPs ({listed}) exceeds maximum/space available in packet (max {room} addresses) - excess moved \
         to eVIPs: served, but not advertised"
    )
}

/// How many virtual IPs its adverts carry with this MTU.
pub(super) fn fitting(router: &WatchedRouter, mtu: u32) -> usize {
    let family = if router.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    };
    encode::room(router.version, family, mtu).min(router.listed)
}

/// What to say of a new MTU that changes how many they carry.
fn fitted(router: &WatchedRouter, mtu: Option<u32>, advertised: usize) -> (Level, String) {
    let (level, told) = if advertised == router.listed {
        let all = format!("adverts carry all {advertised} virtual IPs");
        (Level::INFO, all)
    } else {
        (Level::WARN, excess(router.listed, advertised))
    };
    let (name, interface) = (&router.name, &router.interface.name);
    let mtu = mtu.unwrap_or_default();
    (
        level,
        format!("({name}) MTU of {interface} is now {mtu}: {told}"),
    )
}
