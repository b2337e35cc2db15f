//! The Internet checksum (RFC 1071) as VRRP uses it (RFC 9568 section 5.2.8).

use crate::{
    frame::{Frame, WORD},
    wire::{ipv4::MIN_HEADER, vrrp::PROTOCOL},
};

/// Bytes of an IPv6 address.
const ADDRESS_V6: usize = 16;
/// 32-bit words of options in the longest IPv4 header.
const MAX_OPTION_WORDS: usize = 10;

/// A one's complement sum under construction.
///
/// 32-bit words are added and folded into 16 bits at the end only, which comes to the same
/// (RFC 1071 section 2). Three folds are enough for 32,768 words, more than the longest advert
/// (8 + 4 × 255 + 8 bytes over IPv4, 8 + 16 × 255 over IPv6) has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(0);

    /// Adds four bytes that start at an even offset of the message.
    #[must_use]
    #[inline(always)]
    pub const fn add(self, word: [u8; 4]) -> Self {
        Self(self.0.wrapping_add(u32::from_be_bytes(word) as u64))
    }

    /// The same sum with its carries brought round, which keeps it below 2^33 however many words
    /// there are. The verifier sees that too: the turns of a loop that ends with this are alike to
    /// it, however large the sum may have become.
    #[must_use]
    #[inline(always)]
    pub const fn carry(self) -> Self {
        Self((self.0 & 0xffff_ffff) + (self.0 >> 32))
    }

    /// Adds eight bytes, network order, that start at an even offset of the message.
    #[must_use]
    #[inline(always)]
    pub const fn add_word(self, word: u64) -> Self {
        Self(
            self.0
                .wrapping_add(word >> 32)
                .wrapping_add(word & 0xffff_ffff),
        )
    }

    /// Adds bytes, the first of which stands at an even offset of the message; an odd last one is padded
    /// with zero.
    #[must_use]
    pub fn add_bytes(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks();
        let sum = words.iter().fold(self, |sum, word| sum.add(*word));
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        sum.add(last)
    }

    /// Adds the `N` words of a frame, the first of which starts `at` bytes into it. Nothing if they
    /// are not all there.
    #[inline(always)]
    pub fn add_words<const N: usize, F: Frame + ?Sized>(
        self,
        frame: &F,
        at: usize,
    ) -> Option<Self> {
        frame.fold_words::<N, _>(at, self, Self::add_word)
    }

    /// Adds the IPv4 pseudo-header of a VRRP message of `length` bytes, which RFC 5798 was read to
    /// ask for and RFC 9568 does not.
    #[must_use]
    #[inline(always)]
    pub const fn add_pseudo_v4(self, source: [u8; 4], destination: [u8; 4], length: u16) -> Self {
        let [high, low] = length.to_be_bytes();
        self.add(source)
            .add(destination)
            .add([0, PROTOCOL, high, low])
    }

    /// Adds the IPv6 pseudo-header (RFC 8200 section 8.1) of a message of `length` bytes, whose
    /// packet's addresses start `addresses_at` bytes into the frame. Nothing if they are not there.
    #[inline(always)]
    pub fn add_pseudo_v6<F: Frame + ?Sized>(
        self,
        frame: &F,
        addresses_at: usize,
        length: u16,
        protocol: u8,
    ) -> Option<Self> {
        let [high, low] = length.to_be_bytes();
        self.add([0, protocol, high, low])
            .add_words::<{ 2 * ADDRESS_V6 / WORD }, _>(frame, addresses_at)
    }

    /// What the checksum field must hold, when it was zero in the sum.
    #[must_use]
    #[inline(always)]
    pub const fn checksum(self) -> u16 {
        !self.fold()
    }

    /// Whether the message, summed with its checksum field, is intact.
    #[must_use]
    #[inline(always)]
    pub const fn is_valid(self) -> bool {
        self.fold() == 0xffff
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "folded into 16 bits")]
    const fn fold(self) -> u16 {
        let sum = (self.0 & 0xffff) + (self.0 >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        ((sum & 0xffff) + (sum >> 16)) as u16
    }
}

