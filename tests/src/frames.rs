//! Frames built from their specification, byte by byte and without the product's own encoders, so
//! that a mistake cannot cancel itself out. Every builder starts valid; a test bends one field.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a frame that cannot be built is a mistake in the test that asks for it"
)]

pub mod v6;

/// MAC that frames come from unless told otherwise.
pub const PEER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
/// IP address that frames come from unless told otherwise.
pub const PEER: [u8; 4] = [192, 168, 1, 2];

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

impl Ipv4 {
    /// A header from [`PEER`].
    pub fn to(destination: [u8; 4]) -> Self {
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

/// An advert over IPv4.
#[derive(Clone, Debug)]
pub struct Advert {
    /// Ethernet part.
    pub ethernet: Ethernet,
    /// IP part.
    pub ip: Ipv4,
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
    pub addresses: Vec<[u8; 4]>,
    /// What follows the addresses: authentication data.
    pub tail: Vec<u8>,
    /// Checksum.
    pub checksum: Checksum,
}

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

    /// Version 3, priority 100, every second, with pseudo-header.
    pub fn v3(vrid: u8, addresses: &[[u8; 4]]) -> Self {
        Self {
            ethernet: Ethernet::to([0x01, 0, 0x5e, 0, 0, 0x12]),
            ip: Ipv4::to([224, 0, 0, 18]),
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

    /// The frame.
    pub fn build(&self) -> Vec<u8> {
        let count = self
            .count
            .unwrap_or_else(|| u8::try_from(self.addresses.len()).unwrap());
        let mut message = vec![self.version_type, self.vrid, self.priority, count];
        message.extend(self.timing);
        message.extend([0, 0]);
        message.extend(self.addresses.concat());
        message.extend(&self.tail);
        let sum = match self.checksum {
            Checksum::Plain => checksum(&message),
            Checksum::Wrong => checksum(&message) ^ 1,
            Checksum::Pseudo => {
                let mut summed = [self.ip.source, self.ip.destination].concat();
                summed.extend([0, VRRP]);
                summed.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
                summed.extend(&message);
                checksum(&summed)
            }
        };
        message[6..8].copy_from_slice(&sum.to_be_bytes());
        self.ethernet.frame(0x0800, &self.ip.packet(VRRP, &message))
    }
}

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

/// An IPv4 packet of any other protocol.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Ethernet part.
    pub ethernet: Ethernet,
    /// IP part.
    pub ip: Ipv4,
    /// Protocol.
    pub protocol: u8,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Packet {
    /// A UDP-like packet.
    pub fn to(destination: [u8; 4]) -> Self {
        Self {
            ethernet: Ethernet::to([0x02, 0, 0, 0, 0, 0x01]),
            ip: Ipv4::to(destination),
            protocol: 17,
            payload: vec![0x5a; 26],
        }
    }

    /// The frame.
    pub fn build(&self) -> Vec<u8> {
        self.ethernet
            .frame(0x0800, &self.ip.packet(self.protocol, &self.payload))
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
