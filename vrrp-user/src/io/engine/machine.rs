//! Everything that the engine learns from the world and does to it. The engine's thread has a machine of
//! shared words, sockets and channels; the simulator has one of its own, which may lie.

use std::net::IpAddr;

use nix::errno::Errno;
use thiserror::Error;
use vrrp_ebpf::{
    abi::{self, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry, VipKey},
    ownership::{Ownership, Standing},
};

use super::{
    addresses::{AddressSet, Order, Report},
    message::{Command, Event},
    retired::Retired,
    socket::Socket,
};
use crate::{
    ids::{InterfaceId, RouterId},
    io::bpf::TableError,
    proto::Instant,
};

/// The ownership word changed under us: another process writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("another process owns the virtual router")]
pub struct Superseded;

/// What became of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// One of them at least has left.
    pub any: bool,
    /// One of them at least waits in the queueing discipline.
    pub waiting: bool,
    /// Why it did not take the first of those that it did not take.
    pub refused: Option<Errno>,
}

/// What became of announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// So many of them, from the first on, have left or wait in the queueing discipline.
    pub taken: usize,
    /// The next one can be offered then.
    pub again: Option<Instant>,
    /// Why it was not taken now.
    pub refused: Option<Errno>,
}

impl Offered {
    /// Nothing is left to do about these.
    #[must_use]
    pub fn all(taken: usize) -> Self {
        Self {
            taken,
            again: None,
            refused: None,
        }
    }
}

/// The world as the engine meets it. A `slot` is a virtual router's place in the BPF maps. Nothing here
/// waits or allocates.
pub trait Machine {
    /// CLOCK_MONOTONIC.
    fn now(&self) -> Instant;

    /// The ownership word.
    fn ownership(&self, slot: u32) -> Ownership;

    /// Replaces the ownership word if it is still `current`.
    ///
    /// # Errors
    /// When it is another: somebody else writes it.
    fn replace(&mut self, slot: u32, current: Ownership, new: Ownership) -> Result<(), Superseded>;

    /// The ownership word, and what keeps it from being in force.
    fn standing(&self, slot: u32) -> Standing;

    /// XDP's stamp of the last advert that counts, in nanoseconds; 0 for none.
    fn last_seen(&self, slot: u32) -> u64;

    /// Forgets `last_seen`.
    fn clear_seen(&mut self, slot: u32);

    /// XDP's stamp of the last advert of a better router, in nanoseconds; 0 for none.
    fn better_seen(&self, slot: u32) -> u64;

    /// XDP's stamp of the last conflict over a virtual IP, in nanoseconds; 0 for none.
    fn conflict_seen(&self, slot: u32) -> u64;

    /// The election has considered every better advert that arrived up to this moment.
    fn set_considered(&mut self, slot: u32, until: Instant);

    /// Tells XDP which advert needs no wake-up.
    fn follow(&mut self, slot: u32, follow: Follow);

    /// The next record of the event ring.
    fn next_record(&mut self) -> Option<abi::Event>;

    /// The next report of the address worker. After nothing, the next one wakes the engine.
    fn next_report(&mut self) -> Option<Report>;

    /// The next command of the control plane. After nothing, the next one wakes the engine.
    fn next_command(&mut self) -> Option<Command>;

    /// Hands the frames of an advert of the router of this slot to the interface.
    fn send_advert<'frame, Frames>(
        &mut self,
        slot: u32,
        interface: InterfaceId,
        frames: Frames,
    ) -> Sent
    where
        Frames: Iterator<Item = &'frame [u8]>;

    /// Sends the packets of an advert of the router of this slot, each to a unicast peer.
    fn send_to_peers<'packet, Packets>(&mut self, slot: u32, packets: Packets) -> Sent
    where
        Packets: Iterator<Item = (&'packet [u8], IpAddr)>;

    /// Whether frames that waited for room on this interface wait still.
    fn is_waiting(&self, interface: InterfaceId) -> bool;

    /// Offers announcements in order, no more than there is room for. The first that is not taken ends it.
    fn offer(&mut self, now: Instant, interface: InterfaceId, frames: &[Vec<u8>]) -> Offered;

    /// Sends one frame.
    fn send(&mut self, interface: InterfaceId, frame: &[u8]);

    /// Gives the address worker an order. Tells whether there was room for it.
    fn order(&mut self, order: Order) -> bool;

    /// Has the address worker go on with other virtual IPs; what the router wants is in the order. Gives them back if
    /// there is no room for that.
    ///
    /// # Errors
    /// When there is none.
    fn change_addresses(
        &mut self,
        order: Order,
        addresses: Box<AddressSet>,
    ) -> Result<(), Box<AddressSet>>;

    /// Has the address worker forget a router whose addresses are gone. Tells whether there was room for that.
    fn forget_addresses(&mut self, router: RouterId) -> bool;

    /// Tells the control plane.
    fn tell(&mut self, event: Event);

    /// Gives back what is not needed any more.
    fn retire(&mut self, retired: Retired);

    /// This is to be sent by from now on.
    fn open(&mut self, socket: Socket);

    /// Nobody sends by this interface any more.
    fn close(&mut self, interface: InterfaceId);

    /// A router sends to unicast peers no more.
    fn close_peers(&mut self, router: RouterId);

    /// Tells XDP about a virtual router, or changes what it knows.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    fn set_router(&mut self, key: RouterKey, entry: RouterEntry) -> Result<(), TableError>;

    /// The programs know no virtual router with this key and slot any more. The kernel does not refuse that.
    fn remove_router(&mut self, key: RouterKey, slot: u32);

    /// Tells XDP about a unicast peer.
    ///
    /// # Errors
    /// As [`set_router`](Self::set_router).
    fn set_peer(&mut self, key: PeerKey, entry: PeerEntry) -> Result<(), TableError>;

    /// This is no unicast peer any more.
    fn remove_peer(&mut self, key: PeerKey);

    /// Tells the programs which virtual router uses its Virtual Router MAC there.
    ///
    /// # Errors
    /// As [`set_router`](Self::set_router).
    fn set_mac(&mut self, key: RouterKey, slot: u32) -> Result<(), TableError>;

    /// The virtual router of this slot does not use its Virtual Router MAC there any more.
    fn remove_mac(&mut self, key: RouterKey, slot: u32);

    /// Tells egress who answers by proxy ARP on this interface.
    ///
    /// # Errors
    /// As [`set_router`](Self::set_router).
    fn set_proxy(&mut self, interface: InterfaceId, entry: ProxyEntry) -> Result<(), TableError>;

    /// The virtual router of this slot does not answer by proxy ARP there any more.
    fn remove_proxy(&mut self, interface: InterfaceId, slot: u32);

    /// Tells the programs about a virtual IP, or changes the MAC that they answer with.
    ///
    /// # Errors
    /// As [`set_router`](Self::set_router).
    fn set_vip(&mut self, key: VipKey, entry: VipEntry) -> Result<(), TableError>;

    /// The virtual router of this slot has this virtual IP no more.
    fn remove_vip(&mut self, key: VipKey, slot: u32);
}
