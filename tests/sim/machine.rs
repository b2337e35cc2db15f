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
    chance::Sending,
    engine::{DEFEND_INTERVAL, Effect, Inbox, advert},
    kernel::{Kernel, Slot, announced},
    lies::Lies,
    planted::Plant,
};

/// For one step.
pub(crate) struct SimulatedMachine<'node> {
    pub(crate) kernel: &'node mut Kernel,
    pub(crate) inbox: &'node mut Inbox,
    pub(crate) lies: &'node mut Lies,
    pub(crate) plant: Option<Plant>,
    /// What the configuration says of each router.
    pub(crate) settings: &'node [Settings],
    /// Of each core, when the step began.
    pub(crate) states: Vec<State>,
    /// By slot: whether the router is being removed, and the epoch of its word's writer.
    pub(crate) leaving: Vec<bool>,
    pub(crate) epochs: &'node mut Vec<u16>,
    /// A deadline has passed.
    pub(crate) due: bool,
    /// What the node's clock shows, and what the driver is told that it shows.
    pub(crate) local: Instant,
    pub(crate) shown: Instant,
    /// What the kernel does with an advert.
    pub(crate) sending: Sending,
    /// Adverts that wait in the queueing discipline.
    pub(crate) waiting: usize,
    pub(crate) effects: &'node mut Vec<Effect>,
}

impl SimulatedMachine<'_> {
    fn lies(&self, lie: impl Fn(Plant) -> bool) -> bool {
        self.plant.is_some_and(lie)
    }

    fn slot(&self, slot: u32) -> &Slot {
        &self.kernel.slots[slot as usize]
    }

    fn slot_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.kernel.slots[slot as usize]
    }

    /// What the driver is told of a record, if anything.
    fn passed(&mut self, record: Record) -> Option<Record> {
        let router = record.slot as usize;
        let (settings, state) = (&self.settings[router], self.states[router]);
        if record.kind == EventKind::Advert as u8 {
            self.inbox.advert = Some((router, advert(settings.family, &record)));
        } else if record.kind == EventKind::Conflict as u8 && state == State::Active {
            let last = self.lies.routers[router].defended;
            let early = last.is_some_and(|last| self.local < last + DEFEND_INTERVAL);
            if !early {
                self.lies.routers[router].defended = Some(self.local);
            } else if self.lies(Plant::forgets_conflicts) {
                return None;
            }
        }
        match self.plant {
            Some(plant) => plant.record(state, settings, self.local, record),
            None => Some(record),
        }
    }
}

