//! What the engine runs: the configuration joined with the interfaces it is for.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use thiserror::Error;
use vrrp_ebpf::{
    abi::{self, RouterEntry, RouterKey, VipEntry, VipKey, router_flags, vip_flags},
    types::{Mac, address_bytes},
    wire::{encode::Format, vrrp::TTL},
};

use super::{
    addresses::{AddressSet, Placement},
    frames::FrameSpec,
    peers::PeerPlan,
    proxy_arp,
};
use crate::{
    config::{Auth, Instance},
    ids::{InterfaceId, RouterId, VipId},
    proto::{Settings, Version},
};

/// Why a configuration cannot run here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Limit of the BPF maps.
    #[error("more than {max} virtual routers", max = abi::MAX_ROUTERS)]
    TooManyRouters,
    /// Limit of the BPF maps.
    #[error("more than {max} virtual IPs", max = abi::MAX_VIPS)]
    TooManyVips,
    /// Limit of the BPF maps.
    #[error("more than {max} unicast peers", max = abi::MAX_PEERS)]
    TooManyPeers,
    /// Limit of the BPF maps.
    #[error("more than {max} virtual MACs", max = abi::MAX_MACS)]
    TooManyMacs,
    /// An interface that is not there.
    #[error("({instance}) there is no interface {interface}")]
    NoInterface {
        /// Instance name.
        instance: String,
        /// Interface name.
        interface: String,
    },
}

/// One virtual router, ready to be run.
#[derive(Debug)]
pub struct RouterPlan {
    /// Who it is.
    pub id: RouterId,
    /// Settings of the core; the source address is filled in when the interface has one.
    pub settings: Settings,
    /// What its frames are made of.
    pub frames: FrameSpec,
    /// Interface of the adverts.
    pub interface: InterfaceId,
    /// Its key in `ROUTERS`.
    pub key: RouterKey,
    /// Its virtual IPs as keys of `VIPS`, in configured order.
    pub vips: Vec<(VipId, VipKey)>,
    /// Where it uses its Virtual Router MAC, as keys of `MACS`; each interface once.
    pub macs: Vec<RouterKey>,
    /// Interfaces where it answers by proxy ARP.
    pub proxied: Vec<InterfaceId>,
    /// Its unicast peers, in configured order.
    pub peers: Vec<PeerPlan>,
    /// The virtual IPs that adverts carry if they have room for all of them, in configured order.
    listed: Vec<IpAddr>,
    /// The receive checks, without the source address.
    entry: RouterEntry,
    /// Bits of [`vip_flags`] of each virtual IP.
    vip_flags: u8,
}

/// Everything the engine and its address worker need, router by router.
#[derive(Debug, Default)]
pub struct Plan {
    /// In order of the configuration.
    pub routers: Vec<RouterPlan>,
    /// The address worker's part.
    pub addresses: BTreeMap<RouterId, AddressSet>,
}

impl Plan {
    /// Joins instances with interfaces. `find` gives index and MAC of an interface by name.
    ///
    /// # Errors
    /// When a limit is exceeded or an interface is missing.
    pub fn new(
        instances: &[Instance],
        find: impl Fn(&str) -> Option<(InterfaceId, Mac)>,
    ) -> Result<Self, PlanError> {
        let mut plan = Self::default();
        let mut ids = (0..abi::MAX_VIPS).map(VipId);
        let unicast = instances.iter().filter_map(|one| one.unicast.as_ref());
        let peers: usize = unicast.map(|unicast| unicast.peers.len()).sum();
        if peers > abi::MAX_PEERS as usize {
            return Err(PlanError::TooManyPeers);
        }
        for (slot, instance) in (0..).zip(instances) {
            let id = RouterId::first(slot);
            if id.slot() >= abi::MAX_ROUTERS {
                return Err(PlanError::TooManyRouters);
            }
            let find = |name: &str| {
                find(name).ok_or_else(|| PlanError::NoInterface {
                    instance: instance.name.clone(),
                    interface: name.to_owned(),
                })
            };
            let (interface, _) = find(&instance.interface)?;
            let mut placements = Vec::new();
            for vip in &instance.vips {
                let id = ids.next().ok_or(PlanError::TooManyVips)?;
                let device = vip.device.as_ref().unwrap_or(&instance.interface);
                let (interface, mac) = find(device)?;
                placements.push(Placement {
                    id,
                    vip,
                    interface,
                    mac,
                });
            }
            plan.routers
                .push(RouterPlan::new(instance, id, interface, &placements));
            plan.addresses
                .insert(id, AddressSet::new(&placements, instance.is_owner()));
        }
        if plan.virtual_macs().count() > abi::MAX_MACS as usize {
            return Err(PlanError::TooManyMacs);
        }
        proxy_arp::assign(&mut plan.routers);
        Ok(plan)
    }

