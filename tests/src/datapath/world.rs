//! What the programs know: the maps as values, and the tables over them for the host's verdicts.
#![expect(
    clippy::unwrap_used,
    reason = "a slot that is not there is a mistake in the case that asks for it"
)]

use std::time::Duration;

use vrrp_ebpf::{
    abi::{
        FILTER_WORDS, Follow, PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, Slot,
        VipEntry, VipKey, address_digest, address_digest_v6, filter_position, router_flags,
        vip_state,
    },
    ownership::{Ownership, Standing, State},
    policy::{Routes, Tables},
    types::Family,
};

use super::behind::BEHIND;
use crate::clock;

/// Interface of a test run without a context: lo of the namespace.
pub const IFINDEX: u32 = 1;
/// Priority of every router of ours.
pub const PRIORITY: u8 = 150;
/// Our own address.
pub const PRIMARY: [u8; 4] = [192, 168, 1, 1];
/// Our own MAC, which answers carry.
pub const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// Virtual IP of [`VRID`], untagged.
pub const VIP: [u8; 4] = [192, 168, 1, 254];
/// Virtual router of version 3, untagged, slot [`SLOT`].
pub const VRID: u8 = 51;
/// Virtual router of version 2 with password, untagged, slot [`SLOT_V2`], same virtual IP.
pub const VRID_V2: u8 = 52;
/// Virtual router of version 3 in [`VLAN`], slot [`SLOT_VLAN`]. Its VRID is [`VRID`], its virtual
/// IP [`VIP_VLAN`].
pub const VLAN: u16 = 10;
/// Virtual IP in [`VLAN`].
pub const VIP_VLAN: [u8; 4] = [10, 0, 10, 254];
/// Slot of [`VRID`].
pub const SLOT: u32 = 0;
/// Slot of [`VRID_V2`].
pub const SLOT_V2: u32 = 1;
/// Slot of the router in [`VLAN`].
pub const SLOT_VLAN: u32 = 2;
/// Password of [`VRID_V2`].
pub const PASSWORD: [u8; 8] = *b"1111\0\0\0\0";

/// How long an owner of this module owns.
const LEASE: Duration = Duration::from_secs(3600);

/// Contents of the maps.
#[derive(Clone, Debug)]
pub struct World {
    /// `ROUTERS`.
    pub routers: Vec<(RouterKey, RouterEntry)>,
    /// `PEERS`.
    pub peers: Vec<(PeerKey, PeerEntry)>,
    /// `MACS`.
    pub macs: Vec<(RouterKey, u32)>,
    /// `PROXIES`.
    pub proxies: Vec<(u32, ProxyEntry)>,
    /// `SLOTS`, from index 0.
    pub slots: Vec<Slot>,
    /// `VIPS`.
    pub vips: Vec<(VipKey, VipEntry)>,
    /// `VIP_STATES`, from index 0.
    pub vip_states: Vec<u64>,
}

