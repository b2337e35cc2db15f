//! Bounded access to the bytes of a frame: the same parsers run over a slice on the host and over
//! a packet in the kernel, whose verifier wants every access of a constant size and checked.

/// Bytes of a word.
pub const WORD: usize = 8;

/// A frame that can be read in pieces of a constant size.
pub trait Frame {
    /// The `N` bytes that start `at` bytes into the frame, or nothing if they are not all there.
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]>;

    /// Goes through the `N` words of eight bytes, network order, the first of which starts `at` bytes
    /// into the frame: what `step` returns for one of them it is given with the next. Nothing if they
    /// are not all there.
    ///
    /// In the kernel a word is a single load. Bytes that are [`read`](Self::read) are loaded one by
    /// one and put together, because the compiler knows of no alignment in a packet.
    #[inline(always)]
    fn fold_words<const N: usize, A>(
        &self,
        at: usize,
        start: A,
        step: impl Fn(A, u64) -> A,
    ) -> Option<A> {
        let mut folded = start;
        for index in 0..N {
            folded = step(folded, u64::from_be_bytes(self.read(at + index * WORD)?));
        }
        Some(folded)
    }

    /// The word of eight bytes, network order, that starts `at` bytes into the frame.
    #[inline(always)]
    fn word(&self, at: usize) -> Option<u64> {
        self.fold_words::<1, _>(at, 0, |_, word| word)
    }

    /// The same number, of which the kernel's verifier knows nothing any more.
    ///
    /// The verifier follows paths separately as long as they know different numbers, through every
    /// loop to come: blurred, an offset behind a VLAN tag is the same to it as one without.
    #[must_use]
    #[inline(always)]
    fn blur(&self, number: usize) -> usize {
        number
    }

    /// The same for a word.
    #[must_use]
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "forgets nothing on a host of 64 bits"
    )]
    fn blur_word(&self, word: u64) -> u64 {
        self.blur(word as usize) as u64
    }
}

/// A frame that can be changed in place, its length excepted.
pub trait FrameMut: Frame {
    /// Replaces the `N` bytes that start `at` bytes into the frame. Nothing is written, and
    /// nothing returned, if they are not all there.
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()>;
}

impl Frame for [u8] {
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.get(at..)?.first_chunk().copied()
    }
}

impl FrameMut for [u8] {
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()> {
        *self.get_mut(at..)?.first_chunk_mut()? = bytes;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_only_what_is_there() {
        let mut frame = [1, 2, 3, 4];
        let frame = frame.as_mut_slice();
        assert_eq!(frame.read(2), Some([3, 4]));
        assert_eq!(frame.read::<2>(3), None);
        assert_eq!(frame.read::<1>(usize::MAX), None);
        assert_eq!(frame.write(2, [7, 8, 9]), None);
        assert_eq!(frame.write(1, [5, 6]), Some(()));
        assert_eq!(frame, [1, 5, 6, 4]);
    }

    #[test]
    fn words_are_in_network_order_and_all_there() {
        let frame: [u8; 17] = std::array::from_fn(|index| index.try_into().unwrap());
        let frame = frame.as_slice();
        assert_eq!(frame.word(1), Some(0x0102_0304_0506_0708));
        assert_eq!(frame.word(9), Some(0x090a_0b0c_0d0e_0f10));
        assert_eq!(frame.word(10), None);
        let list = |words: Option<Vec<u64>>| words.map(|words| words.len());
        let append = |mut words: Vec<u64>, word| {
            words.push(word);
            words
        };
        assert_eq!(
            list(frame.fold_words::<2, _>(1, Vec::new(), append)),
            Some(2)
        );
        assert_eq!(list(frame.fold_words::<2, _>(2, Vec::new(), append)), None);
        assert_eq!(
            list(frame.fold_words::<0, _>(99, Vec::new(), append)),
            Some(0)
        );
    }
}