    /// Interface and MAC wherever a Virtual Router MAC is used.
    pub fn virtual_macs(&self) -> impl Iterator<Item = (InterfaceId, Mac)> {
        let keys = self.routers.iter().flat_map(|router| &router.macs);
        keys.map(|key| (InterfaceId(key.ifindex), key.virtual_mac()))
    }
}

impl RouterPlan {
    fn new(
        instance: &Instance,
        id: RouterId,
        interface: InterfaceId,
        placements: &[Placement<'_>],
    ) -> Self {
        let family = instance.family();
        let key = RouterKey::new(interface.0, 0, family, instance.settings.vrid);
        let virtual_mac = key.virtual_mac();
        let listed: Vec<IpAddr> = instance.advertised().map(|vip| vip.address).collect();
        let unicast = instance.unicast.as_ref();
        let vip_keys = placements
            .iter()
            .map(|one| (one.id, VipKey::of(one.interface.0, one.vip.address)))
            .collect();
        let slot = id.slot();
        Self {
            id,
            settings: instance.settings.clone(),
            frames: FrameSpec {
                format: format(instance),
                second_format: second_format(instance),
                advertised: listed.clone(),
                vips: instance.vips.iter().map(|vip| vip.address).collect(),
                elsewhere: placements
                    .iter()
                    .map(|vip| (vip.interface != interface).then_some((vip.interface, vip.mac)))
                    .collect(),
                virtual_macs: placements
                    .iter()
                    .map(|placement| placement.vip.virtual_mac.then_some(virtual_mac))
                    .collect(),
                advert_mac: instance.adverts_from_virtual_mac.then_some(virtual_mac),
                peers: unicast.map_or_else(Vec::new, |unicast| {
                    unicast.peers.iter().map(|peer| peer.address).collect()
                }),
                ttl: unicast.and_then(|unicast| unicast.ttl).unwrap_or(TTL),
            },
            interface,
            key,
            vips: vip_keys,
            macs: macs(instance, key, placements),
            proxied: Vec::new(),
            peers: unicast.map_or_else(Vec::new, |unicast| {
                let peers = unicast.peers.iter();
                peers
                    .map(|peer| PeerPlan::new(peer, unicast, slot))
                    .collect()
            }),
            entry: entry(instance, slot, &listed),
            listed,
            vip_flags: if instance.accept {
                0
            } else {
                vip_flags::NO_ACCEPT
            },
        }
    }

    /// Adverts carry the first `most` virtual IPs (at least 1), which is what is expected of others. Tells whether
    /// that is new.
    pub fn fit(&mut self, most: usize) -> bool {
        let fitting = self.listed.iter().take(most.max(1)).copied();
        let advertised: Vec<IpAddr> = fitting.collect();
        let is_new = advertised != self.frames.advertised;
        self.entry.address_digest = digest(&advertised);
        self.entry.address_count = count(&advertised);
        self.frames.advertised = advertised;
        is_new
    }

    /// The virtual IPs that adverts carry if they have room for all.
    pub(super) fn listed(&self) -> &[IpAddr] {
        &self.listed
    }

    /// The receive checks, for adverts that are sent from `primary`.
    #[must_use]
    pub fn entry(&self, primary: IpAddr) -> RouterEntry {
        RouterEntry {
            primary: address_bytes(primary),
            ..self.entry
        }
    }

    /// What XDP knows of each virtual IP while the interface of the adverts has this MAC.
    pub fn vip_entries(&self, mac: Mac) -> impl Iterator<Item = (VipKey, VipEntry)> {
        let (slot, flags) = (self.id.slot(), self.vip_flags);
        let places = self.frames.places(self.interface, mac);
        let vips = self.vips.iter().zip(places);
        vips.map(move |((id, key), (_, mac))| {
            let entry = VipEntry {
                slot,
                vip: id.state(),
                mac,
                flags,
                _pad: 0,
            };
            (*key, entry)
        })
    }

    /// Every interface that frames of this router leave by.
    pub fn interfaces(&self) -> impl Iterator<Item = InterfaceId> {
        let elsewhere = self.frames.elsewhere.iter().flatten();
        std::iter::once(self.interface).chain(elsewhere.map(|(interface, _)| *interface))
    }
}

/// Where frames to the Virtual Router MAC of the router with this key are for it.
fn macs(instance: &Instance, key: RouterKey, placements: &[Placement<'_>]) -> Vec<RouterKey> {
    let adverts = instance.adverts_from_virtual_mac.then_some(key.ifindex);
    let vips = placements.iter().filter(|one| one.vip.virtual_mac);
    let mut macs = Vec::new();
    for ifindex in adverts.into_iter().chain(vips.map(|one| one.interface.0)) {
        let key = RouterKey { ifindex, ..key };
        if !macs.contains(&key) {
            macs.push(key);
        }
    }
    macs
}

fn format(instance: &Instance) -> Format {
    match instance.settings.version {
        Version::V2 => version_2(instance),
        Version::V3 => Format::V3 {
            pseudo_header: !instance.v3_checksum_as_v2,
        },
    }
}

fn second_format(instance: &Instance) -> Option<(Format, Duration)> {
    //= C68: RFC 9568 section 8.4.2
    let interval = instance.settings.departures.also_version_2?;
    Some((version_2(instance), interval))
}

fn version_2(instance: &Instance) -> Format {
    Format::V2 {
        password: instance.auth.map(|Auth::Pass(password)| password),
    }
}

fn digest(advertised: &[IpAddr]) -> u32 {
    advertised.iter().fold(0, |digest, vip| match vip {
        IpAddr::V4(address) => abi::address_digest(digest, address.octets()),
        IpAddr::V6(address) => {
            let octets = address.octets();
            let (words, _) = octets.as_chunks::<4>();
            words
                .iter()
                .fold(digest, |digest, word| abi::address_digest(digest, *word))
        }
    })
}

fn count(advertised: &[IpAddr]) -> u16 {
    u16::try_from(advertised.len()).unwrap_or(u16::MAX)
}

fn entry(instance: &Instance, slot: u32, advertised: &[IpAddr]) -> RouterEntry {
    let version = match instance.settings.version {
        Version::V2 => router_flags::ACCEPT_V2,
        Version::V3 if instance.settings.departures.also_version_2.is_some() => {
            router_flags::ACCEPT_V2 | router_flags::ACCEPT_V3
        }
        Version::V3 => router_flags::ACCEPT_V3,
    };
    let check = if instance.skip_check_adv_addr {
        router_flags::SKIP_ADDRESS_CHECK
    } else {
        0
    };
    let transport = match &instance.unicast {
        None => 0,
        Some(unicast) if unicast.check_source => router_flags::UNICAST | router_flags::CHECK_SOURCE,
        Some(_) => router_flags::UNICAST,
    };
    let (auth_type, auth_data) = match instance.auth {
        Some(Auth::Pass(password)) => (1, password),
        None => (0, [0; 8]),
    };
    RouterEntry {
        slot,
        flags: version | check | transport,
        primary: [0; 16],
        address_digest: digest(advertised),
        address_count: count(advertised),
        interval_cs: u16::try_from(instance.settings.advert_interval.as_millis() / 10)
            .unwrap_or(u16::MAX),
        auth_type,
        priority: instance.settings.priority,
        _pad: [0; 2],
        auth_data,
    }
}

#[cfg(test)]
mod tests;
