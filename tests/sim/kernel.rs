//! The kernel half of a node: the words in `SLOTS`, the ring, and the verdicts of the very `policy`
//! that the BPF programs are compiled from. It works on while the engine stands still or is dead.

use std::{collections::VecDeque, net::Ipv4Addr};

use vrrp_ebpf::{
    abi::{
        self, Event, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry,
        VipKey, router_flags, vip_state,
    },
    ownership::{Ownership, Standing},
    pace::{News, Paces},
    policy::{self, Link, Submission, Tables},
    types::Mac,
};
use vrrp_user::proto::{Instant, Settings, Version};

use crate::planted::Plant;

/// The virtual IP of every world.
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 254);

const LINK: Link = Link {
    ifindex: 1,
    stripped_vlan: 0,
};

/// What XDP and the maps hold for one virtual router.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    pub(crate) ownership: Ownership,
    pub(crate) considered_until: u64,
    pub(crate) last_seen: u64,
    pub(crate) better_seen: u64,
    pub(crate) follow: Follow,
    /// Of the virtual IP: bits of [`vip_state`].
    pub(crate) vip_state: u64,
    entry: RouterEntry,
    vip: VipEntry,
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
    /// Freshly loaded, for a router with this MAC and a ring of this many records.
    pub(crate) fn new(settings: &Settings, primary: Ipv4Addr, mac: Mac, ring_size: usize) -> Self {
        let spoken = match settings.version {
            Version::V2 => router_flags::ACCEPT_V2,
            Version::V3 => router_flags::ACCEPT_V3,
        };
        Self {
            ownership: Ownership::NONE,
            considered_until: 0,
            last_seen: 0,
            better_seen: 0,
            follow: Follow::default(),
            vip_state: 0,
            entry: RouterEntry {
                slot: 0,
                flags: spoken,
                primary: bytes(primary),
                address_digest: abi::address_digest(0, VIP.octets()),
                address_count: 1,
                interval_cs: u16::try_from(settings.advert_interval.as_millis() / 10).unwrap(),
                auth_type: 0,
                priority: settings.priority,
                _pad: [0; 2],
                auth_data: [0; 8],
            },
            vip: VipEntry {
                slot: 0,
                vip: 0,
                mac,
                flags: 0,
                _pad: 0,
            },
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

    fn standing(&self) -> Standing {
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

    fn router(&self, _: &RouterKey) -> Option<&RouterEntry> {
        Some(&self.kernel.entry)
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
        tail == VIP.octets()
    }

    fn vip(&self, _: &VipKey) -> Option<&VipEntry> {
        Some(&self.kernel.vip)
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

fn bytes(address: Ipv4Addr) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&address.octets());
    bytes
}
