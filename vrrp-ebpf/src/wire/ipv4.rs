//! IPv4 header (RFC 791).

use crate::frame::Frame;

/// Protocol of ICMP.
pub const ICMP: u8 = 1;
/// Bytes of a header without options.
pub const MIN_HEADER: usize = 20;
const OFFSET_MASK: u16 = 0x1fff;
const MORE_FRAGMENTS: u16 = 0x2000;

/// What an IPv4 header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Where the header starts in the frame.
    pub at: usize,
    /// Bytes of the header with its options: 20-60.
    pub header_length: usize,
    /// Bytes of the packet, header included; never less than `header_length`. The frame may be
    /// longer (Ethernet padding) or, cut short, shorter.
    pub total_length: usize,
    /// Flags and fragment offset, as on the wire.
    pub fragment: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
}

/// Whether no host can send from this address (RFC 1122 section 3.2.1.3): 0/8, 127/8, multicast and the
/// limited broadcast. The rest of 240/4 is used as unicast, and Linux takes it as that.
#[must_use]
#[inline(always)]
pub const fn is_martian(source: [u8; 4]) -> bool {
    let [first, ..] = source;
    matches!(first, 0 | 127 | 224..=239) || u32::from_be_bytes(source) == u32::MAX
}

impl Ipv4 {
    /// Reads the header that starts `at` bytes into the frame. Nothing if it is cut short or
    /// contradicts itself: the stack throws such a packet away.
    #[inline(always)]
    pub fn parse<F: Frame + ?Sized>(frame: &F, at: usize) -> Option<Self> {
        let [
            version_ihl,
            _,
            length_high,
            length_low,
            _,
            _,
            fragment_high,
            fragment_low,
            ttl,
            protocol,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = frame.read::<MIN_HEADER>(at)?;
        let header_length = usize::from(version_ihl & 0xf) * 4;
        let total_length = usize::from(u16::from_be_bytes([length_high, length_low]));
        if version_ihl >> 4 != 4 || header_length < MIN_HEADER || total_length < header_length {
            return None;
        }
        Some(Self {
            at,
            header_length,
            total_length,
            fragment: u16::from_be_bytes([fragment_high, fragment_low]),
            ttl,
            protocol,
            source: [s0, s1, s2, s3],
            destination: [d0, d1, d2, d3],
        })
    }

    /// Where the payload starts in the frame.
    #[must_use]
    #[inline(always)]
    pub const fn payload(&self) -> usize {
        self.at + self.header_length
    }

    /// Bytes of the payload by the header's word.
    #[must_use]
    #[inline(always)]
    pub const fn payload_length(&self) -> usize {
        self.total_length - self.header_length
    }

    /// Whether this is a part of a packet.
    #[must_use]
    #[inline(always)]
    pub const fn is_fragment(&self) -> bool {
        self.fragment & (MORE_FRAGMENTS | OFFSET_MASK) != 0
    }

    /// Whether this is a part that does not hold the start of the payload.
    #[must_use]
    #[inline(always)]
    pub const fn is_later_fragment(&self) -> bool {
        self.fragment & OFFSET_MASK != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 20] = [
        0x45, 0, 0, 32, 0, 0, 0x40, 0, 255, 112, 0, 0, 10, 0, 0, 1, 224, 0, 0, 18,
    ];

    #[test]
    fn reads_options_and_fragments() {
        let ip = Ipv4::parse(HEADER.as_slice(), 0).unwrap();
        assert_eq!((ip.payload(), ip.payload_length(), ip.ttl), (20, 12, 255));
        assert!(!ip.is_fragment());
        let mut header = HEADER;
        header[3] = 20;
        let ip = Ipv4::parse(header.as_slice(), 0).unwrap();
        assert_eq!(ip.payload_length(), 0);
        let mut header = HEADER;
        header[0] = 0x46;
        header[6] = 0x20;
        let ip = Ipv4::parse(header.as_slice(), 0).unwrap();
        assert_eq!((ip.payload(), ip.payload_length()), (24, 8));
        assert!(ip.is_fragment() && !ip.is_later_fragment());
        header[6] = 0;
        header[7] = 1;
        let ip = Ipv4::parse(header.as_slice(), 0).unwrap();
        assert!(ip.is_fragment() && ip.is_later_fragment());
    }

    #[test]
    fn no_host_sends_from_a_martian() {
        for source in [
            [0, 0, 0, 0],
            [0, 1, 2, 3],
            [127, 0, 0, 1],
            [127, 255, 255, 255],
            [224, 0, 0, 0],
            [224, 0, 0, 18],
            [239, 255, 255, 255],
            [255, 255, 255, 255],
        ] {
            assert!(is_martian(source), "{source:?}");
        }
        for source in [
            [1, 0, 0, 0],
            [126, 255, 255, 255],
            [128, 0, 0, 1],
            [223, 255, 255, 255],
            [240, 0, 0, 1],
            [255, 255, 255, 254],
        ] {
            assert!(!is_martian(source), "{source:?}");
        }
    }

    #[test]
    fn contradictions_are_nothing() {
        assert_eq!(Ipv4::parse(&HEADER[..19], 0), None);
        for (at, byte) in [(0, 0x44), (0, 0x65), (3, 19)] {
            let mut header = HEADER;
            header[at] = byte;
            assert_eq!(Ipv4::parse(header.as_slice(), 0), None, "{byte:#x} at {at}");
        }
    }
}
