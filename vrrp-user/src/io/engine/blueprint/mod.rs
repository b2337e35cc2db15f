//! What a virtual router is made of: its configuration joined with what is known of its interfaces, of which
//! [`Parts`] are made for the engine. Pure.

mod instance;
mod peers;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use vrrp_ebpf::{
    abi::{ProxyEntry, RouterKey, VipEntry, VipKey, vip_flags},
    types::{Family, Mac},
    wire::{encode::EncodeError, mac, vrrp::TTL},
};

use super::{
    addresses::{AddressSet, Placement},
    frames::{Announcements, FrameSpec, Frames},
    parts::{Entries, Parts, Table},
};
use crate::{
    ids::{InterfaceId, RouterId},
    plan::DesiredRouter,
    proto::Settings,
};

/// See the module.
#[derive(Debug)]
pub struct Blueprint {
    id: RouterId,
    router: DesiredRouter,
    /// Source address of the adverts, once it is known.
    primary: Option<IpAddr>,
    /// MACs of its interfaces, as far as they are known.
    macs: BTreeMap<InterfaceId, Mac>,
    /// So many virtual IPs have room in an advert.
    room: usize,
    /// Unicast peers on a network of its interface.
    near: BTreeSet<IpAddr>,
    /// Unicast peers that are this machine.
    ours: BTreeSet<IpAddr>,
    /// What checks make of the configured priority.
    priority: Option<u8>,
    /// Of the parts that were made last.
    revision: u32,
    /// The announcements in them.
    announced: Announcements,
    /// The engine has no parts of what is known.
    is_stale: bool,
    /// The address worker does not know the virtual IPs as they are.
    has_new_addresses: bool,
}

impl Blueprint {
    /// Of a router of which nothing but its configuration is known.
    #[must_use]
    pub fn new(id: RouterId, router: DesiredRouter) -> Self {
        Self {
            id,
            router,
            primary: None,
            macs: BTreeMap::new(),
            room: usize::MAX,
            near: BTreeSet::new(),
            ours: BTreeSet::new(),
            priority: None,
            revision: 0,
            announced: Announcements::new(),
            is_stale: true,
            has_new_addresses: true,
        }
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> RouterId {
        self.id
    }

    /// What it is to be.
    #[must_use]
    pub fn router(&self) -> &DesiredRouter {
        &self.router
    }

    /// Settings of its core before its source address is known.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.router.instance.settings
    }

    /// It is to be this from now on, with the same id.
    pub fn change_to(&mut self, router: DesiredRouter) {
        self.has_new_addresses |= !has_same_addresses(&self.router, &router);
        if self.router.interface != router.interface {
            self.primary = None;
        }
        self.router = router;
        self.is_stale = true;
    }

    /// The engine did not take the last parts.
    pub fn refused(&mut self) {
        self.has_new_addresses = true;
        self.is_stale = true;
    }

    /// Where its peers are, and for how many virtual IPs there is room, is told again.
    pub fn forget_links(&mut self) {
        self.room = usize::MAX;
        self.near.clear();
        self.ours.clear();
        self.is_stale = true;
    }

    /// The interface of its adverts has this MAC, and adverts come from this address.
    pub fn set_interface(&mut self, primary: IpAddr, mac: Mac) {
        if let Some(interface) = self.router.interface {
            self.set_mac(interface, mac);
            let before = self.primary.replace(primary);
            self.is_stale |= before != self.primary;
        }
    }

    /// An interface has this MAC.
    pub fn set_mac(&mut self, interface: InterfaceId, mac: Mac) {
        let mut interfaces = self.router.interfaces();
        if interfaces.any(|(ours, _)| ours == interface) {
            let before = self.macs.insert(interface, mac);
            self.is_stale |= before != Some(mac);
        }
    }

    /// Adverts have room for so many virtual IPs, of those that are not excluded.
    pub fn set_room(&mut self, room: usize) {
        let before = self.advertised().len();
        self.room = room;
        self.is_stale |= before != self.advertised().len();
    }

    /// A unicast peer is on a network of the router's interface, or it is not.
    pub fn set_near(&mut self, peer: IpAddr, is_near: bool) {
        self.is_stale |= set(&mut self.near, peer, is_near);
    }

    /// A unicast peer is this machine, or it is not. One that is gets no adverts.
    pub fn set_ours(&mut self, peer: IpAddr, is_ours: bool) {
        self.is_stale |= set(&mut self.ours, peer, is_ours);
    }

    /// Checks make this priority of the configured one; nothing for itself.
    pub fn set_priority(&mut self, priority: Option<u8>) {
        self.is_stale |= std::mem::replace(&mut self.priority, priority) != priority;
    }

    /// What the engine needs, unless it is what was made last; nothing before the interface of the adverts is known.
    ///
    /// # Errors
    /// When the settings cannot be expressed on the wire, which the configuration rules out.
    pub fn news(&mut self) -> Result<Option<Parts>, EncodeError> {
        if !self.is_stale {
            return Ok(None);
        }
        let parts = self.parts()?;
        self.is_stale &= parts.is_none();
        Ok(parts)
    }

