//! The frame of an XDP or tc context: the only place where packet memory is touched.

use aya_ebpf::{
    helpers::bpf_xdp_adjust_tail,
    programs::{TcContext, XdpContext},
};
use vrrp_ebpf::frame::{Frame, FrameMut};

use super::verifier::{opaque, unknown};

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
        let at = opaque(at);
        if at > MAX_OFFSET {
            return None;
        }
        let piece = opaque(self.start + at);
        (piece + N <= self.end).then_some(piece as *mut [u8; N])
    }
}

impl Frame for XdpFrame {
    #[inline(always)]
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        // SAFETY: `piece` lies between the packet's start and end; bytes need no alignment.
        self.piece(at).map(|piece| unsafe { *piece })
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
