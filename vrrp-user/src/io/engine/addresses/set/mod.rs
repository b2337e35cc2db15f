//! The virtual IPs of one router, and whom they belong to.

mod difference;

use std::{collections::BTreeMap, io, net::IpAddr};

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage},
};

pub(super) use self::difference::{Difference, Renewal};
use super::{message::message, requests::Requests};
use crate::{
    config::Vip,
    ids::{InterfaceId, VipId},
    io::netlink::{
        self,
        address::{address, flags},
        present,
    },
};

/// One virtual IP and the interface it goes to.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'vip> {
    /// Which one it is.
    pub id: VipId,
    /// The virtual IP.
    pub vip: &'vip Vip,
    /// Interface.
    pub interface: InterfaceId,
}

/// Who put a virtual IP on its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// It has not been seen there.
    Nobody,
    /// The node, which removes it.
    Node,
    /// The host, whose own address it is: never removed, and an owner's (priority 255) put back if
    /// need be.
    Host,
}

/// The virtual IPs of one router, as requests that only need to be sent. Its vectors are in the same order, and a
/// number below is a position in them.
#[derive(Debug)]
pub struct AddressSet {
    ids: Vec<VipId>,
    /// By virtual IP.
    pub(super) holders: Vec<Holder>,
    /// The router has priority 255.
    owner: bool,
    /// By virtual IP: adverts do not carry it, and without it the router goes on for the others, which another
    /// router may lack as well.
    excluded: Vec<bool>,
    /// What is requested for each.
    messages: Vec<AddressMessage>,
    /// Position of each by interface and address.
    places: BTreeMap<(u32, IpAddr), u32>,
    pub(super) install: Requests,
}

impl AddressSet {
    /// Prepares the requests. `owner`: the router has priority 255.
    #[must_use]
    pub fn new(placements: &[Placement<'_>], owner: bool) -> Self {
        let mut set = Self {
            ids: placements.iter().map(|one| one.id).collect(),
            holders: vec![Holder::Nobody; placements.len()],
            owner,
            excluded: placements.iter().map(|one| one.vip.excluded).collect(),
            messages: Vec::new(),
            places: BTreeMap::new(),
            install: Requests::default(),
        };
        for (vip, placement) in (0..).zip(placements) {
            let message = message(placement.vip, placement.interface.0);
            let place = (placement.interface.0, placement.vip.address);
            set.places.insert(place, vip);
            set.install.bytes.extend(install(message.clone(), vip));
            set.messages.push(message);
        }
        set
    }

    /// How many virtual IPs.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }

    /// Position and id of each.
    pub(super) fn ids(&self) -> impl Iterator<Item = (u32, VipId)> {
        (0..).zip(self.ids.iter().copied())
    }

    /// Which one is at this position, of which there is one.
    #[expect(clippy::indexing_slicing, reason = "positions come from this set")]
    pub(super) fn id(&self, vip: u32) -> VipId {
        self.ids[vip as usize]
    }

    /// Its index in `VIP_STATES`.
    pub(super) fn state(&self, vip: u32) -> u32 {
        self.id(vip).state()
    }

    /// Where it is, if it is one of these.
    pub(super) fn position(&self, vip: VipId) -> Option<u32> {
        self.ids()
            .find_map(|(position, id)| (id == vip).then_some(position))
    }

    pub(super) fn is_owners(&self) -> bool {
        self.owner
    }

    /// Whether the router is not to serve without this one.
    pub(super) fn is_needed(&self, vip: VipId) -> bool {
        let mut all = self.ids.iter().zip(&self.excluded);
        all.any(|(id, excluded)| *id == vip && !excluded)
    }

    /// Interface and address of each.
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, IpAddr)> {
        self.places.keys().copied()
    }

    /// The same with its position.
    pub(super) fn by_place(&self) -> impl Iterator<Item = ((u32, IpAddr), u32)> {
        self.places.iter().map(|(place, vip)| (*place, *vip))
    }

    /// The node has installed this one. What the host has beside it is still the host's.
    pub(super) fn installed(&mut self, vip: u32) {
        if let Some(holder) = self.holders.get_mut(vip as usize)
            && (*holder == Holder::Nobody || !self.owner)
        {
            *holder = Holder::Node;
        }
    }

    pub(super) fn is_nodes(&self, vip: u32) -> bool {
        self.holders.get(vip as usize) == Some(&Holder::Node)
    }

    pub(super) fn is_hosts(&self, vip: u32) -> bool {
        self.holders.get(vip as usize) == Some(&Holder::Host)
    }

    /// The virtual IP that has this address on this interface.
    pub(super) fn at(&self, ifindex: u32, address: IpAddr) -> Option<u32> {
        self.places.get(&(ifindex, address)).copied()
    }

    /// Those of IPv6.
    pub(super) fn ipv6(&self) -> impl Iterator<Item = u32> {
        let places = self.places.iter();
        places
            .filter(|((_, address), _)| address.is_ipv6())
            .map(|(_, vip)| *vip)
    }

