//! What the judges read off the wire: adverts, ARP and Neighbour Discovery. Written apart from the
//! node's own decoder, on purpose: a judge must not share the accused's mistakes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ethernet type of ARP.
pub const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VRRP: u8 = 112;
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// The options of Neighbour Discovery that hold a MAC.
const SOURCE_MAC: u8 = 1;
const TARGET_MAC: u8 = 2;

/// An advert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Source address.
    pub source: IpAddr,
    /// Destination address: the group, or a unicast peer.
    pub destination: IpAddr,
    /// Source MAC.
    pub mac: [u8; 6],
    /// 2 or 3.
    pub version: u8,
    /// Virtual router.
    pub vrid: u8,
    /// Priority; 0 says goodbye.
    pub priority: u8,
    /// Advertised interval in milliseconds.
    pub interval_ms: u32,
    /// Virtual IPs.
    pub vips: Vec<IpAddr>,
}

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Source MAC of the frame.
    pub source: [u8; 6],
    /// 1 request, 2 reply.
    pub operation: u16,
    /// Sender's MAC.
    pub sender_mac: [u8; 6],
    /// Sender's address; 0.0.0.0 in an address conflict probe.
    pub sender: Ipv4Addr,
    /// Target's MAC.
    pub target_mac: [u8; 6],
    /// Target's address.
    pub target: Ipv4Addr,
}

impl Arp {
    /// The request by which `mac` announces that it has `address` (a gratuitous ARP).
    #[must_use]
    pub fn announcing(mac: [u8; 6], address: Ipv4Addr) -> Self {
        Self {
            source: mac,
            operation: 1,
            sender_mac: mac,
            sender: address,
            target_mac: [0; 6],
            target: address,
        }
    }

    /// Whether it announces its sender's own address (a gratuitous ARP).
    #[must_use]
    pub fn is_gratuitous(&self) -> bool {
        self.sender == self.target && !self.sender.is_unspecified()
    }
}

/// A Neighbour Solicitation or Advertisement (RFC 4861 sections 4.3 and 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Destination MAC of the frame.
    pub to: [u8; 6],
    /// Source MAC of the frame.
    pub from: [u8; 6],
    /// Source address; `::` of duplicate address detection.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// Only 255 is believed.
    pub hop_limit: u8,
    /// Whether it is an advertisement.
    pub is_advertisement: bool,
    /// Of an advertisement, from the top: [`ROUTER`], [`SOLICITED`], [`OVERRIDE`].
    pub flags: u8,
    /// Target address.
    pub target: Ipv6Addr,
    /// The source's MAC in a solicitation, the target's in an advertisement, if it is told.
    pub mac: Option<[u8; 6]>,
}

/// The R flag of an advertisement.
pub const ROUTER: u8 = 0x80;
/// The S flag of an advertisement.
pub const SOLICITED: u8 = 0x40;
/// The O flag of an advertisement.
pub const OVERRIDE: u8 = 0x20;

impl Neighbour {
    /// Whether it tells who has this address.
    #[must_use]
    pub fn advertises(&self, address: Ipv6Addr) -> bool {
        self.is_advertisement && self.target == address
    }
}

/// A frame that the judges understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A VRRP advert.
    Advert(Advert),
    /// An ARP packet for IPv4 over Ethernet.
    Arp(Arp),
    /// Who has an IPv6 address.
    Neighbour(Neighbour),
}

/// Decodes an untagged Ethernet frame; `None` for everything else and what is cut short.
#[must_use]
pub fn decode(frame: &[u8]) -> Option<Frame> {
    let (to, from) = (bytes(frame, 0)?, bytes(frame, 6)?);
    let body = frame.get(14..)?;
    match u16::from_be_bytes(bytes(frame, 12)?) {
        ARP => arp(from, body).map(Frame::Arp),
        IPV4 => ipv4(from, body).map(Frame::Advert),
        IPV6 => ipv6(to, from, body),
        _ => None,
    }
}

/// An ARP packet as a whole frame.
#[must_use]
pub fn encode_arp(destination: [u8; 6], arp: &Arp) -> [u8; 42] {
    let mut frame = [0; 42];
    frame[..6].copy_from_slice(&destination);
    frame[6..12].copy_from_slice(&arp.source);
    frame[12..14].copy_from_slice(&ARP.to_be_bytes());
    frame[14..20].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
    frame[20..22].copy_from_slice(&arp.operation.to_be_bytes());
    frame[22..28].copy_from_slice(&arp.sender_mac);
    frame[28..32].copy_from_slice(&arp.sender.octets());
    frame[32..38].copy_from_slice(&arp.target_mac);
    frame[38..42].copy_from_slice(&arp.target.octets());
    frame
}

