//! The address family as a parameter of a test: `#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]`
//! makes two tests of one, and the name of the one that fails ends with its family.

mod traffic;

use vrrp_ebpf::abi::{Counter, Event, EventKind, event_flags};
use vrrp_tests::{
    datapath::{
        World, v6,
        world::{self, PASSWORD, VRID, VRID_V2, wide},
    },
    frames::{self, Advert, Header, IpAdvert, Ipv4, PEER_MAC, v6::Ipv6},
};

pub(crate) use traffic::Traffic;

/// What a test has to know of an address family.
pub(crate) trait Family {
    /// The header in front of its messages.
    type Ip: Header;

    /// Slot of the untagged router.
    const SLOT: u32;
    /// Slot of the router in [`VLAN`](world::VLAN).
    const SLOT_VLAN: u32;
    /// Our own address.
    const PRIMARY: Address<Self>;
    /// First virtual IP of the untagged router.
    const VIP: Address<Self>;
    /// Virtual IP of the router in [`VLAN`](world::VLAN).
    const VIP_VLAN: Address<Self>;
    /// Who sends adverts, unless told otherwise.
    const PEER: Address<Self>;
    /// Another peer, behind other routers.
    const FAR: Address<Self>;
    /// Who is nobody's peer.
    const STRANGER: Address<Self>;
    /// Bytes in front of the VRRP message of the usual advert.
    const HEADERS: usize;
    /// What is counted for the usual advert.
    const COUNTED: &[Counter];
    /// The record of the usual advert.
    const EVENT: Event;

    /// The maps, with all routers Idle.
    fn world() -> World;

    /// The usual advert of the untagged router's Active.
    fn advert() -> IpAdvert<Self::Ip>;

    /// An advert of each version that there is, each with the slot of its router.
    fn adverts() -> Vec<(IpAdvert<Self::Ip>, u32)>;
}

/// Address of a family.
pub(crate) type Address<F> = <<F as Family>::Ip as Header>::Address;

/// IPv4.
pub(crate) struct V4;

/// IPv6.
pub(crate) struct V6;

impl Family for V4 {
    type Ip = Ipv4;

    const SLOT: u32 = world::SLOT;
    const SLOT_VLAN: u32 = world::SLOT_VLAN;
    const PRIMARY: [u8; 4] = world::PRIMARY;
    const VIP: [u8; 4] = world::VIP;
    const VIP_VLAN: [u8; 4] = world::VIP_VLAN;
    const PEER: [u8; 4] = frames::PEER;
    const FAR: [u8; 4] = [10, 9, 0, 2];
    const STRANGER: [u8; 4] = [10, 9, 0, 7];
    const HEADERS: usize = 14 + 20;
    const COUNTED: &[Counter] = &[Counter::AdvertAccepted, Counter::ChecksumPseudo];
    const EVENT: Event = Event {
        stamp: 0,
        slot: world::SLOT,
        vip: 0,
        source: [192, 168, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        mac: PEER_MAC,
        interval_cs: 100,
        kind: EventKind::Advert as u8,
        version: 3,
        priority: 100,
        flags: event_flags::CHECKSUM_PSEUDO,
        count: 1,
        _pad: [0; 3],
    };

    fn world() -> World {
        World::new()
    }

    fn advert() -> Advert {
        Advert::v3(VRID, &[world::VIP])
    }

    fn adverts() -> Vec<(Advert, u32)> {
        vec![(version_2(), world::SLOT_V2), (Self::advert(), Self::SLOT)]
    }
}

impl Family for V6 {
    type Ip = Ipv6;

    const SLOT: u32 = v6::SLOT;
    const SLOT_VLAN: u32 = v6::SLOT_VLAN;
    const PRIMARY: [u8; 16] = v6::PRIMARY;
    const VIP: [u8; 16] = v6::VIP;
    const VIP_VLAN: [u8; 16] = v6::VIP_VLAN;
    const PEER: [u8; 16] = frames::v6::PEER;
    const FAR: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    const STRANGER: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    const HEADERS: usize = 14 + 40;
    const COUNTED: &[Counter] = &[Counter::AdvertAccepted];
    const EVENT: Event = Event {
        slot: v6::SLOT,
        source: frames::v6::PEER,
        flags: 0,
        count: 2,
        ..V4::EVENT
    };

    /// Both families.
    fn world() -> World {
        v6::world()
    }

    fn advert() -> frames::v6::Advert {
        frames::v6::Advert::v3(VRID, &[v6::VIP, v6::VIP_GLOBAL])
    }

    fn adverts() -> Vec<(frames::v6::Advert, u32)> {
        vec![(Self::advert(), Self::SLOT)]
    }
}

/// The usual advert of version 2, which IPv4 alone has, with its password.
pub(crate) fn version_2() -> Advert {
    Advert {
        timing: [1, 1],
        tail: PASSWORD.to_vec(),
        ..Advert::v2(VRID_V2, &[world::VIP])
    }
}

/// The record of a frame in which [`PEER_MAC`] speaks as the virtual IP with this index, by ARP or
/// Neighbour Discovery.
pub(crate) fn claimed(kind: EventKind, (slot, vip): (u32, u32), source: impl AsRef<[u8]>) -> Event {
    Event {
        slot,
        vip,
        source: wide(source),
        interval_cs: 0,
        kind: kind as u8,
        version: 0,
        priority: 0,
        flags: 0,
        count: 0,
        ..V4::EVENT
    }
}
