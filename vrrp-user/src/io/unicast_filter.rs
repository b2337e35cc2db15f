//! The unicast filters of interfaces: a NIC keeps frames to a virtual MAC from us unless it is told
//! about it, as `bridge fdb add MAC dev INTERFACE self` does.

use std::{collections::BTreeMap, io, os::fd::OwnedFd};

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

use super::{journal::MacRecord, netlink, socket_option};

/// How an interface came to receive frames to a MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receives {
    /// By an entry that we added, to be [removed](remove) at the end.
    ByOurEntry,
    /// By an entry that was there before.
    ByTheirEntry,
    /// As it receives every frame: it takes no entry.
    Promiscuously,
}

/// The MACs that interfaces receive frames to for us. Promiscuous mode ends when this is dropped; entries stay until
/// they are removed.
#[derive(Debug, Default)]
pub struct UnicastFilters {
    macs: BTreeMap<MacRecord, Receives>,
    promiscuous: BTreeMap<u32, OwnedFd>,
}

impl UnicastFilters {
    /// Whether the interface with this index receives every frame.
    #[must_use]
    pub fn is_promiscuous(&self, index: u32) -> bool {
        self.promiscuous.contains_key(&index)
    }

    /// Lets the interface receive frames to the MAC.
    ///
    /// # Errors
    /// When it takes neither the entry nor promiscuous mode.
    pub fn add(&mut self, record: MacRecord) -> io::Result<Receives> {
        if let Some(how) = self.macs.get(&record) {
            return Ok(*how);
        }
        let how = match add_entry(&record) {
            Ok(()) => Receives::ByOurEntry,
            Err(error) if error.raw_os_error() == Some(Errno::EEXIST as i32) => {
                Receives::ByTheirEntry
            }
            Err(error) => {
                tracing::warn!(
                    "{} takes no MAC address beside its own ({error}): it is made promiscuous",
                    name(record.index)
                );
                self.receive_all(record.index)?;
                Receives::Promiscuously
            }
        };
        self.macs.insert(record, how);
        Ok(how)
    }

    /// The interface need not receive frames to the MAC for us any more. One that was not added is no error.
    ///
    /// # Errors
    /// As [`remove`]; then it is still ours to remove.
    pub fn remove(&mut self, record: MacRecord) -> io::Result<()> {
        if self.macs.get(&record) == Some(&Receives::ByOurEntry) {
            remove(&record)?;
        }
        if self.macs.remove(&record) == Some(Receives::Promiscuously) {
            let mut others = self.macs.iter();
            let needs_all = |(other, how): (&MacRecord, &Receives)| {
                other.index == record.index && *how == Receives::Promiscuously
            };
            if !others.any(needs_all) {
                self.promiscuous.remove(&record.index);
            }
        }
        Ok(())
    }

    fn receive_all(&mut self, index: u32) -> io::Result<()> {
        if !self.is_promiscuous(index) {
            self.promiscuous.insert(index, listen_to_all(index)?);
        }
        Ok(())
    }
}

fn add_entry(record: &MacRecord) -> io::Result<()> {
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
    socket_option::set(
        &socket,
        libc::SOL_PACKET,
        libc::PACKET_ADD_MEMBERSHIP,
        &membership,
    )?;
    Ok(socket)
}

#[expect(clippy::cast_possible_truncation, reason = "1")]
const PROMISCUOUS: libc::c_ushort = libc::PACKET_MR_PROMISC as libc::c_ushort;

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
            let (mut ours, mut theirs) = (UnicastFilters::default(), UnicastFilters::default());
            for _ in 0..2 {
                assert_eq!(ours.add(record).unwrap(), Receives::ByOurEntry);
            }
            assert!(!ours.is_promiscuous(record.index));
            assert_eq!(entries(), 1);
            // Another node, or a macvlan, has it already.
            assert_eq!(theirs.add(record).unwrap(), Receives::ByTheirEntry);
            theirs.remove(record).unwrap();
            assert_eq!(entries(), 1);
            for _ in 0..2 {
                ours.remove(record).unwrap();
                assert_eq!(entries(), 0);
            }

            assert_eq!(theirs.add(record).unwrap(), Receives::ByOurEntry);
            assert!(remove(&record).unwrap());
            assert!(!remove(&record).unwrap());
            ip("ip link del ens33");
            assert!(!remove(&record).unwrap());
            theirs.remove(record).unwrap();
        });
    }

    #[test]
    fn an_interface_without_such_a_filter_is_promiscuous_for_the_last_mac() {
        in_namespace(async || {
            ip("ip link add below type veth peer name peer");
            ip("ip link add link below name ens33 type macvlan");
            let state = || ip("ip -d link show dev ens33").contains("promiscuity 1 ");
            let index = index("ens33");
            let record = |last| {
                let mac = [0, 0, 0x5e, 0, 1, last];
                MacRecord { index, mac }
            };
            let mut filters = UnicastFilters::default();
            for last in [51, 52, 51] {
                let how = filters.add(record(last)).unwrap();
                assert_eq!(how, Receives::Promiscuously);
                assert!(filters.is_promiscuous(index) && state());
            }
            for (last, stays) in [(51, true), (51, true), (52, false)] {
                filters.remove(record(last)).unwrap();
                assert_eq!((filters.is_promiscuous(index), state()), (stays, stays));
            }
            filters.add(record(51)).unwrap();
            assert!(state());
            drop(filters);
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
            let mut filters = UnicastFilters::default();
            assert!(filters.add(missing).is_err());
            assert!(!filters.is_promiscuous(4711));
            filters.remove(missing).unwrap();
        });
    }
}
