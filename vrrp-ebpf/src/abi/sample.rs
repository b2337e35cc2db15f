//! The last frame that was counted for a reason: from whom it was, and what it said.

use bytemuck::{Pod, Zeroable};

use super::{Counter, MAX_ROUTERS, NO_ROUTER};

/// Words of eight bytes that are kept of a frame.
pub const HEAD_WORDS: usize = 16;
/// Nanoseconds between two samples of the same kind.
pub const SAMPLE_SPACING: u64 = 100_000_000;

const FIRST: usize = Counter::AddressListDiffers as usize;
const LAST: usize = Counter::UnknownVrid as usize;
const KINDS: usize = LAST - FIRST + 1;
/// Values of `SAMPLES`.
pub const MAX_SAMPLES: usize = (MAX_ROUTERS as usize + 1) * KINDS;

/// Value of `SAMPLES`, by [`sample_index`]: how a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Sample {
    /// When XDP saw it, in nanoseconds of CLOCK_MONOTONIC. Written before the rest.
    pub stamp: u64,
    /// The same, written after the rest: a sample of which they differ is being written.
    pub sealed: u64,
    /// Interface that it came in by.
    pub ifindex: u32,
    /// Bytes of `head` that are of the frame.
    pub length: u16,
    /// VLAN ID of a tag that is not in the frame because the NIC takes care of it; 0 without.
    pub stripped_vlan: u16,
    /// The frame from its Ethernet header on, as it was on the wire.
    pub head: [u64; HEAD_WORDS],
}

/// Where the last frame is kept that moved the counter with this index, of the virtual router in this
/// slot. Nothing for counters of which none is kept: all but those of refused adverts, of an address
/// list that differs, and of unknown VRIDs.
#[must_use]
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "below MAX_SAMPLES")]
pub const fn sample_index(slot: u32, counter: usize) -> Option<u32> {
    if slot > NO_ROUTER || counter < FIRST || counter > LAST {
        return None;
    }
    Some((slot as usize * KINDS + counter - FIRST) as u32)
}

const _: () = assert!(size_of::<Sample>() == 24 + 8 * HEAD_WORDS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_each_router_has_a_place_of_its_own() {
        let mut places = Vec::new();
        for slot in 0..=NO_ROUTER {
            for (counter, _) in Counter::ALL {
                places.extend(sample_index(slot, counter as usize));
            }
        }
        assert!(
            places
                .iter()
                .copied()
                .eq(0..u32::try_from(MAX_SAMPLES).unwrap())
        );
        assert_eq!(sample_index(0, Counter::ArpAnswered as usize), None);
        assert_eq!(sample_index(NO_ROUTER + 1, FIRST), None);
        for (counter, name) in Counter::ALL {
            let kept = sample_index(0, counter as usize).is_some();
            assert!(kept || !name.starts_with("bad_"), "{name}");
        }
    }
}
