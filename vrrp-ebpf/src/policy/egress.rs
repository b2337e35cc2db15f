//! What leaves from a virtual IP leaves from the owner only: a former owner that goes on sending
//! would draw the switches' and hosts' tables back to itself.
//!
//! Adverts pass whatever their source: the node sends those to unicast peers through the stack, and
//! an address owner's source is its virtual IP.
//!
//! The owner's frames pass unchanged. Writing the Virtual Router MAC into them (RFC 9568 section
//! 7.3) belongs where [`judge_ip`] and [`judge_arp`] find that the node serves.

use super::{Place, Tables, Verdict};
use crate::{
    abi::Counter,
    checksum::VRRP,
    frame::Frame,
    wire::{arp::Arp, ipv4::Ipv4},
};

/// The verdict on the IPv4 packet that starts `at` bytes into a frame to be sent.
#[inline(always)]
pub(super) fn judge_ip<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<Verdict> {
    let ip = Ipv4::parse(frame, at)?;
    if ip.protocol == VRRP {
        return None;
    }
    let vip = place.vip_v4(tables, ip.source)?;
    if tables.ownership(vip.slot).serves(tables.now()) {
        return None;
    }
    Some(Verdict::drop(vip.slot, Counter::EgressIp))
}

/// The verdict on the ARP packet that starts `at` bytes into a frame to be sent. ARP as a virtual
/// IP is an answer to whoever hears it, so it ends when answering ends: a Retiring node whose
/// successor was heard still sends data, but must not teach its own MAC any more.
#[inline(always)]
pub(super) fn judge_arp<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<Verdict> {
    let arp = Arp::parse(frame, at)?;
    let vip = place.vip_v4(tables, arp.sender)?;
    let ownership = tables.ownership(vip.slot);
    if ownership.answers(tables.now(), tables.last_seen(vip.slot)) {
        return None;
    }
    //= C46: RFC 9568 section 6.4.2
    Some(Verdict::drop(vip.slot, Counter::EgressArp))
}
