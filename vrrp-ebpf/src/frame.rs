//! Bounded access to the bytes of a frame: the same parsers run over a slice on the host and over
//! a packet in the kernel, whose verifier wants every access of a constant size and checked.

/// A frame that can be read in pieces of a constant size.
pub trait Frame {
    /// The `N` bytes that start `at` bytes into the frame, or nothing if they are not all there.
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]>;

    /// The same number, of which the kernel's verifier knows nothing any more.
    ///
    /// The verifier follows paths separately as long as they know different numbers, through every
    /// loop to come: blurred, an offset behind a VLAN tag is the same to it as one without.
    #[must_use]
    #[inline(always)]
    fn blur(&self, number: usize) -> usize {
        number
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
}
