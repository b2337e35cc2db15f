//! What only one virtual router can have at a time.

use std::{collections::BTreeMap, net::IpAddr};

use super::desired::{DesiredRouter, DesiredVip};
use crate::{
    ids::{InterfaceId, VipId},
    proto::Family,
};

/// Something that one virtual router has, and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// The adverts of a VRID: an entry of `ROUTERS`.
    Adverts(InterfaceId, Family, u8),
    /// The frames to a Virtual Router MAC: an entry of `MACS`.
    Frames(InterfaceId, Family, u8),
    /// An address: an entry of `VIPS`.
    Address(InterfaceId, IpAddr),
    /// An index in `VIP_STATES`.
    Vip(VipId),
    /// The answers by proxy ARP: an entry of `PROXIES`.
    Proxy(InterfaceId),
}

impl Claim {
    fn of(vip: &DesiredVip) -> impl Iterator<Item = Self> + use<> {
        let address = vip.vip.address;
        let address = vip.interface.map(|id| Self::Address(id, address));
        [Self::Vip(vip.id)].into_iter().chain(address)
    }
}

impl DesiredRouter {
    /// All that it has for itself.
    pub(super) fn claims(&self) -> impl Iterator<Item = Claim> {
        let settings = &self.instance.settings;
        let (family, vrid) = (settings.family, settings.vrid);
        let adverts = self.interface.map(|id| Claim::Adverts(id, family, vrid));
        let frames = self.macs().into_iter();
        let frames = frames.map(move |id| Claim::Frames(id, family, vrid));
        let proxies = self.proxied.iter().map(|id| Claim::Proxy(*id));
        let vips = self.vips.iter().flat_map(Claim::of);
        adverts.into_iter().chain(frames).chain(proxies).chain(vips)
    }

    /// What is left of it once it has given up what `to` does not have; nothing is new. It lists in its adverts what
    /// it listed before, which spares its peers a list that lasts for a moment.
    pub(super) fn without_what_goes(&self, to: &Self) -> Self {
        let stays: BTreeMap<VipId, &DesiredVip> = to.vips.iter().map(|vip| (vip.id, vip)).collect();
        let mut left = self.clone();
        left.vips.retain_mut(|vip| {
            let stays = stays.get(&vip.id).filter(|stays| stays.can_be(vip));
            vip.interface = vip
                .interface
                .filter(|_| stays.is_some_and(|one| one.interface.is_some()));
            stays.is_some()
        });
        if to.interface != self.interface {
            left.interface = None;
        }
        let (before, after) = (self.macs(), to.macs());
        let loses = |id: &InterfaceId| before.contains(id) && !after.contains(id);
        if self.interface.as_ref().is_some_and(loses) {
            left.instance.adverts_from_virtual_mac = false;
        }
        for vip in &mut left.vips {
            vip.vip.virtual_mac &= !vip.interface.as_ref().is_some_and(loses);
        }
        left.proxied.retain(|id| to.proxied.contains(id));
        left
    }

    /// Whether an id of a virtual IP that goes is that of one which comes.
    pub(super) fn reuses_its_ids(&self, to: &Self) -> bool {
        let before: BTreeMap<VipId, &DesiredVip> =
            self.vips.iter().map(|vip| (vip.id, vip)).collect();
        to.vips.iter().any(|vip| {
            let known = before.get(&vip.id);
            known.is_some_and(|known| !known.can_be(vip))
        })
    }
}

impl DesiredVip {
    /// Whether it is the same virtual IP in the same place; a place that is missing is no other one.
    fn can_be(&self, other: &Self) -> bool {
        let places = self.interface.zip(other.interface);
        self.vip.address == other.vip.address && places.is_none_or(|(one, other)| one == other)
    }
}
