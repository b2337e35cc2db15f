//! An address on an interface as a message of rtnetlink tells it, and whose it is. Pure.

use std::{fmt, net::IpAddr};

use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};

/// An address on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io) struct Address {
    /// The address; with a peer, our side.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
    /// `rtm_scope`.
    pub scope: u8,
    /// Another address of the same subnet came first (IPv4): it goes when that one is removed.
    pub secondary: bool,
    /// IPv6 duplicate address detection has not finished, or failed.
    pub unusable: bool,
    /// Not to be a source as long as there is another.
    pub deprecated: bool,
    /// It has no lifetime: DHCP and router advertisements give one, VRRP nodes do not.
    pub permanent: bool,
}

impl Address {
    /// An address that can be used: `192.0.2.1/24`, and `secondary`, `deprecated` or `dynamic` behind it.
    #[cfg(test)]
    pub(in crate::io) fn parsed(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let (address, prefix) = words.next().unwrap().split_once('/').unwrap();
        let mut address = Self {
            address: address.parse().unwrap(),
            prefix: prefix.parse().unwrap(),
            scope: 0,
            secondary: false,
            unusable: false,
            deprecated: false,
            permanent: true,
        };
        for word in words {
            match word {
                "secondary" => address.secondary = true,
                "deprecated" => address.deprecated = true,
                "dynamic" => address.permanent = false,
                other => panic!("{other}"),
            }
        }
        address
    }

