//! Proxy ARP where a virtual router uses its Virtual Router MAC (RFC 9568 section 8.1.3).
//!
//! It is the kernel that answers for hosts behind it (`proxy_arp`), on every node that may forward, and
//! with the interface's MAC. A host that has learned that MAC would not follow a failover: so the owner's
//! answer leaves with the Virtual Router MAC, and those of the others do not leave.

use super::{Place, Routes, Tables, counts::Counts, egress::Speech};
use crate::{
    abi::{Counter, ProxyEntry},
    wire::arp::Arp,
};

/// What an ARP packet to be sent says for a virtual router, if it is not from a virtual IP.
#[inline(always)]
pub(super) fn speech<T: Tables, R: Routes>(
    tables: &T,
    routes: &R,
    place: Place,
    arp: &Arp,
) -> Option<Speech> {
    if !tables.has_virtual_macs() || !arp.is_reply() || place.vlan != 0 {
        return None;
    }
    let proxy = tables.proxy(place.ifindex)?;
    if !is_proxied(routes, place, proxy, arp) {
        return None;
    }
    //= C62: RFC 9568 section 8.1.3
    Some(Speech {
        written: Counts::one(Counter::ProxyArpWritten),
        ..Speech::new(proxy.slot, proxy.mac, Counter::EgressProxyArp)
    })
}

/// Whether the interface's MAC is told for a host on another network. A container may share the
/// interface and even its MAC, but answers for itself, and on this network.
#[inline(always)]
fn is_proxied<R: Routes>(routes: &R, place: Place, proxy: &ProxyEntry, arp: &Arp) -> bool {
    arp.sender_mac == proxy.own && routes.forwards(place.ifindex, arp.target, arp.sender)
}
