//! Frames of IPv6: adverts, Neighbour Discovery, and packets of any kind.

use super::{Checksum, Ethernet, PEER_MAC, VRRP, checksum};

/// IPv6 address that frames come from unless told otherwise.
pub const PEER: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
/// `::`, which stands for no address.
pub const UNSPECIFIED: [u8; 16] = [0; 16];
/// ff02::1.
pub const ALL_NODES: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// ff02::12, where adverts go to.
pub const GROUP: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12];

const ICMPV6: u8 = 58;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// An extension header, complete but for the number of what follows it.
#[derive(Clone, Debug)]
pub struct Extension {
    /// Its own number.
    pub number: u8,
    /// Its bytes; the first is replaced.
    pub bytes: Vec<u8>,
}

impl Extension {
    /// Hop-by-hop options of eight bytes: padding.
    #[must_use]
    pub fn hop_by_hop() -> Self {
        Self {
            number: HOP_BY_HOP,
            bytes: vec![0, 0, 1, 4, 0, 0, 0, 0],
        }
    }

    /// Destination options of `units` times eight bytes, 1-32: zeroes, each of which pads one byte.
    #[must_use]
    pub fn destination_options(units: u8) -> Self {
        let mut bytes = vec![0; usize::from(units) * 8];
        bytes[1] = units - 1;
        Self {
            number: DESTINATION_OPTIONS,
            bytes,
        }
    }

    /// A routing header whose way has been gone.
    #[must_use]
    pub fn routing() -> Self {
        Self {
            number: ROUTING,
            bytes: vec![0, 0, 4, 0, 0, 0, 0, 0],
        }
    }

    /// A fragment header with this offset and M flag, as on the wire.
    #[must_use]
    pub fn fragment(offset: u16) -> Self {
        let [high, low] = offset.to_be_bytes();
        Self {
            number: FRAGMENT,
            bytes: vec![0, 0, high, low, 0, 0, 0, 7],
        }
    }
}

/// An IPv6 header.
#[derive(Clone, Debug)]
pub struct Ipv6 {
    /// Source address.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
    /// Hop limit.
    pub hop_limit: u8,
    /// What lies between header and payload.
    pub extensions: Vec<Extension>,
    /// Payload length instead of the true one.
    pub length: Option<u16>,
}

impl Ipv6 {
    /// A header from [`PEER`].
    #[must_use]
    pub fn to(destination: [u8; 16]) -> Self {
        Self {
            source: PEER,
            destination,
            hop_limit: 255,
            extensions: Vec::new(),
            length: None,
        }
    }

    fn packet(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let numbers = self.extensions.iter().map(|extension| extension.number);
        let mut numbers = numbers.chain([protocol]);
        let first = numbers.next().unwrap();
        let mut body = Vec::new();
        for (extension, next) in self.extensions.iter().zip(numbers) {
            body.push(next);
            body.extend(&extension.bytes[1..]);
        }
        body.extend(payload);
        let length = self
            .length
            .unwrap_or_else(|| u16::try_from(body.len()).unwrap());
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([first, self.hop_limit]);
        packet.extend(self.source);
        packet.extend(self.destination);
        packet.extend(body);
        packet
    }

    /// Checksum of a message with the pseudo-header of RFC 8200 section 8.1.
    fn checksum(&self, protocol: u8, message: &[u8]) -> u16 {
        let mut summed = [self.source, self.destination].concat();
        summed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        summed.extend([0, 0, 0, protocol]);
        summed.extend(message);
        checksum(&summed)
    }
}

/// An advert over IPv6.
#[derive(Clone, Debug)]
pub struct Advert {
    /// Ethernet part.
    pub ethernet: Ethernet,
    /// IP part.
    pub ip: Ipv6,
    /// Version and Type in one byte.
    pub version_type: u8,
    /// Virtual Router ID.
    pub vrid: u8,
    /// Priority.
    pub priority: u8,
    /// Count of addresses instead of the true one.
    pub count: Option<u8>,
    /// Bytes 4 and 5: reserved bits and centiseconds.
    pub timing: [u8; 2],
    /// Addresses.
    pub addresses: Vec<[u8; 16]>,
    /// What follows the addresses, against the RFC.
    pub tail: Vec<u8>,
    /// Checksum; [`Checksum::Pseudo`] is the right one.
    pub checksum: Checksum,
}

impl Advert {
    /// Version 3, priority 100, every second.
    #[must_use]
    pub fn v3(vrid: u8, addresses: &[[u8; 16]]) -> Self {
        Self {
            ethernet: Ethernet::to([0x33, 0x33, 0, 0, 0, 0x12]),
            ip: Ipv6::to(GROUP),
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
    #[must_use]
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
            Checksum::Pseudo => self.ip.checksum(VRRP, &message),
            Checksum::Wrong => self.ip.checksum(VRRP, &message) ^ 1,
        };
        message[6..8].copy_from_slice(&sum.to_be_bytes());
        self.ethernet.frame(0x86dd, &self.ip.packet(VRRP, &message))
    }
}

