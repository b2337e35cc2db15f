//! IPv6 header and the extension headers between it and the payload (RFC 8200 sections 3 and 4).

use crate::frame::Frame;

/// Bytes of the header.
pub const HEADER: usize = 40;
/// Next Header of ICMPv6.
pub const ICMPV6: u8 = 58;
/// Extension headers that are followed; RFC 8200 section 4.1 knows an order of six, one of them
/// (AH) of a kind that is not followed. What lies behind more has no upper layer here.
const MAX_EXTENSIONS: usize = 5;

pub(super) const SOURCE_AT: usize = 8;
pub(super) const DESTINATION_AT: usize = 24;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;
/// Extension headers are counted in these many bytes, and the fragment header has as many.
const UNIT: usize = 8;
const OFFSET_MASK: u16 = 0xfff8;
const MORE_FRAGMENTS: u16 = 1;

/// The address that starts `at` bytes into the frame, as a number.
#[inline(always)]
pub fn address<F: Frame + ?Sized>(frame: &F, at: usize) -> Option<u128> {
    frame.fold_words::<2, u128>(at, 0, |address, word| address << 64 | u128::from(word))
}

/// Whether an address is of fe80::/10 (RFC 4291 section 2.5.6).
#[must_use]
#[inline(always)]
pub const fn is_link_local(address: u128) -> bool {
    address >> 118 == 0xfe80 >> 6
}

/// Whether a host can send from an address: neither `::` nor `::1` (RFC 4291 sections 2.5.2 and 2.5.3),
/// no IPv4-mapped one (section 2.5.5.2, which is for use within a host), no multicast (section 2.7).
#[must_use]
#[inline(always)]
pub const fn is_unicast(address: u128) -> bool {
    address > 1 && address >> 32 != 0xffff && address >> 120 != 0xff
}

/// What an IPv6 header says. Its addresses are read when they are asked for: a transit packet is
/// let go by four bytes of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// Where the header starts in the frame.
    pub at: usize,
    /// Bytes of the packet behind the header, extension headers included. The frame may be longer
    /// (Ethernet padding) or, cut short, shorter.
    pub length: usize,
    /// What follows the header.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
}

/// The payload behind the extension headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upper {
    /// Its protocol; an extension header's number if there are too many of them.
    pub protocol: u8,
    /// Where it starts in the frame.
    pub at: usize,
    /// Its bytes by the header's word.
    pub length: usize,
    /// Fragment offset and M flag, as on the wire; 0 without a fragment header, and in an atomic
    /// fragment (RFC 6946), which is a whole packet.
    pub fragment: u16,
}

impl Ipv6 {
    /// Reads the header that starts `at` bytes into the frame, its addresses excepted. Nothing if
    /// it is cut short or not of version 6: the stack throws such a packet away.
    #[inline(always)]
    pub fn parse<F: Frame + ?Sized>(frame: &F, at: usize) -> Option<Self> {
        let [
            version,
            _,
            _,
            _,
            length_high,
            length_low,
            next_header,
            hop_limit,
        ] = frame.read(at)?;
        if version >> 4 != 6 {
            return None;
        }
        Some(Self {
            at,
            length: usize::from(u16::from_be_bytes([length_high, length_low])),
            next_header,
            hop_limit,
        })
    }

    /// Where the source address starts in the frame.
    #[must_use]
    #[inline(always)]
    pub const fn source_at(&self) -> usize {
        self.at + SOURCE_AT
    }

    /// Where the destination address starts in the frame.
    #[must_use]
    #[inline(always)]
    pub const fn destination_at(&self) -> usize {
        self.at + DESTINATION_AT
    }

    /// Whether extension headers lie between this header and the payload.
    #[must_use]
    #[inline(always)]
    pub const fn is_extended(&self) -> bool {
        is_extension(self.next_header)
    }

    /// Where the payload starts in the frame, if no extension headers are in front of it.
    #[must_use]
    #[inline(always)]
    pub const fn payload_at(&self) -> usize {
        self.at + HEADER
    }

    /// Type of the ICMPv6 message that follows this header at once. 0, which is none, for every other packet.
    #[inline(always)]
    pub fn icmp_type<F: Frame + ?Sized>(&self, frame: &F) -> u8 {
        if self.next_header != ICMPV6 {
            return 0;
        }
        frame.read(self.payload_at()).map_or(0, |[kind]| kind)
    }

    /// Follows the extension headers to the payload, or to the first fragment header of a fragment
    /// that does not hold its start. Nothing if they are cut short or longer than the packet, and
    /// nothing if a routing header says that the packet has not arrived.
    #[inline(always)]
    pub fn upper<F: Frame + ?Sized>(&self, frame: &F) -> Option<Upper> {
        let mut upper = Upper {
            protocol: self.next_header,
            at: self.payload_at(),
            length: self.length,
            fragment: 0,
        };
        for _ in 0..MAX_EXTENSIONS {
            if !is_extension(upper.protocol) || upper.is_later_fragment() {
                break;
            }
            let [next_header, length, high, low] = frame.read(upper.at)?;
            let mut bytes = UNIT;
            if upper.protocol == FRAGMENT {
                upper.fragment |= u16::from_be_bytes([high, low]) & (OFFSET_MASK | MORE_FRAGMENTS);
            } else if upper.protocol == ROUTING && low != 0 {
                return None;
            } else {
                bytes += usize::from(length) * UNIT;
            }
            upper.protocol = next_header;
            upper.at = frame.blur(upper.at + bytes);
            upper.length = frame.blur(upper.length.checked_sub(bytes)?);
        }
        Some(upper)
    }
}

