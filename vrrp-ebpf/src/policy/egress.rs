//! What leaves from a virtual IP leaves from the owner only: a former owner that goes on sending
//! would draw the switches' and hosts' tables back to itself.
//!
//! Adverts pass whatever their source: the node sends those to unicast peers through the stack, and
//! an address owner's source is its virtual IP.
//!
//! The owner's frames pass unchanged. Writing the Virtual Router MAC into them (RFC 9568 section
//! 7.3) belongs where [`serves`] and [`teaches`] find that the node does.

use super::{Place, Tables, Verdict, redirect};
use crate::{
    abi::{Counter, VipEntry},
    checksum::VRRP,
    frame::Frame,
    wire::{
        arp::Arp,
        ipv4::Ipv4,
        ipv6::{ICMPV6, Ipv6},
        nd::{Kind, target_at},
    },
};

/// The verdict on the IPv4 packet that starts `at` bytes into a frame to be sent.
#[inline(always)]
pub(super) fn judge_ipv4<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<Verdict> {
    let ip = Ipv4::parse(frame, at)?;
    if ip.protocol == VRRP {
        return None;
    }
    let redirect = redirect::judge_v4(frame, place, &ip);
    if redirect.is_some() {
        return redirect;
    }
    serves(tables, place.vip_v4(tables, ip.source)?)
}

/// The verdict on the IPv6 packet that starts `at` bytes into a frame to be sent. A Neighbour
/// Advertisement may speak for a virtual IP without coming from it.
#[inline(always)]
pub(super) fn judge_ipv6<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<Verdict> {
    let ip = Ipv6::parse(frame, at)?;
    if ip.next_header == VRRP {
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
        return teaches(tables, vip, Counter::EgressNd);
    }
    let vip = place.vip_v6(frame, tables, ip.source_at())?;
    if kind.is_some() {
        return teaches(tables, vip, Counter::EgressNd);
    }
    //= C48: RFC 9568 section 6.4.2
    //= C54: RFC 9568 section 6.4.3
    // Router Advertisements among the rest: those of the virtual router come from its link-local address.
    serves(tables, vip)
}

/// The verdict on data from a virtual IP.
#[inline(always)]
fn serves<T: Tables>(tables: &T, vip: &VipEntry) -> Option<Verdict> {
    if tables.ownership(vip.slot).serves(tables.now()) {
        return None;
    }
    Some(Verdict::drop(vip.slot, Counter::EgressIp))
}

/// The verdict on what teaches whoever hears it our MAC for a virtual IP: it ends when answering ends.
/// A Retiring node whose successor was heard still sends data.
#[inline(always)]
fn teaches<T: Tables>(tables: &T, vip: &VipEntry, counter: Counter) -> Option<Verdict> {
    let ownership = tables.ownership(vip.slot);
    if ownership.answers(tables.now(), tables.last_seen(vip.slot)) {
        return None;
    }
    //= C46, C47: RFC 9568 section 6.4.2
    Some(Verdict::drop(vip.slot, counter))
}

/// The verdict on the ARP packet that starts `at` bytes into a frame to be sent.
#[inline(always)]
pub(super) fn judge_arp<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<Verdict> {
    let arp = Arp::parse(frame, at)?;
    teaches(
        tables,
        place.vip_v4(tables, arp.sender)?,
        Counter::EgressArp,
    )
}
