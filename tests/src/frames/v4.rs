//! Frames of IPv4: adverts, ARP, and packets of any kind.

use super::{Checksum, Ethernet, Header, IpAdvert, IpPacket, PEER_MAC, checksum};

/// IP address that frames come from unless told otherwise.
pub const PEER: [u8; 4] = [192, 168, 1, 2];
/// 224.0.0.18, where adverts go to.
const GROUP: [u8; 4] = [224, 0, 0, 18];

/// An IPv4 header.
#[derive(Clone, Debug)]
pub struct Ipv4 {
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
    /// Time to live.
    pub ttl: u8,
    /// Options: a multiple of 4 bytes, 40 at most.
    pub options: Vec<u8>,
    /// Flags and fragment offset.
    pub fragment: u16,
    /// Total length instead of the true one.
    pub total_length: Option<u16>,
    /// Whether the header checksum is wrong.
    pub corrupt: bool,
}

impl Header for Ipv4 {
    type Address = [u8; 4];

    const ETHERTYPE: u16 = 0x0800;
    const GROUP: [u8; 4] = GROUP;
    const GROUP_MAC: [u8; 6] = [0x01, 0, 0x5e, 0, 0, 0x12];

    fn to(destination: [u8; 4]) -> Self {
        Self {
            source: PEER,
            destination,
            ttl: 255,
            options: Vec::new(),
            fragment: 0,
            total_length: None,
            corrupt: false,
        }
    }

    fn packet(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let header = 20 + self.options.len();
        let total = self
            .total_length
            .unwrap_or_else(|| u16::try_from(header + payload.len()).unwrap());
        let mut packet = vec![0x40 | u8::try_from(header / 4).unwrap(), 0xc0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, 1]);
        packet.extend(self.fragment.to_be_bytes());
        packet.extend([self.ttl, protocol, 0, 0]);
        packet.extend(self.source);
        packet.extend(self.destination);
        packet.extend(&self.options);
        let sum = checksum(&packet) ^ u16::from(self.corrupt);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet.extend(payload);
        packet
    }

    fn pseudo(&self, protocol: u8, length: usize) -> Vec<u8> {
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        let rest = [0, protocol, high, low];
        [self.source, self.destination, rest].concat()
    }

    fn ends(&mut self) -> (&mut [u8; 4], &mut [u8; 4]) {
        (&mut self.source, &mut self.destination)
    }

    fn hops(&mut self) -> &mut u8 {
        &mut self.ttl
    }
}

/// An advert over IPv4.
pub type Advert = IpAdvert<Ipv4>;

impl Advert {
    /// Version 2, priority 100, every second, without authentication.
    pub fn v2(vrid: u8, addresses: &[[u8; 4]]) -> Self {
        Self {
            version_type: 0x21,
            timing: [0, 1],
            tail: vec![0; 8],
            checksum: Checksum::Plain,
            ..Self::v3(vrid, addresses)
        }
    }
}

/// An IPv4 packet of any other protocol.
pub type Packet = IpPacket<Ipv4>;

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Debug)]
pub struct Arp {
    /// Ethernet part.
    pub ethernet: Ethernet,
    /// Operation: 1 request, 2 reply.
    pub operation: u16,
    /// Sender hardware address.
    pub sender_mac: [u8; 6],
    /// Sender protocol address.
    pub sender: [u8; 4],
    /// Target hardware address.
    pub target_mac: [u8; 6],
    /// Target protocol address.
    pub target: [u8; 4],
}

impl Arp {
    /// [`PEER`] asks everybody who has `target`.
    pub fn who_has(target: [u8; 4]) -> Self {
        Self {
            ethernet: Ethernet::to([0xff; 6]),
            operation: 1,
            sender_mac: PEER_MAC,
            sender: PEER,
            target_mac: [0; 6],
            target,
        }
    }

    /// [`PEER_MAC`] announces that it has `address` (RFC 5227 section 3).
    pub fn gratuitous(operation: u16, address: [u8; 4]) -> Self {
        Self {
            operation,
            sender: address,
            ..Self::who_has(address)
        }
    }

    /// `mac` answers [`PEER`] that it has `address`.
    pub fn reply(mac: [u8; 6], address: [u8; 4]) -> Self {
        let mut ethernet = Ethernet::to(PEER_MAC);
        ethernet.source = mac;
        Self {
            ethernet,
            operation: 2,
            sender_mac: mac,
            sender: address,
            target_mac: PEER_MAC,
            target: PEER,
        }
    }

    /// [`PEER_MAC`] probes whether anybody has `address` (RFC 5227 section 2.1.1).
    pub fn probe(address: [u8; 4]) -> Self {
        Self {
            sender: [0; 4],
            ..Self::who_has(address)
        }
    }

    /// The frame.
    pub fn build(&self) -> Vec<u8> {
        let mut packet = vec![0, 1, 8, 0, 6, 4];
        packet.extend(self.operation.to_be_bytes());
        packet.extend(self.sender_mac);
        packet.extend(self.sender);
        packet.extend(self.target_mac);
        packet.extend(self.target);
        self.ethernet.frame(0x0806, &packet)
    }
}
