//! A virtual IP as rtnetlink has it.

use std::net::IpAddr;

use netlink_packet_route::{
    AddressFamily,
    address::{
        AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope, CacheInfo,
    },
};

use crate::config::{FOREVER, Scope, Vip};

/// What to add to an interface, or to remove from it.
pub(super) fn message(vip: &Vip, ifindex: u32) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = ifindex;
    message.header.prefix_len = vip.prefix;
    message.header.scope = match vip.scope {
        Scope::Global => AddressScope::Universe,
        Scope::Site => AddressScope::Site,
        Scope::Link => AddressScope::Link,
        Scope::Host => AddressScope::Host,
        Scope::Other(number) => AddressScope::from(number),
    };
    let mut flags = AddressFlags::empty();
    if vip.no_prefix_route {
        flags |= AddressFlags::Noprefixroute;
    }
    match vip.address {
        IpAddr::V4(_) => {
            message.header.family = AddressFamily::Inet;
            message
                .attributes
                .push(AddressAttribute::Local(vip.address));
        }
        IpAddr::V6(_) => {
            message.header.family = AddressFamily::Inet6;
            //= C65: RFC 4862 section 5.4
            // Duplicate address detection would be answered by the router that we take over from.
            message.header.flags |= AddressHeaderFlags::Nodad;
            flags |= AddressFlags::Nodad;
            if vip.preferred_lft != FOREVER {
                let mut lifetimes = CacheInfo::default();
                lifetimes.ifa_preferred = vip.preferred_lft;
                lifetimes.ifa_valid = FOREVER;
                message
                    .attributes
                    .push(AddressAttribute::CacheInfo(lifetimes));
            }
        }
    }
    if !flags.is_empty() {
        message.attributes.push(AddressAttribute::Flags(flags));
    }
    message
        .attributes
        .push(AddressAttribute::Address(vip.address));
    if let Some(broadcast) = vip.broadcast {
        message
            .attributes
            .push(AddressAttribute::Broadcast(broadcast));
    }
    if let Some(label) = &vip.label {
        message
            .attributes
            .push(AddressAttribute::Label(label.clone()));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(line: &str) -> Vec<AddressAttribute> {
        let text = format!(
            "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n  10.0.0.1\n }}\n \
             virtual_ipaddress_excluded {{\n  {line}\n }}\n}}\n"
        );
        let config = crate::config::parse("k.conf", text.as_bytes()).config;
        let instance = config.unwrap().instances.remove(0);
        message(&instance.vips[1], 2).attributes
    }

    //= C65: proof
    #[test]
    fn ipv6_addresses_are_installed_without_detection() {
        let no_detection = AddressAttribute::Flags(AddressFlags::Nodad);
        assert!(attributes("fe80::51").contains(&no_detection));
        assert!(attributes("2001:db8::fe/64").contains(&no_detection));
    }

    #[test]
    fn the_route_to_its_network_is_left_out_if_told_so() {
        let flags = |line: &str| {
            let flags = attributes(line).into_iter();
            flags
                .filter_map(|attribute| match attribute {
                    AddressAttribute::Flags(flags) => Some(flags),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(flags("10.0.0.2/24"), []);
        assert_eq!(
            flags("10.0.0.2/24 noprefixroute"),
            [AddressFlags::Noprefixroute]
        );
        assert_eq!(
            flags("2001:db8::fe/64 noprefixroute"),
            [AddressFlags::Nodad | AddressFlags::Noprefixroute]
        );
    }

    //= C4: refusal
    #[test]
    fn what_is_only_virtual_is_no_source_of_the_machine() {
        let preferred = |line| {
            let lifetimes = attributes(line)
                .into_iter()
                .find_map(|attribute| match attribute {
                    AddressAttribute::CacheInfo(lifetimes) => Some(lifetimes),
                    _ => None,
                });
            lifetimes.map(|lifetimes| (lifetimes.ifa_preferred, lifetimes.ifa_valid))
        };
        assert_eq!(preferred("fe80::51"), Some((0, u32::MAX)));
        assert_eq!(preferred("fe80::51/64"), Some((0, u32::MAX)));
        assert_eq!(preferred("2001:db8::fe"), Some((0, u32::MAX)));
        assert_eq!(preferred("2001:db8::fe/64"), None);
        assert_eq!(preferred("2001:db8::fe preferred_lft forever"), None);
        assert_eq!(preferred("192.168.1.254"), None);
    }
}