    /// What a message is about; `None` if it names no address.
    pub(in crate::io) fn told(message: &AddressMessage) -> Option<Self> {
        let flags = flags(message);
        Some(Self {
            address: address(message)?,
            prefix: message.header.prefix_len,
            scope: message.header.scope.into(),
            secondary: flags.contains(AddressFlags::Secondary),
            unusable: flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed),
            deprecated: flags.contains(AddressFlags::Deprecated),
            permanent: flags.contains(AddressFlags::Permanent),
        })
    }

    /// Whether both are one for the kernel, which may have an address once per prefix length.
    pub(in crate::io) fn is_same(&self, other: &Self) -> bool {
        self.address == other.address && self.prefix == other.prefix
    }

    /// Whether another address is in the same network.
    pub(in crate::io) fn is_neighbour(&self, other: IpAddr) -> bool {
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

    /// Whether this address, which equals a virtual IP, is the interface's own and not what another
    /// node left. `all` is what the interface has, `is_virtual` tells virtual IPs that may go from
    /// the rest. What nobody can tell for certain is the interface's own: to remove that may lock
    /// the administrator out.
    pub(in crate::io) fn is_own(&self, all: &[Self], is_virtual: impl Fn(IpAddr) -> bool) -> bool {
        let real = all.iter().filter(|other| !is_virtual(other.address));
        let mut of_this_kind = real.clone().filter(|other| self.is_of_kind(other.address));
        // An IPv6 address that is never to be a source is nobody's own, unless adverts need it.
        let is_set_aside =
            self.deprecated && self.address.is_ipv6() && !is_link_local(self.address);
        let is_the_only_one = of_this_kind.next().is_none() && !is_set_aside;
        let mut secondaries = real.filter(|other| other.secondary && self.is_subnet_of(other));
        let takes_others_along = !self.secondary && secondaries.next().is_some();
        !self.permanent || is_the_only_one || takes_others_along
    }

    /// Whether an address could stand in for this one: the machine is reached by the one as by the other.
    fn is_of_kind(&self, other: IpAddr) -> bool {
        self.address.is_ipv4() == other.is_ipv4()
            && is_link_local(self.address) == is_link_local(other)
    }

    fn is_subnet_of(&self, other: &Self) -> bool {
        self.prefix == other.prefix && self.is_neighbour(other.address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Which address a message is about; with a peer, our side.
pub(in crate::io) fn address(message: &AddressMessage) -> Option<IpAddr> {
    let mut address = None;
    let mut local = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(found) => address = Some(*found),
            AddressAttribute::Local(found) => local = Some(*found),
            _ => {}
        }
    }
    // With a peer, ADDRESS is the peer's; IPv6 without one has no LOCAL.
    local.or(address)
}

/// Its flags, of which the header has room for the first eight only.
pub(in crate::io) fn flags(message: &AddressMessage) -> AddressFlags {
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    for attribute in &message.attributes {
        if let AddressAttribute::Flags(found) = attribute {
            flags = *found;
        }
    }
    flags
}

/// IPv6 only: IPv4 has no such address beside every other.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// A message about `192.0.2.1/24` on an interface, as the kernel sends it.
#[cfg(test)]
pub(in crate::io) fn message(index: u32, text: &str, scope: u8) -> AddressMessage {
    use netlink_packet_route::AddressFamily;

    let Address {
        address, prefix, ..
    } = Address::parsed(text);
    let mut message = AddressMessage::default();
    message.header.family = if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    message.header.index = index;
    message.header.prefix_len = prefix;
    message.header.scope = scope.into();
    message.attributes = vec![AddressAttribute::Address(address)];
    message
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::address::AddressHeaderFlags;

    use super::*;

    #[test]
    fn a_message_tells_address_prefix_length_and_scope() {
        let told = Address::told(&message(2, "fe80::1/64", 253));
        let expected = Address {
            scope: 253,
            permanent: false,
            ..Address::parsed("fe80::1/64")
        };
        assert_eq!(told, Some(expected));
        let mut nameless = message(2, "192.0.2.1/24", 0);
        nameless.attributes.clear();
        assert_eq!(Address::told(&nameless), None);
    }

    #[test]
    fn with_a_peer_our_side_is_the_address() {
        let peer = AddressAttribute::Address("192.0.2.2".parse().unwrap());
        let ours = AddressAttribute::Local("192.0.2.1".parse().unwrap());
        for attributes in [[peer.clone(), ours.clone()], [ours, peer]] {
            let mut both = message(2, "192.0.2.1/32", 0);
            both.attributes = attributes.into();
            let told = Address::told(&both).unwrap();
            assert_eq!(told.to_string(), "192.0.2.1/32");
        }
    }

    #[test]
    fn an_attribute_with_flags_has_the_last_word() {
        type Field = fn(&Address) -> bool;
        let flags: [(AddressFlags, Field); 5] = [
            (AddressFlags::Secondary, |one| one.secondary),
            (AddressFlags::Tentative, |one| one.unusable),
            (AddressFlags::Dadfailed, |one| one.unusable),
            (AddressFlags::Deprecated, |one| one.deprecated),
            (AddressFlags::Permanent, |one| one.permanent),
        ];
        for (flag, is_set) in flags {
            let mut told = message(2, "192.0.2.1/24", 0);
            assert!(!is_set(&Address::told(&told).unwrap()), "{flag:?}");
            let bits = u8::try_from(flag.bits()).unwrap();
            told.header.flags = AddressHeaderFlags::from_bits_retain(bits);
            assert!(is_set(&Address::told(&told).unwrap()), "{flag:?}");
            told.attributes
                .push(AddressAttribute::Flags(AddressFlags::empty()));
            assert!(!is_set(&Address::told(&told).unwrap()), "{flag:?}");
            told.attributes.push(AddressAttribute::Flags(flag));
            assert!(is_set(&Address::told(&told).unwrap()), "{flag:?}");
        }
    }

    /// The first address is looked at; the virtual IPs are .7 and .8, ::7 and ::8.
    fn is_own(interface: &[&str]) -> bool {
        let all: Vec<_> = interface.iter().map(|text| Address::parsed(text)).collect();
        let vips = [
            "192.0.2.7",
            "192.0.2.8",
            "2001:db8::7",
            "2001:db8::8",
            "fe80::7",
        ]
        .map(|text| text.parse::<IpAddr>().unwrap());
        all[0].is_own(&all, |address| vips.contains(&address))
    }

    #[test]
    fn the_only_address_is_the_interfaces_own() {
        for interface in [
            &["192.0.2.7/24"][..],
            &["192.0.2.7/32"],
            &["192.0.2.7/24", "fe80::1/64", "2001:db8::1/64"],
            // Nothing but virtual IPs, or twice the same.
            &["192.0.2.7/24", "192.0.2.8/24 secondary"],
            &["192.0.2.8/24 secondary", "192.0.2.7/24"],
            &["192.0.2.7/32", "192.0.2.7/24"],
            &["2001:db8::7/64", "fe80::1/64"],
            &["2001:db8::7/128", "fe80::1/64"],
            &["fe80::7/64", "2001:db8::1/64"],
            &["fe80::7/64 deprecated", "2001:db8::1/64"],
        ] {
            assert!(is_own(interface), "{interface:?}");
        }
    }

    #[test]
    fn what_takes_others_along_is_the_interfaces_own() {
        assert!(is_own(&["192.0.2.7/24", "192.0.2.9/24 secondary"]));
        assert!(is_own(&[
            "192.0.2.7/24",
            "192.0.2.9/24 secondary",
            "10.0.0.1/8"
        ]));
        // Of another subnet, by another prefix length, or a virtual IP.
        assert!(!is_own(&["192.0.2.7/32", "192.0.2.9/24 secondary"]));
        assert!(!is_own(&[
            "192.0.2.7/24",
            "192.0.2.1/25",
            "192.0.2.9/25 secondary"
        ]));
        assert!(!is_own(&[
            "192.0.2.7/24",
            "10.0.0.1/8",
            "10.0.0.2/8 secondary"
        ]));
        assert!(!is_own(&[
            "192.0.2.7/24",
            "192.0.2.8/24 secondary",
            "10.0.0.1/8"
        ]));
    }

    #[test]
    fn what_has_a_lifetime_was_left_by_no_node() {
        assert!(is_own(&["192.0.2.7/24 dynamic", "192.0.2.1/24"]));
        assert!(is_own(&["2001:db8::7/64 dynamic", "2001:db8::1/64"]));
    }

    #[test]
    fn what_stands_beside_a_real_address_was_left_behind() {
        for interface in [
            &["192.0.2.7/32", "192.0.2.1/24"][..],
            &["192.0.2.7/24 secondary", "192.0.2.1/24"],
            &["192.0.2.7/24", "10.0.0.1/8"],
            &["2001:db8::7/64", "2001:db8::1/64"],
            &["2001:db8::7/128 deprecated", "fe80::1/64"],
            &["2001:db8::7/64 deprecated", "fe80::1/64"],
            &["fe80::7/128 deprecated", "fe80::1/64"],
            &["fe80::7/64", "fe80::1/64"],
        ] {
            assert!(!is_own(interface), "{interface:?}");
        }
    }

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
            let inside_of = Address::parsed(network);
            assert_eq!(
                inside_of.is_neighbour(other.parse().unwrap()),
                inside,
                "{network} {other}"
            );
        }
    }
}
