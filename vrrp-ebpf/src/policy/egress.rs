//! What leaves from a virtual IP leaves from the owner only: a former owner that goes on sending
//! would draw the switches' and hosts' tables back to itself. Where the virtual router uses its
//! Virtual Router MAC, it leaves from that, and tells no other (RFC 9568 sections 8.1.2 and 8.2.2).
//!
//! Adverts pass whatever their source: the node sends those to unicast peers through the stack, and
//! an address owner's source is its virtual IP.

use super::{
    Action, EgressVerdict, Place, Routes, Tables, Verdict,
    counts::{Counts, Flag},
    proxy_arp, redirect,
};
use crate::{
    abi::{Counter, NO_ROUTER, VipEntry},
    frame::Frame,
    types::Mac,
    wire::{
        arp::{self, Arp},
        ipv4::Ipv4,
        ipv6::Ipv6,
        mac,
        nd::{self, Kind, target_at},
        router_advert,
        source::{HIDDEN, Source},
        vrrp::PROTOCOL,
    },
};

/// What a frame about to be sent says for a virtual router. In numbers, so that the verifier can be made
/// to forget which message it is, and follows once what becomes of them all.
pub(super) struct Speech {
    /// The virtual router.
    pub(super) slot: u32,
    /// The MAC that virtual IPs have. If it is a Virtual Router MAC, the frame leaves from it.
    pub(super) mac: Mac,
    /// Whether it teaches who hears it where a virtual IP is.
    pub(super) teaches: Flag,
    /// What moves if it must not leave.
    pub(super) refused: Counts,
    /// What moves if it leaves from another MAC than it had.
    pub(super) written: Counts,
    /// Where its message tells its sender's MAC; 0 if it does not, [`HIDDEN`] if that cannot be said.
    pub(super) told_at: usize,
    /// Where the checksum over that starts; 0 if there is none.
    pub(super) checksum_at: usize,
}

impl Speech {
    /// Data of the virtual router in this slot, whose virtual IPs have this MAC.
    #[inline(always)]
    pub(super) const fn new(slot: u32, mac: Mac, refused: Counter) -> Self {
        Self {
            slot,
            mac,
            teaches: Flag::NO,
            refused: Counts::one(refused),
            written: Counts::one(Counter::MacWritten),
            told_at: 0,
            checksum_at: 0,
        }
    }

    #[inline(always)]
    const fn data(vip: &VipEntry) -> Self {
        Self::new(vip.slot, vip.mac, Counter::EgressIp)
    }

    /// An ICMP redirect, which nobody may send: no virtual router is in that slot.
    #[inline(always)]
    const fn redirect() -> Self {
        //= C63: RFC 9568 section 8.1.1
        Self::new(NO_ROUTER, [0; 6], Counter::EgressRedirect)
    }

    /// The same, of which the verifier does not know any more what it is.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a slot before and after")]
    fn blurred<F: Frame + ?Sized>(self, frame: &F) -> Self {
        Self {
            slot: frame.blur(self.slot as usize) as u32,
            teaches: Flag::new(frame, self.teaches.holds()),
            refused: self.refused.blurred(frame),
            written: self.written.blurred(frame),
            told_at: frame.blur(self.told_at),
            checksum_at: frame.blur(self.checksum_at),
            ..self
        }
    }
}

