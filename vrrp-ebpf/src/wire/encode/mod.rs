//! What a virtual router sends, built when it is configured and sent as it is: adverts, gratuitous
//! ARP, unsolicited Neighbour Advertisements. Not in the BPF programs, which only change frames.
//!
//! Without an 802.1Q tag: a VLAN is an interface of its own, whose driver adds it.

mod ip;
mod message;

use alloc::{vec, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use self::ip::{Ends, Header};
pub use self::message::{EncodeError, Format, Message, room};
use super::{
    arp, ethernet,
    ipv6::ICMPV6,
    mac, nd,
    vrrp::{PROTOCOL, TTL},
};
use crate::types::Mac;

const BROADCAST: Mac = [0xff; 6];

/// The frame of an advert that leaves from `mac`.
///
/// # Errors
/// See [`EncodeError`].
pub fn advert(mac: Mac, message: &Message<'_>) -> Result<Vec<u8>, EncodeError> {
    let payload = message.encode()?;
    //= C1: RFC 9568 section 5.1.1.3
    //= C1: RFC 9568 section 5.1.2.3
    let header = vrrp(message.ends(message.group())?, TTL);
    Ok(header.multicast(mac, &payload))
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
    let header = vrrp(message.ends(destination)?, ttl);
    Ok(header.packet(&payload))
}

const fn vrrp(ends: Ends, hop_limit: u8) -> Header {
    Header {
        traffic_class: ip::NETWORK_CONTROL,
        protocol: PROTOCOL,
        hop_limit,
        ends,
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
    let mut frame = ip::ethernet(BROADCAST, mac, ethernet::ARP);
    frame.extend(arp::ETHERNET_IPV4);
    frame.extend(arp::REQUEST.to_be_bytes());
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
    let flags = if router {
        nd::ROUTER | nd::OVERRIDE
    } else {
        nd::OVERRIDE
    };
    let mut message = vec![nd::ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
    message.extend(address.octets());
    message.extend([nd::TARGET_LINK_LAYER, 1]);
    message.extend(mac);
    let ends = Ends::V6(address, Ipv6Addr::from_octets(nd::ALL_NODES));
    let sum = ends.pseudo_header(ICMPV6, message.len());
    ip::put_checksum(&mut message, nd::CHECKSUM_AT, sum);
    let header = Header {
        traffic_class: 0,
        protocol: ICMPV6,
        hop_limit: nd::HOP_LIMIT,
        ends,
    };
    header.multicast(mac, &message)
}

#[cfg(test)]
mod tests;
