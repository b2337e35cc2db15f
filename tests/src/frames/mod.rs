//! Frames built from their specification, byte by byte and without the product's own encoders, so
//! that a mistake cannot cancel itself out. Every builder starts valid; a test bends one field.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a frame that cannot be built is a mistake in the test that asks for it"
)]

mod v4;
pub mod v6;

use std::fmt::Debug;

pub use v4::{Advert, Arp, Ipv4, PEER, Packet};

/// MAC that frames come from unless told otherwise.
pub const PEER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];

const ETHERNET_MIN: usize = 60;
const VRRP: u8 = 112;

/// Ethernet header and padding around a payload.
#[derive(Clone, Debug)]
pub struct Ethernet {
    /// Destination MAC.
    pub destination: [u8; 6],
    /// Source MAC.
    pub source: [u8; 6],
    /// TPID and TCI of each VLAN tag, outermost first.
    pub tags: Vec<(u16, u16)>,
    /// Whether the frame is padded with 0xee to the minimum of 60 bytes.
    pub padded: bool,
}

impl Ethernet {
    /// Untagged and unpadded, from [`PEER_MAC`].
    pub fn to(destination: [u8; 6]) -> Self {
        Self {
            destination,
            source: PEER_MAC,
            tags: Vec::new(),
            padded: false,
        }
    }

    fn frame(&self, ethertype: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = [self.destination, self.source].concat();
        for (tpid, tci) in &self.tags {
            frame.extend(tpid.to_be_bytes());
            frame.extend(tci.to_be_bytes());
        }
        frame.extend(ethertype.to_be_bytes());
        frame.extend(payload);
        if self.padded && frame.len() < ETHERNET_MIN {
            frame.resize(ETHERNET_MIN, 0xee);
        }
        frame
    }
}

/// How the checksum of an advert is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Over the message alone (RFC 9568, RFC 3768).
    Plain,
    /// With the pseudo-header, as keepalived sends version 3.
    Pseudo,
    /// Off by one.
    Wrong,
}

/// The IP header in front of a message.
pub trait Header: Clone + Debug {
    /// Address of the family.
    type Address: Copy + Debug + AsRef<[u8]> + 'static;

    /// EtherType of the family.
    const ETHERTYPE: u16;
    /// Where adverts go to.
    const GROUP: Self::Address;
    /// The MAC of the group.
    const GROUP_MAC: [u8; 6];

    /// A header from the usual peer, for one hop.
    #[must_use]
    fn to(destination: Self::Address) -> Self;

    /// The packet that carries a payload.
    fn packet(&self, protocol: u8, payload: &[u8]) -> Vec<u8>;

    /// The pseudo-header of a message of this length.
    fn pseudo(&self, protocol: u8, length: usize) -> Vec<u8>;

    /// Checksum of a message with the pseudo-header.
    fn sum(&self, protocol: u8, message: &[u8]) -> u16 {
        let mut summed = self.pseudo(protocol, message.len());
        summed.extend(message);
        checksum(&summed)
    }

    /// Source and destination.
    fn ends(&mut self) -> (&mut Self::Address, &mut Self::Address);

    /// TTL or hop limit.
    fn hops(&mut self) -> &mut u8;
}

/// An advert.
#[derive(Clone, Debug)]
pub struct IpAdvert<I: Header> {
    /// Ethernet part.
    pub ethernet: Ethernet,
    /// IP part.
    pub ip: I,
    /// Version and Type in one byte.
    pub version_type: u8,
    /// Virtual Router ID.
    pub vrid: u8,
    /// Priority.
    pub priority: u8,
    /// Count of addresses instead of the true one.
    pub count: Option<u8>,
    /// Bytes 4 and 5: Auth Type and seconds (version 2), reserved bits and centiseconds (3).
    pub timing: [u8; 2],
    /// Addresses.
    pub addresses: Vec<I::Address>,
    /// What follows the addresses: authentication data, or what is against the RFC.
    pub tail: Vec<u8>,
    /// Checksum; over IPv6 [`Checksum::Pseudo`] is the right one.
    pub checksum: Checksum,
}

impl<I: Header> IpAdvert<I> {
    /// Version 3, priority 100, every second, with pseudo-header.
    #[must_use]
    pub fn v3(vrid: u8, addresses: &[I::Address]) -> Self {
        Self {
            ethernet: Ethernet::to(I::GROUP_MAC),
            ip: I::to(I::GROUP),
            version_type: 0x31,
            vrid,
            priority: 100,
            count: None,
            timing: [0, 100],
            addresses: addresses.to_vec(),
            tail: Vec::new(),
            checksum: Checksum::Pseudo,
        }
    }

    /// The same from another address.
    #[must_use]
    pub fn sent_by(mut self, source: I::Address) -> Self {
        *self.ip.ends().0 = source;
        self
    }

    /// The same to another address.
    #[must_use]
    pub fn sent_to(mut self, destination: I::Address) -> Self {
        *self.ip.ends().1 = destination;
        self
    }

    /// The same with another TTL or hop limit.
    #[must_use]
    pub fn with_hops(mut self, hops: u8) -> Self {
        *self.ip.hops() = hops;
        self
    }

    /// The frame.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let count = self
            .count
            .unwrap_or_else(|| u8::try_from(self.addresses.len()).unwrap());
        let mut message = vec![self.version_type, self.vrid, self.priority, count];
        message.extend(self.timing);
        message.extend([0, 0]);
        for address in &self.addresses {
            message.extend(address.as_ref());
        }
        message.extend(&self.tail);
        let sum = match self.checksum {
            Checksum::Plain => checksum(&message),
            Checksum::Pseudo => self.ip.sum(VRRP, &message),
            Checksum::Wrong => self.ip.sum(VRRP, &message) ^ 1,
        };
        message[6..8].copy_from_slice(&sum.to_be_bytes());
        let packet = self.ip.packet(VRRP, &message);
        self.ethernet.frame(I::ETHERTYPE, &packet)
    }
}

/// A packet of any other protocol.
#[derive(Clone, Debug)]
pub struct IpPacket<I> {
    /// Ethernet part.
    pub ethernet: Ethernet,
    /// IP part.
    pub ip: I,
    /// Protocol.
    pub protocol: u8,
    /// Payload.
    pub payload: Vec<u8>,
}

impl<I: Header> IpPacket<I> {
    /// A UDP-like packet.
    #[must_use]
    pub fn to(destination: I::Address) -> Self {
        Self {
            ethernet: Ethernet::to([0x02, 0, 0, 0, 0, 0x01]),
            ip: I::to(destination),
            protocol: 17,
            payload: vec![0x5a; 26],
        }
    }

    /// The frame.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let packet = self.ip.packet(self.protocol, &self.payload);
        self.ethernet.frame(I::ETHERTYPE, &packet)
    }
}

/// RFC 1071, the slow and obvious way.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u64 = 0;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}
