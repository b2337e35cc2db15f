//! Router Advertisements: RFC 4861 section 4.2.

use etherparse::{IpNumber, Ipv6HeaderSlice};

use super::neighbour::replaced;

/// Bytes before the options.
const FIXED: usize = 16;
/// Options that are followed.
const OPTIONS: usize = 24;

/// Whether a packet is one, right behind its header.
pub(super) fn is_in(header: &Ipv6HeaderSlice<'_>, behind: &[u8]) -> bool {
    header.next_header() == IpNumber::IPV6_ICMP && behind.first() == Some(&134)
}

/// The frame that ends with `behind`, with this MAC in the place of the one that it tells. Nothing if its
/// options do not fill it.
pub(super) fn telling(
    header: &Ipv6HeaderSlice<'_>,
    frame: &[u8],
    behind: &[u8],
    mac: [u8; 6],
) -> Option<Vec<u8>> {
    let mut telling = frame.to_vec();
    let mut at = FIXED;
    let mut left = usize::from(header.payload_length()).checked_sub(FIXED)?;
    let message = frame.len() - behind.len();
    for _ in 0..OPTIONS {
        if left == 0 {
            return Some(telling);
        }
        let option = behind.get(at..at + 2)?;
        let length = usize::from(option[1]) * 8;
        if option[0] == 1 {
            let before = behind.get(at + 2..at + 8)?;
            if length != 8 || left < 8 {
                return None;
            }
            let checksum = replaced([behind[2], behind[3]], before, &mac);
            telling[message + 2..message + 4].copy_from_slice(&checksum);
            telling[message + at + 2..message + at + 8].copy_from_slice(&mac);
            return Some(telling);
        }
        if length == 0 {
            return None;
        }
        left = left.checked_sub(length)?;
        at += length;
    }
    None
}
