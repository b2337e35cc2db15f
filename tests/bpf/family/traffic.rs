//! What hosts and routers say beside adverts: questions for a virtual IP and claims of it (ARP or
//! Neighbour Discovery), and packets to and from it.

use vrrp_ebpf::{abi::Counter, ownership::State};
use vrrp_tests::{
    datapath::{World, v6, world},
    frames::{self, Arp, IpPacket, PEER_MAC, Packet, v6::link_layer},
};

use super::{Address, Family, V4, V6};
use crate::v6::questions;

/// The frames of a family, and what is counted for them.
pub(crate) trait Traffic: Family {
    /// The virtual IPs of the untagged router, each with its index.
    const VIPS: &[(u32, Address<Self>)];
    /// Somebody who has nothing to do with a virtual IP.
    const ELSEWHERE: Address<Self>;
    /// A question that is not answered.
    const IGNORED: Counter;
    /// A claim that is a conflict.
    const CONFLICT: Counter;
    /// A claim of ours that may not leave.
    const TAUGHT: Counter;

    /// Questions for a virtual IP, probes among them.
    fn questions(vip: Address<Self>) -> Vec<Vec<u8>>;

    /// A question for a virtual IP whose answer is wanted at this MAC.
    fn question_of(vip: Address<Self>, mac: [u8; 6]) -> Vec<u8>;

    /// Whatever speaks as a virtual IP from another MAC.
    fn claims(vip: Address<Self>) -> Vec<Vec<u8>>;

    /// An announcement of a virtual IP at this MAC.
    fn announcement(vip: Address<Self>, mac: [u8; 6]) -> Vec<u8>;

    /// Packets of every shape to this address.
    fn packets(destination: Address<Self>) -> Vec<IpPacket<Self::Ip>>;

    /// Data from a virtual IP.
    fn data() -> Vec<Vec<u8>>;

    /// What teaches others where a virtual IP is.
    fn lessons() -> Vec<Vec<u8>>;

    /// Nodes that do not own the virtual IPs.
    fn others() -> [World; 4] {
        [
            Self::world(),
            Self::world().with_state(Self::SLOT, State::Rising),
            Self::world().with_expired(Self::SLOT, State::Active),
            Self::world().with_expired(Self::SLOT, State::Retiring),
        ]
    }

    /// A node that retires and has heard its successor.
    fn succeeded() -> World {
        let mut world = Self::world().with_state(Self::SLOT, State::Retiring);
        world.slot(Self::SLOT).last_seen = 1;
        world
    }

    /// Packets of every shape to each virtual IP of the untagged router.
    fn packets_to_vips() -> Vec<IpPacket<Self::Ip>> {
        let vips = Self::VIPS.iter();
        vips.flat_map(|(_, vip)| Self::packets(*vip)).collect()
    }
}

impl Traffic for V4 {
    const VIPS: &[(u32, [u8; 4])] = &[(0, world::VIP)];
    const ELSEWHERE: [u8; 4] = [10, 9, 8, 7];
    const IGNORED: Counter = Counter::ArpIgnored;
    const CONFLICT: Counter = Counter::ArpConflict;
    const TAUGHT: Counter = Counter::EgressArp;

    fn questions(vip: [u8; 4]) -> Vec<Vec<u8>> {
        vec![Arp::who_has(vip).build(), Arp::probe(vip).build()]
    }

    fn question_of(vip: [u8; 4], mac: [u8; 6]) -> Vec<u8> {
        let mut question = Arp::who_has(vip);
        question.sender_mac = mac;
        question.build()
    }

    fn claims(vip: [u8; 4]) -> Vec<Vec<u8>> {
        let asks_another = Arp {
            sender: vip,
            ..Arp::who_has([192, 168, 1, 7])
        };
        let tells_another = Arp {
            operation: 2,
            ..asks_another.clone()
        };
        let claims = [
            Arp::gratuitous(1, vip),
            Arp::gratuitous(2, vip),
            asks_another,
            tells_another,
        ];
        claims.iter().map(Arp::build).collect()
    }

