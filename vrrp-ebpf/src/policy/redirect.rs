//! ICMP redirects do not leave by an interface that has virtual routers (RFC 9568 sections 8.1.1 and
//! 8.2.1).
//!
//! A redirect has to come from the address that the host used as its next hop, and hosts ignore it
//! otherwise. The kernel sends it from the interface's own address; which of ours the host used, a
//! packet to the interface's MAC does not tell. So redirects are off, as the RFC allows.

use super::Place;
use crate::{
    frame::Frame,
    wire::ipv4::{self, Ipv4},
};

/// RFC 792.
const REDIRECT_V4: u8 = 5;
/// RFC 4861 section 4.5.
const REDIRECT_V6: u8 = 137;

/// Whether an IPv4 packet to be sent is one.
#[inline(always)]
pub(super) fn is_v4<F: Frame + ?Sized>(frame: &F, place: Place, ip: &Ipv4) -> bool {
    ip.protocol == ipv4::ICMP
        && !ip.is_later_fragment()
        && frame.read(ip.payload()) == Some([REDIRECT_V4])
        && is_judged(place)
}

/// Whether an ICMPv6 message of this type is one.
#[inline(always)]
pub(super) const fn is_v6(place: Place, icmp_type: u8) -> bool {
    icmp_type == REDIRECT_V6 && is_judged(place)
}

/// Frames of a VLAN on the interface are not the virtual routers', whose VLANs are interfaces.
#[inline(always)]
const fn is_judged(place: Place) -> bool {
    place.vlan == 0
}