impl Machine for SimulatedMachine<'_> {
    fn now(&self) -> Instant {
        self.shown
    }

    fn ownership(&self, slot: u32) -> Ownership {
        let real = self.slot(slot).ownership;
        match self.lies.routers[slot as usize].words {
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
        let router = slot as usize;
        if new.epoch() != current.epoch() {
            self.epochs[router] = new.epoch();
        }
        let before = self.slot(slot).ownership;
        let written =
            written.filter(|word| !self.lies(|plant| plant.keeps_longer_lease(before, *word)));
        if let Some(word) = written {
            self.slot_mut(slot).ownership = word;
            self.effects.push(Effect::Word { router, word });
        }
        self.lies.routers[router].words = Some((self.slot(slot).ownership, new));
        Ok(())
    }

    fn standing(&self, slot: u32) -> Standing {
        let standing = self.slot(slot).standing();
        if self.lies(Plant::announces_unleased) {
            let word = standing.word;
            let expiry = self.local.0 + 10_000_000_000;
            return Standing {
                word: Ownership::new(ownership::State::Active, word.epoch(), expiry),
                considered_until: u64::MAX,
                better_seen: 0,
                ..standing
            };
        }
        standing
    }

    fn last_seen(&self, slot: u32) -> u64 {
        if self.lies(|plant| plant.hides_seen(self.states[slot as usize])) {
            0
        } else {
            self.slot(slot).last_seen
        }
    }

    fn clear_seen(&mut self, slot: u32) {
        self.slot_mut(slot).last_seen = 0;
    }

    fn better_seen(&self, slot: u32) -> u64 {
        if self.lies(Plant::hides_better) {
            0
        } else {
            self.slot(slot).better_seen
        }
    }

    fn conflict_seen(&self, slot: u32) -> u64 {
        if self.lies(Plant::forgets_conflicts) {
            0
        } else {
            self.slot(slot).conflict_seen
        }
    }

    fn set_considered(&mut self, slot: u32, until: Instant) {
        if !self.lies(Plant::considers_nothing) {
            self.slot_mut(slot).considered_until = until.0;
        }
    }

    fn follow(&mut self, slot: u32, follow: Follow) {
        self.slot_mut(slot).follow = follow;
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

    fn send_advert<'frame, Frames>(&mut self, slot: u32, _: InterfaceId, frames: Frames) -> Sent
    where
        Frames: Iterator<Item = &'frame [u8]>,
    {
        let mut sent = Sent::default();
        let router = slot as usize;
        let (family, state) = (self.settings[router].family, self.states[router]);
        for frame in frames {
            let priority = priority(family, frame);
            let (spoken, leaving) = (self.lies.routers[router].spoken, self.leaving[router]);
            if self.lies(|plant| plant.swallows(state, spoken, leaving, priority)) {
                continue;
            }
            let advert = |waits| Effect::Advert {
                router,
                priority,
                frame: Rc::from(frame),
                waits,
            };
            match self.sending {
                Sending::Leaves => {
                    self.effects.push(advert(0));
                    sent.any = true;
                }
                Sending::Waits(span) => {
                    self.effects.push(advert(span));
                    self.waiting += 1;
                    sent.waiting = true;
                    sent.any |= self.lies(Plant::renews_waiting);
                }
                // A frame that was refused leaves no trace but the missing renewal.
                Sending::Refused => {
                    self.effects.push(Effect::Refused { router });
                    sent.refused = Some(Errno::ENOBUFS);
                    sent.any |= self.lies(Plant::renews_unsent);
                }
            }
        }
        self.lies.routers[router].spoken = state == State::Active;
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
        self.waiting > 0
    }

    fn offer(&mut self, _: Instant, _: InterfaceId, frames: &[Vec<u8>]) -> Offered {
        let family = self.settings[0].family;
        let announcements = frames.iter().map(|frame| {
            let (router, number) = announced(family, frame);
            Effect::Announcement {
                router,
                number,
                frame: Rc::from(frame.as_slice()),
            }
        });
        let silent = self.lies(Plant::announces_none_but_the_first);
        let announcements = announcements
            .filter(|one| !silent || matches!(one, Effect::Announcement { number: 0, .. }));
        self.effects.extend(announcements);
        Offered::all(frames.len())
    }

    fn send(&mut self, _: InterfaceId, _: &[u8]) {}

    fn order(&mut self, order: Order) -> bool {
        self.effects.push(Effect::Ordered(order, None));
        true
    }

    fn tell(&mut self, event: Event) {
        self.effects.push(Effect::Told(event));
    }

    fn change_addresses(
        &mut self,
        order: Order,
        _: Box<AddressSet>,
    ) -> Result<(), Box<AddressSet>> {
        let slot = order.router.slot() as usize;
        let vips = self.inbox.sets[slot].pop_front().map(Rc::from);
        // Of the start it was told.
        let told = order.generation <= 1 || !self.lies(Plant::forgets_lists);
        let vips = vips.filter(|_| told);
        self.effects.push(Effect::Ordered(order, vips));
        Ok(())
    }

    fn forget_addresses(&mut self, router: RouterId) -> bool {
        let router = router.slot() as usize;
        self.effects.push(Effect::Forgotten { router });
        true
    }

    fn retire(&mut self, _: Retired) {}

    fn open(&mut self, _: Socket) {}

    fn close(&mut self, _: InterfaceId) {}

    fn close_peers(&mut self, _: RouterId) {}

    fn remove_router(&mut self, key: RouterKey, _: u32) {
        self.kernel.routers.remove(&key);
    }

    fn remove_peer(&mut self, _: PeerKey) {}

    fn remove_mac(&mut self, _: RouterKey, _: u32) {}

    fn remove_proxy(&mut self, _: InterfaceId, _: u32) {}

    fn remove_vip(&mut self, key: VipKey, _: u32) {
        self.kernel.vips.remove(&key);
    }

    fn set_router(&mut self, key: RouterKey, entry: RouterEntry) -> Result<(), TableError> {
        let router = entry.slot as usize;
        if self.kernel.routers.get(&key).is_some() {
            self.effects.push(Effect::Configured { router });
            if self.lies(Plant::forgets_entries) {
                return Ok(());
            }
        }
        self.kernel.routers.set(key, entry);
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
        self.kernel.vips.set(key, entry);
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
