//! The machine of the engine's thread: the words shared with the programs, their maps and ring, sockets, and
//! the channels to the address worker and the control plane.

use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender},
};

use aya::maps::{MapData, RingBuf};
use nix::sys::eventfd::EventFd;
use vrrp_ebpf::{
    abi::{self, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry, VipKey},
    ownership::{Ownership, Standing},
};

use crate::{
    ids::InterfaceId,
    io::{
        bpf::{TableError, Tables, shared::Slots},
        clock,
        engine::{
            addresses::{Job, Order, Report},
            handle::{self, EngineSide},
            machine::{Machine, Offered, Sent, Superseded},
            message::{Command, Event},
            sender::FrameSender,
            unicast::UnicastSender,
        },
    },
    proto::Instant,
};

/// See the module.
pub(super) struct ThreadMachine {
    pub(super) slots: Arc<Slots>,
    pub(super) tables: Tables,
    pub(super) events: RingBuf<MapData>,
    /// By interface.
    pub(super) senders: Vec<(InterfaceId, FrameSender)>,
    /// By slot; for adverts to peers instead of to the group.
    pub(super) unicast: Vec<Option<UnicastSender>>,
    pub(super) jobs: SyncSender<Job>,
    pub(super) reports: Receiver<Report>,
    pub(super) report_ready: Arc<EventFd>,
    pub(super) control: EngineSide,
}

impl ThreadMachine {
    fn sender(&mut self, interface: InterfaceId) -> Option<&mut FrameSender> {
        let mut senders = self.senders.iter_mut();
        let sender = senders.find(|(known, _)| *known == interface);
        sender.map(|(_, sender)| sender)
    }
}

impl Machine for ThreadMachine {
    fn now(&self) -> Instant {
        clock::now()
    }

    fn ownership(&self, slot: u32) -> Ownership {
        self.slots.ownership(slot)
    }

    fn replace(&mut self, slot: u32, current: Ownership, new: Ownership) -> Result<(), Superseded> {
        let replaced = self.slots.replace(slot, current, new);
        replaced.map_err(|_| Superseded)
    }

    fn standing(&self, slot: u32) -> Standing {
        self.slots.standing(slot)
    }

    fn last_seen(&self, slot: u32) -> u64 {
        self.slots.last_seen(slot)
    }

    fn clear_seen(&mut self, slot: u32) {
        self.slots.clear_seen(slot);
    }

    fn better_seen(&self, slot: u32) -> u64 {
        self.slots.better_seen(slot)
    }

    fn conflict_seen(&self, slot: u32) -> u64 {
        self.slots.conflict_seen(slot)
    }

    fn set_considered(&mut self, slot: u32, until: Instant) {
        self.slots.set_considered(slot, until.0);
    }

    fn follow(&mut self, slot: u32, follow: Follow) {
        self.slots.follow(slot, follow);
    }

    fn next_record(&mut self) -> Option<abi::Event> {
        let item = self.events.next()?;
        // A record of another size could only come from another object. It is of no kind that we know.
        let event = bytemuck::try_pod_read_unaligned(&item);
        Some(event.unwrap_or_else(|_| bytemuck::Zeroable::zeroed()))
    }

    fn next_report(&mut self) -> Option<Report> {
        let report = handle::take(&self.reports, &self.report_ready);
        // Without the worker there are none.
        report.unwrap_or(None)
    }

    fn next_command(&mut self) -> Option<Command> {
        self.control.try_command()
    }

    fn send_advert<'frame, Frames>(
        &mut self,
        slot: u32,
        interface: InterfaceId,
        frames: Frames,
    ) -> Sent
    where
        Frames: Iterator<Item = &'frame [u8]>,
    {
        match self.unicast.get(slot as usize) {
            Some(Some(sender)) => sender.send(frames),
            _ => self
                .sender(interface)
                .map_or_else(Sent::default, |sender| sender.send(frames)),
        }
    }

    fn is_waiting(&self, interface: InterfaceId) -> bool {
        let mut senders = self.senders.iter();
        senders.any(|(known, sender)| *known == interface && sender.is_waiting())
    }

    fn offer(&mut self, now: Instant, interface: InterfaceId, frames: &[Vec<u8>]) -> Offered {
        match self.sender(interface) {
            Some(sender) => sender.offer(now, frames),
            None => Offered::all(frames.len()),
        }
    }

    fn send(&mut self, interface: InterfaceId, frame: &[u8]) {
        if let Some(sender) = self.sender(interface) {
            sender.send([frame]);
        }
    }

    fn order(&mut self, order: Order) -> bool {
        self.jobs.try_send(Job::Order(order)).is_ok()
    }

    fn tell(&mut self, event: Event) {
        self.control.send_event(event);
    }

    fn set_peer_is_ours(&mut self, slot: u32, peer: u32, ours: bool) {
        if let Some(Some(sender)) = self.unicast.get_mut(slot as usize) {
            sender.set_ours(peer, ours);
        }
    }

    fn set_router(&mut self, key: RouterKey, entry: RouterEntry) -> Result<(), TableError> {
        self.tables.set_router(key, entry)
    }

    fn set_peer(&mut self, key: PeerKey, entry: PeerEntry) -> Result<(), TableError> {
        self.tables.set_peer(key, entry)
    }

    fn set_mac(&mut self, key: RouterKey, slot: u32) -> Result<(), TableError> {
        self.tables.set_mac(key, slot)
    }

    fn set_proxy(&mut self, interface: InterfaceId, entry: ProxyEntry) -> Result<(), TableError> {
        self.tables.set_proxy(interface.0, entry)
    }

    fn set_vip(&mut self, key: VipKey, entry: VipEntry) -> Result<(), TableError> {
        self.tables.set_vip(key, entry)
    }
}
