//! The head of the last frame that was refused for a reason, for the node to say from whom it was.

use core::ptr;

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    btf_maps::Array,
    helpers::bpf_ktime_get_ns,
    macros::btf_map,
    programs::{TcContext, XdpContext},
};
use vrrp_ebpf::{
    abi::{HEAD_WORDS, MAX_SAMPLES, SAMPLE_SPACING, Sample},
    frame::{Frame, WORD},
    policy::Link,
};

use super::{
    link,
    packet::{TcFrame, XdpFrame},
    xdp_link,
};

/// Written by the programs, read by the node.
#[btf_map]
static SAMPLES: Array<Sample, { MAX_SAMPLES }> = Array::new();

/// Keeps how the frame in XDP begins, for [`sample_index`](vrrp_ebpf::abi::sample_index). A function of
/// its own has a stack of its own. Whether it was kept.
#[inline(never)]
pub(super) fn keep(context: *mut xdp_md, index: u32) -> bool {
    let context = XdpContext::new(context);
    write(&XdpFrame::new(&context), xdp_link(&context), index)
}

/// The same in tc.
#[inline(never)]
pub(super) fn keep_skb(skb: *mut __sk_buff, index: u32) -> bool {
    let context = TcContext::new(skb);
    write(&TcFrame(&context), link(&context), index)
}

/// Writes the sample, unless one of its kind was kept a moment ago: a flood of refused adverts is to cost
/// no more than it did.
#[inline(always)]
fn write<F: Frame>(frame: &F, link: Link, index: u32) -> bool {
    let Some(sample) = SAMPLES.get_ptr_mut(index) else {
        return false;
    };
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    // SAFETY: the map's memory outlives the program's run. Two CPUs may write the same sample at
    // once, which the node finds out by its stamps.
    unsafe {
        let stamp = ptr::read_volatile(&raw const (*sample).stamp);
        if stamp != 0 && now.saturating_sub(stamp) < SAMPLE_SPACING {
            return false;
        }
        ptr::write_volatile(&raw mut (*sample).stamp, now);
    }
    let store = |index: usize, word: u64| {
        // SAFETY: as above; whoever calls this has an index below `HEAD_WORDS`.
        unsafe {
            let head = (&raw mut (*sample).head).cast::<u64>();
            ptr::write_volatile(head.add(index), word.to_be());
        }
    };
    let mut words = 0;
    for index in 0..HEAD_WORDS {
        let Some(word) = frame.word(index * WORD) else {
            break;
        };
        store(index, word);
        words = index + 1;
    }
    // Blurred, or the verifier would follow what is left once for each number of words.
    let words = frame.blur(words);
    let mut length = words * WORD;
    if words < HEAD_WORDS {
        // Adverts end on an even address, and nobody asks for what lies behind them.
        let mut rest = 0;
        if let Some(half) = frame.read(length) {
            rest = u64::from(u32::from_be_bytes(half)) << 32;
            length = frame.blur(length + 4);
        }
        if let Some(pair) = frame.read(length) {
            let pair = u64::from(u16::from_be_bytes(pair));
            rest |= pair << if length % WORD == 0 { 48 } else { 16 };
            length = frame.blur(length + 2);
        }
        store(words, rest);
    }
    // SAFETY: as above.
    unsafe {
        ptr::write_volatile(&raw mut (*sample).ifindex, link.ifindex);
        ptr::write_volatile(&raw mut (*sample).length, length as u16);
        ptr::write_volatile(&raw mut (*sample).stripped_vlan, link.stripped_vlan);
        ptr::write_volatile(&raw mut (*sample).sealed, now);
    }
    true
}
