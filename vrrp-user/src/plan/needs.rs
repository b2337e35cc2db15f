//! What virtual routers need of the system: programs on interfaces, multicast groups, MACs that are received.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
};

use vrrp_ebpf::{
    types::Mac,
    wire::{
        mac,
        vrrp::{GROUP_V4, GROUP_V6},
    },
};

use super::desired::{Desired, DesiredRouter, device};
use crate::{
    ids::{InterfaceId, RouterId},
    proto::Family,
};

/// The programs that an interface needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    /// Name of the interface, as the file has it.
    pub name: String,
    /// Virtual Router MACs are used there, so that frames to them have to be marked as for this host.
    pub marked: bool,
}

impl Desired {
    /// Every interface that frames leave by, and so needs programs.
    #[must_use]
    pub fn programs(&self) -> BTreeMap<InterfaceId, Programs> {
        let mut all = BTreeMap::new();
        for router in self.routers.values() {
            let macs = router.macs();
            for (id, name) in router.interfaces() {
                let programs = all.entry(id).or_insert_with(|| Programs {
                    name: name.to_owned(),
                    marked: false,
                });
                programs.marked |= macs.contains(&id);
            }
        }
        all
    }

    /// Every multicast group that has to be heard, and where.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<(InterfaceId, IpAddr)> {
        let routers = self.routers.values();
        routers.flat_map(DesiredRouter::groups).collect()
    }

    /// Every Virtual Router MAC that has to be received, and where.
    #[must_use]
    pub fn virtual_macs(&self) -> BTreeSet<(InterfaceId, Mac)> {
        let routers = self.routers.values();
        let macs = routers.flat_map(|router| {
            let settings = &router.instance.settings;
            let mac = mac::of_router(settings.family, settings.vrid);
            router.macs().into_iter().map(move |id| (id, mac))
        });
        macs.collect()
    }
}

impl Desired {
    /// Interface and address of the virtual IPs that the node puts on interfaces and takes off: all but an owner's.
    #[must_use]
    pub fn held(&self) -> BTreeSet<(InterfaceId, IpAddr)> {
        let movable = self.routers.values().filter(|one| !one.instance.is_owner());
        let vips = movable.flat_map(|router| &router.vips);
        vips.filter_map(|placed| Some((placed.interface?, placed.vip.address)))
            .collect()
    }
}

impl DesiredRouter {
    /// The interfaces that it is configured for, by name, and which each of them is.
    pub fn devices(&self) -> impl Iterator<Item = (&str, Option<InterfaceId>)> {
        let adverts = (&*self.instance.interface, self.interface);
        let vips = self.vips.iter();
        let vips = vips.map(|placed| (device(&self.instance, &placed.vip), placed.interface));
        std::iter::once(adverts).chain(vips)
    }

    /// The interfaces that its frames leave by, with their names.
    pub fn interfaces(&self) -> impl Iterator<Item = (InterfaceId, &str)> {
        let adverts = self.interface.map(|id| (id, &*self.instance.interface));
        let vips = self.vips.iter().filter_map(|placed| {
            let name = device(&self.instance, &placed.vip);
            Some((placed.interface?, name))
        });
        adverts.into_iter().chain(vips)
    }

    /// The interfaces where frames to its Virtual Router MAC are for it.
    #[must_use]
    pub fn macs(&self) -> BTreeSet<InterfaceId> {
        let adverts = self.instance.adverts_from_virtual_mac;
        let adverts = self.interface.filter(|_| adverts);
        let vips = self.vips.iter().filter(|placed| placed.vip.virtual_mac);
        adverts
            .into_iter()
            .chain(vips.filter_map(|placed| placed.interface))
            .collect()
    }

    /// The VRRP group, if it speaks by multicast, and the solicited-node group of every IPv6 virtual IP, whether it
    /// owns it or not.
    pub fn groups(&self) -> impl Iterator<Item = (InterfaceId, IpAddr)> {
        let by_multicast = self.instance.unicast.is_none();
        let group: IpAddr = match self.instance.family() {
            Family::V4 => GROUP_V4.into(),
            Family::V6 => GROUP_V6.into(),
        };
        let adverts = self.interface.filter(|_| by_multicast);
        //= C52: RFC 9568 section 6.4.3
        //= C34: RFC 9568 section 6.4.2
        // Already while we are Backup: the kernel joins when it gets the address, and its MLD report may
        // come up to a second later. Until a switch has seen it, an owner would not hear the question.
        let solicited = self.vips.iter().filter_map(|placed| {
            let IpAddr::V6(address) = placed.vip.address else {
                return None;
            };
            Some((placed.interface?, solicited_node(address).into()))
        });
        adverts.map(|id| (id, group)).into_iter().chain(solicited)
    }
}

/// The solicited-node group of an address (RFC 4291 section 2.7.1).
#[must_use]
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let (a, bc) = (u16::from(a), u16::from_be_bytes([b, c]));
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a, bc)
}

/// Has one virtual router per interface answer by proxy ARP: the kernel's answers do not tell which they are for. Of
/// those of IPv4 that use their Virtual Router MAC there it is the one with the lowest VRID, the same on every node.
pub(super) fn assign_proxies(routers: &mut BTreeMap<RouterId, DesiredRouter>) {
    let mut lowest: BTreeMap<InterfaceId, (u8, RouterId)> = BTreeMap::new();
    for (id, router) in &*routers {
        if router.instance.family() != Family::V4 {
            continue;
        }
        let this = (router.instance.settings.vrid, *id);
        for interface in router.macs() {
            let answering = lowest.entry(interface).or_insert(this);
            *answering = this.min(*answering);
        }
    }
    for (interface, (_, id)) in lowest {
        if let Some(router) = routers.get_mut(&id) {
            router.proxied.push(interface);
        }
    }
}
