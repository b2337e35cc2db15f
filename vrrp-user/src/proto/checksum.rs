//! The Internet checksum (RFC 1071) over what we build. Sums are of 16-bit words, unfolded.

use std::net::IpAddr;

/// Sum of the words of `bytes`; an odd last byte is padded with zero.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    bytes
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u64::from(u16::from_be_bytes([high, low])),
            [high] => u64::from(high) << 8,
            _ => 0,
        })
        .sum()
}

/// Sum of the pseudo-header of RFC 793 section 3.1 or RFC 8200 section 8.1.
pub(super) fn pseudo_header(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    length: usize,
) -> u64 {
    let addresses = [source, destination]
        .iter()
        .map(|address| match address {
            IpAddr::V4(address) => sum(&address.octets()),
            IpAddr::V6(address) => sum(&address.octets()),
        })
        .sum::<u64>();
    // The length is below 2^16 here, so that the two layouts sum up to the same.
    addresses + u64::from(protocol) + length as u64
}

/// Folds a sum and complements it.
#[expect(clippy::cast_possible_truncation, reason = "folded to 16 bits")]
pub(super) fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Stores a checksum at `offset`.
pub(super) fn put(bytes: &mut [u8], offset: usize, checksum: u16) {
    if let Some(field) = bytes.get_mut(offset..offset + 2) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1071 section 3: the example's bytes sum up to ddf2.
    #[test]
    fn sums_as_the_rfc_does() {
        let example = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(finish(sum(&example)), !0xddf2);
        assert_eq!(sum(&[0x12, 0x34, 0x56]), 0x1234 + 0x5600);
    }

    #[test]
    fn folds_until_nothing_is_carried() {
        assert_eq!(finish(0xffff), 0);
        assert_eq!(finish(0x1_0000), !1);
        // ffff + 1 carries once more.
        assert_eq!(finish(0x1_ffff), !1);
    }
}
