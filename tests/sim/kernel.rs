//! The kernel half of a node: the words in `SLOTS`, the ring, and the verdicts of the very `policy`
//! that the BPF programs are compiled from. It works on while the engine stands still or is dead.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use vrrp_ebpf::{
    abi::{
        Event, EventKind, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry,
        VipKey, vip_state,
    },
    ownership::{Ownership, Standing},
    pace::{News, Paces},
    policy::{self, Link, Submission, Tables},
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

/// The virtual IP of a world of this family.
pub(crate) const fn vip(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 168, 1, 254)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x254)),
    }
}

/// What XDP and the maps hold for one virtual router.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    pub(crate) ownership: Ownership,
    pub(crate) considered_until: u64,
    pub(crate) last_seen: u64,
    pub(crate) better_seen: u64,
    pub(crate) conflict_seen: u64,
    pub(crate) follow: Follow,
    /// Of the virtual IP: bits of [`vip_state`].
    pub(crate) vip_state: u64,
    /// What the node has told of its virtual router and virtual IP.
    pub(crate) router: Option<(RouterKey, RouterEntry)>,
    pub(crate) vip: Option<(VipKey, VipEntry)>,
    pub(crate) ring: VecDeque<Event>,
    ring_size: usize,
    /// Of the records, by kind.
    paces: Paces,
}

/// What a frame did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// The record, whether or not the ring took it.
    pub(crate) event: Event,
    /// The engine is woken.
    pub(crate) wakes: bool,
    /// `last_seen` was set.
    pub(crate) stamped: bool,
    /// `better_seen` was set.
    pub(crate) better: bool,
    /// The ring was full, or too many came at once.
    pub(crate) forgotten: bool,
}

impl Kernel {
    /// Freshly loaded, with a ring of this many records.
    pub(crate) fn new(ring_size: usize) -> Self {
        Self {
            ownership: Ownership::NONE,
            considered_until: 0,
            last_seen: 0,
            better_seen: 0,
            conflict_seen: 0,
            follow: Follow::default(),
            vip_state: 0,
            router: None,
            vip: None,
            ring: VecDeque::new(),
            ring_size,
            paces: Paces::default(),
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
        if verdict.seen > 0 && !plant.is_some_and(Plant::leaves_no_stamp) {
            self.last_seen = verdict.seen;
        }
        if verdict.better_seen > 0 && !plant.is_some_and(Plant::fences_nobody) {
            self.better_seen = verdict.better_seen;
        }
        if verdict.submission == Submission::Nothing {
            return None;
        }
        if verdict.event.kind == EventKind::Conflict as u8 {
            self.conflict_seen = verdict.event.stamp;
        }
        let wakes = verdict.submission == Submission::Wake;
        let forgotten = self.ring.len() >= self.ring_size
            || !self.admits(
                now,
                News::of(&verdict.event, wakes, verdict.better_seen > 0),
            );
        if !forgotten {
            self.ring.push_back(verdict.event);
        }
        Some(Received {
            event: verdict.event,
            wakes: wakes && !forgotten,
            stamped: verdict.seen > 0,
            better: verdict.better_seen > 0,
            forgotten,
        })
    }

    /// Whether there may be a record now.
    fn admits(&mut self, now: Instant, news: News) -> bool {
        let due = &mut self.paces[news as usize];
        let next = news.pace().take(*due, now.0);
        *due = next.unwrap_or(*due);
        next.is_some()
    }

    /// Whether an ARP request would be answered.
    pub(crate) fn answers(&self, now: Instant) -> bool {
        self.standing().ownership().answers(now.0, self.last_seen)
    }

    /// Whether the node may speak as the owner.
    pub(crate) fn serves(&self, now: Instant) -> bool {
        self.standing().ownership().serves(now.0)
    }

    /// Whether a packet to the virtual IP would get to the service.
    pub(crate) fn takes(&self, now: Instant) -> bool {
        self.serves(now) && self.vip_state & vip_state::READY != 0
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing {
            word: self.ownership,
            considered_until: self.considered_until,
            better_seen: self.better_seen,
        }
    }
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
        let router = self.kernel.router.as_ref();
        router
            .filter(|(key, _)| key == wanted)
            .map(|(_, entry)| entry)
    }

    fn peer(&self, _: &PeerKey) -> Option<&PeerEntry> {
        None
    }

    fn standing(&self, _: u32) -> Standing {
        self.kernel.standing()
    }

    fn last_seen(&self, _: u32) -> u64 {
        self.kernel.last_seen
    }

    fn follow(&self, _: u32) -> Follow {
        self.kernel.follow
    }

    fn may_be_vip(&self, tail: [u8; 4]) -> bool {
        let vip = self.kernel.vip.as_ref();
        vip.is_some_and(|(key, _)| match key.ip() {
            IpAddr::V4(address) => address.octets() == tail,
            IpAddr::V6(address) => address.octets().ends_with(&tail),
        })
    }

    fn vip(&self, wanted: &VipKey) -> Option<&VipEntry> {
        let vip = self.kernel.vip.as_ref();
        vip.filter(|(key, _)| key == wanted).map(|(_, entry)| entry)
    }

    fn vip_state(&self, _: u32) -> u64 {
        self.kernel.vip_state
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
