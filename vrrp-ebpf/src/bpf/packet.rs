//! The frame of an XDP or tc context: the only place where packet memory is touched.

use aya_ebpf::{
    bindings::BPF_F_RECOMPUTE_CSUM,
    helpers::{bpf_skb_change_tail, bpf_xdp_adjust_tail},
    programs::{TcContext, XdpContext},
};
use vrrp_ebpf::{
    frame::{Frame, FrameMut, WORD},
    wire::{ethernet, vrrp::PROTOCOL},
};

use super::verifier::{load, noise, opaque, unknown};

/// Offsets above this are refused: the verifier wants a bound, and the longest advert (255 IPv6
/// addresses) ends well before it.
const MAX_OFFSET: usize = 0x1fff;

/// The linear part of a frame. In XDP everything that we read lies in it (of a jumbo frame, the first
/// 200 IPv6 addresses or so). `WRITABLE` is false in tc, where a write would have the kernel copy the
/// frame's head whenever a clone shares it, before the program even starts.
pub(super) struct LinearFrame<const WRITABLE: bool> {
    start: usize,
    end: usize,
    /// A number that the verifier does not know.
    noise: usize,
}

/// A frame in XDP.
pub(super) type XdpFrame = LinearFrame<true>;

impl XdpFrame {
    #[inline(always)]
    pub(super) fn new(context: &XdpContext) -> Self {
        Self {
            start: context.data(),
            end: context.data_end(),
            noise: noise(context.ingress_ifindex()),
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
}

/// A received frame in tc, as far as it is linear.
pub(super) type ReceivedFrame = LinearFrame<false>;

impl ReceivedFrame {
    /// Every header that is looked at in every frame: Ethernet, and IPv6 or ARP.
    const HEADERS: u32 = 64;

    /// Makes linear what is going to be read: the headers, and all of what may be an advert or
    /// Neighbour Discovery. Without memory for that, the frame is as short as its linear part.
    #[inline(always)]
    pub(super) fn gathered(context: &TcContext) -> Self {
        let frame = Self::with(context, Self::HEADERS);
        if is_read_whole(&frame) {
            return Self::with(context, u32::MAX);
        }
        frame
    }

    #[inline(always)]
    fn with(context: &TcContext, bytes: u32) -> Self {
        let wanted = bytes.min(context.len());
        let present = opaque(context.data_end() - context.data());
        if present < wanted as usize {
            // An error leaves the frame as it was.
            context.pull_data(wanted).ok();
        }
        Self {
            start: context.data(),
            end: context.data_end(),
            noise: noise(context.len() as usize),
        }
    }
}

/// Whether more is read of a frame than its headers.
#[inline(always)]
fn is_read_whole(frame: &ReceivedFrame) -> bool {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    let ethertype = frame.read(ethernet::HEADER - 2).map(u16::from_be_bytes);
    match ethertype {
        Some(ethernet::IPV4) => frame.read(ethernet::HEADER + 9) == Some([PROTOCOL]),
        // Extension headers, too: what is behind them decides.
        Some(ethernet::IPV6) => frame
            .read(ethernet::HEADER + 6)
            .is_some_and(|[next]| !matches!(next, TCP | UDP)),
        _ => false,
    }
}

impl<const WRITABLE: bool> LinearFrame<WRITABLE> {
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

impl<const WRITABLE: bool> Frame for LinearFrame<WRITABLE> {
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

/// A received frame in tc that is turned into its answer.
pub(super) struct AnswerFrame<'a>(pub(super) &'a TcContext);

impl AnswerFrame<'_> {
    /// Cuts the frame to `length` bytes, or appends as many as are missing. Nothing, and the frame
    /// as it was, if there is no memory.
    #[inline(always)]
    pub(super) fn resized(context: &TcContext, length: usize) -> Option<AnswerFrame<'_>> {
        #[expect(clippy::cast_possible_truncation, reason = "a length of a frame")]
        // SAFETY: the context is the one that this program runs with.
        let failed = unsafe { bpf_skb_change_tail(context.skb.skb, length as u32, 0) };
        (failed == 0).then_some(AnswerFrame(context))
    }
}

impl Frame for AnswerFrame<'_> {
    #[inline(always)]
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.load(at).ok()
    }
}

impl FrameMut for AnswerFrame<'_> {
    #[inline(always)]
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()> {
        // The card may have added up the frame (CHECKSUM_COMPLETE), and whoever gets the answer may
        // believe that sum.
        self.0.store(at, &bytes, BPF_F_RECOMPUTE_CSUM.into()).ok()
    }
}

/// A frame to be sent, or one that passes by in tc, where any part may lie outside the linear area: the helper copies from both.
pub(super) struct TcFrame<'a>(pub(super) &'a TcContext);

impl Frame for TcFrame<'_> {
    #[inline(always)]
    fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.load(at).ok()
    }

    #[inline(always)]
    fn blur(&self, number: usize) -> usize {
        unknown(number, noise(self.0.len() as usize))
    }
}

impl FrameMut for TcFrame<'_> {
    #[inline(always)]
    fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> Option<()> {
        // Without BPF_F_RECOMPUTE_CSUM: a frame to be sent has no checksum over all of it.
        self.0.store(at, &bytes, 0).ok()
    }
}
