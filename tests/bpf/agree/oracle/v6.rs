//! IPv6: RFC 8200.

use etherparse::{
    IpNumber, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
    checksum::Sum16BitWords,
};
use vrrp_ebpf::abi::Counter;

use super::{Leaving, Opinion, Taken, advert_v6, neighbour, router_advert, to_vip};
use crate::agree::setting::Setting;

const HEADER: usize = 40;
/// RFC 8200 section 4.1 knows six kinds of extension headers; one of them (AH) is not followed.
const EXTENSIONS: usize = 5;

/// A received packet.
pub(super) fn received(setting: &Setting, taken: &Taken<'_>) -> Option<Opinion> {
    let header = Ipv6HeaderSlice::from_slice(taken.payload).ok()?;
    let behind = &taken.payload[HEADER..];
    if let Some(message) = neighbour::Message::read(&header, behind) {
        return neighbour::received(setting, taken, &message);
    }
    let upper = Upper::behind(&header, behind);
    if let Some(hidden) = upper.as_ref().filter(|upper| neighbour::is_in(upper)) {
        return neighbour::hidden(setting, taken, hidden);
    }
    let advert = upper
        .filter(|upper| upper.number == IpNumber::VRRP)
        .and_then(|upper| advert_v6::received(setting, taken, &header, &upper));
    advert.or_else(|| {
        let vip = taken.vip(&setting.vips_v6, &header.destination())?;
        to_vip(setting, taken, vip)
    })
}

/// A packet about to be sent from a virtual IP, or that speaks for one.
pub(super) fn sent(setting: &Setting, taken: &Taken<'_>) -> Option<Leaving> {
    // Where it comes from stands before where it goes.
    let mut fixed = [0; HEADER];
    let there = taken.payload.len().min(HEADER);
    fixed[..there].copy_from_slice(&taken.payload[..there]);
    let header = Ipv6HeaderSlice::from_slice(&fixed).ok()?;
    let behind = taken.payload.get(HEADER..).unwrap_or_default();
    // The node's own adverts, as over IPv4.
    if header.next_header() == IpNumber::VRRP {
        return None;
    }
    let message = neighbour::Message::read(&header, behind);
    let spoken_for = message.as_ref().and_then(|message| {
        let target = message.claimed()?;
        taken.vip(&setting.vips_v6, target)
    });
    let source = if there < 24 {
        None
    } else {
        taken.vip(&setting.vips_v6, &header.source())
    };
    let vip = spoken_for.or(source)?;
    let data = Leaving::data(setting, taken, vip);
    let Some(message) = message else {
        let tells = data.may_leave && router_advert::is_in(&header, behind);
        return Some(if tells {
            Leaving {
                refusal: Counter::EgressNd,
                telling: router_advert::telling(&header, taken.frame, behind, vip.mac),
                ..data
            }
        } else {
            data
        });
    };
    Some(Leaving {
        may_leave: setting.role(vip.slot).answers(),
        refusal: Counter::EgressNd,
        // An advertisement for another address tells that one's MAC.
        telling: if spoken_for.is_some() || message.solicits {
            message.telling(taken.frame, vip.mac)
        } else {
            data.telling
        },
        ..data
    })
}

/// Whether a packet about to be sent is a redirect, right behind its header (RFC 4861 section 4.5).
pub(super) fn redirects(taken: &Taken<'_>) -> bool {
    let header = taken.payload.first_chunk::<HEADER>();
    header.is_some_and(|header| header[0] >> 4 == 6 && header[6] == IpNumber::IPV6_ICMP.0)
        && taken.redirects(HEADER, 137)
}

/// What lies behind the extension headers.
pub(super) struct Upper<'a> {
    pub(super) number: IpNumber,
    /// What is there of it.
    pub(super) bytes: &'a [u8],
    /// The same with the padding of the frame.
    pub(super) behind: &'a [u8],
    /// How many bytes there are by the header's word.
    pub(super) length: usize,
    /// Whether this is its start, and not a later fragment.
    pub(super) begins: bool,
    /// Whether this is all of it, and no fragment.
    pub(super) whole: bool,
}

impl<'a> Upper<'a> {
    /// Nothing if the extension headers are cut short, or say that they are longer than the packet, or
    /// that it is to be routed on ("Segments Left", section 4.4).
    fn behind(header: &Ipv6HeaderSlice<'_>, behind: &'a [u8]) -> Option<Self> {
        let mut number = header.next_header();
        let mut length = usize::from(header.payload_length());
        let mut rest = behind;
        let (mut begins, mut whole) = (true, true);
        for _ in 0..EXTENSIONS {
            let (next, bytes) = match number {
                IpNumber::IPV6_FRAGMENTATION_HEADER => {
                    let fragment = Ipv6FragmentHeaderSlice::from_slice(rest).ok()?;
                    begins &= fragment.fragment_offset().value() == 0;
                    whole &= !fragment.is_fragmenting_payload();
                    (fragment.next_header(), fragment.slice().len())
                }
                IpNumber::IPV6_HEADER_HOP_BY_HOP
                | IpNumber::IPV6_ROUTE_HEADER
                | IpNumber::IPV6_DESTINATION_OPTIONS => {
                    let extension = Ipv6RawExtHeaderSlice::from_slice(rest).ok()?;
                    let routed_on = extension.payload().get(1).is_some_and(|left| *left != 0);
                    if number == IpNumber::IPV6_ROUTE_HEADER && routed_on {
                        return None;
                    }
                    (extension.next_header(), extension.slice().len())
                }
                _ => break,
            };
            number = next;
            length = length.checked_sub(bytes)?;
            rest = &rest[bytes..];
            if !begins {
                break;
            }
        }
        Some(Self {
            number,
            bytes: &rest[..rest.len().min(length)],
            behind: rest,
            length,
            begins,
            whole,
        })
    }
}

/// Sum of the pseudo-header of section 8.1 and a message.
pub(super) fn sum(header: &Ipv6HeaderSlice<'_>, number: IpNumber, message: &[u8]) -> Sum16BitWords {
    let length = u32::try_from(message.len()).unwrap();
    Sum16BitWords::new()
        .add_16bytes(header.source())
        .add_16bytes(header.destination())
        .add_4bytes(length.to_be_bytes())
        .add_4bytes([0, 0, 0, number.0])
        .add_slice(message)
}
