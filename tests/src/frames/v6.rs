//! Frames of IPv6: adverts, Neighbour Discovery, and packets of any kind.

use super::{Ethernet, Header, IpAdvert, IpPacket, PEER_MAC};

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

impl Header for Ipv6 {
    type Address = [u8; 16];

    const ETHERTYPE: u16 = 0x86dd;
    const GROUP: [u8; 16] = GROUP;
    const GROUP_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 0x12];

    fn to(destination: [u8; 16]) -> Self {
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

    /// RFC 8200 section 8.1.
    fn pseudo(&self, protocol: u8, length: usize) -> Vec<u8> {
        let mut pseudo = [self.source, self.destination].concat();
        pseudo.extend(u32::try_from(length).unwrap().to_be_bytes());
        pseudo.extend([0, 0, 0, protocol]);
        pseudo
    }

    fn ends(&mut self) -> (&mut [u8; 16], &mut [u8; 16]) {
        (&mut self.source, &mut self.destination)
    }

    fn hops(&mut self) -> &mut u8 {
        &mut self.hop_limit
    }
}

/// An advert over IPv6.
pub type Advert = IpAdvert<Ipv6>;

/// An IPv6 packet of any other protocol.
pub type Packet = IpPacket<Ipv6>;

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
        let sum = self.ip.sum(ICMPV6, &message) ^ u16::from(self.corrupt);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        self.ethernet
            .frame(Ipv6::ETHERTYPE, &self.ip.packet(ICMPV6, &message))
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
        let sum = self.ip.sum(ICMPV6, &message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        self.ethernet
            .frame(Ipv6::ETHERTYPE, &self.ip.packet(ICMPV6, &message))
    }
}

/// A link-layer address option: 1 source, 2 target.
#[must_use]
pub fn link_layer(kind: u8, mac: [u8; 6]) -> Vec<u8> {
    let mut option = vec![kind, 1];
    option.extend(mac);
    option
}
