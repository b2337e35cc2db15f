//! The counters that a verdict moves, and conditions as numbers.
//!
//! The verifier follows every combination of conditions on its own, through all that comes after, as
//! long as it can tell them apart. A number can be made to forget what it is ([`Frame::blur`]).

use crate::{abi::Counter, frame::Frame};

/// Among how many counters a verdict chooses. It never moves all of them: some exclude each other.
const MOST: usize = 6;
/// Bits of an index: no counter's is all ones, which stands for none.
const INDEX_BITS: usize = 8;
const _: () = assert!(Counter::ALL.len() < u8::MAX as usize);

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

    /// Whether it holds.
    #[inline(always)]
    pub(super) const fn holds(self) -> bool {
        self.0 != 0
    }

    /// These bits if the condition holds, none if not.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "all bits are alike")]
    pub(super) const fn bits(self, bits: u8) -> u8 {
        bits & self.0 as u8
    }
}

/// Counters that move by one: their indices, packed. Six numbers would take up six times the stack,
/// once where they are kept and once more on their way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts(u64);

impl Counts {
    pub(super) const NONE: Self = Self(u64::MAX);

    #[inline(always)]
    pub(super) const fn one(counter: Counter) -> Self {
        Self(Self::NONE.0 << INDEX_BITS | counter as u64)
    }

    /// Those whose condition holds.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "an index, or all bits")]
    pub(super) fn of(counters: [(Counter, Flag); MOST]) -> Self {
        let indices = counters.map(|(counter, Flag(holds))| (counter as usize | !holds) as u8);
        let [a, b, c, d, e, f] = indices;
        Self(u64::from_le_bytes([a, b, c, d, e, f, u8::MAX, u8::MAX]))
    }

    /// The same, of which the verifier does not know which they are.
    #[inline(always)]
    pub(super) fn blurred<F: Frame + ?Sized>(self, frame: &F) -> Self {
        Self(frame.blur_word(self.0))
    }

    /// Their indices; what is the index of no counter stands for none.
    #[must_use]
    #[inline(always)]
    pub const fn indices(self) -> [u8; MOST] {
        let [a, b, c, d, e, f, ..] = self.0.to_le_bytes();
        [a, b, c, d, e, f]
    }

    /// The counters.
    pub fn iter(&self) -> impl Iterator<Item = Counter> {
        let known = self.indices().into_iter();
        let known = known.filter_map(|index| Counter::ALL.get(usize::from(index)));
        known.map(|(counter, _)| *counter)
    }
}
