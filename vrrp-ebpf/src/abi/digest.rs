//! The digest of an address list, by which it is compared in the kernel.
//!
//! Each address is hashed as a whole, and the hashes are added up, so that the order does not matter.
//! What the hash must not be is linear: lists are of neighbours, and the lists {1, 4} and {2, 3} have
//! the same sum. Mixed twice, lists that differ have one digest no more often than 32 bits have to.

/// Odd, and fits a BPF instruction, which extends the sign of its 32 bits.
const MIX: u64 = extended(0x9e37_79b1);
/// The same for the first half of an IPv6 address.
const MIX_HIGH: u64 = extended(0x85eb_ca6b);

/// Adds an IPv4 address to a digest. That of no address is 0.
#[must_use]
#[inline(always)]
pub const fn address_digest(digest: u32, address: [u8; 4]) -> u32 {
    add(digest, u32::from_be_bytes(address) as u64)
}

/// [`address_digest`] of the two addresses in these eight bytes, network order.
#[must_use]
#[inline(always)]
pub const fn address_digest_pair(digest: u32, pair: u64) -> u32 {
    add(add(digest, pair >> 32), pair & 0xffff_ffff)
}

/// Adds an IPv6 address to a digest.
#[must_use]
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "takes the address apart")]
pub const fn address_digest_v6(digest: u32, address: u128) -> u32 {
    let high = ((address >> 64) as u64).wrapping_mul(MIX_HIGH);
    add(digest, folded(high.wrapping_add(address as u64)))
}

#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves are in the lower"
)]
const fn add(digest: u32, number: u64) -> u32 {
    digest.wrapping_add(mixed(mixed(number)) as u32)
}

#[inline(always)]
const fn mixed(number: u64) -> u64 {
    folded(number.wrapping_mul(MIX))
}

/// A product carries upwards only, so its upper half is brought down.
#[inline(always)]
const fn folded(product: u64) -> u64 {
    product ^ (product >> 32)
}

#[expect(clippy::cast_sign_loss, reason = "extends the sign")]
const fn extended(number: u32) -> u64 {
    number.cast_signed() as i64 as u64
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    const LINK_LOCAL: u128 = 0xfe80 << 112;
    const GLOBAL: u128 = 0x2001_0db8 << 96;

    fn four(list: &[[u8; 4]]) -> u32 {
        list.iter().fold(0, |sum, one| address_digest(sum, *one))
    }

    fn six(list: &[u128]) -> u32 {
        list.iter().fold(0, |sum, one| address_digest_v6(sum, *one))
    }

    /// Pairs of lists of two that have one digest, where the addresses have these.
    fn alike(addresses: &[u32]) -> usize {
        let others = |count| &addresses[..count];
        let lists = addresses.iter().enumerate();
        let lists = lists
            .flat_map(|(count, one)| others(count).iter().map(|other| one.wrapping_add(*other)));
        let mut digests = Vec::from_iter(lists);
        digests.sort_unstable();
        let equal = digests.chunk_by(|one, next| one == next);
        equal.map(|lists| lists.len() * (lists.len() - 1) / 2).sum()
    }

    #[test]
    fn ignores_order_and_sees_changes() {
        let (a, b) = ([192, 168, 1, 254], [10, 0, 0, 1]);
        assert_eq!(four(&[a, b]), four(&[b, a]));
        assert_ne!(four(&[a, b]), four(&[a, a]));
        assert_ne!(four(&[a]), four(&[[192, 168, 1, 253]]));
        let pair = address_digest_pair(7, 0xc0a8_01fe_0a00_0001);
        assert_eq!(pair, address_digest(address_digest(7, a), b));
        let (a, b) = (LINK_LOCAL | 1, GLOBAL | 1);
        assert_eq!(six(&[a, b]), six(&[b, a]));
        assert_ne!(six(&[a, b]), six(&[a, a]));
    }

    #[test]
    fn sees_what_leaves_the_sum_as_it_was() {
        let net = |host| [192, 0, 2, host];
        assert_ne!(four(&[net(1), net(4)]), four(&[net(2), net(3)]));
        let net = |host| LINK_LOCAL | host;
        assert_ne!(six(&[net(1), net(4)]), six(&[net(2), net(3)]));
    }

    #[test]
    fn sees_words_that_change_between_addresses() {
        let list =
            |list: [&str; 2]| six(&list.map(|one| one.parse::<Ipv6Addr>().unwrap().to_bits()));
        let here = list(["fe80::1", "2001:db8::2"]);
        for there in [
            ["fe80::2", "2001:db8::1"],
            ["fe80::1:0:0:0", "2001:db8::2"],
            ["fe80::", "2001:db8:0:1::2"],
            ["fe80:1f00::1", "2001:db8:0:1b00::2"],
        ] {
            assert_ne!(list(there), here, "{there:?}");
        }
    }

    #[test]
    fn lists_of_neighbours_are_seldom_alike() {
        // Of 484 million pairs of lists.
        const FEW: usize = 10;
        for net in [[10, 0, 0, 0], [192, 168, 1, 0], [203, 0, 113, 0]] {
            let hosts =
                Vec::from_iter((1..=250).map(|host| four(&[[net[0], net[1], net[2], host]])));
            assert!(alike(&hosts) < FEW, "{net:?}");
        }
        for net in [LINK_LOCAL, GLOBAL, 0xfd00 << 112] {
            for place in [0, 8, 32, 56, 64, 72, 80] {
                let hosts = Vec::from_iter((1..=250).map(|host| six(&[net | host << place])));
                assert!(alike(&hosts) < FEW, "{net:x} {place}");
            }
        }
    }
}
