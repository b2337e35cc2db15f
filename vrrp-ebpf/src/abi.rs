//! Maps: keys, values, ring records, counters and limits.
//!
//! Every struct is `repr(C)` without implicit padding, so that the same bytes mean the same on both
//! sides. Addresses are network order; everything else is host order.

mod counters;
mod digest;
mod sample;

use core::net::IpAddr;

use bytemuck::{Pod, Zeroable};

use crate::{
    types::{self, Family, Mac},
    wire::mac,
};

pub use self::{
    counters::{Counter, Counters},
    digest::{address_digest, address_digest_pair, address_digest_v6},
    sample::{HEAD_WORDS, MAX_SAMPLES, SAMPLE_SPACING, Sample, sample_index},
};

/// Virtual routers per node (all interfaces together).
pub const MAX_ROUTERS: u32 = 256;
/// Virtual IPs per node (all virtual routers together).
pub const MAX_VIPS: u32 = 4096;
/// Unicast peers per node (all virtual routers together).
pub const MAX_PEERS: u32 = 4096;
/// Virtual Router MACs per node (interfaces and virtual routers together).
pub const MAX_MACS: u32 = 1024;
/// Interfaces where a virtual router answers by proxy ARP.
pub const MAX_PROXIES: u32 = MAX_MACS;
/// Bytes of the event ring: a power of two of pages.
pub const RING_BYTES: u32 = 1 << 18;
/// Index in `COUNTERS` of what belongs to no virtual router of ours.
pub const NO_ROUTER: u32 = MAX_ROUTERS;

/// Key of `ROUTERS` and `MACS`: a VRID is unique per interface, VLAN and family (RFC 9568 section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct RouterKey {
    /// Interface that the program is attached to.
    pub ifindex: u32,
    /// VLAN ID of the frame's 802.1Q tag, 0 for untagged and priority-tagged frames.
    pub vlan: u16,
    /// A [`Family`].
    pub family: u8,
    /// Virtual Router ID, 1-255.
    pub vrid: u8,
}

impl RouterKey {
    /// The key of a virtual router.
    #[must_use]
    #[inline(always)]
    pub const fn new(ifindex: u32, vlan: u16, family: Family, vrid: u8) -> Self {
        Self {
            ifindex,
            vlan,
            family: family as u8,
            vrid,
        }
    }

    /// Family of the virtual router.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::from_number(self.family)
    }

    /// Its Virtual Router MAC.
    #[must_use]
    pub const fn virtual_mac(&self) -> Mac {
        mac::of_router(self.family(), self.vrid)
    }
}

/// Value of `ROUTERS`: what the receive checks of RFC 9568 section 7.1 compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RouterEntry {
    /// Index in `SLOTS` and `COUNTERS`.
    pub slot: u32,
    /// Bits of [`router_flags`].
    pub flags: u32,
    /// Our own source address (IPv4 in the first four bytes): adverts from it are our own.
    pub primary: [u8; 16],
    /// [`address_digest`] or [`address_digest_v6`] of the configured virtual IPs of this family.
    pub address_digest: u32,
    /// How many virtual IPs our own adverts carry.
    pub address_count: u16,
    /// Configured Advertisement Interval in centiseconds (v2 compares it: RFC 3768 section 7.1).
    pub interval_cs: u16,
    /// v2 Auth Type we demand: 0 none, 1 simple text password.
    pub auth_type: u8,
    /// Our own priority, 1-255: with `primary`, who is better than we.
    pub priority: u8,
    /// Explicit padding.
    pub _pad: [u8; 2],
    /// v2 password, zero-padded; compared when `auth_type` is 1.
    pub auth_data: [u8; 8],
}

/// Bits of [`RouterEntry::flags`].
pub mod router_flags {
    /// Adverts of version 2 are for us.
    pub const ACCEPT_V2: u32 = 1;
    /// Adverts of version 3 are for us. Together with [`ACCEPT_V2`]: RFC 9568 section 8.4.2, where the
    /// interval of version 2 is learned as well.
    pub const ACCEPT_V3: u32 = 2;
    /// `skip_check_adv_addr`: a differing address list is no reason to refuse a v2 advert.
    pub const SKIP_ADDRESS_CHECK: u32 = 4;
    /// `unicast_peer`: adverts come to our own address, and those to the group are somebody else's.
    pub const UNICAST: u32 = 8;
    /// `check_unicast_src`: who is not in `PEERS` is refused.
    pub const CHECK_SOURCE: u32 = 16;
}

/// Key of `PEERS`: a unicast peer of a virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct PeerKey {
    /// Index in `SLOTS` of the virtual router.
    pub slot: u32,
    /// Address of the peer, IPv4 in the first four bytes.
    pub address: [u8; 16],
}

/// Value of `PEERS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct PeerEntry {
    /// Lowest TTL that its adverts may arrive with.
    pub min_ttl: u8,
    /// Highest TTL that its adverts may arrive with.
    pub max_ttl: u8,
    /// Explicit padding.
    pub _pad: [u8; 2],
}

