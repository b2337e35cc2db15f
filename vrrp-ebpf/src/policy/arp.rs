//! ARP for the virtual IPs (RFC 9568 sections 6.4 and 8.1.2).

use super::{
    Action, Counts, Place, Tables, Verdict,
    claim::{self, Claim},
};
use crate::{
    abi::{Counter, VipEntry},
    frame::Frame,
    types::v4_bytes,
    wire::arp::{Answer, Arp},
};

const GROUP_BIT: u8 = 1;

/// The verdict on the ARP packet that starts `at` bytes into a received frame; nothing if it
/// concerns no virtual IP of ours.
#[inline(always)]
pub(super) fn judge<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    at: usize,
) -> Option<Verdict> {
    let arp = Arp::parse(frame, at)?;
    if let Some(vip) = place.vip_v4(tables, arp.sender) {
        let claim = Claim {
            mac: arp.sender_mac,
            announces: arp.sender == arp.target,
            conflict: Counter::ArpConflict,
        };
        return claim::judge(tables, vip, claim, || Some(v4_bytes(arp.sender)));
    }
    if !arp.is_request() {
        return None;
    }
    let vip = place.vip_v4(tables, arp.target)?;
    Some(request(tables, vip, &arp, at))
}

/// Somebody asks who has a virtual IP, or whether anybody has (RFC 5227: sender 0.0.0.0).
#[inline(always)]
fn request<T: Tables>(tables: &T, vip: &VipEntry, arp: &Arp, at: usize) -> Verdict {
    let [first, ..] = arp.sender_mac;
    //= C46: RFC 9568 section 6.4.2
    // An answer to a group address would be everybody's.
    if !tables.answers(vip.slot) || first & GROUP_BIT != 0 {
        return Verdict::drop(vip.slot, Counter::ArpIgnored);
    }
    Verdict {
        //= C51: RFC 9568 section 6.4.3
        answer: Answer {
            at,
            mac: vip.mac,
            address: arp.target,
            asker_mac: arp.sender_mac,
            asker: arp.sender,
        },
        ..Verdict::new(
            Action::AnswerArp,
            vip.slot,
            Counts::one(Counter::ArpAnswered),
        )
    }
}
