//! The sender's MAC, written anew into a frame that is about to leave.

use super::ethernet;
use crate::{checksum::Sum, frame::FrameMut};

/// Where a message tells a MAC if that cannot be said.
pub const HIDDEN: usize = usize::MAX;

/// The MAC that a frame is to come from, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The MAC.
    pub mac: [u8; 6],
    /// Where the message tells it once more (ARP's sender, an option of Neighbour Discovery); 0 if it
    /// does not.
    pub told_at: usize,
    /// Where the checksum that covers it starts, at an even distance; 0 if there is none.
    pub checksum_at: usize,
}

impl Source {
    /// Writes it. Nothing is returned, and the frame is not to be sent, if it is too short.
    #[inline(always)]
    pub fn write<F: FrameMut + ?Sized>(&self, frame: &mut F) -> Option<()> {
        frame.write(ethernet::SOURCE_AT, self.mac)?;
        if self.told_at == 0 {
            return Some(());
        }
        if self.checksum_at != 0 {
            let before = frame.read(self.told_at)?;
            let checksum = frame.read(self.checksum_at)?;
            frame.write(self.checksum_at, updated(checksum, before, self.mac))?;
        }
        frame.write(self.told_at, self.mac)
    }
}

/// The checksum of a message in which one MAC takes the place of another (RFC 1624 section 3).
#[inline(always)]
const fn updated(checksum: [u8; 2], before: [u8; 6], after: [u8; 6]) -> [u8; 2] {
    let [high, low] = checksum;
    let [a, b, c, d, e, f] = before;
    let [u, v, w, x, y, z] = after;
    Sum::ZERO
        .add([!high, !low, !a, !b])
        .add([!c, !d, !e, !f])
        .add([u, v, w, x])
        .add([y, z, 0, 0])
        .checksum()
        .to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];

    #[test]
    fn stands_in_the_header_and_where_it_is_told() {
        let mut frame = [0x11; 24];
        let source = Source {
            mac: MAC,
            told_at: 16,
            checksum_at: 0,
        };
        source.write(frame.as_mut_slice()).unwrap();
        assert_eq!((&frame[..6], &frame[6..12]), (&[0x11; 6][..], &MAC[..]));
        assert_eq!((&frame[12..16], &frame[16..22]), (&[0x11; 4][..], &MAC[..]));
        assert_eq!(frame[22..], [0x11; 2]);

        let nowhere = Source {
            told_at: 0,
            ..source
        };
        let mut frame = [0x11; 24];
        nowhere.write(frame.as_mut_slice()).unwrap();
        assert_eq!((&frame[..6], &frame[6..12]), (&[0x11; 6][..], &MAC[..]));
        assert_eq!(frame[12..], [0x11; 12]);
    }

    #[test]
    fn checksum_stays_valid() {
        for before in [[0xff; 6], [0; 6], MAC, [0x02, 0, 0, 0, 0xfe, 0xff]] {
            // Ethernet, then a message: checksum, something, the MAC.
            let mut frame = [0x9d_u8; 24];
            frame[14..16].fill(0);
            frame[18..24].copy_from_slice(&before);
            let sum = |frame: &[u8]| {
                Sum::ZERO
                    .add(*frame[14..].first_chunk().unwrap())
                    .add(*frame[18..].first_chunk().unwrap())
                    .add([frame[22], frame[23], 0, 0])
            };
            let checksum = sum(&frame).checksum().to_be_bytes();
            frame[14..16].copy_from_slice(&checksum);
            let source = Source {
                mac: MAC,
                told_at: 18,
                checksum_at: 14,
            };
            source.write(frame.as_mut_slice()).unwrap();
            assert_eq!(frame[18..24], MAC);
            assert!(sum(&frame).is_valid(), "{before:02x?}");
        }
    }

    #[test]
    fn short_frames_are_not_to_be_sent() {
        let source = Source {
            mac: MAC,
            told_at: 16,
            checksum_at: 14,
        };
        for length in [11, 21] {
            assert_eq!(source.write(vec![0; length].as_mut_slice()), None);
        }
    }
}