/// Value of `PROXIES`, by interface: who answers there by proxy ARP, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ProxyEntry {
    /// Index in `SLOTS` of the virtual router.
    pub slot: u32,
    /// The interface's MAC, with which the kernel answers.
    pub own: Mac,
    /// The Virtual Router MAC, which is to be told instead.
    pub mac: Mac,
}

/// Value of `SLOTS`, mapped into the node's memory: the words both sides touch per packet or per
/// advert. One cache line per virtual router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Slot {
    /// [`Ownership`](crate::ownership::Ownership) word. Written by the node, by compare-and-swap.
    pub ownership: u64,
    /// XDP's stamp (`bpf_ktime_get_ns`) of the last accepted advert whose priority is not 0 and at
    /// least [`Follow::restart_min`], or, while Retiring, of the successor's advert or GARP.
    /// Written by XDP; the node zeroes it before it retires.
    pub last_seen: u64,
    /// [`Follow`] word: which advert needs no wake-up. Written by the node.
    pub follow: u64,
    /// XDP's stamp of the last accepted advert of a router that is better than we
    /// ([`Candidate::deposes`](crate::election::Candidate::deposes)), whatever we are. Written by XDP.
    pub better_seen: u64,
    /// The election has considered every better advert up to this time. If `better_seen` is later, the
    /// programs treat us as fenced although the word says Active: see
    /// [`Standing`](crate::ownership::Standing). Written by the node, before the word that says Active.
    pub considered_until: u64,
    /// XDP's stamp of the last frame in which somebody else spoke as a virtual IP that we own. Written by
    /// XDP, also when there is no record of it.
    pub conflict_seen: u64,
    /// Keeps the cache line to itself.
    pub _pad: [u64; 2],
}

/// The advert that a Backup follows: an advert equal to it only moves `last_seen` and is submitted
/// to the ring without a wake-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Follow {
    /// Last four bytes of the source address, network order. In version 2, with priority 0: of the router
    /// that was followed last. From either an advert of version 2 is taken whatever its address list and interval.
    pub source_tail: [u8; 4],
    /// Interval of the advert in centiseconds.
    pub interval_cs: u16,
    /// Priority of the advert; 0 matches no advert, so everything wakes.
    pub priority: u8,
    /// Lowest priority that restarts the Active_Down_Timer (RFC 9568 section 6.4.2): our own with
    /// preemption, 1 without.
    pub restart_min: u8,
}

impl Follow {
    /// Packs for [`Slot::follow`].
    #[must_use]
    #[inline(always)]
    pub const fn pack(self) -> u64 {
        (u32::from_be_bytes(self.source_tail) as u64) << 32
            | (self.interval_cs as u64) << 16
            | (self.priority as u64) << 8
            | self.restart_min as u64
    }

    /// Unpacks [`Slot::follow`].
    #[must_use]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "takes the fields apart")]
    pub const fn unpack(word: u64) -> Self {
        Self {
            source_tail: ((word >> 32) as u32).to_be_bytes(),
            interval_cs: (word >> 16) as u16,
            priority: (word >> 8) as u8,
            restart_min: word as u8,
        }
    }
}

/// Key of `VIPS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct VipKey {
    /// Interface that the program is attached to.
    pub ifindex: u32,
    /// VLAN ID, 0 for untagged frames.
    pub vlan: u16,
    /// A [`Family`].
    pub family: u8,
    /// Explicit padding.
    pub _pad: u8,
    /// The virtual IP, IPv4 in the first four bytes.
    pub address: [u8; 16],
}

impl VipKey {
    /// The key of a virtual IP whose address is in this form already.
    #[must_use]
    #[inline(always)]
    pub const fn new(ifindex: u32, vlan: u16, family: Family, address: [u8; 16]) -> Self {
        Self {
            ifindex,
            vlan,
            family: family as u8,
            _pad: 0,
            address,
        }
    }

    /// The key of a virtual IP on an interface, without a VLAN tag.
    #[must_use]
    pub const fn of(ifindex: u32, address: IpAddr) -> Self {
        let bytes = types::address_bytes(address);
        Self::new(ifindex, 0, Family::of(address), bytes)
    }

    /// Family of the virtual IP.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::from_number(self.family)
    }

    /// Where the virtual IP falls in the filter: see [`filter_position`].
    #[must_use]
    pub const fn filter_position(&self) -> (usize, u32) {
        let [a, b, c, d, .., e, f, g, h] = self.address;
        filter_position(match self.family() {
            Family::V4 => [a, b, c, d],
            Family::V6 => [e, f, g, h],
        })
    }

    /// The virtual IP.
    #[must_use]
    pub const fn ip(&self) -> IpAddr {
        types::address_from(self.family(), self.address)
    }
}

