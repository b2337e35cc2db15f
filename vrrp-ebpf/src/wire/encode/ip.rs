//! Headers of the packets that we build, of either family.

use alloc::{vec, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    checksum::Sum,
    types::Mac,
    wire::{ethernet, ipv4},
};

/// Network control (CS6), as keepalived sends.
pub(super) const NETWORK_CONTROL: u8 = 0xc0;

/// Source and destination, which are of one family.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Ends {
    /// Nothing if the two are of different families.
    pub(super) const fn new(source: IpAddr, destination: IpAddr) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Some(Self::V4(source, destination)),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some(Self::V6(source, destination)),
            _ => None,
        }
    }

    /// Sum of the pseudo-header of RFC 793 section 3.1 or RFC 8200 section 8.1.
    pub(super) fn pseudo_header(self, protocol: u8, length: usize) -> Sum {
        let [high, low] = length_field(length);
        let sum = Sum::ZERO.add([0, protocol, high, low]);
        match self {
            Self::V4(source, destination) => sum
                .add_bytes(&source.octets())
                .add_bytes(&destination.octets()),
            Self::V6(source, destination) => sum
                .add_bytes(&source.octets())
                .add_bytes(&destination.octets()),
        }
    }
}

/// What differs between the packets that we build.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Type of Service or Traffic Class.
    pub(super) traffic_class: u8,
    /// Protocol or Next Header.
    pub(super) protocol: u8,
    /// TTL or Hop Limit.
    pub(super) hop_limit: u8,
    pub(super) ends: Ends,
}

impl Header {
    /// The packet as a frame to the group that is its destination (RFC 1112 section 6.4, RFC 2464
    /// section 7).
    pub(super) fn multicast(&self, mac: Mac, payload: &[u8]) -> Vec<u8> {
        let (group, ethertype) = match self.ends {
            Ends::V4(_, group) => {
                let [_, b, c, d] = group.octets();
                ([0x01, 0x00, 0x5e, b & 0x7f, c, d], ethernet::IPV4)
            }
            Ends::V6(_, group) => {
                let [.., a, b, c, d] = group.octets();
                ([0x33, 0x33, a, b, c, d], ethernet::IPV6)
            }
        };
        let mut frame = ethernet(group, mac, ethertype);
        frame.extend(self.packet(payload));
        frame
    }

    /// The packet without an Ethernet header.
    pub(super) fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let mut packet = match self.ends {
            Ends::V4(source, destination) => self.ipv4(source, destination, payload.len()),
            Ends::V6(source, destination) => self.ipv6(source, destination, payload.len()),
        };
        packet.extend(payload);
        packet
    }

    fn ipv4(&self, source: Ipv4Addr, destination: Ipv4Addr, payload: usize) -> Vec<u8> {
        const CHECKSUM_AT: usize = 10;
        /// Identification has no meaning in a datagram that is not fragmented (RFC 6864 section
        /// 4.1), so that one frame can be sent again and again.
        const DONT_FRAGMENT: [u8; 2] = [0x40, 0];

        let mut header = vec![0x45, self.traffic_class];
        header.extend(length_field(ipv4::MIN_HEADER + payload));
        header.extend([0, 0]);
        header.extend(DONT_FRAGMENT);
        header.extend([self.hop_limit, self.protocol, 0, 0]);
        header.extend(source.octets());
        header.extend(destination.octets());
        put_checksum(&mut header, CHECKSUM_AT, Sum::ZERO);
        header
    }

    fn ipv6(&self, source: Ipv6Addr, destination: Ipv6Addr, payload: usize) -> Vec<u8> {
        let class = self.traffic_class;
        let mut header = vec![0x60 | class >> 4, class << 4, 0, 0];
        header.extend(length_field(payload));
        header.extend([self.protocol, self.hop_limit]);
        header.extend(source.octets());
        header.extend(destination.octets());
        header
    }
}

pub(super) fn ethernet(destination: Mac, source: Mac, ethertype: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(128);
    frame.extend(destination);
    frame.extend(source);
    frame.extend(ethertype.to_be_bytes());
    frame
}

/// Stores the checksum of `bytes`, in which its field is zero, and of what `sum` covers beside them.
pub(super) fn put_checksum(bytes: &mut [u8], at: usize, sum: Sum) {
    let checksum = sum.add_bytes(bytes).checksum();
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// 255 addresses of 16 bytes fit by far.
fn length_field(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