impl World {
    /// Three virtual routers as the constants of this module say, all Idle.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "three virtual routers are not nothing"
    )]
    pub fn new() -> Self {
        let v2 = RouterEntry {
            flags: router_flags::ACCEPT_V2,
            auth_type: 1,
            auth_data: PASSWORD,
            ..entry_v4(SLOT_V2, VIP)
        };
        Self {
            routers: vec![
                (router_v4(0, VRID), entry_v4(SLOT, VIP)),
                (router_v4(0, VRID_V2), v2),
                (router_v4(VLAN, VRID), entry_v4(SLOT_VLAN, VIP_VLAN)),
            ],
            peers: Vec::new(),
            macs: Vec::new(),
            proxies: Vec::new(),
            slots: vec![EMPTY_SLOT; 3],
            vips: vec![
                vip_v4(SLOT, 0, 0, VIP),
                vip_v4(SLOT_VLAN, 1, VLAN, VIP_VLAN),
            ],
            vip_states: vec![0; 2],
        }
    }

    /// 255 virtual routers of version 3, untagged, with one virtual IP each, all Active and ready.
    /// VRID 1 is in slot 0.
    #[must_use]
    pub fn crowded() -> Self {
        let mut world = Self {
            routers: Vec::new(),
            peers: Vec::new(),
            macs: Vec::new(),
            proxies: Vec::new(),
            slots: vec![EMPTY_SLOT; 255],
            vips: Vec::new(),
            vip_states: vec![vip_state::INSTALLED | vip_state::READY; 255],
        };
        for (slot, vrid) in (0..).zip(1..=255) {
            let address = [10, 1, 2, vrid];
            world
                .routers
                .push((router_v4(0, vrid), entry_v4(slot, address)));
            world.vips.push(vip_v4(slot, slot, 0, address));
            world = world.with_state(slot, State::Active);
        }
        world
    }

    /// With the router of `slot` in `state`, under a lease that outlives every case and bench.
    #[must_use]
    pub fn with_state(mut self, slot: u32, state: State) -> Self {
        self.slot(slot).ownership =
            Ownership::new(state, 1, clock::now() + clock::span_nanos(LEASE)).0;
        self
    }

    /// With the router of `slot` in `state`, under a lease that has just ended.
    #[must_use]
    pub fn with_expired(mut self, slot: u32, state: State) -> Self {
        self.slot(slot).ownership = Ownership::new(state, 1, clock::now() - 1_000_000).0;
        self
    }

    /// With a better router's advert that came after the router of `slot` became what it is.
    #[must_use]
    pub fn with_better_seen(mut self, slot: u32) -> Self {
        let words = self.slot(slot);
        (words.considered_until, words.better_seen) = (1, 2);
        self
    }

    /// With these bits of every virtual IP.
    #[must_use]
    pub fn with_vip_state(mut self, bits: u64) -> Self {
        self.vip_states.fill(bits);
        self
    }

    /// With these bits of [`vip_flags`](vrrp_ebpf::abi::vip_flags) for every virtual IP.
    #[must_use]
    pub fn with_vip_flags(mut self, flags: u8) -> Self {
        for (_, entry) in &mut self.vips {
            entry.flags = flags;
        }
        self
    }

    /// With a unicast peer of the router in `slot`, whose adverts have a TTL from `min_ttl` to
    /// `max_ttl`.
    #[must_use]
    pub fn with_peer(
        mut self,
        slot: u32,
        address: impl AsRef<[u8]>,
        min_ttl: u8,
        max_ttl: u8,
    ) -> Self {
        Self::router(&mut self, slot).flags |= router_flags::UNICAST;
        let key = PeerKey {
            slot,
            address: wide(address),
        };
        let entry = PeerEntry {
            min_ttl,
            max_ttl,
            _pad: [0; 2],
        };
        self.peers.push((key, entry));
        self
    }

    /// With the router of `slot` and its virtual IPs at its Virtual Router MAC.
    #[must_use]
    pub fn with_virtual_mac(mut self, slot: u32) -> Self {
        let mut routers = self.routers.iter();
        let (key, _) = routers.find(|(_, entry)| entry.slot == slot).unwrap();
        self.macs.push((*key, slot));
        for (_, vip) in self.vips.iter_mut().filter(|(_, vip)| vip.slot == slot) {
            vip.mac = key.virtual_mac();
        }
        self
    }

    /// With proxy ARP at the Virtual Router MAC of the router in `slot`.
    #[must_use]
    pub fn with_proxy(mut self, slot: u32) -> Self {
        let mut routers = self.routers.iter();
        let (key, _) = routers.find(|(_, entry)| entry.slot == slot).unwrap();
        let entry = ProxyEntry {
            slot,
            own: MAC,
            mac: key.virtual_mac(),
        };
        self.proxies.push((key.ifindex, entry));
        self
    }

    /// The entry of the router in `slot`.
    pub fn router(&mut self, slot: u32) -> &mut RouterEntry {
        let entries = self.routers.iter_mut().map(|(_, entry)| entry);
        entries
            .into_iter()
            .find(|entry| entry.slot == slot)
            .unwrap()
    }

    /// The words of `slot`.
    pub fn slot(&mut self, slot: u32) -> &mut Slot {
        &mut self.slots[slot as usize]
    }

    /// The Bloom filter's words for the virtual IPs.
    #[must_use]
    pub fn filter(&self) -> [u64; FILTER_WORDS] {
        let mut words = [0; FILTER_WORDS];
        for (key, _) in &self.vips {
            let (word, bit) = key.filter_position();
            words[word] |= 1 << bit;
        }
        words
    }
}

impl Tables for World {
    fn now(&self) -> u64 {
        clock::now()
    }

    fn router(&self, key: &RouterKey) -> Option<&RouterEntry> {
        let found = self.routers.iter().find(|(candidate, _)| candidate == key);
        found.map(|(_, entry)| entry)
    }

    fn peer(&self, key: &PeerKey) -> Option<&PeerEntry> {
        let found = self.peers.iter().find(|(candidate, _)| candidate == key);
        found.map(|(_, entry)| entry)
    }