/// Value of `VIPS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct VipEntry {
    /// Index in `SLOTS` of the virtual router that owns it.
    pub slot: u32,
    /// Index in `VIP_STATES`.
    pub vip: u32,
    /// MAC that answers carry: the interface's, or the Virtual Router MAC where configured. The latter
    /// is written into what leaves.
    pub mac: Mac,
    /// Bits of [`vip_flags`].
    pub flags: u8,
    /// Explicit padding.
    pub _pad: u8,
}

/// Bits of [`VipEntry::flags`].
pub mod vip_flags {
    /// Accept_Mode is off (RFC 9568 section 6.1): the owner by election takes no packets to it.
    pub const NO_ACCEPT: u8 = 1;
}

/// Bits of a value of `VIP_STATES` (one `u64` per virtual IP, mapped into the node's memory).
pub mod vip_state {
    /// The address is on the interface, or may be: set before RTM_NEWADDR is sent, cleared after
    /// RTM_DELADDR is acknowledged. On a node that is not the owner, packets to it are dropped.
    pub const INSTALLED: u64 = 1;
    /// The kernel acknowledged the address: the owner's packets to it may pass.
    pub const READY: u64 = 2;
}

/// Words of the `FILTER` map's only value: a one-hash Bloom filter over the virtual IPs, so that a
/// transit packet needs no hash lookup.
pub const FILTER_WORDS: usize = 16;

/// Where an address (its last four bytes) falls in the filter: (word, bit).
#[must_use]
#[inline(always)]
pub const fn filter_position(tail: [u8; 4]) -> (usize, u32) {
    let hash = u32::from_be_bytes(tail).wrapping_mul(0x9e37_79b1) >> 22;
    ((hash >> 6) as usize & (FILTER_WORDS - 1), hash & 63)
}

/// What an [`Event`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// An advert that passed every check.
    Advert = 1,
    /// Somebody else announces or claims a virtual IP that we own.
    Conflict = 2,
    /// While Retiring: the successor's gratuitous ARP / unsolicited NA for one of our virtual IPs.
    SuccessorAnnounced = 3,
}

/// Record of the `EVENTS` ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Event {
    /// `bpf_ktime_get_ns` when XDP saw the frame: CLOCK_MONOTONIC.
    pub stamp: u64,
    /// Index in `SLOTS`.
    pub slot: u32,
    /// Index in `VIP_STATES`, for [`EventKind::Conflict`] and [`EventKind::SuccessorAnnounced`].
    pub vip: u32,
    /// Source IP of an advert, or sender protocol address; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Ethernet source.
    pub mac: Mac,
    /// Max Advertise Interval (v3) or Advertisement Interval (v2), in centiseconds.
    pub interval_cs: u16,
    /// An [`EventKind`].
    pub kind: u8,
    /// VRRP version of an advert.
    pub version: u8,
    /// Priority of an advert.
    pub priority: u8,
    /// Bits of [`event_flags`].
    pub flags: u8,
    /// How many addresses the advert carried.
    pub count: u8,
    /// Explicit padding.
    pub _pad: [u8; 3],
}

/// Bits of [`Event::flags`].
pub mod event_flags {
    /// The advert's address list differs from ours (log only in v3: RFC 9568 section 7.1).
    pub const ADDRESS_LIST_DIFFERS: u8 = 1;
    /// v3 over IPv4: the checksum was valid with a pseudo-header, as keepalived and FRR send it.
    pub const CHECKSUM_PSEUDO: u8 = 2;
    /// v2 with another address list or interval than ours, which we took because we follow its sender. By RFC 3768
    /// section 7.1 its sender refuses ours, unless it followed us once: were we to preempt it, both might
    /// serve.
    pub const REFUSES_OURS: u8 = 4;
}

const _: () = {
    assert!(size_of::<RouterKey>() == 8);
    assert!(size_of::<RouterEntry>() == 44);
    assert!(size_of::<PeerKey>() == 20);
    assert!(size_of::<PeerEntry>() == 4);
    assert!(size_of::<ProxyEntry>() == 16);
    assert!(size_of::<Slot>() == 64);
    assert!(size_of::<VipKey>() == 24);
    assert!(size_of::<VipEntry>() == 16);
    assert!(size_of::<Event>() == 48);
};

#[cfg(feature = "user")]
mod user {
    use super::{
        PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, Sample, Slot, VipEntry, VipKey,
    };

    // SAFETY: `repr(C)`, no padding, any bit pattern is valid (they are bytemuck::Pod).
    unsafe impl aya::Pod for RouterKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for RouterEntry {}
    // SAFETY: as above.
    unsafe impl aya::Pod for PeerKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for PeerEntry {}
    // SAFETY: as above.
    unsafe impl aya::Pod for ProxyEntry {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Slot {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Sample {}
    // SAFETY: as above.
    unsafe impl aya::Pod for VipKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for VipEntry {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follow_survives_packing() {
        let follow = Follow {
            source_tail: [192, 168, 1, 2],
            interval_cs: 4095,
            priority: 254,
            restart_min: 253,
        };
        assert_eq!(Follow::unpack(follow.pack()), follow);
    }
}
