//! Interfaces and addresses as the kernel's messages tell them. Pure.

use std::{collections::BTreeMap, net::IpAddr};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressMessage},
    link::{LinkAttribute, LinkFlags, LinkMessage},
};

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

/// An address on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) address: IpAddr,
    pub(super) prefix: u8,
    /// `rtm_scope`.
    pub(super) scope: u8,
    /// Another address of the same subnet came first.
    pub(super) secondary: bool,
    /// IPv6 duplicate address detection has not finished, or failed.
    pub(super) unusable: bool,
    /// Not to be a source as long as there is another.
    pub(super) deprecated: bool,
}

impl Address {
    /// Whether another address is in the same network.
    pub(super) fn is_neighbour(&self, other: IpAddr) -> bool {
        let common = match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => {
                (ours.to_bits() ^ other.to_bits()).leading_zeros()
            }
            (IpAddr::V6(ours), IpAddr::V6(other)) => {
                (ours.to_bits() ^ other.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        common >= u32::from(self.prefix)
    }
}

/// Everything the kernel has told.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    links: BTreeMap<u32, Link>,
    addresses: BTreeMap<u32, Vec<Address>>,
}

impl Table {
    /// Takes over one message; those about other things change nothing.
    pub(super) fn apply(&mut self, message: &RouteNetlinkMessage) {
        match message {
            // Bridges report their ports with a family of their own, and deletions of ports with
            // RTM_DELLINK, while the interface lives on.
            RouteNetlinkMessage::NewLink(link) if is_link(link) => self.add_link(link),
            RouteNetlinkMessage::DelLink(link) if is_link(link) => {
                self.links.remove(&link.header.index);
                self.addresses.remove(&link.header.index);
            }
            RouteNetlinkMessage::NewAddress(message) => self.add_address(message),
            RouteNetlinkMessage::DelAddress(message) => self.remove_address(message),
            _ => {}
        }
    }

    pub(super) fn link(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    pub(super) fn index_of(&self, name: &str) -> Option<u32> {
        let found = self.links.iter().find(|(_, link)| link.name == name);
        found.map(|(index, _)| *index)
    }

    /// The addresses of an interface in the kernel's order.
    pub(super) fn addresses(&self, index: u32) -> &[Address] {
        self.addresses.get(&index).map_or(&[], Vec::as_slice)
    }

    /// Whether any interface has an address that can be used.
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        let mut all = self.addresses.values().flatten();
        all.any(|found| found.address == address && !found.unusable)
    }

    fn add_link(&mut self, message: &LinkMessage) {
        let mut name = None;
        let mut mac = None;
        let mut mtu = None;
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(found) => name = Some(found.clone()),
                LinkAttribute::Address(bytes) => mac = bytes.as_slice().try_into().ok(),
                LinkAttribute::Mtu(found) => mtu = Some(*found),
                _ => {}
            }
        }
        let index = message.header.index;
        let known = self.links.get(&index);
        let Some(name) = name.or_else(|| known.map(|link| link.name.clone())) else {
            return;
        };
        // RUNNING follows operstate, which dormant interfaces (802.1X) lack; LOWER_UP is carrier.
        let needed = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp;
        let link = Link {
            name,
            up: message.header.flags.contains(needed),
            mac,
            mtu,
        };
        self.links.insert(index, link);
    }

    fn add_address(&mut self, message: &AddressMessage) {
        let Some(fresh) = address(message) else {
            return;
        };
        let list = self.addresses.entry(message.header.index).or_default();
        match list.iter_mut().find(|known| same(known, &fresh)) {
            Some(known) => *known = fresh,
            None => list.push(fresh),
        }
    }

    fn remove_address(&mut self, message: &AddressMessage) {
        if let Some(gone) = address(message)
            && let Some(list) = self.addresses.get_mut(&message.header.index)
        {
            list.retain(|known| !same(known, &gone));
        }
    }
}

fn is_link(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Unspec
}

fn same(a: &Address, b: &Address) -> bool {
    a.address == b.address && a.prefix == b.prefix
}

fn address(message: &AddressMessage) -> Option<Address> {
    let mut address = None;
    let mut local = None;
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(found) => address = Some(*found),
            AddressAttribute::Local(found) => local = Some(*found),
            AddressAttribute::Flags(found) => flags = *found,
            _ => {}
        }
    }
    Some(Address {
        // With a peer, ADDRESS is the peer's.
        address: local.or(address)?,
        prefix: message.header.prefix_len,
        scope: message.header.scope.into(),
        secondary: flags.contains(AddressFlags::Secondary),
        unusable: flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed),
        deprecated: flags.contains(AddressFlags::Deprecated),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_told_by_their_prefix() {
        for (network, other, inside) in [
            ("192.168.1.1/24", "192.168.1.2", true),
            ("192.168.1.1/24", "192.168.2.2", false),
            ("192.168.1.1/25", "192.168.1.128", false),
            ("192.168.1.1/32", "192.168.1.1", true),
            ("192.168.1.1/32", "192.168.1.0", false),
            ("192.168.1.1/0", "8.8.8.8", true),
            ("192.168.1.1/0", "::1", false),
            ("2001:db8::1/64", "2001:db8::ffff:1", true),
            ("2001:db8::1/64", "2001:db8:0:1::1", false),
        ] {
            let (address, prefix) = network.split_once('/').unwrap();
            let address = Address {
                address: address.parse().unwrap(),
                prefix: prefix.parse().unwrap(),
                scope: 0,
                secondary: false,
                unusable: false,
                deprecated: false,
            };
            let other = other.parse().unwrap();
            assert_eq!(address.is_neighbour(other), inside, "{network} {other}");
        }
    }
}
