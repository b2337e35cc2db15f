//! The kernel half of a node: the words in `SLOTS`, the ring, and the verdicts of the very `policy`
//! that the BPF programs are compiled from. It works on while the engine stands still or is dead.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use vrrp_ebpf::{
    abi::{
        Event, EventKind, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry,
        VipKey,
    },
    ownership::{Ownership, Standing},
    pace::{self, News, Pace, Paces},
    policy::{self, Link, Submission, Tables, Verdict},
    types::Family,
};
use vrrp_user::proto::Instant;

use crate::planted::Plant;

/// The interface of every node.
pub(crate) const IFINDEX: u32 = 1;

const LINK: Link = Link {
    ifindex: IFINDEX,
    stripped_vlan: 0,
};

/// A virtual IP of a virtual router of this family, by slot and in the order of its list.
pub(crate) const fn vip(family: Family, slot: u8, number: u8) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 168, 1, 254 - slot - 8 * number)),
        Family::V6 => {
            let last = slot as u16 + 16 * number as u16;
            IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, last))
        }
    }
}

/// More than a virtual router has, and a node.
const MOST: u8 = 8;

/// Which virtual IP an announcement is of: slot and number.
pub(crate) fn announced(family: Family, frame: &[u8]) -> (usize, u8) {
    let (at, length) = match family {
        Family::V4 => (14 + 14, 4),
        Family::V6 => (14 + 40 + 8, 16),
    };
    let address = &frame[at..at + length];
    let all = (0..MOST).flat_map(|slot| (0..MOST).map(move |number| (slot, number)));
    let is_announced = |(slot, number): &(u8, u8)| match vip(family, *slot, *number) {
        IpAddr::V4(vip) => vip.octets() == *address,
        IpAddr::V6(vip) => vip.octets() == *address,
    };
    let (slot, number) = { all }.find(is_announced).unwrap();
    (slot.into(), number)
}

/// The words of one virtual router, which it has in `SLOTS`.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) ownership: Ownership,
    pub(crate) considered_until: u64,
    pub(crate) last_seen: u64,
    pub(crate) better_seen: u64,
    pub(crate) conflict_seen: u64,
    pub(crate) follow: Follow,
    /// Of the records, by kind.
    paces: Paces,
}

impl Slot {
    const FRESH: Self = Self {
        ownership: Ownership::NONE,
        considered_until: 0,
        last_seen: 0,
        better_seen: 0,
        conflict_seen: 0,
        follow: Follow {
            source_tail: [0; 4],
            interval_cs: 0,
            priority: 0,
            restart_min: 0,
        },
        paces: [0; 8],
    };

    pub(crate) fn standing(&self) -> Standing {
        Standing {
            word: self.ownership,
            considered_until: self.considered_until,
            better_seen: self.better_seen,
            last_seen: self.last_seen,
        }
    }

    /// Whether an ARP request would be answered.
    pub(crate) fn answers(&self, now: Instant) -> bool {
        self.standing().ownership().answers(now.0, self.last_seen)
    }

    /// Whether the node may speak as the owner.
    pub(crate) fn serves(&self, now: Instant) -> bool {
        self.standing().ownership().serves(now.0)
    }
}

/// What XDP and the maps hold for the virtual routers of a node, by slot.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    pub(crate) slots: Vec<Slot>,
    /// By virtual IP: bits of [`vip_state`](vrrp_ebpf::abi::vip_state).
    pub(crate) vip_states: BTreeMap<u32, u64>,
    /// What the node has told of its virtual routers and virtual IPs.
    pub(crate) routers: Map<RouterKey, RouterEntry>,
    pub(crate) vips: Map<VipKey, VipEntry>,
    pub(crate) ring: VecDeque<Event>,
    ring_size: usize,
    /// Of the records that wake the engine, of all virtual routers together.
    pace: u64,
}

/// A map of a few entries.
#[derive(Clone, Debug)]
pub(crate) struct Map<Key, Entry>(Vec<(Key, Entry)>);

impl<Key, Entry> Default for Map<Key, Entry> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<Key: PartialEq, Entry> Map<Key, Entry> {
    pub(crate) fn set(&mut self, key: Key, entry: Entry) {
        self.remove(&key);
        self.0.push((key, entry));
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.0.retain(|(known, _)| known != key);
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut (Key, Entry)> {
        self.0.iter_mut()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Entry> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, entry)| entry)
    }
}

/// What a frame did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// Whom it is about, by slot.
    pub(crate) router: usize,
    /// What the programs make of it, a planted fault or not.
    pub(crate) verdict: Verdict,
    /// The ring was full, or too many came at once.
    pub(crate) forgotten: bool,
}