impl Upper {
    /// Whether this is a part of a packet.
    #[must_use]
    #[inline(always)]
    pub const fn is_fragment(&self) -> bool {
        self.fragment != 0
    }

    /// Whether this is a part that does not hold the start of the payload.
    #[must_use]
    #[inline(always)]
    pub const fn is_later_fragment(&self) -> bool {
        self.fragment & OFFSET_MASK != 0
    }
}

#[inline(always)]
const fn is_extension(next_header: u8) -> bool {
    matches!(
        next_header,
        HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(next_header: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap();
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([next_header, 255]);
        packet.extend([0xaa; 32]);
        packet.extend(payload);
        packet
    }

    fn upper(next_header: u8, payload: &[u8]) -> Option<Upper> {
        let packet = packet(next_header, payload);
        Ipv6::parse(&packet[..], 0).unwrap().upper(&packet[..])
    }

    #[test]
    fn addresses_that_hosts_send_from() {
        let number = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().to_bits();
        for text in ["fe80::", "fe80::1", "febf:ffff::1"] {
            assert!(is_link_local(number(text)) && is_unicast(number(text)));
        }
        for text in [
            "::2",
            "2001:db8::1",
            "fe7f::1",
            "fec0::1",
            "fd00::1",
            "::1:ffff:0:1",
        ] {
            assert!(
                !is_link_local(number(text)) && is_unicast(number(text)),
                "{text}"
            );
        }
        for text in [
            "::",
            "::1",
            "ff02::12",
            "ff00::",
            "::ffff:192.0.2.1",
            "::ffff:0:0",
        ] {
            assert!(
                !is_link_local(number(text)) && !is_unicast(number(text)),
                "{text}"
            );
        }
    }

    #[test]
    fn fixed_header() {
        let packet = packet(17, &[0; 300]);
        let ip = Ipv6::parse(&packet[..], 0).unwrap();
        assert_eq!((ip.length, ip.next_header, ip.hop_limit), (300, 17, 255));
        assert_eq!((ip.source_at(), ip.destination_at()), (8, 24));
        assert_eq!(ip.payload_at(), 40);
        assert!(!ip.is_extended());
        assert_eq!(Ipv6::parse(&packet[..7], 0), None);
        assert_eq!(Ipv6::parse(&[0x45_u8; 40][..], 0), None);
    }

    #[test]
    fn extension_headers_are_followed() {
        let mut payload = vec![DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0];
        payload.extend([ROUTING, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        payload.extend([112, 0, 0, 0, 0, 0, 0, 0]);
        payload.extend([0x31, 51, 100]);
        let expected = Upper {
            protocol: 112,
            at: HEADER + 32,
            length: 3,
            fragment: 0,
        };
        assert_eq!(upper(HOP_BY_HOP, &payload), Some(expected));
    }

    #[test]
    fn fragments_are_told_apart() {
        let fragment = |high, low| upper(FRAGMENT, &[112, 0, high, low, 0, 0, 0, 7, 0x31, 51]);
        let atomic = fragment(0, 0).unwrap();
        assert_eq!((atomic.protocol, atomic.length), (112, 2));
        assert!(!atomic.is_fragment());
        // The two bits between offset and flag are reserved.
        assert!(!fragment(0, 6).unwrap().is_fragment());
        let first = fragment(0, 1).unwrap();
        assert!(first.is_fragment() && !first.is_later_fragment());
        let last = fragment(0, 8).unwrap();
        assert!(last.is_fragment() && last.is_later_fragment());
    }

    #[test]
    fn nothing_is_behind_a_later_fragment() {
        let mut payload = vec![DESTINATION_OPTIONS, 0, 0, 8, 0, 0, 0, 7];
        payload.extend([112, 0, 1, 4, 0, 0, 0, 0]);
        let upper = upper(FRAGMENT, &payload).unwrap();
        assert_eq!(upper.protocol, DESTINATION_OPTIONS);
        assert_eq!(upper.at, HEADER + 8);
    }

    #[test]
    fn headers_longer_than_the_packet_are_nothing() {
        assert_eq!(upper(HOP_BY_HOP, &[112, 1, 1, 4, 0, 0, 0, 0]), None);
        assert_eq!(upper(HOP_BY_HOP, &[112, 0, 1]), None);
        assert_eq!(upper(ROUTING, &[]), None);
    }

    #[test]
    fn what_is_to_be_routed_on_has_not_arrived() {
        let routed = |segments_left| upper(ROUTING, &[112, 0, 4, segments_left, 0, 0, 0, 0]);
        assert_eq!(routed(0).unwrap().protocol, 112);
        assert_eq!(routed(1), None);
    }

    #[test]
    fn too_many_headers_have_no_upper_layer() {
        let options = [DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0];
        let mut payload = options.repeat(4);
        payload.extend([112, 0, 1, 4, 0, 0, 0, 0]);
        assert_eq!(upper(HOP_BY_HOP, &payload).unwrap().protocol, 112);
        let mut payload = options.repeat(5);
        payload.extend([112, 0, 1, 4, 0, 0, 0, 0]);
        let upper = upper(HOP_BY_HOP, &payload).unwrap();
        assert_eq!(upper.protocol, DESTINATION_OPTIONS);
    }
}
