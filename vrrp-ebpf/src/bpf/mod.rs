//! Entry points: ask the policy, carry out its verdict.

mod maps;
mod packet;
mod routes;
mod samples;
mod verifier;

use aya_ebpf::{
    bindings::{__sk_buff, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, xdp_action, xdp_md},
    helpers::bpf_redirect,
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use aya_log_ebpf::debug;
use vrrp_ebpf::{
    abi::{Counter, EventKind, sample_index},
    pace::News,
    policy::{self, Action, EgressVerdict, Link, Submission, Tables as _, Verdict},
    wire::nd,
};

use self::{
    maps::Maps,
    packet::{AnswerFrame, ReceivedFrame, TcFrame, XdpFrame},
    routes::KernelRoutes,
};

/// `TC_ACT_UNSPEC` and `TCX_NEXT`: the next program or filter decides.
const TC_NEXT: i32 = -1;
/// `TC_ACT_SHOT` and `TCX_DROP`.
const TC_DROP: i32 = 2;
/// `PACKET_HOST`: a frame for this host.
const HOST: u32 = 0;
/// `PACKET_OTHERHOST`: one for another, by its destination.
const OTHER_HOST: u32 = 3;
/// VLAN ID within a tag.
const VID_MASK: u32 = 0x0fff;
/// The default flags would not wake the node while it has unread records.
const FORCE_WAKEUP: u64 = BPF_RB_FORCE_WAKEUP as u64;
const NO_WAKEUP: u64 = BPF_RB_NO_WAKEUP as u64;

/// Received frames, where the driver hands over linear buffers. Inlined into the function that the
/// macro makes of it, which else takes its own share of the stack.
#[xdp]
#[inline(always)]
fn xvrrp_ingress(context: XdpContext) -> u32 {
    receive(&context)
}

/// Received frames, where the MTU asks for several buffers.
#[xdp(frags)]
#[inline(always)]
fn xvrrp_ingress_frags(context: XdpContext) -> u32 {
    receive(&context)
}

/// Received frames in the stack instead of XDP: where XDP's answers would not arrive, or where the driver
/// has none. Unlike XDP in the stack (generic mode) it sees the VLAN tags that were taken off, and
/// copies nothing.
#[classifier]
fn xvrrp_receive(context: TcContext) -> i32 {
    let link = link(&context);
    if Maps.has_virtual_macs() && refuses_skb(context.skb.skb) {
        return TC_DROP;
    }
    let frame = ReceivedFrame::gathered(&context);
    let Some(verdict) = policy::concern(&frame, &Maps, link) else {
        return TC_NEXT;
    };
    record(&verdict);
    if let Some(index) = sampled(&verdict) {
        samples::keep_skb(context.skb.skb, index);
    }
    let answered = match verdict.action {
        Action::Pass | Action::Accept | Action::Readdress => return TC_NEXT,
        Action::Drop => {
            let [counter, ..] = verdict.counters.indices();
            debug!(&context, "slot {} drops, counter {}", verdict.slot, counter);
            return TC_DROP;
        }
        Action::AnswerArp => verdict.answer.write(&mut AnswerFrame(&context)),
        Action::AnswerNeighbour => {
            let length = verdict.advertisement.frame_length();
            // Without memory for a longer frame, the stack answers: it has the address, or will have it
            // in a moment.
            let Some(mut frame) = AnswerFrame::resized(&context, length) else {
                return TC_NEXT;
            };
            verdict.advertisement.write(&mut frame)
        }
    };
    match answered {
        #[expect(clippy::cast_possible_truncation, reason = "an action of tc")]
        // SAFETY: asks for the frame to be sent where it came from; it does nothing yet.
        Some(()) => unsafe { bpf_redirect(link.ifindex, 0) as i32 },
        None => TC_DROP,
    }
}

/// The time of the programs' clock in units of 2^20 ns, for the node to compare its own with; no frame
/// ever comes here.
#[classifier]
fn xvrrp_clock(_: TcContext) -> i32 {
    (Maps.now() >> 20) as i32
}

/// Frames about to be sent.
#[classifier]
fn xvrrp_egress(context: TcContext) -> i32 {
    let mut frame = TcFrame(&context);
    let leaving = policy::egress(&frame, &Maps, &KernelRoutes(&context), link(&context));
    let Some(EgressVerdict { verdict, source }) = leaving else {
        return TC_NEXT;
    };
    let [counter, ..] = verdict.counters.indices();
    maps::count(verdict.slot, usize::from(counter));
    match verdict.action {
        Action::Drop => TC_DROP,
        Action::Readdress => match source.write(&mut frame) {
            Some(()) => TC_NEXT,
            None => TC_DROP,
        },
        Action::Pass | Action::Accept | Action::AnswerArp | Action::AnswerNeighbour => TC_NEXT,
    }
}

/// Received frames on their way from XDP to the stack, where a virtual router uses its Virtual Router
/// MAC.
#[classifier]
fn xvrrp_mark(context: TcContext) -> i32 {
    // SAFETY: the context of a classifier is a `__sk_buff`.
    let kind = unsafe { (*context.skb.skb).pkt_type };
    if kind != OTHER_HOST {
        return TC_NEXT;
    }
    let Some(verdict) = policy::mark(&TcFrame(&context), &Maps, link(&context)) else {
        return TC_NEXT;
    };
    record(&verdict);
    if verdict.action == Action::Accept {
        // Refused for types that only the stack itself gives, and this is none.
        context.change_type(HOST).ok();
    }
    TC_NEXT
}

/// Where a frame is, for tc.
#[inline(always)]
fn link(context: &TcContext) -> Link {
    // SAFETY: the context of a classifier is a `__sk_buff`.
    let (ifindex, tagged, tci) = unsafe {
        let skb = &*context.skb.skb;
        (skb.ifindex, skb.vlan_present, skb.vlan_tci)
    };
    Link {
        ifindex,
        stripped_vlan: if tagged == 0 {
            0
        } else {
            (tci & VID_MASK) as u16
        },
    }
}

/// Where a frame is, for XDP.
#[inline(always)]
fn xdp_link(context: &XdpContext) -> Link {
    Link {
        ifindex: context.ingress_ifindex() as u32,
        stripped_vlan: 0,
    }
}

/// Whether a frame goes to a virtual MAC that another router owns. A function of its own has a stack of
/// its own.
#[inline(never)]
fn refuses(context: *mut xdp_md) -> bool {
    let context = XdpContext::new(context);
    let frame = XdpFrame::new(&context);
    let verdict = policy::refusal(&frame, &Maps, xdp_link(&context));
    if let Some(verdict) = verdict {
        let [counter, ..] = verdict.counters.indices();
        maps::count(verdict.slot, usize::from(counter));
    }
    verdict.is_some()
}

/// The same in tc.
#[inline(never)]
fn refuses_skb(skb: *mut __sk_buff) -> bool {
    let context = TcContext::new(skb);
    let verdict = policy::refusal(&TcFrame(&context), &Maps, link(&context));
    if let Some(verdict) = verdict {
        let [counter, ..] = verdict.counters.indices();
        maps::count(verdict.slot, usize::from(counter));
    }
    verdict.is_some()
}

#[inline(always)]
fn receive(context: &XdpContext) -> u32 {
    if Maps.has_virtual_macs() && refuses(context.ctx) {
        return xdp_action::XDP_DROP;
    }
    let mut frame = XdpFrame::new(context);
    let Some(verdict) = policy::concern(&frame, &Maps, xdp_link(context)) else {
        return xdp_action::XDP_PASS;
    };
    record(&verdict);
    if let Some(index) = sampled(&verdict) {
        samples::keep(context.ctx, index);
    }
    match verdict.action {
        Action::Pass | Action::Accept | Action::Readdress => xdp_action::XDP_PASS,
        Action::Drop => {
            let [counter, ..] = verdict.counters.indices();
            debug!(context, "slot {} drops, counter {}", verdict.slot, counter);
            xdp_action::XDP_DROP
        }
        Action::AnswerArp => match verdict.answer.write(&mut frame) {
            Some(()) => xdp_action::XDP_TX,
            None => xdp_action::XDP_DROP,
        },
        Action::AnswerNeighbour => advertise(context, &verdict.advertisement),
    }
}

/// Which sample the frame is to be, if any.
#[inline(always)]
fn sampled(verdict: &Verdict) -> Option<u32> {
    // An accepted advert moves several counters, of which only one is asked about.
    let [first, .., differs, _] = verdict.counters.indices();
    let counter = if verdict.submission == Submission::Nothing {
        first
    } else {
        differs
    };
    sample_index(verdict.slot, usize::from(counter))
}

/// Answers a solicitation. Where the driver has no room for a longer frame, the stack answers: it
/// has the address, or will have it in a moment.
#[inline(always)]
fn advertise(context: &XdpContext, answer: &nd::Answer) -> u32 {
    let Some(mut frame) = XdpFrame::resized(context, answer.frame_length()) else {
        return xdp_action::XDP_PASS;
    };
    match answer.write(&mut frame) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_DROP,
    }
}

/// Everything about a verdict but the frame's fate.
#[inline(always)]
fn record(verdict: &Verdict) {
    for index in verdict.counters.indices() {
        maps::count(verdict.slot, usize::from(index));
    }
    if verdict.seen != 0 {
        maps::store_last_seen(verdict.slot, verdict.seen);
    }
    if verdict.better_seen != 0 {
        maps::store_better_seen(verdict.slot, verdict.better_seen);
    }
    if verdict.submission == Submission::Nothing {
        return;
    }
    let event = &verdict.event;
    if event.kind == EventKind::Conflict as u8 {
        maps::store_conflict_seen(verdict.slot, event.stamp);
    }
    let wakes = verdict.submission == Submission::Wake;
    let news = News::of(event, wakes, verdict.better_seen != 0);
    if !maps::admits(verdict.slot, news, event.stamp) {
        maps::count(verdict.slot, Counter::RateLimited as usize);
        return;
    }
    let submitted = maps::submit(event, if wakes { FORCE_WAKEUP } else { NO_WAKEUP });
    if !submitted {
        maps::count(verdict.slot, Counter::RingFull as usize);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel lends its helpers to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
