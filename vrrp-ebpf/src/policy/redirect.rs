//! ICMP redirects do not leave by an interface that has virtual routers (RFC 9568 sections 8.1.1 and
//! 8.2.1).
//!
//! A redirect has to come from the address that the host used as its next hop, and hosts ignore it
//! otherwise. The kernel sends it from the interface's own address; which of ours the host used, a
//! packet to the interface's MAC does not tell. So redirects are off, as the RFC allows.

use super::{EgressVerdict, Place};
use crate::{
    abi::{Counter, NO_ROUTER},
    frame::Frame,
    wire::{
        ipv4::{self, Ipv4},
        ipv6::{ICMPV6, Ipv6},
    },
};

/// RFC 792.
const REDIRECT_V4: u8 = 5;
/// RFC 4861 section 4.5.
const REDIRECT_V6: u8 = 137;

/// The verdict on an IPv4 packet to be sent; nothing if it is no redirect.
#[inline(always)]
pub(super) fn judge_v4<F: Frame + ?Sized>(
    frame: &F,
    place: Place,
    ip: &Ipv4,
) -> Option<EgressVerdict> {
    if ip.protocol != ipv4::ICMP || ip.is_later_fragment() {
        return None;
    }
    judge(frame, place, ip.payload(), REDIRECT_V4)
}

/// The verdict on an IPv6 packet to be sent; nothing if it is no redirect.
#[inline(always)]
pub(super) fn judge_v6<F: Frame + ?Sized>(
    frame: &F,
    place: Place,
    ip: &Ipv6,
) -> Option<EgressVerdict> {
    if ip.next_header != ICMPV6 {
        return None;
    }
    judge(frame, place, ip.payload_at(), REDIRECT_V6)
}

/// Frames of a VLAN on the interface are not the virtual routers', whose VLANs are interfaces.
#[inline(always)]
fn judge<F: Frame + ?Sized>(
    frame: &F,
    place: Place,
    at: usize,
    redirect: u8,
) -> Option<EgressVerdict> {
    let [kind] = frame.read(at)?;
    if kind != redirect || place.vlan != 0 {
        return None;
    }
    //= C63: RFC 9568 section 8.1.1
    Some(EgressVerdict::drop(NO_ROUTER, Counter::EgressRedirect))
}
