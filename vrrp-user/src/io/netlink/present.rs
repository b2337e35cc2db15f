//! The addresses that an interface has, whoever gave them to it.

use std::io;

use netlink_packet_route::{RouteNetlinkMessage, address::AddressMessage};
use nix::errno::Errno;

/// Asks the kernel.
pub(in crate::io) fn addresses(ifindex: u32) -> io::Result<Vec<AddressMessage>> {
    let mut request = AddressMessage::default();
    request.header.index = ifindex;
    let answers = super::list(RouteNetlinkMessage::GetAddress(request))?;
    let addresses = answers.into_iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewAddress(message) => Some(message),
        _ => None,
    });
    Ok(addresses
        .filter(|message| message.header.index == ifindex)
        .collect())
}

/// Takes one off its interface that was found there, with the prefix length and label that it has.
pub(in crate::io) fn remove(found: AddressMessage) -> io::Result<()> {
    super::acknowledged(RouteNetlinkMessage::DelAddress(found), 0)
}

/// Whether an address cannot be removed because it is not there; or its interface is not, or IPv6 on it.
pub(in crate::io) fn is_gone(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EADDRNOTAVAIL | Errno::ENODEV | Errno::ENXIO)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{
        netlink::address::Address,
        testing::{in_namespace, index, run},
    };

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
                .map(|one| Address::told(one).unwrap().to_string())
                .collect();
            let expected = [
                "192.168.1.254/24",
                "192.168.1.254/32",
                "192.168.1.253/32",
                "fe80::51/64",
            ];
            assert_eq!(told.len(), expected.len());
            for text in expected {
                assert!(told.contains(&text.to_owned()), "{text}: {told:?}");
            }
            for one in found {
                remove(one).unwrap();
            }
            assert_eq!(addresses(ifindex).unwrap(), []);
            assert_eq!(addresses(index("ens34")).unwrap().len(), 1);
        });
    }
}