    fn parts(&mut self) -> Result<Option<Parts>, EncodeError> {
        let (Some(interface), Some(primary)) = (self.router.interface, self.primary) else {
            return Ok(None);
        };
        let Some(mac) = self.macs.get(&interface).copied() else {
            return Ok(None);
        };
        let instance = &self.router.instance;
        let settings = Settings {
            primary,
            ..instance.settings.clone()
        };
        let priority = settings.effective(self.priority.unwrap_or(settings.priority));
        let key = RouterKey::new(interface.0, 0, settings.family, settings.vrid);
        let unicast = instance.unicast.as_ref();
        let advertised = self.advertised();
        let spec = FrameSpec {
            settings: &settings,
            priority,
            format: instance::format(instance),
            second_format: instance::second_format(instance),
            advertised: &advertised,
            vips: self
                .placed(key.virtual_mac())
                .map(|(key, _, mac)| (key.ip(), InterfaceId(key.ifindex), mac))
                .collect(),
            mac,
            advert_mac: instance.adverts_from_virtual_mac.then(|| key.virtual_mac()),
            peers: unicast.map(|unicast| {
                let peers = unicast.peers.iter().map(|peer| peer.address);
                peers.filter(|peer| !self.ours.contains(peer)).collect()
            }),
            ttl: unicast.and_then(|unicast| unicast.ttl).unwrap_or(TTL),
        };
        let frames = Frames::build(spec, &self.announced)?;
        let entries = self.entries(key, &settings, priority, &advertised);
        self.announced = frames.announcements().to_vec();
        self.revision = self.revision.wrapping_add(1);
        let addresses = self.has_new_addresses.then(|| self.take_addresses());
        Ok(Some(Parts {
            revision: self.revision,
            settings,
            priority,
            interface,
            frames,
            entries,
            addresses,
            before: None,
        }))
    }

    /// Its virtual IPs for the address worker, which gets them: those whose interface is there.
    #[must_use]
    pub fn take_addresses(&mut self) -> Box<AddressSet> {
        self.has_new_addresses = false;
        let placements = self.router.vips.iter().filter_map(|placed| {
            Some(Placement {
                id: placed.id,
                vip: &placed.vip,
                interface: placed.interface?,
            })
        });
        let placements = Vec::from_iter(placements);
        let is_owner = self.router.instance.is_owner();
        Box::new(AddressSet::new(&placements, is_owner))
    }

    /// The virtual IPs that adverts carry: as many as there is room for, one at least.
    fn advertised(&self) -> Vec<IpAddr> {
        let listed = self.router.instance.advertised().map(|vip| vip.address);
        listed.take(self.room.max(1)).collect()
    }

    /// The virtual IPs whose interface is there, with the MAC that they are found at; zeros while that is unknown.
    fn placed(&self, virtual_mac: Mac) -> impl Iterator<Item = (VipKey, u32, Mac)> {
        self.router.vips.iter().filter_map(move |placed| {
            let interface = placed.interface?;
            let mac = if placed.vip.virtual_mac {
                virtual_mac
            } else {
                self.mac(interface)
            };
            let key = VipKey::of(interface.0, placed.vip.address);
            Some((key, placed.id.state(), mac))
        })
    }

    fn mac(&self, interface: InterfaceId) -> Mac {
        self.macs.get(&interface).copied().unwrap_or_default()
    }

    fn entries(
        &self,
        key: RouterKey,
        settings: &Settings,
        priority: u8,
        advertised: &[IpAddr],
    ) -> Entries {
        let instance = &self.router.instance;
        let slot = self.id.slot();
        let flags = if instance.accept {
            0
        } else {
            vip_flags::NO_ACCEPT
        };
        let vips = self.placed(key.virtual_mac()).map(|(key, vip, mac)| {
            let entry = VipEntry {
                slot,
                vip,
                mac,
                flags,
                _pad: 0,
            };
            (key, entry)
        });
        let macs = self.router.macs().into_iter();
        let macs = macs.map(|interface| RouterKey {
            ifindex: interface.0,
            ..key
        });
        let proxies = self.router.proxied.iter().map(|interface| {
            let entry = ProxyEntry {
                slot,
                own: self.mac(*interface),
                mac: mac::of_router(Family::V4, settings.vrid),
            };
            (*interface, entry)
        });
        let peers = instance.unicast.iter().flat_map(|unicast| {
            let peers = unicast.peers.iter();
            peers.map(|peer| {
                let is_near = self.near.contains(&peer.address);
                peers::entry(peer, unicast, slot, is_near)
            })
        });
        Entries {
            router: (
                key,
                instance::entry(instance, slot, settings, priority, advertised),
            ),
            macs: Table::new(macs.map(|key| (key, ()))),
            peers: Table::new(peers),
            proxies: Table::new(proxies),
            vips: Table::new(vips),
        }
    }
}

/// Whether the address worker has nothing to do to get from one to the other.
fn has_same_addresses(before: &DesiredRouter, after: &DesiredRouter) -> bool {
    let addresses = |router: &DesiredRouter| {
        let vips = router.vips.iter().map(|placed| {
            let vip = crate::config::Vip {
                place: crate::config::Place::default(),
                ..placed.vip.clone()
            };
            (placed.id, vip, placed.interface)
        });
        Vec::from_iter(vips)
    };
    addresses(before) == addresses(after)
}

fn set(all: &mut BTreeSet<IpAddr>, one: IpAddr, belongs: bool) -> bool {
    if belongs {
        all.insert(one)
    } else {
        all.remove(&one)
    }
}

#[cfg(test)]
mod tests;