    /// What the interfaces have of these addresses, with whatever prefix length and label.
    pub(super) fn present(&self) -> io::Result<Vec<(u32, AddressMessage)>> {
        Ok(self.matching(&self.on_interfaces()?))
    }

    /// Those that are virtual IPs of this router.
    pub(super) fn matching(&self, all: &[AddressMessage]) -> Vec<(u32, AddressMessage)> {
        let ours = all.iter().filter_map(|message| {
            let vip = self.at(message.header.index, address(message)?)?;
            Some((vip, message.clone()))
        });
        ours.collect()
    }

    /// Everything that the interfaces have.
    pub(super) fn on_interfaces(&self) -> io::Result<Vec<AddressMessage>> {
        let mut all = Vec::new();
        let mut seen = None;
        // In order of the interfaces.
        for (ifindex, _) in self.places.keys() {
            if seen.replace(*ifindex) == Some(*ifindex) {
                continue;
            }
            match present::addresses(*ifindex) {
                Ok(found) => all.extend(found),
                Err(error) if present::is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Whether an address is the one that was requested, and not only an equal one.
    pub(super) fn is_as_requested(&self, vip: u32, found: &AddressMessage) -> bool {
        let requested = self.messages.get(vip as usize);
        requested.is_some_and(|message| message.header.prefix_len == found.header.prefix_len)
    }

    /// This one is not on its interface. Of an owner's, the host is expected to add it again.
    pub(super) fn is_gone(&mut self, vip: u32) {
        if !self.owner
            && let Some(holder) = self.holders.get_mut(vip as usize)
        {
            *holder = Holder::Nobody;
        }
    }

    /// The node has removed this one.
    pub(super) fn removed(&mut self, vip: u32) {
        if let Some(holder @ Holder::Node) = self.holders.get_mut(vip as usize) {
            *holder = Holder::Nobody;
        }
    }

    /// Whether another address may go with one of these, since the kernel takes it for a part of it.
    pub(super) fn shares_subnets(&self) -> bool {
        self.messages.iter().any(takes_others_along)
    }

    /// Requests that remove what the node has installed.
    pub(super) fn removals(&self) -> Requests {
        let mut requests = Requests::default();
        for (vip, message) in (0..).zip(&self.messages) {
            if self.is_nodes(vip) {
                requests.bytes.extend(remove(message.clone(), vip));
            }
        }
        requests
    }

    /// Requests that install these virtual IPs, after the removal of those that are on an interface
    /// but cannot be used.
    pub(super) fn renewals(&self, vips: &[(u32, Option<AddressMessage>)]) -> Requests {
        let mut requests = Requests::default();
        for (vip, unusable) in vips {
            if let Some(found) = unusable {
                requests.bytes.extend(remove_unasked(found.clone()));
            }
            if let Some(message) = self.messages.get(*vip as usize) {
                requests.bytes.extend(install(message.clone(), *vip));
            }
        }
        requests
    }

    /// The host has this one on the interface: an owner is to have it as it is there, but without
    /// duplicate address detection. Returns whether this is news.
    pub(super) fn found(&mut self, vip: u32, found: &AddressMessage) -> bool {
        let vip = vip as usize;
        if self.owner
            && let Some(message) = self.messages.get_mut(vip)
        {
            *message = without_detection(found.clone());
        }
        let holder = self.holders.get_mut(vip);
        holder.is_some_and(|holder| std::mem::replace(holder, Holder::Host) != Holder::Host)
    }
}

/// Whether other addresses may go with this one, since the kernel takes them for a part of it.
pub(super) fn takes_others_along(message: &AddressMessage) -> bool {
    message.header.family == AddressFamily::Inet && message.header.prefix_len < 32
}

fn install(message: AddressMessage, vip: u32) -> Vec<u8> {
    netlink::serialize(
        RouteNetlinkMessage::NewAddress(message),
        NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
        vip,
    )
}

fn remove(message: AddressMessage, vip: u32) -> Vec<u8> {
    netlink::serialize(RouteNetlinkMessage::DelAddress(message), NLM_F_ACK, vip)
}

/// Before an installation, whose answer alone matters.
fn remove_unasked(message: AddressMessage) -> Vec<u8> {
    netlink::serialize(RouteNetlinkMessage::DelAddress(message), 0, u32::MAX)
}

/// What was found, to be requested again.
//= C65: RFC 4862 section 5.4
fn without_detection(mut message: AddressMessage) -> AddressMessage {
    let told = flags(&message) - AddressFlags::Tentative - AddressFlags::Dadfailed;
    let told = told | AddressFlags::Nodad;
    message.header.flags = AddressHeaderFlags::Nodad;
    let attributes = &mut message.attributes;
    attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Flags(_)));
    attributes.push(AddressAttribute::Flags(told));
    message
}