    fn announcement(vip: [u8; 4], mac: [u8; 6]) -> Vec<u8> {
        let mut announcement = Arp::gratuitous(1, vip);
        announcement.sender_mac = mac;
        announcement.ethernet.source = mac;
        announcement.build()
    }

    fn packets(destination: [u8; 4]) -> Vec<Packet> {
        let packet = Packet::to(destination);
        let mut options = packet.clone();
        options.ip.options = vec![1; 8];
        let mut fragment = packet.clone();
        fragment.ip.fragment = 0x2003;
        let mut padded = packet.clone();
        padded.payload.clear();
        padded.ethernet.padded = true;
        let vrrp = Packet {
            protocol: 112,
            ..packet.clone()
        };
        vec![packet, options, fragment, padded, vrrp]
    }

    fn data() -> Vec<Vec<u8>> {
        let mut packet = Packet::to(Self::ELSEWHERE);
        packet.ip.source = world::VIP;
        let mut fragment = packet.clone();
        fragment.ip.fragment = 0x0010;
        let mut options = packet.clone();
        options.ip.options = vec![1; 40];
        vec![packet.build(), fragment.build(), options.build()]
    }

    fn lessons() -> Vec<Vec<u8>> {
        Self::claims(world::VIP)
    }
}

impl Traffic for V6 {
    const VIPS: &[(u32, [u8; 16])] = &[
        (v6::VIP_INDEX, v6::VIP),
        (v6::VIP_INDEX + 1, v6::VIP_GLOBAL),
    ];
    const ELSEWHERE: [u8; 16] = Self::STRANGER;
    const IGNORED: Counter = Counter::NdIgnored;
    const CONFLICT: Counter = Counter::NdConflict;
    const TAUGHT: Counter = Counter::EgressNd;

    fn questions(vip: [u8; 16]) -> Vec<Vec<u8>> {
        let questions = questions(vip);
        questions.iter().map(frames::v6::Neighbour::build).collect()
    }

    fn question_of(vip: [u8; 16], mac: [u8; 6]) -> Vec<u8> {
        let mut question = frames::v6::Neighbour::who_has(vip);
        question.options = link_layer(1, mac);
        question.build()
    }

    fn claims(vip: [u8; 16]) -> Vec<Vec<u8>> {
        let mut asks_another = frames::v6::Neighbour::who_has(Self::PEER);
        asks_another.ip.source = vip;
        let mut tells_another = frames::v6::Neighbour::announcement(vip);
        tells_another.ip.destination = Self::PRIMARY;
        tells_another.flags = 0xe0;
        let mut without_mac = frames::v6::Neighbour::announcement(vip);
        without_mac.options.clear();
        vec![
            Self::announcement(vip, PEER_MAC),
            asks_another.build(),
            tells_another.build(),
            without_mac.build(),
        ]
    }

    fn announcement(vip: [u8; 16], mac: [u8; 6]) -> Vec<u8> {
        let mut announcement = frames::v6::Neighbour::announcement(vip);
        announcement.options = link_layer(2, mac);
        announcement.ethernet.source = mac;
        announcement.build()
    }

    fn packets(destination: [u8; 16]) -> Vec<frames::v6::Packet> {
        crate::v6::packets(destination)
    }

    fn data() -> Vec<Vec<u8>> {
        let data = crate::v6::data();
        data.iter().map(frames::v6::Packet::build).collect()
    }

    fn lessons() -> Vec<Vec<u8>> {
        let mut asks = frames::v6::Neighbour::who_has(Self::PEER);
        asks.ip.source = v6::VIP;
        let mut from_elsewhere = frames::v6::Neighbour::announcement(v6::VIP);
        from_elsewhere.ip.source = Self::PRIMARY;
        let mut tells = frames::v6::Neighbour::announcement(v6::VIP_GLOBAL);
        tells.ip.destination = Self::PEER;
        tells.flags = 0xe0;
        vec![
            Self::announcement(v6::VIP, PEER_MAC),
            asks.build(),
            from_elsewhere.build(),
            tells.build(),
        ]
    }
}
