//! Ethernet II with at most one VLAN tag.

use crate::frame::Frame;

/// Bytes of an untagged header.
pub const HEADER: usize = 14;
/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// EtherType of ARP.
pub const ARP: u16 = 0x0806;

const DOT1Q: u16 = 0x8100;
const DOT1AD: u16 = 0x88a8;
const TAG: usize = 4;
const ETHERTYPE_AT: usize = 12;
pub(crate) const SOURCE_AT: usize = 6;
const VID_MASK: u16 = 0x0fff;

/// What an Ethernet header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// VLAN ID; 0 for untagged and priority-tagged frames.
    pub vlan: u16,
    /// EtherType of what follows. A second tag is left here, so that a doubly tagged frame is
    /// none of those.
    pub ethertype: u16,
    /// Where what follows starts.
    pub payload: usize,
}

impl Ethernet {
    /// Reads the header. `stripped_vlan` is the VLAN ID of a tag that the NIC took off or has
    /// still to put on; 0 if there is none.
    #[inline(always)]
    pub fn parse<F: Frame + ?Sized>(frame: &F, stripped_vlan: u16) -> Option<Self> {
        let ethertype = u16::from_be_bytes(frame.read(ETHERTYPE_AT)?);
        if stripped_vlan == 0 && matches!(ethertype, DOT1Q | DOT1AD) {
            let [tci_high, tci_low, type_high, type_low] = frame.read(HEADER)?;
            return Some(Self {
                vlan: u16::from_be_bytes([tci_high, tci_low]) & VID_MASK,
                ethertype: u16::from_be_bytes([type_high, type_low]),
                payload: HEADER + TAG,
            });
        }
        Some(Self {
            vlan: stripped_vlan,
            ethertype,
            payload: HEADER,
        })
    }
}

/// Destination MAC of a frame.
#[inline(always)]
pub fn destination<F: Frame + ?Sized>(frame: &F) -> Option<[u8; 6]> {
    frame.read(0)
}

/// Source MAC of a frame.
#[inline(always)]
pub fn source<F: Frame + ?Sized>(frame: &F) -> Option<[u8; 6]> {
    frame.read(SOURCE_AT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(tail: &[u8], stripped_vlan: u16) -> Option<Ethernet> {
        let mut frame = vec![0; 12];
        frame.extend_from_slice(tail);
        Ethernet::parse(frame.as_slice(), stripped_vlan)
    }

    #[test]
    fn reads_one_tag_at_most() {
        let untagged = parse(&[8, 0], 0).unwrap();
        assert_eq!(
            (untagged.vlan, untagged.ethertype, untagged.payload),
            (0, IPV4, 14)
        );
        let tagged = parse(&[0x81, 0, 0xe0, 10, 8, 6], 0).unwrap();
        assert_eq!(
            (tagged.vlan, tagged.ethertype, tagged.payload),
            (10, ARP, 18)
        );
        let service = parse(&[0x88, 0xa8, 0x0f, 0xff, 8, 6], 0).unwrap();
        assert_eq!((service.vlan, service.ethertype), (4095, ARP));
        let priority = parse(&[0x81, 0, 0xe0, 0, 8, 0], 0).unwrap();
        assert_eq!((priority.vlan, priority.ethertype), (0, IPV4));
        let double = parse(&[0x88, 0xa8, 0, 10, 0x81, 0, 0, 5, 8, 0], 0).unwrap();
        assert_eq!(double.ethertype, DOT1Q);
    }

    #[test]
    fn stripped_tag_is_the_tag() {
        let stripped = parse(&[8, 0], 7).unwrap();
        assert_eq!(
            (stripped.vlan, stripped.ethertype, stripped.payload),
            (7, IPV4, 14)
        );
        let double = parse(&[0x81, 0, 0, 10, 8, 0], 7).unwrap();
        assert_eq!(double.ethertype, DOT1Q);
    }

    #[test]
    fn short_frames_are_nothing() {
        assert_eq!(parse(&[8], 0), None);
        assert_eq!(parse(&[0x81, 0, 0, 10, 8], 0), None);
    }
}
