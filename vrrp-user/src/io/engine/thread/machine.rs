//! The machine of the engine's thread: the words shared with the programs, their maps and ring, sockets, and
//! the channels to the address worker and the control plane.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError},
    },
};

use aya::maps::{MapData, RingBuf};
use nix::sys::eventfd::EventFd;
use vrrp_ebpf::{
    abi::{self, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry, VipKey},
    ownership::{Ownership, Standing},
};

use crate::{
    ids::{InterfaceId, RouterId},
    io::{
        bpf::{TableError, Tables, shared::Slots},
        clock,
        engine::{
            addresses::{AddressSet, Job, Order, Report},
            handle::{self, EngineSide},
            machine::{Machine, Offered, Sent, Superseded},
            message::{Command, Event},
            retired::Retired,
            sender::FrameSender,
            socket::{Kind, Socket},
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
    /// By slot; for adverts to peers instead of to the group. Of full length.
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

    fn take_sender(&mut self, interface: InterfaceId) -> Option<FrameSender> {
        let mut senders = self.senders.iter();
        let position = senders.position(|(known, _)| *known == interface)?;
        Some(self.senders.swap_remove(position).1)
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
        _: u32,
        interface: InterfaceId,
        frames: Frames,
    ) -> Sent
    where
        Frames: Iterator<Item = &'frame [u8]>,
    {
        let sender = self.sender(interface);
        sender.map_or_else(Sent::default, |sender| sender.send(frames))
    }

    fn send_to_peers<'packet, Packets>(&mut self, slot: u32, packets: Packets) -> Sent
    where
        Packets: Iterator<Item = (&'packet [u8], IpAddr)>,
    {
        match self.unicast.get(slot as usize) {
            Some(Some(sender)) => sender.send(packets),
            _ => Sent::default(),
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

    fn change_addresses(
        &mut self,
        order: Order,
        set: Box<AddressSet>,
    ) -> Result<(), Box<AddressSet>> {
        let job = Job::Change { order, set };
        match self.jobs.try_send(job) {
            Err(
                TrySendError::Full(Job::Change { set, .. })
                | TrySendError::Disconnected(Job::Change { set, .. }),
            ) => Err(set),
            _ => Ok(()),
        }
    }

    fn forget_addresses(&mut self, router: RouterId) -> bool {
        self.jobs.try_send(Job::Forget(router)).is_ok()
    }

    fn tell(&mut self, event: Event) {
        self.control.send_event(event);
    }

    fn retire(&mut self, retired: Retired) {
        self.control.retire(retired);
    }

    fn open(&mut self, Socket(socket): Socket) {
        let before = match socket {
            Kind::Frames(interface, sender) => {
                let before = self.take_sender(interface);
                self.senders.push((interface, sender));
                before.map(|sender| Kind::Frames(interface, sender))
            }
            Kind::Peers(router, sender) => {
                let seat = self.unicast.get_mut(router.slot() as usize);
                let before = seat.and_then(|seat| seat.replace(sender));
                before.map(|sender| Kind::Peers(router, sender))
            }
        };
        if let Some(before) = before {
            self.retire(before.into());
        }
    }

    fn close(&mut self, interface: InterfaceId) {
        if let Some(sender) = self.take_sender(interface) {
            self.retire(Kind::Frames(interface, sender).into());
        }
    }

    fn close_peers(&mut self, router: RouterId) {
        let seat = self.unicast.get_mut(router.slot() as usize);
        if let Some(sender) = seat.and_then(Option::take) {
            self.retire(Kind::Peers(router, sender).into());
        }
    }

    fn set_router(&mut self, key: RouterKey, entry: RouterEntry) -> Result<(), TableError> {
        self.tables.set_router(key, entry)
    }

    fn remove_router(&mut self, key: RouterKey, slot: u32) {
        self.tables.remove_router(key, slot).ok();
    }

    fn set_peer(&mut self, key: PeerKey, entry: PeerEntry) -> Result<(), TableError> {
        self.tables.set_peer(key, entry)
    }

    fn remove_peer(&mut self, key: PeerKey) {
        self.tables.remove_peer(key).ok();
    }

    fn set_mac(&mut self, key: RouterKey, slot: u32) -> Result<(), TableError> {
        self.tables.set_mac(key, slot)
    }

    fn remove_mac(&mut self, key: RouterKey, slot: u32) {
        self.tables.remove_mac(key, slot).ok();
    }

    fn set_proxy(&mut self, interface: InterfaceId, entry: ProxyEntry) -> Result<(), TableError> {
        self.tables.set_proxy(interface.0, entry)
    }

    fn remove_proxy(&mut self, interface: InterfaceId, slot: u32) {
        self.tables.remove_proxy(interface.0, slot).ok();
    }

    fn set_vip(&mut self, key: VipKey, entry: VipEntry) -> Result<(), TableError> {
        self.tables.set_vip(key, entry)
    }

    fn remove_vip(&mut self, key: VipKey, slot: u32) {
        self.tables.remove_vip(key, slot).ok();
    }
}
