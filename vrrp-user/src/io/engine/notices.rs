//! Adverts that are accepted but worth a log line (RFC 9568 section 7.1), rate limited.

use std::net::IpAddr;

use vrrp_ebpf::abi::event_flags;

use super::message::Notice;
use crate::proto::{Advert, Instant, Settings, State, Version};

const KINDS: usize = 8;
/// A notice that does not change is repeated once in this long.
const REPEAT_NS: u64 = 60_000_000_000;

/// What was said last, per kind of notice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notices {
    said: [Option<(IpAddr, Instant)>; KINDS],
}

impl Notices {
    /// Passes a notice on unless the same kind was said of the same source lately.
    pub(super) fn admit(&mut self, now: Instant, notice: Notice, source: IpAddr) -> bool {
        let Some(said) = self.said.get_mut(kind(notice)) else {
            return false;
        };
        let repeated =
            said.is_some_and(|(to, at)| to == source && now.0.saturating_sub(at.0) < REPEAT_NS);
        if !repeated {
            *said = Some((source, now));
        }
        !repeated
    }

    /// After a change of state everything may be said again.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

fn kind(notice: Notice) -> usize {
    match notice {
        Notice::AddressList => 0,
        Notice::Interval(_) => 1,
        Notice::TwoOwners => 2,
        Notice::EqualPriority(_) => 3,
        Notice::LowerPriority(_) => 4,
        Notice::HigherPriority(_) => 5,
        Notice::PriorityZero => 6,
        Notice::Conflict { .. } => 7,
    }
}

/// What is odd about an accepted advert, given the state in which it was heard.
pub(super) fn of_advert(
    settings: &Settings,
    state: State,
    advert: &Advert,
    flags: u8,
) -> [Option<Notice>; 3] {
    let list = (flags & event_flags::ADDRESS_LIST_DIFFERS != 0).then_some(Notice::AddressList);
    let own_cs = u16::try_from(settings.advert_interval.as_millis() / 10).unwrap_or(u16::MAX);
    let interval = (advert.version == Version::V3 && advert.interval_cs != own_cs)
        .then_some(Notice::Interval(advert.interval_cs));
    [
        list,
        interval,
        of_priority(settings.priority, state, advert.priority),
    ]
}

fn of_priority(own: u8, state: State, heard: u8) -> Option<Notice> {
    match (heard, state) {
        (0, State::Retiring) => None,
        (0, _) => Some(Notice::PriorityZero),
        (255, _) if own == 255 => Some(Notice::TwoOwners),
        (_, State::Active) if heard < own => Some(Notice::LowerPriority(heard)),
        (_, State::Active) if heard > own => Some(Notice::HigherPriority(heard)),
        (_, State::Active | State::Backup) if heard == own => Some(Notice::EqualPriority(heard)),
        _ => None,
    }
}
