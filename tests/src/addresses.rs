//! When a router's kernel had an address and when not, by its own notifications: the moment at which
//! sockets and ARP of the router begin, or cease, to use it.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use anyhow::Result;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
};

use crate::{
    clock::Nanos,
    netlink::{self, Observer},
    netns::Netns,
    worker::Worker,
};

const RTNLGRP_IPV4_IFADDR: u32 = 5;

/// A running watch over an address; ends when dropped.
#[derive(Debug)]
pub struct AddressWatch {
    worker: Worker<Presence>,
}

impl AddressWatch {
    /// Starts to watch for an address on any interface of a router.
    ///
    /// # Errors
    /// If the kernel refuses, or the thread cannot be made.
    pub fn start(router: &Netns, address: Ipv4Addr) -> Result<Self> {
        let mut everything = AddressMessage::default();
        everything.header.family = AddressFamily::Inet;
        let presence = Presence {
            address,
            places: BTreeSet::new(),
            history: Vec::new(),
        };
        let worker = netlink::watch(
            router,
            "addresses",
            RTNLGRP_IPV4_IFADDR,
            RouteNetlinkMessage::GetAddress(everything),
            presence,
        )?;
        Ok(Self { worker })
    }

    /// Ends the watch. The first entry tells whether the address was there at the start; each further
    /// one when that changed, and to what. Stamped when read by a real-time thread that is woken for
    /// it: a little after it happened, and half a millisecond more if one change follows another.
    ///
    /// # Errors
    /// What made it fail.
    pub fn stop(self) -> Result<Vec<(Nanos, bool)>> {
        Ok(self.worker.finish()?.history)
    }
}

/// Where the address is, and when it was somewhere.
#[derive(Debug)]
struct Presence {
    address: Ipv4Addr,
    /// Interface and prefix length: an interface may have it with several.
    places: BTreeSet<(u32, u8)>,
    /// Empty until what there was at the start is known.
    history: Vec<(Nanos, bool)>,
}

impl Observer for Presence {
    fn take(&mut self, at: Nanos, message: RouteNetlinkMessage) -> Result<()> {
        match message {
            RouteNetlinkMessage::NewAddress(told) => {
                if let Some(place) = place(&told, self.address) {
                    self.places.insert(place);
                }
            }
            RouteNetlinkMessage::DelAddress(told) => {
                if let Some(place) = place(&told, self.address) {
                    self.places.remove(&place);
                }
            }
            _ => {}
        }
        let present = !self.places.is_empty();
        if self.history.last().is_some_and(|(_, was)| *was != present) {
            self.history.push((at, present));
        }
        Ok(())
    }

    fn started(&mut self, at: Nanos) {
        self.history.push((at, !self.places.is_empty()));
    }
}

/// Where a message says that `address` is or was, if it is about that one.
fn place(told: &AddressMessage, address: Ipv4Addr) -> Option<(u32, u8)> {
    told.attributes
        .contains(&AddressAttribute::Local(IpAddr::V4(address)))
        .then_some((told.header.index, told.header.prefix_len))
}
