//! Interfaces and addresses as the kernel's messages tell them. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage, address::AddressMessage, link::LinkMessage,
};

use crate::ids::InterfaceId;
pub(super) use crate::io::netlink::address::Address;
use crate::io::netlink::link;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    /// Set up, and with carrier as far as the driver can tell.
    pub(super) up: bool,
    /// Its MAC, if it has one of six bytes.
    pub(super) mac: Option<[u8; 6]>,
    pub(super) mtu: Option<u32>,
}

/// Everything the kernel has told.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    links: BTreeMap<InterfaceId, Link>,
    addresses: BTreeMap<InterfaceId, Vec<Address>>,
    /// What went since the last judgement, by interface.
    gone: BTreeSet<(InterfaceId, IpAddr)>,
    /// An interface came, went or was renamed since that was asked last.
    moved: bool,
    /// The interfaces that went since that was asked last. What was made since then may have the index of one.
    went: BTreeSet<InterfaceId>,
}

impl Table {
    /// Takes over one message; those about other things change nothing.
    pub(super) fn apply(&mut self, message: &RouteNetlinkMessage) {
        match message {
            // Bridges report their ports with a family of their own, and deletions of ports with
            // RTM_DELLINK, while the interface lives on.
            RouteNetlinkMessage::NewLink(link) if is_link(link) => self.add_link(link),
            RouteNetlinkMessage::DelLink(link) if is_link(link) => {
                let interface = InterfaceId(link.header.index);
                if self.links.remove(&interface).is_some() {
                    self.moved = true;
                    self.went.insert(interface);
                }
                self.addresses.remove(&interface);
            }
            RouteNetlinkMessage::NewAddress(message) => self.add_address(message),
            RouteNetlinkMessage::DelAddress(message) => self.remove_address(message),
            _ => {}
        }
    }

    /// Interfaces 1, 2, … with these names and addresses (as [`Address::parsed`] has them), all of them up.
    #[cfg(test)]
    pub(super) fn of(links: &[(&str, &[&str])]) -> Self {
        let mut table = Self::default();
        for (index, (name, addresses)) in (1..).map(InterfaceId).zip(links) {
            let link = Link {
                name: (*name).to_owned(),
                up: true,
                mac: Some([2, 0, 0, 0, 0, 1]),
                mtu: Some(1500),
            };
            table.links.insert(index, link);
            let addresses = addresses.iter().map(|text| Address::parsed(text));
            table.addresses.insert(index, addresses.collect());
        }
        table
    }

    pub(super) fn link(&self, interface: impl Into<Option<InterfaceId>>) -> Option<&Link> {
        self.links.get(&interface.into()?)
    }

    pub(super) fn index_of(&self, name: &str) -> Option<InterfaceId> {
        let found = self.links.iter().find(|(_, link)| link.name == name);
        found.map(|(index, _)| *index)
    }

    /// The addresses of an interface in the kernel's order.
    pub(super) fn addresses(&self, interface: impl Into<Option<InterfaceId>>) -> &[Address] {
        let addresses = interface.into().and_then(|id| self.addresses.get(&id));
        addresses.map_or(&[], Vec::as_slice)
    }

    /// Whether an interface has this address.
    pub(super) fn is_on(&self, interface: InterfaceId, address: IpAddr) -> bool {
        let mut addresses = self.addresses(interface).iter();
        addresses.any(|found| found.address == address)
    }

    /// Whether an interface came, went or was renamed since the last call.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// The interfaces that went since the last call, also if there is another one with that index by now.
    pub(super) fn take_went(&mut self) -> BTreeSet<InterfaceId> {
        std::mem::take(&mut self.went)
    }

    /// What went since the last call, also if it had come since then: two states alone do not tell.
    pub(super) fn take_gone(&mut self) -> BTreeSet<(InterfaceId, IpAddr)> {
        std::mem::take(&mut self.gone)
    }

    /// Whether any interface has an address that can be used.
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        let mut all = self.addresses.values().flatten();
        all.any(|found| found.address == address && !found.unusable)
    }

    /// The interfaces that have an address, whether or not it can be used yet.
    pub(super) fn places_of(&self, address: IpAddr) -> impl Iterator<Item = InterfaceId> {
        let places = self.addresses.iter().filter(move |(_, list)| {
            let mut all = list.iter();
            all.any(|found| found.address == address)
        });
        places.map(|(index, _)| *index)
    }

    fn add_link(&mut self, message: &LinkMessage) {
        let told = link::Link::told(message);
        let interface = InterfaceId(told.index);
        let known = self.links.get(&interface);
        let Some(name) = told.name.or_else(|| known.map(|link| link.name.clone())) else {
            return;
        };
        self.moved |= known.is_none_or(|link| link.name != name);
        let link = Link {
            name,
            up: told.up,
            mac: told.mac,
            mtu: told.mtu,
        };
        self.links.insert(interface, link);
    }

    fn add_address(&mut self, message: &AddressMessage) {
        let Some(fresh) = Address::told(message) else {
            return;
        };
        let list = self
            .addresses
            .entry(InterfaceId(message.header.index))
            .or_default();
        match list.iter_mut().find(|known| known.is_same(&fresh)) {
            Some(known) => *known = fresh,
            None => list.push(fresh),
        }
    }

    fn remove_address(&mut self, message: &AddressMessage) {
        if let Some(gone) = Address::told(message)
            && let Some(list) = self.addresses.get_mut(&InterfaceId(message.header.index))
        {
            let before = list.len();
            list.retain(|known| !known.is_same(&gone));
            if list.len() < before {
                let place = (InterfaceId(message.header.index), gone.address);
                self.gone.insert(place);
            }
        }
    }
}

fn is_link(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Unspec
}
