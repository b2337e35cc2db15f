//! The world as the driver of a node meets it: the simulated kernel half, and whoever waits for it. With a planted
//! fault it lies.

use std::{net::IpAddr, rc::Rc};

use nix::errno::Errno;
use vrrp_ebpf::{
    abi::{
        Event as Record, EventKind, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey,
        VipEntry, VipKey,
    },
    ownership::{self, Ownership, Standing},
    types::Family,
};
use vrrp_user::{
    ids::{InterfaceId, RouterId},
    io::{
        bpf::TableError,
        engine::{
            Command, Event, Retired, Socket,
            addresses::{AddressSet, Order, Report},
            machine::{Machine, Offered, Sent, Superseded},
        },
    },
    proto::{Instant, Settings, State},
};

use crate::{
    engine::{DEFEND_INTERVAL, Effect, Inbox, advert},
    kernel::Kernel,
    planted::Plant,
};

/// For one step.
pub(crate) struct SimulatedMachine<'node> {
    pub(crate) kernel: &'node mut Kernel,
    pub(crate) inbox: &'node mut Inbox,
    pub(crate) lies: &'node mut Lies,
    pub(crate) plant: Option<Plant>,
    /// What the configuration says.
    pub(crate) settings: &'node Settings,
    /// Of the core, when the step began.
    pub(crate) state: State,
    /// A deadline has passed.
    pub(crate) due: bool,
    /// What the node's clock shows, and what the driver is told that it shows.
    pub(crate) local: Instant,
    pub(crate) shown: Instant,
    pub(crate) epoch: u16,
    /// The kernel takes an advert.
    pub(crate) sends: bool,
    pub(crate) effects: &'node mut Vec<Effect>,
}

/// What a machine remembers of its lies.
#[derive(Debug, Default)]
pub(crate) struct Lies {
    /// The word that was written, and the one that the driver believes it has written.
    words: Option<(Ownership, Ownership)>,
    /// When the time of the last advert was read.
    pub(crate) dated: Option<Instant>,
    /// The same, of one that was handed over and renewed no lease yet.
    unrenewed: Option<Instant>,
    /// It has had an advert sent since it rose.
    spoken: bool,
    /// When the driver was last told of a conflict that it could answer.
    defended: Option<Instant>,
}

impl SimulatedMachine<'_> {
    fn lies(&self, lie: impl Fn(Plant) -> bool) -> bool {
        self.plant.is_some_and(lie)
    }

    /// What the driver is told of a record, if anything.
    fn passed(&mut self, record: Record) -> Option<Record> {
        let family = self.settings.family;
        if record.kind == EventKind::Advert as u8 {
            self.inbox.advert = Some(advert(family, &record));
        } else if record.kind == EventKind::Conflict as u8 && self.state == State::Active {
            let last = self.lies.defended;
            let early = last.is_some_and(|last| self.local < last + DEFEND_INTERVAL);
            if !early {
                self.lies.defended = Some(self.local);
            } else if self.lies(Plant::forgets_conflicts) {
                return None;
            }
        }
        match self.plant {
            Some(plant) => plant.record(self.state, self.settings, self.local, record),
            None => Some(record),
        }
    }
}

