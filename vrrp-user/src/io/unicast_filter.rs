//! The unicast filters of interfaces: a NIC keeps frames to a virtual MAC from us unless it is told
//! about it, as `bridge fdb add MAC dev INTERFACE self` does.

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
};
use nix::{
    errno::Errno,
    net::if_::if_indextoname,
    sys::socket::{self, SockFlag, SockType, socket},
};

use super::{journal::MacRecord, netlink};

/// Interfaces that receive every frame, because they take no entry in a filter; until this is dropped.
#[derive(Debug, Default)]
pub struct Promiscuous(Vec<(u32, OwnedFd)>);

impl Promiscuous {
    /// Whether the interface with this index is one of them.
    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        self.0.iter().any(|(known, _)| *known == index)
    }

    /// Lets an interface receive every frame.
    fn insert(&mut self, index: u32) -> io::Result<()> {
        if !self.contains(index) {
            self.0.push((index, listen_to_all(index)?));
        }
        Ok(())
    }
}

/// Lets the interfaces receive frames to these MACs. Those that remain in the list are entries that
/// were not there before, to be [removed](remove) at the end.
///
/// # Errors
/// When an interface takes neither the entry nor promiscuous mode; the list is right all the same.
pub fn add(macs: &mut Vec<MacRecord>) -> io::Result<Promiscuous> {
    let mut promiscuous = Promiscuous::default();
    let mut result = Ok(());
    macs.retain(|record| match add_one(record) {
        Ok(()) => true,
        Err(error) if error.raw_os_error() == Some(Errno::EEXIST as i32) => false,
        Err(error) => {
            tracing::warn!(
                "{} takes no MAC address beside its own ({error}): it is made promiscuous",
                name(record.index)
            );
            let fallback = promiscuous.insert(record.index);
            if result.is_ok() {
                result = fallback;
            }
            false
        }
    });
    result.map(|()| promiscuous)
}

fn add_one(record: &MacRecord) -> io::Result<()> {
    let message = RouteNetlinkMessage::NewNeighbour(entry(record));
    netlink::acknowledged(message, NLM_F_CREATE | NLM_F_EXCL)
}

/// Removes an entry. Returns whether it was there.
///
/// # Errors
/// errno of RTM_DELNEIGH.
pub fn remove(record: &MacRecord) -> io::Result<bool> {
    let message = RouteNetlinkMessage::DelNeighbour(entry(record));
    match netlink::acknowledged(message, 0) {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            // It is gone, or its interface is; or the interface never took one.
            Some(Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP) => Ok(false),
            _ => Err(error),
        },
    }
}

fn name(index: u32) -> String {
    if_indextoname(index).map_or_else(
        |_| format!("interface {index}"),
        |name| name.to_string_lossy().into_owned(),
    )
}

//= C64: RFC 9568 section 7.4
/// An entry is no interface: nothing is made of its MAC.
fn entry(record: &MacRecord) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = record.index;
    message.header.state = NeighbourState::Permanent;
    // NTF_SELF: of the interface itself, not of the bridge that it may be a port of.
    message.header.flags = NeighbourFlags::Own;
    let mac = NeighbourAttribute::LinkLayerAddress(record.mac.to_vec());
    message.attributes.push(mac);
    message
}

/// Opens a socket that receives nothing, and has the interface promiscuous for as long as it is open.
fn listen_to_all(index: u32) -> io::Result<OwnedFd> {
    let socket = socket(
        socket::AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let membership = libc::packet_mreq {
        mr_ifindex: i32::try_from(index).map_err(io::Error::other)?,
        mr_type: PROMISCUOUS,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    // SAFETY: the option takes a packet_mreq, which is what we point at, for the length that we give.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const membership).cast(),
            MEMBERSHIP_LENGTH,
        )
    };
    Errno::result(result)?;
    Ok(socket)
}

#[expect(clippy::cast_possible_truncation, reason = "1")]
const PROMISCUOUS: libc::c_ushort = libc::PACKET_MR_PROMISC as libc::c_ushort;

#[expect(clippy::cast_possible_truncation, reason = "16 bytes")]
const MEMBERSHIP_LENGTH: libc::socklen_t = size_of::<libc::packet_mreq>() as libc::socklen_t;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::testing::{in_namespace, index, run as ip};

    const MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];

    fn entries() -> usize {
        let table = ip("bridge fdb show dev ens33");
        table.matches("00:00:5e:00:01:33").count()
    }

    #[test]
    fn entries_of_ours_are_removed_and_those_of_others_stay() {
        in_namespace(async || {
            ip("ip link add ens33 type veth peer name peer");
            let record = MacRecord {
                index: index("ens33"),
                mac: MAC,
            };
            let mut macs = vec![record];
            let promiscuous = add(&mut macs).unwrap();
            assert!(!promiscuous.contains(record.index));
            assert_eq!((entries(), &macs[..]), (1, &[record][..]));
            // Another node, or a macvlan, has it already.
            let mut again = vec![record];
            add(&mut again).unwrap();
            assert_eq!((entries(), &again[..]), (1, &[][..]));

            assert!(remove(&record).unwrap());
            assert_eq!(entries(), 0);
            assert!(!remove(&record).unwrap());
            ip("ip link del ens33");
            assert!(!remove(&record).unwrap());
        });
    }

    #[test]
    fn an_interface_without_such_a_filter_becomes_promiscuous_for_a_while() {
        in_namespace(async || {
            ip("ip link add below type veth peer name peer");
            ip("ip link add link below name ens33 type macvlan");
            let state = || ip("ip -d link show dev ens33").contains("promiscuity 1 ");
            let record = MacRecord {
                index: index("ens33"),
                mac: MAC,
            };
            let mut macs = vec![record, record];
            let promiscuous = add(&mut macs).unwrap();
            assert!(promiscuous.contains(record.index) && macs.is_empty());
            assert!(state());
            drop(promiscuous);
            assert!(!state());
        });
    }

    //= C59: refusal
    #[test]
    fn an_interface_that_takes_neither_is_an_error() {
        in_namespace(async || {
            let missing = MacRecord {
                index: 4711,
                mac: MAC,
            };
            let mut macs = vec![missing];
            assert!(add(&mut macs).is_err() && macs.is_empty());
        });
    }
}