/// A Neighbour Solicitation or Advertisement (RFC 4861 sections 4.3 and 4.4).
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Ethernet part.
    pub ethernet: Ethernet,
    /// IP part.
    pub ip: Ipv6,
    /// ICMPv6 type: 135 solicitation, 136 advertisement.
    pub kind: u8,
    /// ICMPv6 code.
    pub code: u8,
    /// R, S and O from the top; reserved in a solicitation.
    pub flags: u8,
    /// Target address.
    pub target: [u8; 16],
    /// Options.
    pub options: Vec<u8>,
    /// Whether the checksum is wrong.
    pub corrupt: bool,
}

impl Neighbour {
    /// [`PEER`] asks the solicited-node group who has `target`.
    #[must_use]
    pub fn who_has(target: [u8; 16]) -> Self {
        let [.., a, b, c] = target;
        let mut group = GROUP;
        group[11..].copy_from_slice(&[1, 0xff, a, b, c]);
        Self {
            ethernet: Ethernet::to([0x33, 0x33, 0xff, a, b, c]),
            ip: Ipv6::to(group),
            kind: 135,
            code: 0,
            flags: 0,
            target,
            options: link_layer(1, PEER_MAC),
            corrupt: false,
        }
    }

    /// [`PEER_MAC`] asks whether anybody has `target`: Duplicate Address Detection (RFC 4862).
    #[must_use]
    pub fn probe(target: [u8; 16]) -> Self {
        let mut probe = Self {
            options: Vec::new(),
            ..Self::who_has(target)
        };
        probe.ip.source = UNSPECIFIED;
        probe
    }

    /// [`PEER_MAC`] announces that it has `target`: unsolicited, to all nodes.
    #[must_use]
    pub fn announcement(target: [u8; 16]) -> Self {
        let mut announcement = Self {
            ethernet: Ethernet::to([0x33, 0x33, 0, 0, 0, 1]),
            ip: Ipv6::to(ALL_NODES),
            kind: 136,
            flags: 0xa0,
            options: link_layer(2, PEER_MAC),
            ..Self::who_has(target)
        };
        announcement.ip.source = target;
        announcement
    }

    /// The frame.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut message = vec![self.kind, self.code, 0, 0, self.flags, 0, 0, 0];
        message.extend(self.target);
        message.extend(&self.options);
        let sum = self.ip.checksum(ICMPV6, &message) ^ u16::from(self.corrupt);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        self.ethernet
            .frame(0x86dd, &self.ip.packet(ICMPV6, &message))
    }
}

/// A Router Advertisement (RFC 4861 section 4.2).
#[derive(Clone, Debug)]
pub struct RouterAdvert {
    /// Ethernet part.
    pub ethernet: Ethernet,
    /// IP part.
    pub ip: Ipv6,
    /// Options.
    pub options: Vec<u8>,
}

impl RouterAdvert {
    /// To all nodes, for half an hour.
    #[must_use]
    pub fn from(source: [u8; 16], options: Vec<u8>) -> Self {
        let mut ip = Ipv6::to(ALL_NODES);
        ip.source = source;
        Self {
            ethernet: Ethernet::to([0x33, 0x33, 0, 0, 0, 1]),
            ip,
            options,
        }
    }

    /// The frame.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut message = vec![134, 0, 0, 0, 64, 0, 0x07, 0x08];
        message.extend([0; 8]);
        message.extend(&self.options);
        let sum = self.ip.checksum(ICMPV6, &message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        self.ethernet
            .frame(0x86dd, &self.ip.packet(ICMPV6, &message))
    }
}

/// A link-layer address option: 1 source, 2 target.
#[must_use]
pub fn link_layer(kind: u8, mac: [u8; 6]) -> Vec<u8> {
    let mut option = vec![kind, 1];
    option.extend(mac);
    option
}

/// An IPv6 packet of any other protocol.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Ethernet part.
    pub ethernet: Ethernet,
    /// IP part.
    pub ip: Ipv6,
    /// Protocol.
    pub protocol: u8,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Packet {
    /// A UDP-like packet.
    #[must_use]
    pub fn to(destination: [u8; 16]) -> Self {
        Self {
            ethernet: Ethernet::to([0x02, 0, 0, 0, 0, 0x01]),
            ip: Ipv6::to(destination),
            protocol: 17,
            payload: vec![0x5a; 26],
        }
    }

    /// The frame.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        self.ethernet
            .frame(0x86dd, &self.ip.packet(self.protocol, &self.payload))
    }
}
