//! Somebody speaks as a virtual IP, by ARP or by Neighbour Discovery. That is never answered and always
//! passes: a Backup's own neighbour entry must follow the Active, and an owner's kernel defends the
//! address itself.

use super::{Action, Counts, NO_EVENT, Submission, Tables, Verdict};
use crate::{
    abi::{Counter, Event, EventKind, VipEntry},
    ownership::State,
};

/// What the message says.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    /// The MAC that the virtual IP is said to have.
    pub(super) mac: [u8; 6],
    /// Whether it is told to everybody, unasked.
    pub(super) announces: bool,
    /// What a conflict counts as.
    pub(super) conflict: Counter,
}

/// The verdict; `source` reads the address, which only a record needs.
#[inline(always)]
pub(super) fn judge<T: Tables>(
    tables: &T,
    vip: &VipEntry,
    claim: Claim,
    source: impl FnOnce() -> Option<[u8; 16]>,
) -> Option<Verdict> {
    let foreign = claim.mac != vip.mac;
    let ownership = tables.ownership(vip.slot);
    let now = tables.now();
    // An Active that hears its own MAC hears itself, by way of a loop or a mirror: reacting to
    // that with another announcement would never end.
    let (counters, kind, seen) = match ownership.state() {
        State::Active if foreign && ownership.is_live(now) => {
            (Counts::one(claim.conflict), EventKind::Conflict, 0)
        }
        State::Retiring if foreign || claim.announces => {
            (Counts::NONE, EventKind::SuccessorAnnounced, now)
        }
        _ => return None,
    };
    Some(Verdict {
        seen,
        submission: Submission::Wake,
        event: Event {
            stamp: now,
            slot: vip.slot,
            vip: vip.vip,
            source: source()?,
            mac: claim.mac,
            kind: kind as u8,
            ..NO_EVENT
        },
        ..Verdict::new(Action::Pass, vip.slot, counters)
    })
}
