//! The addresses that an interface has, whoever gave them to it.

use std::{io, net::IpAddr};

use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressMessage},
};
use nix::errno::Errno;

use crate::io::netlink;

/// Asks the kernel.
pub(super) fn addresses(ifindex: u32) -> io::Result<Vec<AddressMessage>> {
    let mut request = AddressMessage::default();
    request.header.index = ifindex;
    let answers = netlink::list(RouteNetlinkMessage::GetAddress(request))?;
    let addresses = answers.into_iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewAddress(message) => Some(message),
        _ => None,
    });
    Ok(addresses
        .filter(|message| message.header.index == ifindex)
        .collect())
}

/// Takes one off its interface that was found there, with the prefix length and label that it has.
pub(super) fn remove(found: AddressMessage) -> io::Result<()> {
    netlink::acknowledged(RouteNetlinkMessage::DelAddress(found), 0)
}

/// Which address a message is about.
pub(super) fn address(message: &AddressMessage) -> Option<IpAddr> {
    let mut address = None;
    let mut local = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(found) => address = Some(*found),
            AddressAttribute::Local(found) => local = Some(*found),
            _ => {}
        }
    }
    // With a peer, ADDRESS is the peer's.
    local.or(address)
}

/// Its flags, of which the header has room for the first eight only.
pub(super) fn flags(message: &AddressMessage) -> AddressFlags {
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    for attribute in &message.attributes {
        if let AddressAttribute::Flags(found) = attribute {
            flags = *found;
        }
    }
    flags
}

/// Whether duplicate address detection of it is under way or has failed.
pub(super) fn is_unusable(message: &AddressMessage) -> bool {
    flags(message).intersects(AddressFlags::Tentative | AddressFlags::Dadfailed)
}

/// Whether an address cannot be removed because it is not there; or its interface is not, or IPv6 on it.
pub(super) fn is_gone(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EADDRNOTAVAIL | Errno::ENODEV | Errno::ENXIO)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::testing::{in_namespace, index, run};

    #[test]
    fn an_address_is_found_and_removed_whatever_its_prefix_length() {
        in_namespace(async || {
            run("ip link add ens33 type veth peer name ens34");
            run("ip addr add 192.168.1.254/24 dev ens33");
            run("ip addr add 192.168.1.254/32 dev ens33 label ens33:7");
            run("ip addr add 192.168.1.253 peer 192.168.1.1 dev ens33");
            run("ip addr add fe80::51/64 dev ens33 nodad");
            run("ip addr add 192.168.1.254/24 dev ens34");
            let ifindex = index("ens33");
            let found = addresses(ifindex).unwrap();
            let told: Vec<_> = found
                .iter()
                .map(|one| (address(one).unwrap().to_string(), one.header.prefix_len))
                .collect();
            let expected = [
                ("192.168.1.254", 24),
                ("192.168.1.254", 32),
                ("192.168.1.253", 32),
                ("fe80::51", 64),
            ];
            assert_eq!(told.len(), expected.len());
            for (text, prefix) in expected {
                assert!(told.contains(&(text.to_owned(), prefix)), "{told:?}");
            }
            for one in found {
                remove(one).unwrap();
            }
            assert_eq!(addresses(ifindex).unwrap(), []);
            assert_eq!(addresses(index("ens34")).unwrap().len(), 1);
        });
    }
}