/// The verdict on a frame to be sent, by what it says.
#[inline(always)]
pub(super) fn judge<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    speech: Speech,
) -> Option<EgressVerdict> {
    let speech = speech.blurred(frame);
    let has_virtual_mac = tables.has_virtual_macs() && mac::router(speech.mac).is_some();
    let has_virtual_mac = Flag::new(frame, has_virtual_mac);
    let standing = tables.standing(speech.slot);
    // What comes from a virtual MAC teaches switches where that is. Whatever teaches nobody leaves also
    // after a successor was heard.
    let successor = if has_virtual_mac.holds() || speech.teaches.holds() {
        standing.last_seen
    } else {
        0
    };
    if !standing.ownership().answers(tables.now(), successor) {
        //= C46: RFC 9568 section 6.4.2
        //= C47: RFC 9568 section 6.4.2
        return Some(EgressVerdict::drop(speech.slot, speech.refused));
    }
    if !has_virtual_mac.holds() {
        return None;
    }
    // One of which we cannot see that it tells no other MAC is not sent.
    if speech.told_at == HIDDEN {
        return Some(EgressVerdict::drop(
            speech.slot,
            Counts::one(Counter::EgressNd),
        ));
    }
    //= C54: RFC 9568 section 6.4.3
    //= C58: RFC 9568 section 8.2.2
    //= C60: RFC 9568 section 8.1.2
    Some(EgressVerdict {
        verdict: Verdict::new(Action::Readdress, speech.slot, speech.written),
        source: Source {
            mac: speech.mac,
            told_at: speech.told_at,
            checksum_at: speech.checksum_at,
        },
    })
}

/// What the IPv4 packet says that starts `at` bytes into a frame to be sent.
#[inline(always)]
pub(super) fn ipv4<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<Speech> {
    let ip = Ipv4::parse(frame, at)?;
    if ip.protocol == PROTOCOL {
        return None;
    }
    if redirect::is_v4(frame, place, &ip) {
        return Some(Speech::redirect());
    }
    place.vip_v4(tables, ip.source).map(Speech::data)
}

/// What the IPv6 packet says that starts `at` bytes into a frame to be sent. A Neighbour Advertisement
/// may speak for a virtual IP without coming from it.
#[inline(always)]
pub(super) fn ipv6<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<Speech> {
    let ip = Ipv6::parse(frame, at)?;
    if ip.next_header == PROTOCOL {
        return None;
    }
    let message = ip.payload_at();
    let icmp_type = ip.icmp_type(frame);
    if redirect::is_v6(place, icmp_type) {
        return Some(Speech::redirect());
    }
    let target = match Kind::of(icmp_type) {
        Some(Kind::Advertisement) => place.vip_v6(frame, tables, target_at(message)),
        Some(Kind::Solicitation) | None => None,
    };
    let is_target = target.is_some();
    let (vip, icmp_type) = match target {
        Some(vip) => (vip, icmp_type),
        // Blurred, or the verifier would look for the source once for each kind of message.
        None => {
            #[expect(clippy::cast_possible_truncation, reason = "a byte before and after")]
            let icmp_type = frame.blur(usize::from(icmp_type)) as u8;
            let vip = place.vip_v6(frame, tables, ip.source_at())?;
            (vip, icmp_type)
        }
    };
    let kind = Kind::of(icmp_type);
    let told_at = match kind {
        // The MAC that an advertisement tells is its target's.
        Some(kind) if is_target || kind == Kind::Solicitation => nd::told_mac_at(frame, &ip, kind),
        //= C48: RFC 9568 section 6.4.2
        // Those of the virtual router come from its link-local address.
        None if icmp_type == router_advert::TYPE => router_advert::told_mac_at(frame, &ip),
        _ => 0,
    };
    let (teaches, refused) = match kind {
        Some(_) => (Flag::YES, Counter::EgressNd),
        None => (Flag::NO, Counter::EgressIp),
    };
    Some(Speech {
        teaches,
        told_at,
        checksum_at: nd::checksum_at(message),
        ..Speech::new(vip.slot, vip.mac, refused)
    })
}

/// What the ARP packet says that starts `at` bytes into a frame to be sent.
#[inline(always)]
pub(super) fn arp<F: Frame + ?Sized, T: Tables, R: Routes>(
    frame: &F,
    tables: &T,
    routes: &R,
    place: Place,
    at: usize,
) -> Option<Speech> {
    let arp = Arp::parse(frame, at)?;
    let speech = match place.vip_v4(tables, arp.sender) {
        Some(vip) => Speech::new(vip.slot, vip.mac, Counter::EgressArp),
        None => proxy_arp::speech(tables, routes, place, &arp)?,
    };
    Some(Speech {
        teaches: Flag::YES,
        told_at: arp::sender_mac_at(at),
        ..speech
    })
}
