//! ARP for the virtual IPs (RFC 9568 sections 6.4 and 8.1.2).

use super::{Action, Counts, NO_EVENT, Place, Report, Tables, Verdict, v4};
use crate::{
    abi::{Counter, Event, EventKind, VipEntry},
    frame::Frame,
    ownership::State,
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
        return claim(tables, vip, &arp);
    }
    if !arp.is_request() {
        return None;
    }
    let vip = place.vip_v4(tables, arp.target)?;
    Some(request(tables, vip, &arp, at))
}

/// Somebody speaks as a virtual IP. That is never answered and always passes: a Backup's own
/// neighbour entry must follow the Active, and an owner's kernel defends the address itself.
#[inline(always)]
fn claim<T: Tables>(tables: &T, vip: &VipEntry, arp: &Arp) -> Option<Verdict> {
    let gratuitous = arp.sender == arp.target;
    let foreign = arp.sender_mac != vip.mac;
    let ownership = tables.ownership(vip.slot);
    let now = tables.now();
    // An Active that hears its own MAC hears itself, by way of a loop or a mirror: reacting to
    // that with another announcement would never end.
    let (counters, kind, seen) = match ownership.state() {
        State::Active if foreign && ownership.is_live(now) => {
            (Counts::one(Counter::ArpConflict), EventKind::Conflict, 0)
        }
        State::Retiring if foreign || gratuitous => {
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
            source: v4(arp.sender),
            mac: arp.sender_mac,
            kind: kind as u8,
            ..NO_EVENT
        },
        ..Verdict::new(Action::Pass, vip.slot, counters)
    })
}

/// Somebody asks who has a virtual IP, or whether anybody has (RFC 5227: sender 0.0.0.0).
#[inline(always)]
fn request<T: Tables>(tables: &T, vip: &VipEntry, arp: &Arp, at: usize) -> Verdict {
    let answers = tables
        .ownership(vip.slot)
        .answers(tables.now(), tables.last_seen(vip.slot));
    let [first, ..] = arp.sender_mac;
    //= C46: RFC 9568 section 6.4.2
    // An answer to a group address would be everybody's.
    if !answers || first & GROUP_BIT != 0 {
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
        ..Verdict::new(Action::Answer, vip.slot, Counts::one(Counter::ArpAnswered))
    }
}