    fn standing(&self, slot: u32) -> Standing {
        let Some(words) = self.slots.get(slot as usize) else {
            return Standing::NONE;
        };
        Standing {
            word: Ownership(words.ownership),
            considered_until: words.considered_until,
            better_seen: words.better_seen,
            last_seen: words.last_seen,
        }
    }

    fn follow(&self, slot: u32) -> Follow {
        Follow::unpack(self.slots[slot as usize].follow)
    }

    fn may_be_vip(&self, tail: [u8; 4]) -> bool {
        let (word, bit) = filter_position(tail);
        self.filter()[word] >> bit & 1 != 0
    }

    fn vip(&self, key: &VipKey) -> Option<&VipEntry> {
        let found = self.vips.iter().find(|(candidate, _)| candidate == key);
        found.map(|(_, entry)| entry)
    }

    fn vip_state(&self, vip: u32) -> u64 {
        self.vip_states[vip as usize]
    }

    fn has_virtual_macs(&self) -> bool {
        !self.macs.is_empty()
    }

    fn virtual_mac(&self, key: &RouterKey) -> Option<u32> {
        let found = self.macs.iter().find(|(candidate, _)| candidate == key);
        found.map(|(_, slot)| *slot)
    }

    fn proxy(&self, ifindex: u32) -> Option<&ProxyEntry> {
        let mut proxies = self.proxies.iter();
        let found = proxies.find(|(candidate, _)| *candidate == ifindex);
        found.map(|(_, entry)| entry)
    }
}

/// As [`behind::netns`](super::behind::netns) has it.
impl Routes for World {
    fn forwards(&self, ifindex: u32, _: [u8; 4], destination: [u8; 4]) -> bool {
        ifindex == IFINDEX && destination.starts_with(&BEHIND)
    }
}

const EMPTY_SLOT: Slot = Slot {
    ownership: 0,
    last_seen: 0,
    follow: 0,
    better_seen: 0,
    considered_until: 0,
    conflict_seen: 0,
    _pad: [0; 2],
};

/// A router of version 3 with these virtual IPs.
pub(super) fn entry<A: AsRef<[u8]>>(slot: u32, primary: A, vips: &[A]) -> RouterEntry {
    RouterEntry {
        slot,
        flags: router_flags::ACCEPT_V3,
        primary: wide(primary),
        address_digest: digest(vips),
        address_count: u16::try_from(vips.len()).unwrap(),
        interval_cs: 100,
        auth_type: 0,
        priority: PRIORITY,
        _pad: [0; 2],
        auth_data: [0; 8],
    }
}

/// A virtual IP of the router in `slot`, whose index is `vip`.
pub(super) fn vip(
    (slot, vip): (u32, u32),
    vlan: u16,
    family: Family,
    address: impl AsRef<[u8]>,
) -> (VipKey, VipEntry) {
    let key = VipKey::new(IFINDEX, vlan, family, wide(address));
    let entry = VipEntry {
        slot,
        vip,
        mac: MAC,
        flags: 0,
        _pad: 0,
    };
    (key, entry)
}

fn router_v4(vlan: u16, vrid: u8) -> RouterKey {
    RouterKey::new(IFINDEX, vlan, Family::V4, vrid)
}

fn entry_v4(slot: u32, vip: [u8; 4]) -> RouterEntry {
    entry(slot, PRIMARY, &[vip])
}

fn vip_v4(slot: u32, index: u32, vlan: u16, address: [u8; 4]) -> (VipKey, VipEntry) {
    vip((slot, index), vlan, Family::V4, address)
}

/// An address of 4 or 16 bytes as maps and records hold it.
#[must_use]
pub fn wide(address: impl AsRef<[u8]>) -> [u8; 16] {
    let address = address.as_ref();
    let mut wide = [0; 16];
    wide[..address.len()].copy_from_slice(address);
    wide
}

/// The digest of a list of addresses, all of one family.
///
/// # Panics
///
/// If an address has more than 16 bytes.
#[must_use]
pub fn digest<A: AsRef<[u8]>>(addresses: &[A]) -> u32 {
    addresses.iter().fold(0, |digest, address| {
        let address = address.as_ref();
        match address.try_into() {
            Ok(four) => address_digest(digest, four),
            Err(_) => address_digest_v6(digest, u128::from_be_bytes(wide(address))),
        }
    })
}

/// What a router asks for that follows the usual advert of this peer: nobody is woken by the next.
#[must_use]
pub fn following(peer: impl AsRef<[u8]>) -> Follow {
    Follow {
        source_tail: peer.as_ref().last_chunk().copied().unwrap(),
        interval_cs: 100,
        priority: 100,
        restart_min: 1,
    }
}