/// Sums the IPv4 header of `length` bytes (20-60, a multiple of 4) that starts `at` bytes into the
/// frame. Nothing if it is not all there.
#[must_use]
#[inline(always)]
pub fn ipv4_header<F: Frame + ?Sized>(frame: &F, at: usize, length: usize) -> Option<Sum> {
    let fixed: [u8; MIN_HEADER] = frame.read(at)?;
    let (words, _) = fixed.as_chunks();
    let mut sum = words.iter().fold(Sum::ZERO, |sum, word| sum.add(*word));
    for word in 0..MAX_OPTION_WORDS {
        let start = MIN_HEADER + word * 4;
        if start >= length {
            break;
        }
        sum = sum.add(frame.read(at + start)?);
    }
    Some(sum.carry())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_vectors() {
        // RFC 1071 section 3: the sum of 0001 f203 f4f5 f6f7 is ddf2.
        let sum = Sum::ZERO.add_word(0x0001_f203_f4f5_f6f7);
        assert_eq!(sum.checksum(), !0xddf2);
        // VRRPv2, VRID 1, priority 100, 1 s, 192.168.0.1 (no authentication).
        let sum = Sum::ZERO
            .add_word(0x2101_6401_0001_ba52)
            .add([192, 168, 0, 1])
            .add_word(0);
        assert!(sum.is_valid());
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::ZERO.add_bytes(&bytes).checksum(), !0xddf2);
    }

    #[test]
    fn an_odd_byte_is_padded() {
        for bytes in [&[0x12, 0x34, 0x56][..], &[0x12, 0x34, 0x56, 0, 0]] {
            assert_eq!(Sum::ZERO.add_bytes(bytes).checksum(), !(0x1234 + 0x5600));
        }
        assert_eq!(Sum::ZERO.add_bytes(&[0x12]).checksum(), !0x1200);
    }

    #[test]
    fn carries_change_nothing_but_the_size() {
        let sum = (0..300).fold(Sum::ZERO, |sum, _| sum.add([0xff, 0xff, 0xff, 0xfe]));
        assert!(sum.0 >> 33 != 0 && sum.carry().0 >> 33 == 0);
        assert_eq!(sum.carry().checksum(), sum.checksum());
        // 300 words of -1 in one's complement.
        assert_eq!(sum.checksum(), 300);
    }

    #[test]
    fn sum_of_ones_folds_twice() {
        let sum = (0..300).fold(Sum::ZERO, |sum, _| sum.add([0xff; 4]));
        assert!(sum.is_valid());
        assert_eq!(sum.checksum(), 0);
    }

    #[test]
    fn a_carry_of_the_second_fold_is_brought_round() {
        // 1_0000_ffff, 1_ffff, 1_0000, 1.
        let sum = Sum::ZERO.add([0xff; 4]).add([0, 1, 0, 0]);
        assert_eq!(sum.checksum(), !1);
    }

    #[test]
    fn pseudo_headers_count_every_field() {
        let v4 = Sum::ZERO.add_pseudo_v4([192, 168, 1, 1], [224, 0, 0, 18], 12);
        // c0a8 + 0101 + e000 + 0012 + 0070 + 000c = 1a237
        assert_eq!(v4.checksum(), !0xa238);
        let mut addresses = [0_u8; 32];
        addresses[..2].copy_from_slice(&[0xfe, 0x80]);
        addresses[15] = 1;
        addresses[16..18].copy_from_slice(&[0xff, 0x02]);
        addresses[31] = 0x12;
        // fe80 + 0001 + ff02 + 0012 + 0018 + 0070 = 1fe1d
        let v6 = Sum::ZERO
            .add_pseudo_v6(addresses.as_slice(), 0, 24, PROTOCOL)
            .unwrap();
        assert_eq!(v6.checksum(), !0xfe1e);
    }

    #[test]
    fn header_sum_stops_at_its_length() {
        let mut header = [0xff_u8; 60];
        header[24] = 0;
        let header = header.as_slice();
        assert!(ipv4_header(header, 0, 24).is_some_and(Sum::is_valid));
        assert!(!ipv4_header(header, 0, 28).is_some_and(Sum::is_valid));
        assert_eq!(ipv4_header(header, 4, 60), None);
    }

    #[test]
    fn header_sum_has_every_word_once() {
        let header = Vec::from_iter(0..62);
        for length in (20..=60).step_by(4) {
            let (words, _) = header[2..2 + length].as_chunks();
            let sum = words.iter().fold(Sum::ZERO, |sum, word| sum.add(*word));
            let read = ipv4_header(header.as_slice(), 2, length);
            assert_eq!(read, Some(sum.carry()));
        }
    }
}
