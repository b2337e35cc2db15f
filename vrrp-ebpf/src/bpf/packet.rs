//! The frame of an XDP or tc context: the only place where packet memory is touched.

use aya_ebpf::{
    helpers::bpf_xdp_adjust_tail,
    programs::{TcContext, XdpContext},
};
use vrrp_ebpf::frame::{Frame, FrameMut, WORD};

use super::verifier::{load, opaque, unknown};

/// Offsets above this are refused: the verifier wants a bound, and the longest advert (255 IPv6
/// addresses) ends well before it.
const MAX_OFFSET: usize = 0x1fff;

/// A frame in XDP: its linear part, in which everything that we read lies (of a jumbo frame, the first
/// 200 IPv6 addresses or so).
pub(super) struct XdpFrame {
    start: usize,
    end: usize,
    /// A number that the verifier does not know.
    noise: usize,
}

impl XdpFrame {
    #[inline(always)]
    pub(super) fn new(context: &XdpContext) -> Self {
        Self {
            start: context.data(),
            end: context.data_end(),
            noise: context.ingress_ifindex(),
        }
    }

    /// Cuts the frame to `length` bytes, or appends as many as are missing. Nothing, and the frame
    /// as it was, if the driver left no room. What was read of the frame before must be read again.
    #[inline(always)]
    pub(super) fn resized(context: &XdpContext, length: usize) -> Option<Self> {
        // Opaque, because the packet's end can be compared and subtracted, and nothing else.
        let present = opaque(context.data_end() - context.data());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "a difference of two lengths of a frame"
        )]
        let difference = length.wrapping_sub(present) as i32;
        // SAFETY: the context is the one that this program runs with.
        let failed = unsafe { bpf_xdp_adjust_tail(context.ctx, difference) };
        (failed == 0).then(|| Self::new(context))
    }

    #[inline(always)]
    fn piece<const N: usize>(&self, at: usize) -> Option<*mut [u8; N]> {
        self.address(at, N).map(|address| address as *mut [u8; N])
    }

    /// Where the `length` bytes lie that start `at` bytes into the frame.
    #[inline(always)]
    fn address(&self, at: usize, length: usize) -> Option<usize> {
        let at = opaque(at);
        if at > MAX_OFFSET {
            return None;
        }
        let address = opaque(self.start + at);
        (address + length <= self.end).then_some(address)
    }
}

impl Frame for XdpFrame {
    #[inline(always)]
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        // SAFETY: `piece` lies between the packet's start and end; bytes need no alignment.
        self.piece(at).map(|piece| unsafe { *piece })
    }

    #[inline(always)]
    fn fold_words<const N: usize, A>(
        &self,
        at: usize,
        start: A,
        step: impl Fn(A, u64) -> A,
    ) -> Option<A> {
        let first = self.address(at, N * WORD)?;
        let mut folded = start;
        for index in 0..N {
            // SAFETY: `address` has made sure of all `N` words.
            let word = unsafe { load(first + index * WORD) };
            folded = step(folded, u64::from_be(word));
        }
        Some(folded)
    }

    #[inline(always)]
    fn blur(&self, number: usize) -> usize {
        unknown(number, self.noise)
    }
}

impl FrameMut for XdpFrame {
    #[inline(always)]
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()> {
        // SAFETY: as in `read`; the packet belongs to this run of the program alone.
        self.piece(at).map(|piece| unsafe { *piece = bytes })
    }
}

/// A frame in tc, where any part may lie outside the linear area: the helper copies from both.
pub(super) struct TcFrame<'a>(pub(super) &'a TcContext);

impl Frame for TcFrame<'_> {
    #[inline(always)]
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.load(at).ok()
    }
}

impl FrameMut for TcFrame<'_> {
    #[inline(always)]
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()> {
        // Without BPF_F_RECOMPUTE_CSUM: a frame to be sent has no checksum over all of it.
        self.0.store(at, &bytes, 0).ok()
    }
}
