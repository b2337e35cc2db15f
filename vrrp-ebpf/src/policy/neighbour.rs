//! Neighbour discovery for the virtual IPs (RFC 9568 sections 6.4 and 8.2.2, RFC 4861 section 7.2).

use super::{Action, Counts, NO_EVENT, Place, Report, Tables, Verdict};
use crate::{
    abi::{Counter, Event, EventKind, VipEntry},
    frame::Frame,
    ownership::State,
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
    if !speaks_as && !answers(tables, vip) {
        //= C47: RFC 9568 section 6.4.2
        return Some(Verdict::drop(vip.slot, Counter::NdIgnored));
    }
    // What is broken, or longer than we read, is for the stack to judge.
    let sender = Sender::parse(frame, &ip, kind)?;
    if speaks_as {
        claim(frame, tables, vip, kind, sender, speaker_at)
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
    if answers(tables, vip) {
        return None;
    }
    Some(Verdict::drop(vip.slot, Counter::NdIgnored))
}

/// Somebody speaks as a virtual IP. As with ARP, that always passes: a Backup's own neighbour entry
/// must follow the Active, and an owner's kernel defends the address itself.
#[inline(always)]
fn claim<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    vip: &VipEntry,
    kind: Kind,
    sender: Sender,
    speaker_at: usize,
) -> Option<Verdict> {
    let unsolicited = kind == Kind::Advertisement && !sender.answers;
    let mac: [u8; 6] = frame.read(sender.mac_at)?;
    let foreign = mac != vip.mac;
    let ownership = tables.ownership(vip.slot);
    let now = tables.now();
    // An Active that hears its own MAC hears itself, as with ARP.
    let (counters, event, seen) = match ownership.state() {
        State::Active if foreign && ownership.is_live(now) => {
            (Counts::one(Counter::NdConflict), EventKind::Conflict, 0)
        }
        State::Retiring if foreign || unsolicited => {
            (Counts::NONE, EventKind::SuccessorAnnounced, now)
        }
        _ => return None,
    };
    Some(Verdict {
        seen,
        report: Report::Wake,
        event: Event {
            stamp: now,
            slot: vip.slot,
            vip: vip.vip,
            source: ipv6::address(frame, speaker_at)?.to_be_bytes(),
            mac,
            kind: event as u8,
            ..NO_EVENT
        },
        ..Verdict::new(Action::Pass, vip.slot, counters)
    })
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
            Action::Advertise,
            vip.slot,
            Counts::one(Counter::NdAnswered),
        )
    })
}

#[inline(always)]
fn answers<T: Tables>(tables: &T, vip: &VipEntry) -> bool {
    let ownership = tables.ownership(vip.slot);
    ownership.answers(tables.now(), tables.last_seen(vip.slot))
}
