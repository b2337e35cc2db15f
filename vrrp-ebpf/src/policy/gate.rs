//! Packets to a virtual IP (RFC 9568 sections 6.4.2 and 6.4.3).

use super::{Tables, Verdict};
use crate::abi::{Counter, VipEntry, vip_flags, vip_state};

/// The verdict on a received packet to a virtual IP.
///
/// The owner's packets wait for the kernel's address: without it the kernel would answer with
/// redirects and host-unreachable. A node that is not the owner, and has no such address, forwards
/// for clients with a stale neighbour entry; one that still has it must not take the packet. Without
/// Accept_Mode the owner takes none; ARP and Neighbour Discovery do not come here.
#[inline(always)]
pub(super) fn judge<T: Tables>(tables: &T, vip: &VipEntry) -> Option<Verdict> {
    let state = tables.vip_state(vip.vip);
    let serves = tables.ownership(vip.slot).serves(tables.now());
    if serves && vip.flags & vip_flags::NO_ACCEPT != 0 {
        //= C56: RFC 9568 section 6.4.3
        Some(Verdict::drop(vip.slot, Counter::VipNotAccepted))
    } else if serves && state & vip_state::READY != 0 {
        Some(Verdict::pass(vip.slot, Counter::VipPassed))
    } else if serves {
        //= C57: RFC 9568 section 8.3.1
        Some(Verdict::drop(vip.slot, Counter::VipNotReady))
    } else if state & vip_state::INSTALLED != 0 {
        //= C50: RFC 9568 section 6.4.2
        Some(Verdict::drop(vip.slot, Counter::VipNotOwner))
    } else {
        None
    }
}