impl Received {
    /// Whether the engine is woken.
    pub(crate) fn wakes(&self) -> bool {
        self.verdict.submission == Submission::Wake && !self.forgotten
    }
}

impl Kernel {
    /// Freshly loaded for so many virtual routers, with a ring of `ring_size` records.
    pub(crate) fn new(routers: usize, ring_size: usize) -> Self {
        Self {
            slots: vec![Slot::FRESH; routers],
            vip_states: BTreeMap::new(),
            routers: Map::default(),
            vips: Map::default(),
            ring: VecDeque::new(),
            ring_size,
            pace: 0,
        }
    }

    /// XDP sees a frame.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        frame: &[u8],
        plant: Option<Plant>,
    ) -> Option<Received> {
        let verdict = policy::ingress(frame, &At { kernel: self, now }, LINK)?;
        let index = verdict.event.slot as usize;
        let slot = self.slots.get_mut(index)?;
        if verdict.seen > 0 && !plant.is_some_and(Plant::leaves_no_stamp) {
            slot.last_seen = verdict.seen;
        }
        if verdict.better_seen > 0 && !plant.is_some_and(Plant::fences_nobody) {
            slot.better_seen = verdict.better_seen;
        }
        if verdict.submission == Submission::Nothing {
            return None;
        }
        if verdict.event.kind == EventKind::Conflict as u8 {
            slot.conflict_seen = verdict.event.stamp;
        }
        let wakes = verdict.submission == Submission::Wake;
        let news = News::of(&verdict.event, wakes, verdict.better_seen > 0);
        let forgotten = self.ring.len() >= self.ring_size || !self.admits(index, now, news);
        if !forgotten {
            self.ring.push_back(verdict.event);
        }
        Some(Received {
            router: index,
            verdict,
            forgotten,
        })
    }

    /// Whether there may be a record now.
    fn admits(&mut self, slot: usize, now: Instant, news: News) -> bool {
        let of_the_router = &mut self.slots[slot].paces[news as usize];
        take(of_the_router, news.pace(), now)
            && (!news.is_shared() || take(&mut self.pace, pace::NODE, now))
    }

    /// Bits of [`vip_state`](vrrp_ebpf::abi::vip_state) of a virtual IP; nothing for one that the programs do not know.
    pub(crate) fn bits(&self, address: IpAddr) -> Option<u64> {
        let entry = self.vips.get(&VipKey::of(IFINDEX, address))?;
        Some(self.vip_state(entry.vip))
    }

    /// Whether the programs know this virtual IP.
    pub(crate) fn knows(&self, vip: u32) -> bool {
        self.vips.0.iter().any(|(_, entry)| entry.vip == vip)
    }

    pub(crate) fn vip_state(&self, vip: u32) -> u64 {
        self.vip_states.get(&vip).copied().unwrap_or_default()
    }
}

fn take(due: &mut u64, pace: Pace, now: Instant) -> bool {
    let next = pace.take(*due, now.0);
    *due = next.unwrap_or(*due);
    next.is_some()
}

/// The maps, read at a moment.
struct At<'kernel> {
    kernel: &'kernel Kernel,
    now: Instant,
}

impl Tables for At<'_> {
    fn now(&self) -> u64 {
        self.now.0
    }

    fn router(&self, wanted: &RouterKey) -> Option<&RouterEntry> {
        self.kernel.routers.get(wanted)
    }

    fn peer(&self, _: &PeerKey) -> Option<&PeerEntry> {
        None
    }

    fn standing(&self, slot: u32) -> Standing {
        let slot = self.kernel.slots.get(slot as usize);
        slot.map_or(Standing::NONE, Slot::standing)
    }

    fn follow(&self, slot: u32) -> Follow {
        let slot = self.kernel.slots.get(slot as usize);
        slot.map_or_else(Follow::default, |slot| slot.follow)
    }

    fn may_be_vip(&self, tail: [u8; 4]) -> bool {
        let mut vips = self.kernel.vips.0.iter();
        vips.any(|(key, _)| match key.ip() {
            IpAddr::V4(address) => address.octets() == tail,
            IpAddr::V6(address) => address.octets().ends_with(&tail),
        })
    }

    fn vip(&self, wanted: &VipKey) -> Option<&VipEntry> {
        self.kernel.vips.get(wanted)
    }

    fn vip_state(&self, vip: u32) -> u64 {
        self.kernel.vip_state(vip)
    }

    fn has_virtual_macs(&self) -> bool {
        false
    }

    fn virtual_mac(&self, _: &RouterKey) -> Option<u32> {
        None
    }

    fn proxy(&self, _: u32) -> Option<&ProxyEntry> {
        None
    }
}
