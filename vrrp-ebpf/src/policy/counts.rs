//! The counters that a verdict moves, and conditions as numbers.
//!
//! The verifier follows every combination of conditions on its own, through all that comes after, as
//! long as it can tell them apart. A number can be made to forget what it is ([`Frame::blur`]).

use crate::{abi::Counter, frame::Frame};

/// Most counters that one verdict moves, and those that exclude each other.
const MOST: usize = 6;
/// Stands for no counter.
const NONE: u32 = u32::MAX;

/// A condition: all bits set if it holds, none if not.
#[derive(Clone, Copy)]
pub(super) struct Flag(usize);

impl Flag {
    pub(super) const YES: Self = Self(usize::MAX);
    pub(super) const NO: Self = Self(0);

    /// Whether `condition` holds; which, the verifier does not know.
    #[inline(always)]
    pub(super) fn new<F: Frame + ?Sized>(frame: &F, condition: bool) -> Self {
        Self(frame.blur(usize::from(condition)).wrapping_neg())
    }

    /// These bits if the condition holds, none if not.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "all bits are alike")]
    pub(super) const fn bits(self, bits: u8) -> u8 {
        bits & self.0 as u8
    }
}

/// Counters that move by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts([u32; MOST]);

impl Counts {
    pub(super) const NONE: Self = Self([NONE; MOST]);

    #[inline(always)]
    pub(super) const fn one(counter: Counter) -> Self {
        Self([counter as u32, NONE, NONE, NONE, NONE, NONE])
    }

    /// Those whose condition holds.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "an index, or all bits")]
    pub(super) fn of(counters: [(Counter, Flag); MOST]) -> Self {
        Self(counters.map(|(counter, Flag(holds))| (counter as usize | !holds) as u32))
    }

    /// The same, of which the verifier does not know which they are.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "it was 32 bits")]
    pub(super) fn blurred<F: Frame + ?Sized>(self, frame: &F) -> Self {
        Self(self.0.map(|index| frame.blur(index as usize) as u32))
    }

    /// Their indices; what is the index of no counter stands for none.
    #[must_use]
    #[inline(always)]
    pub const fn indices(self) -> [u32; MOST] {
        self.0
    }

    /// The counters.
    pub fn iter(&self) -> impl Iterator<Item = Counter> {
        let known = self.0.into_iter();
        let known = known.filter_map(|index| Counter::ALL.get(index as usize));
        known.map(|(counter, _)| *counter)
    }
}