fn arp(source: [u8; 6], body: &[u8]) -> Option<Arp> {
    // Ethernet, IPv4, and the lengths of their addresses.
    if bytes(body, 0)? != [0, 1, 8, 0, 6, 4] {
        return None;
    }
    Some(Arp {
        source,
        operation: u16::from_be_bytes(bytes(body, 6)?),
        sender_mac: bytes(body, 8)?,
        sender: bytes::<4>(body, 14)?.into(),
        target_mac: bytes(body, 18)?,
        target: bytes::<4>(body, 24)?.into(),
    })
}

fn ipv4(mac: [u8; 6], packet: &[u8]) -> Option<Advert> {
    let [version_length] = bytes(packet, 0)?;
    let [protocol] = bytes(packet, 9)?;
    if version_length >> 4 != 4 || protocol != VRRP {
        return None;
    }
    let source = bytes::<4>(packet, 12)?.into();
    let destination = bytes::<4>(packet, 16)?.into();
    let header = usize::from(version_length & 0xf) * 4;
    advert(mac, source, destination, packet.get(header..)?)
}

/// An IPv6 packet without extension headers.
fn ipv6(to: [u8; 6], from: [u8; 6], packet: &[u8]) -> Option<Frame> {
    let [next, hop_limit] = bytes(packet, 6)?;
    let source: Ipv6Addr = bytes::<16>(packet, 8)?.into();
    let destination: Ipv6Addr = bytes::<16>(packet, 24)?.into();
    let payload = packet.get(40..)?;
    if next == VRRP {
        let advert = advert(from, source.into(), destination.into(), payload)?;
        return Some(Frame::Advert(advert));
    }
    let [kind, 0] = bytes(payload, 0)? else {
        return None;
    };
    if next != ICMPV6 || !matches!(kind, SOLICITATION | ADVERTISEMENT) {
        return None;
    }
    let [flags] = bytes(payload, 4)?;
    // Nobody here sends another option before this one.
    let mac = match bytes(payload, 24) {
        Some([SOURCE_MAC | TARGET_MAC, 1]) => bytes(payload, 26),
        _ => None,
    };
    Some(Frame::Neighbour(Neighbour {
        to,
        from,
        source,
        destination,
        hop_limit,
        is_advertisement: kind == ADVERTISEMENT,
        flags,
        target: bytes::<16>(payload, 8)?.into(),
        mac,
    }))
}

