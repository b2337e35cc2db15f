//! What the kernel takes off an interface together with another address of its subnet (IPv4).

use std::{io, net::IpAddr};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressHeaderFlags, AddressMessage},
};

use super::address::Address;

/// Gives an interface back what went along with a virtual IP that came before it. `before` and `after`
/// are what interfaces had and have, `is_virtual` tells what is not to come back.
///
/// # Errors
/// The last errno of the kernel; the others have been given back.
pub(in crate::io) fn put_back(
    before: &[AddressMessage],
    after: &[AddressMessage],
    is_virtual: impl Fn(u32, IpAddr) -> bool,
) -> io::Result<()> {
    let lost = before.iter().filter(|message| {
        let index = message.header.index;
        Address::told(message).is_some_and(|one| {
            one.secondary && !is_virtual(index, one.address) && !has(after, index, &one)
        })
    });
    let mut result = Ok(());
    for one in lost {
        if let Err(error) = add(one.clone()) {
            result = Err(error);
        }
    }
    result
}

/// Whether an interface has a secondary address, which may go along with another.
pub(in crate::io) fn any(messages: &[AddressMessage]) -> bool {
    let mut told = messages.iter().filter_map(Address::told);
    told.any(|one| one.secondary)
}

fn has(messages: &[AddressMessage], index: u32, address: &Address) -> bool {
    let mut on = messages.iter().filter(|one| one.header.index == index);
    on.any(|one| Address::told(one).is_some_and(|one| one.is_same(address)))
}

/// The kernel finds out by itself which one of a subnet comes first.
fn add(mut lost: AddressMessage) -> io::Result<()> {
    lost.header.flags -= AddressHeaderFlags::Secondary;
    let attributes = &mut lost.attributes;
    attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Flags(_)));
    super::acknowledged(
        RouteNetlinkMessage::NewAddress(lost),
        NLM_F_CREATE | NLM_F_EXCL,
    )
}