impl Machine for SimulatedMachine<'_> {
    fn now(&self) -> Instant {
        self.shown
    }

    fn ownership(&self, _: u32) -> Ownership {
        let real = self.kernel.ownership;
        match self.lies.words {
            Some((written, believed))
                if written == real || self.lies(Plant::ignores_other_writers) =>
            {
                believed
            }
            _ => real,
        }
    }

    fn replace(&mut self, slot: u32, current: Ownership, new: Ownership) -> Result<(), Superseded> {
        if self.ownership(slot) != current {
            return Err(Superseded);
        }
        let late = self.lies.unrenewed.take();
        let late = late.map_or(0, |dated| self.local.0.saturating_sub(dated.0));
        let written = match self.plant {
            Some(plant) => plant.word(new, late),
            None => Some(new),
        };
        if let Some(word) = written {
            self.kernel.ownership = word;
            self.effects.push(Effect::Word(word));
        }
        self.lies.words = Some((self.kernel.ownership, new));
        Ok(())
    }

    fn standing(&self, _: u32) -> Standing {
        let standing = self.kernel.standing();
        if self.lies(Plant::announces_unleased) {
            let word = standing.word;
            let expiry = self.local.0 + 10_000_000_000;
            return Standing {
                word: Ownership::new(ownership::State::Active, word.epoch(), expiry),
                considered_until: u64::MAX,
                better_seen: 0,
            };
        }
        standing
    }

    fn last_seen(&self, _: u32) -> u64 {
        if self.lies(|plant| plant.hides_seen(self.state)) {
            0
        } else {
            self.kernel.last_seen
        }
    }

    fn clear_seen(&mut self, _: u32) {
        self.kernel.last_seen = 0;
    }

    fn better_seen(&self, _: u32) -> u64 {
        if self.lies(Plant::hides_better) {
            0
        } else {
            self.kernel.better_seen
        }
    }

    fn conflict_seen(&self, _: u32) -> u64 {
        if self.lies(Plant::forgets_conflicts) {
            0
        } else {
            self.kernel.conflict_seen
        }
    }

    fn set_considered(&mut self, _: u32, until: Instant) {
        if !self.lies(Plant::considers_nothing) {
            self.kernel.considered_until = until.0;
        }
    }

    fn follow(&mut self, _: u32, follow: Follow) {
        self.kernel.follow = follow;
    }

    fn next_record(&mut self) -> Option<Record> {
        if self.due && self.lies(Plant::believes_timers_first) {
            self.inbox.signalled = !self.kernel.ring.is_empty();
            return None;
        }
        while let Some(record) = self.kernel.ring.pop_front() {
            if let Some(record) = self.passed(record) {
                return Some(record);
            }
        }
        None
    }

    fn next_report(&mut self) -> Option<Report> {
        self.inbox.reports.pop_front().map(Report::Done)
    }

    fn next_command(&mut self) -> Option<Command> {
        self.inbox.commands.pop_front()
    }

    fn send_advert<'frame, Frames>(&mut self, _: u32, _: InterfaceId, frames: Frames) -> Sent
    where
        Frames: Iterator<Item = &'frame [u8]>,
    {
        let mut sent = Sent::default();
        for frame in frames {
            let priority = priority(self.settings.family, frame);
            if self.lies(|plant| plant.swallows(self.state, self.lies.spoken, priority)) {
                continue;
            }
            // A frame that was refused leaves no trace but the missing renewal.
            if self.sends {
                let frame = Rc::from(frame);
                self.effects.push(Effect::Advert { priority, frame });
            } else {
                sent.refused = Some(Errno::ENOBUFS);
            }
            sent.any |= self.sends || self.lies(Plant::renews_unsent);
        }
        self.lies.spoken = self.state == State::Active;
        if sent.any {
            self.lies.unrenewed = self.lies.dated;
        }
        sent
    }

    fn send_to_peers<'packet, Packets>(&mut self, _: u32, _: Packets) -> Sent
    where
        Packets: Iterator<Item = (&'packet [u8], IpAddr)>,
    {
        Sent::default()
    }

    fn is_waiting(&self, _: InterfaceId) -> bool {
        false
    }

    fn offer(&mut self, _: Instant, _: InterfaceId, frames: &[Vec<u8>]) -> Offered {
        let announcements = frames.iter().map(|frame| Effect::Announcement {
            frame: Rc::from(frame.as_slice()),
        });
        self.effects.extend(announcements);
        Offered::all(frames.len())
    }

    fn send(&mut self, _: InterfaceId, _: &[u8]) {}

    fn order(&mut self, order: Order) -> bool {
        self.effects.push(Effect::Ordered(order, self.epoch));
        true
    }

    fn tell(&mut self, _: Event) {}

    fn change_addresses(
        &mut self,
        order: Order,
        _: Box<AddressSet>,
    ) -> Result<(), Box<AddressSet>> {
        self.order(order);
        Ok(())
    }

    fn forget_addresses(&mut self, _: RouterId) -> bool {
        true
    }

    fn retire(&mut self, _: Retired) {}

    fn open(&mut self, _: Socket) {}

    fn close(&mut self, _: InterfaceId) {}

    fn close_peers(&mut self, _: RouterId) {}

    fn remove_router(&mut self, _: RouterKey, _: u32) {
        self.kernel.router = None;
    }

    fn remove_peer(&mut self, _: PeerKey) {}

    fn remove_mac(&mut self, _: RouterKey, _: u32) {}

    fn remove_proxy(&mut self, _: InterfaceId, _: u32) {}

    fn remove_vip(&mut self, _: VipKey, _: u32) {
        self.kernel.vip = None;
    }

    fn set_router(&mut self, key: RouterKey, entry: RouterEntry) -> Result<(), TableError> {
        self.kernel.router = Some((key, entry));
        Ok(())
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

    fn set_vip(&mut self, key: VipKey, entry: VipEntry) -> Result<(), TableError> {
        self.kernel.vip = Some((key, entry));
        Ok(())
    }
}

/// Of an advert as it leaves.
fn priority(family: Family, frame: &[u8]) -> u8 {
    let headers = match family {
        Family::V4 => 14 + 20,
        Family::V6 => 14 + 40,
    };
    frame[headers + 2]
}
