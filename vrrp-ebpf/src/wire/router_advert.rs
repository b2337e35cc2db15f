//! Router Advertisements (RFC 4861 section 4.2) that are about to leave.

use super::{ipv6::Ipv6, source::HIDDEN};
use crate::frame::Frame;

/// ICMPv6 type.
pub const TYPE: u8 = 134;
/// Type, code, checksum, hop limit, flags and three times.
const FIXED: usize = 16;
/// Options are so many bytes long, or a multiple of it.
const UNIT: usize = 8;
const SOURCE_LINK_LAYER: u8 = 1;
/// Most options that are looked at: prefixes, routes, resolvers and the like, one of which may have the
/// MAC.
const MOST: usize = 24;

/// Where the message tells the router's MAC (its Source Link-Layer Address option); 0 if it does not.
/// [`HIDDEN`] if that cannot be said: its options do not end where it does, or there are too many.
#[inline(always)]
pub fn told_mac_at<F: Frame + ?Sized>(frame: &F, ip: &Ipv6) -> usize {
    find(frame, ip.payload_at(), ip.length)
}

/// A BPF function of its own, so that the loop has the registers to itself: the verifier goes through it once
/// for each option.
#[inline(never)]
fn find<F: Frame + ?Sized>(frame: &F, message: usize, length: usize) -> usize {
    let end = frame.blur(message + length);
    let mut at = frame.blur(message + FIXED);
    for _ in 1..MOST {
        if at == end {
            return 0;
        }
        let Some([option, units]) = frame.read(at) else {
            return HIDDEN;
        };
        if option == SOURCE_LINK_LAYER || units == 0 {
            break;
        }
        at += usize::from(units) * UNIT;
    }
    if at == end {
        return 0;
    }
    // All of it has to be there, or it could not be written.
    match frame.read::<UNIT>(at) {
        Some([SOURCE_LINK_LAYER, 1, ..]) if at + UNIT <= end => at + 2,
        _ => HIDDEN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: usize = 14;
    const PREFIX: [u8; 32] = {
        let mut option = [0; 32];
        (option[0], option[1]) = (3, 4);
        option
    };
    const MAC: [u8; 8] = [1, 1, 2, 0, 0, 0, 0, 1];
    const MTU: [u8; 8] = [5, 1, 0, 0, 0, 0, 5, 220];

    /// Where the MAC is told, from the message's first byte on.
    fn told(options: &[&[u8]], lacking: usize) -> Option<usize> {
        told_padded(options, 0, lacking)
    }

    /// The same if as many of the last bytes are the frame's padding, and as many are not there.
    fn told_padded(options: &[&[u8]], padding: usize, lacking: usize) -> Option<usize> {
        let options = options.concat();
        let mut frame = vec![0; AT];
        frame.extend([0x60, 0, 0, 0]);
        let length = FIXED + options.len() - padding;
        frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        frame.extend([58, 255]);
        frame.extend([0; 32]);
        let message = frame.len();
        frame.extend([0; FIXED]);
        frame[message] = TYPE;
        frame.extend(options);
        frame.truncate(frame.len() - lacking);
        let frame = frame.as_slice();
        let ip = Ipv6::parse(frame, AT).unwrap();
        assert_eq!(ip.payload_at(), message);
        match told_mac_at(frame, &ip) {
            HIDDEN => None,
            at => Some(at.saturating_sub(message)),
        }
    }

    #[test]
    fn mac_is_found_wherever_it_stands() {
        assert_eq!(told(&[], 0), Some(0));
        assert_eq!(told(&[&PREFIX, &MTU], 0), Some(0));
        assert_eq!(told(&[&MAC], 0), Some(FIXED + 2));
        assert_eq!(told(&[&PREFIX, &MTU, &MAC], 0), Some(FIXED + 42));
        let many = [&MTU[..]; MOST - 1];
        assert_eq!(told(&many, 0), Some(0));
        let last = [&many[..], &[&MAC]].concat();
        assert_eq!(told(&last, 0), Some(FIXED + 8 * (MOST - 1) + 2));
    }

    #[test]
    fn what_cannot_be_followed_may_tell_any() {
        assert_eq!(told(&[&MTU[..]; MOST], 0), None);
        assert_eq!(told(&[&[5, 0, 0, 0, 0, 0, 5, 220], &MAC], 0), None);
        assert_eq!(told(&[&[1, 2, 0, 0, 0, 0, 0, 0], &MTU], 0), None);
        // An option that ends behind the message, and one that is not there.
        assert_eq!(told(&[&[5, 2, 0, 0, 0, 0, 5, 220]], 0), None);
        for padding in 1..8 {
            assert_eq!(told_padded(&[&MTU, &MAC], padding, 0), None);
        }
        assert_eq!(told_padded(&[&MTU, &MAC], 8, 0), Some(0));
        for lacking in 1..8 {
            assert_eq!(told(&[&MTU, &MAC], lacking), None);
        }
    }
}
