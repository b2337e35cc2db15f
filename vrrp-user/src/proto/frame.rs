//! Whole Ethernet frames, built when a router is configured: adverts, gratuitous ARP, unsolicited NA.
//!
//! Without an 802.1Q tag: a VLAN is an interface of its own, whose driver adds it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use vrrp_ebpf::wire::mac;

use super::{
    advert::{self, EncodeError, Message},
    checksum,
};

/// A hardware address.
pub type Mac = [u8; 6];

/// A hardware address as people write it.
#[must_use]
pub fn mac_text([a, b, c, d, e, f]: Mac) -> String {
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

const BROADCAST: Mac = [0xff; 6];
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// RFC 9568 sections 5.1.1.3 and 5.1.2.3; RFC 4861 section 7.1.2.
//= C1: RFC 9568 section 5.1.1.3
//= C1: RFC 9568 section 5.1.2.3
const HOP_LIMIT: u8 = 255;
/// Network control (CS6), as keepalived sends.
const TRAFFIC_CLASS: u8 = 0xc0;
const ICMPV6: u8 = 58;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// The frame of an advert that leaves from `mac`.
///
/// # Errors
/// See [`EncodeError`].
pub fn advert(mac: Mac, message: &Message<'_>) -> Result<Vec<u8>, EncodeError> {
    let payload = message.encode()?;
    Ok(match message.source {
        IpAddr::V4(source) => {
            let [_, b, c, d] = advert::GROUP_V4.octets();
            let mut frame = ethernet([0x01, 0x00, 0x5e, b & 0x7f, c, d], mac, ETHERTYPE_IPV4);
            frame.extend(ipv4_header(
                source,
                advert::GROUP_V4,
                HOP_LIMIT,
                payload.len(),
            ));
            frame.extend(payload);
            frame
        }
        IpAddr::V6(source) => {
            let header = Ipv6 {
                traffic_class: TRAFFIC_CLASS,
                next_header: advert::PROTOCOL,
                hop_limit: HOP_LIMIT,
                source,
                destination: advert::GROUP_V6,
            };
            header.multicast(mac, &payload)
        }
    })
}

/// The IP packet of an advert to a unicast peer, with this TTL or Hop Limit, without an Ethernet
/// header: the kernel knows the way.
///
/// # Errors
/// See [`EncodeError`].
pub fn unicast(
    message: &Message<'_>,
    destination: IpAddr,
    ttl: u8,
) -> Result<Vec<u8>, EncodeError> {
    //= C9: draft-abinabraham-vrrp-unicast
    let payload = message.encode_to(destination)?;
    match (message.source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut packet = ipv4_header(source, destination, ttl, payload.len());
            packet.extend(payload);
            Ok(packet)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let header = Ipv6 {
                traffic_class: TRAFFIC_CLASS,
                next_header: advert::PROTOCOL,
                hop_limit: ttl,
                source,
                destination,
            };
            Ok(header.packet(&payload))
        }
        _ => Err(EncodeError::Family(destination)),
    }
}

/// What tells everybody that `address` is at `mac`: a gratuitous ARP, or an unsolicited Neighbour
/// Advertisement with the Router flag if `router`.
#[must_use]
pub fn announcement(mac: Mac, address: IpAddr, router: bool) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => gratuitous_arp(mac, address),
        IpAddr::V6(address) => unsolicited_na(mac, address, router),
    }
}

/// A gratuitous ARP: a broadcast request, sender = target = the virtual IP. The target hardware address,
/// which no host reads in a request, is the Virtual Router MAC if `mac` is one, and otherwise all ones, as
/// keepalived has it.
#[must_use]
pub fn gratuitous_arp(mac: Mac, address: Ipv4Addr) -> Vec<u8> {
    let mut frame = ethernet(BROADCAST, mac, ETHERTYPE_ARP);
    // Ethernet, IPv4, their address lengths, request.
    frame.extend([0, 1, 0x08, 0x00, 6, 4, 0, 1]);
    //= C61: RFC 9568 erratum 7947
    frame.extend(mac);
    frame.extend(address.octets());
    let is_virtual = mac::router(mac).is_some();
    frame.extend(if is_virtual { mac } else { BROADCAST });
    frame.extend(address.octets());
    frame
}

/// An unsolicited Neighbour Advertisement (RFC 4861 section 7.2.6) to all nodes, from the address
/// itself: Override set, Solicited clear, Router as the node forwards.
//= C34: RFC 9568 section 6.4.2
#[must_use]
pub fn unsolicited_na(mac: Mac, address: Ipv6Addr, router: bool) -> Vec<u8> {
    const NEIGHBOR_ADVERTISEMENT: u8 = 136;
    const CHECKSUM_OFFSET: usize = 2;
    const ROUTER: u8 = 0x80;
    const OVERRIDE: u8 = 0x20;
    const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];

    let flags = if router { ROUTER | OVERRIDE } else { OVERRIDE };
    let mut message = vec![NEIGHBOR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
    message.extend(address.octets());
    message.extend(TARGET_LINK_LAYER_ADDRESS);
    message.extend(mac);
    let pseudo = checksum::pseudo_header(address.into(), ALL_NODES.into(), ICMPV6, message.len());
    let sum = checksum::finish(pseudo + checksum::sum(&message));
    checksum::put(&mut message, CHECKSUM_OFFSET, sum);
    let header = Ipv6 {
        traffic_class: 0,
        next_header: ICMPV6,
        hop_limit: HOP_LIMIT,
        source: address,
        destination: ALL_NODES,
    };
    header.multicast(mac, &message)
}

fn ethernet(destination: Mac, source: Mac, ethertype: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(128);
    frame.extend(destination);
    frame.extend(source);
    frame.extend(ethertype.to_be_bytes());
    frame
}

fn ipv4_header(source: Ipv4Addr, destination: Ipv4Addr, ttl: u8, payload: usize) -> Vec<u8> {
    const CHECKSUM_OFFSET: usize = 10;
    /// Identification has no meaning in a datagram that is not fragmented (RFC 6864 section 4.1),
    /// so that one frame can be sent again and again.
    const DONT_FRAGMENT: [u8; 2] = [0x40, 0];

    let mut header = vec![0x45, TRAFFIC_CLASS];
    header.extend(length_field(20 + payload));
    header.extend([0, 0]);
    header.extend(DONT_FRAGMENT);
    header.extend([ttl, advert::PROTOCOL, 0, 0]);
    header.extend(source.octets());
    header.extend(destination.octets());
    let sum = checksum::finish(checksum::sum(&header));
    checksum::put(&mut header, CHECKSUM_OFFSET, sum);
    header
}

/// What differs between the packets that we build.
struct Ipv6 {
    traffic_class: u8,
    next_header: u8,
    hop_limit: u8,
    source: Ipv6Addr,
    destination: Ipv6Addr,
}

impl Ipv6 {
    /// The packet as a frame to the group that is its destination.
    fn multicast(&self, mac: Mac, payload: &[u8]) -> Vec<u8> {
        let [.., a, b, c, d] = self.destination.octets();
        let mut frame = ethernet([0x33, 0x33, a, b, c, d], mac, ETHERTYPE_IPV6);
        frame.extend(self.packet(payload));
        frame
    }

    fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let class = self.traffic_class;
        let mut packet = vec![0x60 | class >> 4, class << 4, 0, 0];
        packet.extend(length_field(payload.len()));
        packet.extend([self.next_header, self.hop_limit]);
        packet.extend(self.source.octets());
        packet.extend(self.destination.octets());
        packet.extend(payload);
        packet
    }
}

/// 255 addresses of 16 bytes fit by far.
fn length_field(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
