//! Whether a virtual router can work with what its links and addresses are. Pure.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    News,
    room::fitting,
    router::{Change, Device, WatchedRouter},
    table::{Address, Table},
};
use crate::{
    ids::InterfaceId,
    proto::{FaultReason, Reasons},
};

/// Scope of an address that is valid everywhere, and on the link only.
pub(super) const GLOBAL: u8 = 0;
pub(super) const LINK: u8 = 253;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Usable { primary: IpAddr, mac: [u8; 6] },
    Unusable(Reasons),
}

impl Verdict {
    /// Whether that is all that is wrong.
    pub(super) fn lacks_source(self) -> bool {
        let Self::Unusable(reasons) = self else {
            return false;
        };
        let all = [FaultReason::NoAddress, FaultReason::NoSource];
        reasons.iter().all(|reason| all.contains(&reason))
    }
}

/// Virtual IPs by interface, and whether one may go to another node. Those of an owner are the
/// interface's own addresses and stay.
pub(super) type Vips = BTreeMap<(InterfaceId, IpAddr), bool>;

pub(super) fn vips(routers: &[WatchedRouter]) -> Vips {
    let mut vips = Vips::new();
    for router in routers {
        for (_, address, interface) in router.places() {
            *vips.entry((interface, address)).or_default() |= !router.owner;
        }
    }
    vips
}

/// What is to be said of a router, for which `reasons` hold beside those that links and addresses give.
pub(super) fn verdict(
    router: &WatchedRouter,
    table: &Table,
    vips: &Vips,
    mut reasons: Reasons,
) -> Verdict {
    let source = source(router, table, vips);
    let mac = match table.link(router.interface()) {
        Some(link) => {
            reasons.extend((!link.up).then_some(FaultReason::LinkDown));
            reasons.extend(link.mac.is_none().then_some(FaultReason::NoMac));
            reasons.extend(source.err());
            let too_small = link.mtu.filter(|mtu| fitting(router, *mtu) == 0);
            reasons.extend(too_small.map(|mtu| FaultReason::NoRoom { mtu }));
            link.mac
        }
        // What an interface lacks that is not there goes without saying.
        None => {
            reasons.insert(FaultReason::NoInterface);
            None
        }
    };
    let is_up = |device: &Device| table.link(device.id).is_some_and(|link| link.up);
    let mut tracked = router.tracked.iter();
    let down = tracked.find(|(_, device)| !is_up(device));
    reasons.extend(down.map(|(vip, _)| FaultReason::VipInterface { vip: *vip }));
    match (source, mac) {
        (Ok(primary), Some(mac)) if reasons.is_empty() => Verdict::Usable { primary, mac },
        _ => Verdict::Unusable(reasons),
    }
}

/// Where adverts come from.
fn source(router: &WatchedRouter, table: &Table, vips: &Vips) -> Result<IpAddr, FaultReason> {
    match router.source {
        Some((source, true)) if !is_here(source, router.interface(), table) => {
            Err(FaultReason::NoSource)
        }
        Some((source, _)) => Ok(source),
        None => {
            //= C4: RFC 9568 section 7.2
            let found = primary(router, table.addresses(router.interface()), vips);
            found.ok_or(FaultReason::NoAddress)
        }
    }
}

/// Whether the machine has an address. A link-local one of another interface is another one.
pub(super) fn is_here(address: IpAddr, interface: Option<InterfaceId>, table: &Table) -> bool {
    match address {
        IpAddr::V6(local) if local.is_unicast_link_local() => {
            let mut on = table.addresses(interface).iter();
            on.any(|found| found.address == address && !found.unusable)
        }
        _ => table.has_address(address),
    }
}

/// Source address of the adverts (RFC 9568 section 7.2): IPv4, the first that is not a virtual IP of
/// any router, a global one if there is one, as keepalived chooses; IPv6, link-local. With an owner
/// on the interface there may be no address that is not virtual.
fn primary(router: &WatchedRouter, addresses: &[Address], vips: &Vips) -> Option<IpAddr> {
    let ipv4 = router.is_ipv4();
    let vip = |found: &Address| vips.get(&(router.interface()?, found.address));
    let own = |found: &Address| router.vips.iter().any(|(_, vip, _)| *vip == found.address);
    //= C4: RFC 9568 section 7.2
    let candidates = addresses
        .iter()
        .filter(|found| found.address.is_ipv4() == ipv4 && (ipv4 || found.scope == LINK));
    //= C65: RFC 4862 section 5.4
    // What a Backup answers the detection of, the owner installs without as soon as it is Active.
    let is_usable = |found: &Address| !found.unusable || router.owner && own(found);
    let rank = |found: &&Address| {
        let foreign_scope = ipv4 && found.scope != GLOBAL;
        (
            found.unusable,
            own(found) || vip(found).is_some(),
            foreign_scope,
            found.deprecated,
            found.secondary,
        )
    };
    candidates
        .filter(|found| is_usable(found))
        .filter(|found| {
            if own(found) {
                router.owner
            } else {
                vip(found) != Some(&true)
            }
        })
        // The first of equals, so the kernel's order decides.
        .min_by_key(rank)
        .map(|found| found.address)
}

pub(super) fn change(router: &WatchedRouter, verdict: Verdict) -> Change {
    match verdict {
        Verdict::Usable { primary, mac } => Change {
            news: Some(News::LinkUp {
                router: router.id,
                primary,
                mac,
            }),
            line: Some((
                tracing::Level::DEBUG,
                format!(
                    "({}) {} is usable, source address {primary}",
                    router.name, router.interface.name
                ),
            )),
            ..Change::default()
        },
        Verdict::Unusable(reasons) => Change {
            news: Some(News::Fault {
                router: router.id,
                reasons,
            }),
            ..Change::default()
        },
    }
}
