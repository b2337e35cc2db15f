//! A machine that remembers what the driver did to it.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use vrrp_ebpf::{
    abi::{Event as Record, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, Slot},
    abi::{VipEntry, VipKey},
    ownership::{self, Ownership, Standing},
};

use crate::{
    ids::{InterfaceId, RouterId},
    io::{
        bpf::TableError,
        engine::{
            addresses::{AddressSet, Operation, Order, Report},
            machine::{Machine, Offered, Sent, Superseded},
            message::{Command, Event},
            retired::Retired,
            socket::Socket,
        },
    },
    proto::Instant,
};

/// What the driver did to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    Wrote(u32, ownership::State),
    Advertised(u32),
    Announced(u32),
    Ordered(u32, Operation),
    /// Of the address worker.
    Changed(u32, Operation),
    Forgot(u32),
    /// The programs know this virtual router, or no more.
    Router(u32, bool),
    /// The programs know the virtual IP that ends so, or no more.
    Vip(u8, bool),
}

#[derive(Default)]
pub(super) struct Fake {
    pub(super) now: u64,
    pub(super) words: [Slot; 2],
    pub(super) records: VecDeque<Record>,
    /// The last record comes again and again.
    pub(super) flood: bool,
    pub(super) reports: VecDeque<Report>,
    pub(super) commands: VecDeque<Command>,
    /// Announcements that an interface takes in a turn; nothing for all.
    pub(super) room: Option<usize>,
    /// The address worker takes no orders.
    pub(super) stuck: bool,
    pub(super) did: Vec<Did>,
    pub(super) told: Vec<Event>,
    /// What the address worker has not carried out.
    pub(super) orders: VecDeque<Order>,
    /// Things given back.
    pub(super) retired: usize,
}

impl Fake {
    fn word(&self, slot: u32) -> &Slot {
        &self.words[slot as usize]
    }
}

impl Machine for Fake {
    fn now(&self) -> Instant {
        Instant(self.now)
    }

    fn ownership(&self, slot: u32) -> Ownership {
        Ownership(self.word(slot).ownership)
    }

    fn replace(&mut self, slot: u32, current: Ownership, new: Ownership) -> Result<(), Superseded> {
        let word = &mut self.words[slot as usize].ownership;
        if *word != current.0 {
            return Err(Superseded);
        }
        *word = new.0;
        self.did.push(Did::Wrote(slot, new.state()));
        Ok(())
    }

    fn standing(&self, slot: u32) -> Standing {
        let word = self.word(slot);
        Standing {
            word: Ownership(word.ownership),
            considered_until: word.considered_until,
            better_seen: word.better_seen,
            last_seen: word.last_seen,
        }
    }

    fn last_seen(&self, slot: u32) -> u64 {
        self.word(slot).last_seen
    }

    fn clear_seen(&mut self, slot: u32) {
        self.words[slot as usize].last_seen = 0;
    }

    fn better_seen(&self, slot: u32) -> u64 {
        self.word(slot).better_seen
    }

    fn conflict_seen(&self, slot: u32) -> u64 {
        self.word(slot).conflict_seen
    }

    fn set_considered(&mut self, slot: u32, until: Instant) {
        self.words[slot as usize].considered_until = until.0;
    }

    fn follow(&mut self, _: u32, _: Follow) {}

    fn next_record(&mut self) -> Option<Record> {
        if self.flood {
            return self.records.front().copied();
        }
        self.records.pop_front()
    }

    fn next_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    fn send_advert<'frame, Frames>(&mut self, slot: u32, _: InterfaceId, frames: Frames) -> Sent
    where
        Frames: Iterator<Item = &'frame [u8]>,
    {
        assert_eq!(frames.count(), 1);
        self.did.push(Did::Advertised(slot));
        Sent {
            any: true,
            ..Sent::default()
        }
    }

    fn send_to_peers<'packet, Packets>(&mut self, _: u32, _: Packets) -> Sent
    where
        Packets: Iterator<Item = (&'packet [u8], IpAddr)>,
    {
        panic!("every router here speaks by multicast")
    }

    fn is_waiting(&self, _: InterfaceId) -> bool {
        false
    }

    fn offer(&mut self, now: Instant, _: InterfaceId, frames: &[Vec<u8>]) -> Offered {
        let taken = self
            .room
            .map_or(frames.len(), |room| room.min(frames.len()));
        self.room = self.room.map(|room| room - taken);
        for frame in &frames[..taken] {
            // The last byte of the virtual IP, 192.168.1.254 downwards.
            self.did.push(Did::Announced(254 - u32::from(frame[31])));
        }
        let again = (taken < frames.len()).then_some(now + Duration::from_millis(1));
        Offered {
            again,
            ..Offered::all(taken)
        }
    }

    fn send(&mut self, _: InterfaceId, _: &[u8]) {}

    fn order(&mut self, order: Order) -> bool {
        self.did
            .push(Did::Ordered(order.router.slot(), order.operation));
        if !self.stuck {
            self.orders.push_back(order);
        }
        !self.stuck
    }

    fn tell(&mut self, event: Event) {
        self.told.push(event);
    }

    fn change_addresses(
        &mut self,
        order: Order,
        set: Box<AddressSet>,
    ) -> Result<(), Box<AddressSet>> {
        self.did
            .push(Did::Changed(order.router.slot(), order.operation));
        if self.stuck {
            return Err(set);
        }
        self.orders.push_back(order);
        Ok(())
    }

    fn forget_addresses(&mut self, router: RouterId) -> bool {
        self.did.push(Did::Forgot(router.slot()));
        !self.stuck
    }

    fn retire(&mut self, _: Retired) {
        self.retired += 1;
    }

    fn open(&mut self, _: Socket) {}

    fn close(&mut self, _: InterfaceId) {}

    fn close_peers(&mut self, _: RouterId) {}

    fn set_router(&mut self, _: RouterKey, entry: RouterEntry) -> Result<(), TableError> {
        self.did.push(Did::Router(entry.slot, true));
        Ok(())
    }

    fn remove_router(&mut self, _: RouterKey, slot: u32) {
        self.did.push(Did::Router(slot, false));
    }

    fn remove_peer(&mut self, _: PeerKey) {}

    fn remove_mac(&mut self, _: RouterKey, _: u32) {}

    fn remove_proxy(&mut self, _: InterfaceId, _: u32) {}

    fn remove_vip(&mut self, key: VipKey, _: u32) {
        self.did.push(Did::Vip(key.address[3], false));
    }

    fn set_peer(&mut self, _: PeerKey, _: PeerEntry) -> Result<(), TableError> {
        Ok(())
    }

    fn set_mac(&mut self, _: RouterKey, _: u32) -> Result<(), TableError> {
        Ok(())
    }

    fn set_proxy(&mut self, _: InterfaceId, _: ProxyEntry) -> Result<(), TableError> {
        Ok(())
    }

    fn set_vip(&mut self, key: VipKey, _: VipEntry) -> Result<(), TableError> {
        self.did.push(Did::Vip(key.address[3], true));
        Ok(())
    }
}
