//! [`Routes`] by the kernel's own tables and rules.

use core::{ffi::c_void, mem::MaybeUninit, ptr};

use aya_ebpf::{
    bindings::{
        __sk_buff, BPF_FIB_LKUP_RET_NO_NEIGH, BPF_FIB_LKUP_RET_SUCCESS,
        BPF_FIB_LKUP_RET_UNSUPP_LWT, bpf_fib_lookup as Question,
    },
    helpers::generated::bpf_fib_lookup,
    programs::TcContext,
};
use vrrp_ebpf::policy::Routes;

/// `AF_INET`.
const IPV4: u8 = 2;
/// The routes of the network namespace that a frame is sent in.
pub(super) struct KernelRoutes<'a>(pub(super) &'a TcContext);

impl Routes for KernelRoutes<'_> {
    #[inline(always)]
    fn forwards(&self, ifindex: u32, source: [u8; 4], destination: [u8; 4]) -> bool {
        let (source, destination) = (u32::from_ne_bytes(source), u32::from_ne_bytes(destination));
        forwards(self.0.skb.skb, ifindex, source, destination)
    }
}

/// Addresses in network order. A function of its own has a stack of its own.
#[inline(never)]
fn forwards(skb: *mut __sk_buff, ifindex: u32, source: u32, destination: u32) -> bool {
    let mut question = MaybeUninit::<Question>::uninit();
    let question = question.as_mut_ptr();
    // SAFETY: numbers and unions of numbers, which may be zero, in as many words. Volatile, or it would be a loop over
    // 64 bytes, for the verifier as well. The context is the one that this program runs with, and the question is as
    // long as it says.
    let (answer, leaves_by) = unsafe {
        for index in 0..size_of::<Question>() / size_of::<u32>() {
            ptr::write_volatile(question.cast::<u32>().add(index), 0);
        }
        (*question).family = IPV4;
        (*question).ifindex = ifindex;
        (*question).__bindgen_anon_3.ipv4_src = source;
        (*question).__bindgen_anon_4.ipv4_dst = destination;
        let length = size_of::<Question>() as i32;
        let answer = bpf_fib_lookup(skb.cast::<c_void>(), question, length, 0);
        (answer, (*question).ifindex)
    };
    match u32::try_from(answer) {
        // Whether or not the next hop's MAC is known.
        Ok(BPF_FIB_LKUP_RET_SUCCESS | BPF_FIB_LKUP_RET_NO_NEIGH) => leaves_by != ifindex,
        // Into a tunnel.
        Ok(BPF_FIB_LKUP_RET_UNSUPP_LWT) => true,
        _ => false,
    }
}
