//! Neighbour discovery for the virtual IPs (RFC 9568 sections 6.4 and 8.2.2, RFC 4861 section 7.2).

use super::{
    Action, Counts, Place, Tables, Verdict,
    claim::{self, Claim},
};
use crate::{
    abi::{Counter, VipEntry},
    frame::Frame,
    wire::{
        ipv6::{self, Ipv6, Upper},
        nd::{Answer, Kind, Sender, target_at},
    },
};

const GROUP_BIT: u8 = 1;

/// The verdict on a received message that follows its IPv6 header at once; nothing if it concerns
/// no virtual IP of ours, or is for the stack to judge.
#[inline(always)]
pub(super) fn judge<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    ip: &Ipv6,
    kind: Kind,
) -> Option<Verdict> {
    // From here on the verifier need not follow tagged and untagged frames one by one.
    let ip = Ipv6 {
        at: frame.blur(ip.at),
        ..*ip
    };
    let target_at = target_at(ip.payload_at());
    let speaker_at = match kind {
        Kind::Solicitation => ip.source_at(),
        Kind::Advertisement => target_at,
    };
    let (vip, speaks_as) = match place.vip_v6(frame, tables, speaker_at) {
        Some(vip) => (vip, true),
        //= C66: RFC 9568 section 8.2.4
        None if kind == Kind::Advertisement => return None,
        None => (place.vip_v6(frame, tables, target_at)?, false),
    };
    if !speaks_as && !tables.answers(vip.slot) {
        //= C47: RFC 9568 section 6.4.2
        return Some(Verdict::drop(vip.slot, Counter::NdIgnored));
    }
    // What is broken, or longer than we read, is for the stack to judge.
    let sender = Sender::parse(frame, &ip, kind)?;
    if speaks_as {
        let claim = Claim {
            mac: frame.read(sender.mac_at)?,
            announces: kind == Kind::Advertisement && !sender.answers,
            conflict: Counter::NdConflict,
        };
        claim::judge(tables, vip, claim, || {
            ipv6::address(frame, speaker_at).map(u128::to_be_bytes)
        })
    } else {
        solicitation(frame, vip, &ip, sender)
    }
}

/// The verdict on a received message that lies behind extension headers. The owner's stack answers
/// such a solicitation, so what is left to do is to keep it from everybody else's.
#[inline(always)]
pub(super) fn judge_extended<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
    upper: &Upper,
    kind: Kind,
) -> Option<Verdict> {
    if kind == Kind::Advertisement {
        return None;
    }
    let vip = place.vip_v6(frame, tables, target_at(upper.at))?;
    if tables.answers(vip.slot) {
        return None;
    }
    Some(Verdict::drop(vip.slot, Counter::NdIgnored))
}

/// Somebody asks the owner who has a virtual IP, or whether anybody has (Duplicate Address
/// Detection: from `::`).
#[inline(always)]
fn solicitation<F: Frame + ?Sized>(
    frame: &F,
    vip: &VipEntry,
    ip: &Ipv6,
    sender: Sender,
) -> Option<Verdict> {
    let [first] = frame.read(sender.mac_at)?;
    // An answer to a group address would be everybody's.
    if first & GROUP_BIT != 0 {
        return Some(Verdict::drop(vip.slot, Counter::NdIgnored));
    }
    //= C52: RFC 9568 section 6.4.3
    Some(Verdict {
        advertisement: Answer {
            at: ip.at,
            mac: vip.mac,
            asker_mac_at: sender.mac_at,
        },
        ..Verdict::new(
            Action::AnswerNeighbour,
            vip.slot,
            Counts::one(Counter::NdAnswered),
        )
    })
}