fn advert(mac: [u8; 6], source: IpAddr, destination: IpAddr, vrrp: &[u8]) -> Option<Advert> {
    let [version_kind, vrid, priority, count, high, low] = bytes(vrrp, 0)?;
    if version_kind & 0xf != 1 {
        return None;
    }
    let version = version_kind >> 4;
    let interval_ms = match version {
        // Authentication type, then whole seconds.
        2 => u32::from(low) * 1000,
        // Twelve bits of centiseconds.
        3 => u32::from(u16::from_be_bytes([high & 0xf, low])) * 10,
        _ => return None,
    };
    let vip = |index| match source {
        IpAddr::V4(_) => bytes::<4>(vrrp, 8 + 4 * index).map(IpAddr::from),
        IpAddr::V6(_) => bytes::<16>(vrrp, 8 + 16 * index).map(IpAddr::from),
    };
    Some(Advert {
        source,
        destination,
        mac,
        version,
        vrid,
        priority,
        interval_ms,
        vips: (0..usize::from(count)).map(vip).collect::<Option<_>>()?,
    })
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> Option<[u8; N]> {
    from.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames;

    /// As keepalived 2.2.7 sends it, version 3, 10 ms, VRID 51, priority 254.
    const V3: &str = "01005e000012 020000000001 0800 45c00020 00010000 ff700000 c0a80101 e0000012 \
                      3133fe01 0001 0000 c0a801fe";
    /// Version 2 with PASS "1111", one second, VRID 1, priority 100.
    const V2: &str = "01005e000012 020000000001 0800 45c00028 00010000 ff700000 c0a80101 e0000012 \
                      21016401 0101 0000 c0a801fe 3131313100000000";

    /// As Linux answers who has 2001:db8:1::fe.
    const ANSWER: &str = "020000000064 020000000001 86dd 60000000 0020 3a ff \
                          20010db8000100000000000000000001 20010db8000100000000000000000064 \
                          8800 1234 e0000000 20010db80001000000000000000000fe 0201 020000000001";

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().filter(|c| !c.is_whitespace()).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
            .collect()
    }

    #[test]
    fn adverts_of_both_versions() {
        let Some(Frame::Advert(v3)) = decode(&hex(V3)) else {
            panic!("not an advert");
        };
        assert_eq!((v3.version, v3.vrid, v3.priority), (3, 51, 254));
        assert_eq!(v3.interval_ms, 10);
        assert_eq!(v3.source, Ipv4Addr::new(192, 168, 1, 1));
        assert_eq!(v3.destination, Ipv4Addr::new(224, 0, 0, 18));
        assert_eq!(v3.vips, [IpAddr::from([192, 168, 1, 254])]);

        let Some(Frame::Advert(v2)) = decode(&hex(V2)) else {
            panic!("not an advert");
        };
        assert_eq!((v2.version, v2.vrid, v2.priority), (2, 1, 100));
        assert_eq!(v2.interval_ms, 1000);
    }

    #[test]
    fn adverts_of_ipv6() {
        let frame = frames::v6::Advert::v3(51, &[[0xfe; 16], [0x20; 16]]).build();
        let Some(Frame::Advert(advert)) = decode(&frame) else {
            panic!("not an advert");
        };
        assert_eq!((advert.version, advert.vrid), (3, 51));
        assert_eq!(advert.source, IpAddr::from(frames::v6::PEER));
        assert_eq!(advert.destination, IpAddr::from(frames::v6::GROUP));
        assert_eq!(advert.vips, [[0xfe; 16], [0x20; 16]].map(IpAddr::from));
        for length in 0..frame.len() {
            assert_eq!(decode(&frame[..length]), None, "{length}");
        }
    }

    #[test]
    fn who_has_an_ipv6_address() {
        let answer = hex(ANSWER);
        let Some(Frame::Neighbour(told)) = decode(&answer) else {
            panic!("no answer");
        };
        let router = [2, 0, 0, 0, 0, 1];
        assert_eq!((told.from, told.mac), (router, Some(router)));
        assert_eq!(told.to, [2, 0, 0, 0, 0, 0x64]);
        assert_eq!(told.flags, ROUTER | SOLICITED | OVERRIDE);
        assert!(told.advertises("2001:db8:1::fe".parse().unwrap()));
        // The address may come without the MAC, but for nothing else.
        let Some(Frame::Neighbour(told)) = decode(&answer[..78]) else {
            panic!("no answer");
        };
        assert_eq!(told.mac, None);
        assert_eq!(decode(&answer[..77]), None);

        let probe = frames::v6::Neighbour::probe([0xfe; 16]).build();
        let Some(Frame::Neighbour(asked)) = decode(&probe) else {
            panic!("no question");
        };
        assert!(asked.source.is_unspecified() && !asked.is_advertisement);
        assert!(!asked.advertises([0xfe; 16].into()));
    }

    #[test]
    fn options_move_the_advert() {
        let mut frame = hex(V3);
        frame[14] = 0x46;
        frame.splice(34..34, [1, 1, 1, 0]);
        assert!(matches!(decode(&frame), Some(Frame::Advert(a)) if a.vrid == 51));
    }

    #[test]
    fn what_is_cut_short_is_nothing() {
        for text in [V3, V2] {
            let frame = hex(text);
            let addresses_end = 14 + 20 + 8 + 4;
            for length in 0..addresses_end {
                assert_eq!(decode(&frame[..length]), None, "{length}");
            }
        }
    }

    #[test]
    fn arp_survives_the_round_trip() {
        let arp = Arp {
            source: [2, 0, 0, 0, 0, 1],
            operation: 1,
            sender_mac: [2, 0, 0, 0, 0, 1],
            sender: Ipv4Addr::new(192, 168, 1, 254),
            target_mac: [0; 6],
            target: Ipv4Addr::new(192, 168, 1, 254),
        };
        let frame = encode_arp([0xff; 6], &arp);
        assert_eq!(decode(&frame), Some(Frame::Arp(arp)));
        assert!(arp.is_gratuitous());
    }
}
