//! The switch's forwarding table as a witness: to which router's port each MAC belongs. Two owners of
//! one virtual MAC make it hop to and fro.

use std::collections::BTreeMap;

use anyhow::Result;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState},
};

use crate::{
    clock::Nanos,
    link::Switch,
    netlink::{self, Observer},
    ports::Ports,
    worker::Worker,
};

const RTNLGRP_NEIGH: u32 = 3;

/// The switch learned a MAC at a router's port, or moved it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FdbMove {
    /// When this judge read it: soon after it happened, and up to half a millisecond later where many
    /// happen in a row. The kernel stamps none. Only the order is the kernel's.
    pub at: Nanos,
    /// The MAC.
    pub mac: [u8; 6],
    /// The router behind the port: 1 is `r1`.
    pub router: u8,
}

/// How often a MAC went from one router's port to another's. Learning it for the first time, or again
/// where it was, is none.
#[must_use]
pub fn moves_of(moves: &[FdbMove], mac: [u8; 6]) -> u64 {
    let mut routers: Vec<_> = moves
        .iter()
        .filter(|learned| learned.mac == mac)
        .map(|learned| learned.router)
        .collect();
    routers.dedup();
    routers.len().saturating_sub(1) as u64
}

/// A running watch over the switch's forwarding table; ends when dropped.
#[derive(Debug)]
pub struct FdbWatch {
    worker: Worker<Table>,
}

impl FdbWatch {
    /// Starts to watch. What the table holds at this moment comes first in the list.
    ///
    /// # Errors
    /// If the kernel refuses, or the thread cannot be made.
    pub fn start(switch: &Switch) -> Result<Self> {
        let mut everything = NeighbourMessage::default();
        everything.header.family = AddressFamily::Bridge;
        let worker = netlink::watch(
            switch.netns(),
            "fdb",
            RTNLGRP_NEIGH,
            RouteNetlinkMessage::GetNeighbour(everything),
            Table::default(),
        )?;
        Ok(Self { worker })
    }

    /// Ends the watch and returns what it saw until this moment, in the kernel's order.
    ///
    /// # Errors
    /// What made it fail, such as more changes than it could take.
    pub fn stop(self) -> Result<Vec<FdbMove>> {
        Ok(self.worker.finish()?.moves)
    }
}

/// The table as told by its changes.
#[derive(Debug, Default)]
struct Table {
    ports: Ports,
    port_of: BTreeMap<[u8; 6], u32>,
    moves: Vec<FdbMove>,
}

impl Observer for Table {
    fn take(&mut self, at: Nanos, message: RouteNetlinkMessage) -> Result<()> {
        match message {
            RouteNetlinkMessage::NewNeighbour(entry) => {
                let Some(mac) = learned_mac(&entry) else {
                    return Ok(());
                };
                let port = entry.header.ifindex;
                // Not every notification is a move.
                if self.port_of.insert(mac, port) != Some(port)
                    && let Some(router) = self.ports.router(port)?
                {
                    self.moves.push(FdbMove { at, mac, router });
                }
            }
            RouteNetlinkMessage::DelNeighbour(entry) => {
                if let Some(mac) = learned_mac(&entry) {
                    self.port_of.remove(&mac);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn started(&mut self, _at: Nanos) {}
}

/// The MAC of a forwarding table's entry; not of the neighbour table, which shares the messages, nor
/// of the switch's own addresses, which are permanent.
fn learned_mac(entry: &NeighbourMessage) -> Option<[u8; 6]> {
    if entry.header.family != AddressFamily::Bridge
        || entry.header.state == NeighbourState::Permanent
    {
        return None;
    }
    entry
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(mac) => mac.as_slice().try_into().ok(),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_of_the_router_are_moves() {
        let (one, other) = ([1; 6], [2; 6]);
        let moves: Vec<_> = [
            (one, 1),
            (other, 2),
            (one, 2),
            (one, 2),
            (other, 2),
            (one, 1),
        ]
        .map(|(mac, router)| FdbMove { at: 0, mac, router })
        .into();
        assert_eq!(moves_of(&moves, one), 2);
        assert_eq!(moves_of(&moves, other), 0);
        assert_eq!(moves_of(&moves, [3; 6]), 0);
    }
}
