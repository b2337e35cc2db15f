//! Somebody says that the virtual IP is his, by ARP or by Neighbour Discovery (RFC 9568 section 6.4).

use vrrp_ebpf::{
    abi::{Counter, Event, EventKind},
    ownership::State,
};

use super::{Opinion, Taken};
use crate::{
    agree::setting::{Setting, Vip},
    family::claimed,
};

/// What he says.
pub(super) struct Claim {
    pub(super) mac: [u8; 6],
    /// To everybody, unasked.
    pub(super) announced: bool,
    pub(super) conflict: Counter,
}

pub(super) fn opinion<const N: usize>(
    setting: &Setting,
    taken: &Taken<'_>,
    vip: &Vip<N>,
    claim: &Claim,
) -> Option<Opinion> {
    let role = setting.role(vip.slot);
    let by_another = claim.mac != vip.mac;
    let mut opinion = Opinion::untouched(taken.frame);
    let kind = match role.state {
        State::Active if by_another && role.owns() => {
            opinion.outcome.counters = vec![(vip.slot, claim.conflict)];
            EventKind::Conflict
        }
        State::Retiring if by_another || claim.announced => {
            opinion.outcome.seen = Some(vip.slot);
            EventKind::SuccessorAnnounced
        }
        _ => return None,
    };
    let event = Event {
        mac: claim.mac,
        ..claimed(kind, (vip.slot, vip.index), vip.address)
    };
    Some(opinion.with_event(event, true))
}
