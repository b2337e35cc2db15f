//! What leaves from a virtual IP leaves from the owner only: a former owner that goes on sending
//! would draw the switches' and hosts' tables back to itself. Where the virtual router uses its
//! Virtual Router MAC, it leaves from that, and tells no other (RFC 9568 sections 8.1.2 and 8.2.2).
//!
//! Adverts pass whatever their source: the node sends those to unicast peers through the stack, and
//! an address owner's source is its virtual IP.

use super::{Action, EgressVerdict, Place, Routes, Tables, proxy_arp, redirect, virtual_mac};
use crate::{
    abi::{Counter, VipEntry},
    frame::Frame,
    wire::{
        arp::{self, Arp},
        ipv4::Ipv4,
        ipv6::{ICMPV6, Ipv6},
        nd::{self, Kind, target_at},
        router_advert,
        vrrp::PROTOCOL,
    },
};

/// The verdict on the IPv4 packet that starts `at` bytes into a frame to be sent.
#[inline(always)]
pub(super) fn judge_ipv4<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<EgressVerdict> {
    let ip = Ipv4::parse(frame, at)?;
    if ip.protocol == PROTOCOL {
        return None;
    }
    let redirect = redirect::judge_v4(frame, place, &ip);
    if redirect.is_some() {
        return redirect;
    }
    data(tables, place.vip_v4(tables, ip.source)?)
}

/// The verdict on the IPv6 packet that starts `at` bytes into a frame to be sent. A Neighbour
/// Advertisement may speak for a virtual IP without coming from it.
#[inline(always)]
pub(super) fn judge_ipv6<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<EgressVerdict> {
    let ip = Ipv6::parse(frame, at)?;
    if ip.next_header == PROTOCOL {
        return None;
    }
    let redirect = redirect::judge_v6(frame, place, &ip);
    if redirect.is_some() {
        return redirect;
    }
    let kind = if ip.next_header == ICMPV6 {
        Kind::read(frame, ip.payload_at())
    } else {
        None
    };
    if kind == Some(Kind::Advertisement)
        && let Some(vip) = place.vip_v6(frame, tables, target_at(ip.payload_at()))
    {
        return lesson(frame, tables, vip, &ip, Kind::Advertisement);
    }
    let vip = place.vip_v6(frame, tables, ip.source_at())?;
    match kind {
        Some(Kind::Solicitation) => lesson(frame, tables, vip, &ip, Kind::Solicitation),
        // The MAC that it tells is that of another address.
        Some(Kind::Advertisement) if !tables.answers(vip.slot) => {
            Some(EgressVerdict::drop(vip.slot, Counter::EgressNd))
        }
        //= C48: RFC 9568 section 6.4.2
        //= C54: RFC 9568 section 6.4.3
        // Router Advertisements among the rest: those of the virtual router come from its link-local address.
        Some(Kind::Advertisement) | None => {
            let leaving = data(tables, vip)?;
            Some(as_router(frame, leaving, &ip))
        }
    }
}

/// The same for a Router Advertisement that is given the Virtual Router MAC, which may tell a MAC
/// itself. One of which we cannot see that it tells no other is not sent.
#[inline(always)]
fn as_router<F: Frame + ?Sized>(frame: &F, mut leaving: EgressVerdict, ip: &Ipv6) -> EgressVerdict {
    let is_advert = ip.next_header == ICMPV6 && router_advert::is_read(frame, ip.payload_at());
    if !is_advert || leaving.verdict.action != Action::Readdress {
        return leaving;
    }
    let Some(told_at) = router_advert::told_mac_at(frame, ip) else {
        return EgressVerdict::drop(leaving.verdict.slot, Counter::EgressNd);
    };
    leaving.source.told_at = told_at;
    leaving.source.checksum_at = nd::checksum_at(ip.payload_at());
    leaving
}

/// The verdict on the ARP packet that starts `at` bytes into a frame to be sent.
#[inline(always)]
pub(super) fn judge_arp<F: Frame + ?Sized, T: Tables, R: Routes>(
    frame: &F,
    tables: &T,
    routes: &R,
    place: Place,
    at: usize,
) -> Option<EgressVerdict> {
    let arp = Arp::parse(frame, at)?;
    let Some(vip) = place.vip_v4(tables, arp.sender) else {
        return proxy_arp::judge(tables, routes, place, &arp, at);
    };
    if !tables.answers(vip.slot) {
        //= C46: RFC 9568 section 6.4.2
        return Some(EgressVerdict::drop(vip.slot, Counter::EgressArp));
    }
    //= C60: RFC 9568 section 8.1.2
    virtual_mac::is_used(tables, vip).then(|| virtual_mac::write(vip, arp::sender_mac_at(at), 0))
}

/// The verdict on data from a virtual IP.
#[inline(always)]
fn data<T: Tables>(tables: &T, vip: &VipEntry) -> Option<EgressVerdict> {
    let has_virtual_mac = virtual_mac::is_used(tables, vip);
    // What comes from a virtual MAC teaches switches where that is.
    let may_leave = if has_virtual_mac {
        tables.answers(vip.slot)
    } else {
        tables.ownership(vip.slot).serves(tables.now())
    };
    if !may_leave {
        return Some(EgressVerdict::drop(vip.slot, Counter::EgressIp));
    }
    has_virtual_mac.then(|| virtual_mac::write(vip, 0, 0))
}

/// The verdict on Neighbour Discovery that tells the MAC of a virtual IP. One of which we cannot see
/// that it tells no other is not sent.
#[inline(always)]
fn lesson<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    vip: &VipEntry,
    ip: &Ipv6,
    kind: Kind,
) -> Option<EgressVerdict> {
    if !tables.answers(vip.slot) {
        //= C47: RFC 9568 section 6.4.2
        return Some(EgressVerdict::drop(vip.slot, Counter::EgressNd));
    }
    if !virtual_mac::is_used(tables, vip) {
        return None;
    }
    //= C58: RFC 9568 section 8.2.2
    let verdict = match nd::told_mac_at(frame, ip, kind) {
        Some(told_at) => virtual_mac::write(vip, told_at, nd::checksum_at(ip.payload_at())),
        None => EgressVerdict::drop(vip.slot, Counter::EgressNd),
    };
    Some(verdict)
}
