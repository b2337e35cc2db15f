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
    let mut length = 0;
    for index in 0..HEAD_WORDS {
        let at = index * WORD;
        let word = match frame.word(at) {
            Some(word) => {
                length = at + WORD;
                word
            }
            None => {
                // Adverts end on an even address, and nobody asks for what lies behind them.
                let [a, b, c, d] = frame.read(at).unwrap_or_default();
                let tail_at = at + if frame.read::<4>(at).is_some() { 4 } else { 0 };
                let [e, f] = frame.read(tail_at).unwrap_or_default();
                length = tail_at
                    + if frame.read::<2>(tail_at).is_some() {
                        2
                    } else {
                        0
                    };
                if tail_at == at {
                    u64::from_be_bytes([e, f, 0, 0, 0, 0, 0, 0])
                } else {
                    u64::from_be_bytes([a, b, c, d, e, f, 0, 0])
                }
            }
        };
        // SAFETY: as above; `index` is one of the words.
        unsafe {
            let head = (&raw mut (*sample).head).cast::<u64>();
            ptr::write_volatile(head.add(index), word.to_be());
        }
        if length != at + WORD {
            break;
        }
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
