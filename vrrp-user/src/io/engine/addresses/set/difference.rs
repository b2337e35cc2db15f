//! What a router's virtual IPs were before a change, and what the change asks of the kernel.

use std::{collections::BTreeMap, net::IpAddr};

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage, address::AddressMessage};

use super::{AddressSet, Holder, install, remove_unasked};
use crate::{
    ids::VipId,
    io::{engine::addresses::requests::Requests, netlink},
};

/// How the kernel is given other options of an address that the node has installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Renewal {
    /// It exchanges them: what an IPv6 address has beside its prefix length.
    Exchange,
    /// With another prefix length an IPv4 address is another one for it, which comes before this one goes.
    Beside(AddressMessage),
    /// This one goes before the new one can come.
    Anew(AddressMessage),
}

impl Renewal {
    fn of(before: &AddressMessage, after: &AddressMessage) -> Option<Self> {
        let same_prefix = before.header.prefix_len == after.header.prefix_len;
        let is_v6 = after.header.family == AddressFamily::Inet6;
        match (is_v6, same_prefix) {
            _ if before == after => None,
            (true, true) => Some(Self::Exchange),
            (false, false) => Some(Self::Beside(before.clone())),
            (true, false) | (false, true) => Some(Self::Anew(before.clone())),
        }
    }

    /// What is removed for it.
    pub(in super::super) fn removed(&self) -> Option<&AddressMessage> {
        match self {
            Self::Exchange => None,
            Self::Beside(message) | Self::Anew(message) => Some(message),
        }
    }
}

/// What a set has that another one lacks, and the contrary.
#[derive(Debug)]
pub(in super::super) struct Difference {
    /// Of the set before.
    pub(in super::super) gone: AddressSet,
    /// Positions in the set after the change.
    pub(in super::super) new: Vec<u32>,
    /// The same address on the same interface has another id: before, and now.
    pub(in super::super) renumbered: Vec<(VipId, VipId)>,
    /// The node has installed them, with other options.
    pub(in super::super) renewals: Vec<(u32, Renewal)>,
}

impl AddressSet {
    /// Takes over what is known of those that the set before had as well: the same address on the same interface.
    pub(in super::super) fn take_over(&mut self, before: &Self) -> Difference {
        let mut difference = Difference {
            gone: before.part(|_, place| !self.places.contains_key(&place)),
            new: Vec::new(),
            renumbered: Vec::new(),
            renewals: Vec::new(),
        };
        for ((ifindex, address), vip) in self.places.clone() {
            match before.at(ifindex, address) {
                None => difference.new.push(vip),
                Some(earlier) => {
                    let ids = (before.id(earlier), self.id(vip));
                    if ids.0 != ids.1 {
                        difference.renumbered.push(ids);
                    }
                    if let Some(renewal) = self.take_over_one(vip, before, earlier) {
                        difference.renewals.push((vip, renewal));
                    }
                }
            }
        }
        difference
    }

    fn take_over_one(&mut self, vip: u32, before: &Self, earlier: u32) -> Option<Renewal> {
        let earlier = earlier as usize;
        let (holder, known) = (before.holders.get(earlier)?, before.messages.get(earlier)?);
        let vip = vip as usize;
        *self.holders.get_mut(vip)? = *holder;
        let message = self.messages.get_mut(vip)?;
        match holder {
            Holder::Nobody => None,
            Holder::Node => Renewal::of(known, message),
            // As it was found; an owner is to have it like that.
            Holder::Host => {
                if before.owner && self.owner {
                    message.clone_from(known);
                }
                None
            }
        }
    }

    /// Those for whose position and place (interface and address) `is_wanted` holds.
    pub(in super::super) fn part(&self, is_wanted: impl Fn(u32, (u32, IpAddr)) -> bool) -> Self {
        let mut part = Self {
            ids: Vec::new(),
            holders: Vec::new(),
            owner: self.owner,
            excluded: Vec::new(),
            messages: Vec::new(),
            places: BTreeMap::new(),
            install: Requests::default(),
        };
        for (place, vip) in self
            .by_place()
            .filter(|(place, vip)| is_wanted(*vip, *place))
        {
            let position = vip as usize;
            let (Some(id), Some(holder), Some(excluded), Some(message)) = (
                self.ids.get(position),
                self.holders.get(position),
                self.excluded.get(position),
                self.messages.get(position),
            ) else {
                continue;
            };
            part.places.insert(place, part.count());
            part.ids.push(*id);
            part.holders.push(*holder);
            part.excluded.push(*excluded);
            part.messages.push(message.clone());
        }
        part
    }

    /// Another set had this one from the node, which is to remove it with this set now.
    pub(in super::super) fn inherit(&mut self, (ifindex, address): (u32, IpAddr)) {
        if let Some(vip) = self.at(ifindex, address) {
            self.installed(vip);
        }
    }

    /// Requests that give these their new options.
    pub(in super::super) fn exchanges(&self, renewals: &[(u32, Renewal)]) -> Requests {
        let mut requests = Requests::default();
        for (vip, renewal) in renewals {
            let Some(message) = self.messages.get(*vip as usize).cloned() else {
                continue;
            };
            match renewal {
                Renewal::Exchange => requests.bytes.extend(netlink::serialize(
                    RouteNetlinkMessage::NewAddress(message),
                    NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
                    *vip,
                )),
                Renewal::Beside(_) => requests.bytes.extend(install(message, *vip)),
                Renewal::Anew(before) => {
                    requests.bytes.extend(remove_unasked(before.clone()));
                    requests.bytes.extend(install(message, *vip));
                }
            }
        }
        requests
    }
}
