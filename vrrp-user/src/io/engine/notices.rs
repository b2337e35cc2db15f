//! Adverts that are accepted but worth a log line (RFC 9568 section 7.1), rate limited.

use std::net::IpAddr;

use vrrp_ebpf::abi::event_flags;

use super::message::Notice;
use crate::proto::{Advert, Instant, Settings, State, Version, election::OWNER};

const KINDS: usize = 9;
/// A notice that does not change is repeated once in this long.
const REPEAT_NS: u64 = 60_000_000_000;

/// Notices of all kinds together in any [`REPEAT_NS`]. Sources that take turns are news each time,
/// and whoever makes them up must not fill the event channel, which transitions have to pass.
const LIMIT: usize = 8;

/// So many adverts of version 2 in a row are not lost by accident.
const PAIRS_MISSED: u8 = 3;

/// What was said last, per kind of notice and in all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notices {
    said: [Option<(IpAddr, Instant)>; KINDS],
    /// When the last notices were said, as a ring.
    recent: [Option<Instant>; LIMIT],
    /// The oldest of them.
    oldest: usize,
}

impl Notices {
    /// Passes a notice on unless the same kind was said of the same source lately.
    pub(super) fn admit(&mut self, now: Instant, notice: Notice, source: IpAddr) -> bool {
        let Some(said) = self.said.get_mut(kind(notice)) else {
            return false;
        };
        let Some(oldest) = self.recent.get_mut(self.oldest) else {
            return false;
        };
        //= C67: RFC 9568 section 7.1
        let lately = |at: Instant| now.0.saturating_sub(at.0) < REPEAT_NS;
        if said.is_some_and(|(to, at)| to == source && lately(at)) || oldest.is_some_and(lately) {
            return false;
        }
        *said = Some((source, now));
        *oldest = Some(now);
        self.oldest = (self.oldest + 1) % LIMIT;
        true
    }

    /// After a change of state everything may be said again, within the limit.
    pub(super) fn reset(&mut self) {
        self.said = Default::default();
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
        Notice::Version3Alone => 8,
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
    //= C19: RFC 9568 section 7.1
    // Version 2 beside version 3 has one that is rounded up.
    let counts = advert.version == Version::V3 || settings.version == Version::V2;
    let interval =
        (counts && advert.interval_cs != own_cs).then_some(Notice::Interval(advert.interval_cs));
    [
        list,
        interval,
        of_priority(settings.priority, state, advert.priority),
    ]
}

/// Whether the Active sends version 2 beside version 3, as a router that speaks both should.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pairing {
    alone: Option<Alone>,
}

/// Adverts of version 3 without one of version 2 among them.
#[derive(Clone, Copy, Debug)]
struct Alone {
    source: IpAddr,
    since: Instant,
    adverts: u8,
}

impl Pairing {
    /// Takes an advert in.
    pub(super) fn of_advert(&mut self, settings: &Settings, advert: &Advert) -> Option<Notice> {
        let second = settings.departures.also_version_2?;
        let same = self.alone.filter(|alone| alone.source == advert.source);
        if advert.version == Version::V2 {
            // Of anybody else it says nothing about the Active.
            if same.is_some() {
                self.alone = None;
            }
            return None;
        }
        let alone = Alone {
            source: advert.source,
            since: same.map_or(advert.arrived, |alone| alone.since),
            adverts: same.map_or(0, |alone| alone.adverts).saturating_add(1),
        };
        self.alone = Some(alone);
        let missed = advert.arrived.since(alone.since) >= second * u32::from(PAIRS_MISSED);
        //= C71: RFC 9568 section 8.4.2
        (missed && alone.adverts > PAIRS_MISSED).then_some(Notice::Version3Alone)
    }
}

fn of_priority(own: u8, state: State, heard: u8) -> Option<Notice> {
    match (heard, state) {
        (0, State::Retiring) => None,
        (0, _) => Some(Notice::PriorityZero),
        //= C67: RFC 9568 section 8.3.2
        (OWNER, _) if own == OWNER => Some(Notice::TwoOwners),
        (_, State::Active) if heard < own => Some(Notice::LowerPriority(heard)),
        (_, State::Active) if heard > own => Some(Notice::HigherPriority(heard)),
        (_, State::Active | State::Backup) if heard == own => Some(Notice::EqualPriority(heard)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;
    use crate::{
        ids::VipId,
        proto::{self, Departures},
    };

    const SECOND: u64 = 1_000_000_000;
    const START: u64 = 1_000 * SECOND;

    fn host(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, number).into()
    }

    /// Priority 100 at 1 s.
    fn settings() -> Settings {
        Settings {
            advert_interval: Duration::from_secs(1),
            primary: host(1),
            ..proto::tests::settings()
        }
    }

    /// From the router 192.0.2.2.
    fn advert() -> Advert {
        Advert {
            arrived: Instant(START),
            source: host(2),
            version: Version::V3,
            priority: 150,
            interval_cs: 100,
            refuses_ours: false,
        }
    }

    /// What is odd about an advert.
    fn odd(state: State, flags: u8, change: impl FnOnce(&mut Advert)) -> Vec<Notice> {
        let mut advert = advert();
        change(&mut advert);
        let odd = of_advert(&settings(), state, &advert, flags);
        odd.into_iter().flatten().collect()
    }

    /// C19, C20, C67: what version 3 takes in is told.
    #[test]
    fn what_is_accepted_and_odd_is_told() {
        let backup = State::Backup;
        assert_eq!(odd(backup, 0, |_| {}), []);
        assert_eq!(
            odd(backup, 0, |advert| advert.interval_cs = 10),
            [Notice::Interval(10)]
        );
        // In version 2, beside version 3, it is rounded up.
        let second = |advert: &mut Advert| {
            advert.version = Version::V2;
            advert.interval_cs = 200;
        };
        assert_eq!(odd(backup, 0, second), []);
        let mut advert = advert();
        second(&mut advert);
        let settings = Settings {
            version: Version::V2,
            ..settings()
        };
        let [_, told, _] = of_advert(&settings, backup, &advert, 0);
        assert_eq!(told, Some(Notice::Interval(200)));
        let flags = event_flags::ADDRESS_LIST_DIFFERS | event_flags::CHECKSUM_PSEUDO;
        assert_eq!(odd(backup, flags, |_| {}), [Notice::AddressList]);
        let priority = |priority| move |advert: &mut Advert| advert.priority = priority;
        let equal = [Notice::EqualPriority(100)];
        assert_eq!(odd(backup, 0, priority(100)), equal);
        assert_eq!(odd(State::Active, 0, priority(100)), equal);
        assert_eq!(
            odd(State::Active, 0, priority(99)),
            [Notice::LowerPriority(99)]
        );
        assert_eq!(
            odd(State::Active, 0, priority(101)),
            [Notice::HigherPriority(101)]
        );
        assert_eq!(odd(backup, 0, priority(99)), []);
        assert_eq!(odd(backup, 0, priority(0)), [Notice::PriorityZero]);
        assert_eq!(odd(State::Retiring, 0, priority(0)), []);
    }

    /// Whether there is a notice, of adverts at these tenths of a second: source and version.
    fn alone<const N: usize>(settings: &Settings, heard: [(u64, u8, Version); N]) -> [bool; N] {
        let mut pairing = Pairing::default();
        heard.map(|(tenths, source, version)| {
            let heard = Advert {
                arrived: Instant(START + tenths * SECOND / 10),
                source: host(source),
                version,
                ..advert()
            };
            let notice = pairing.of_advert(settings, &heard);
            assert!(notice.is_none() || notice == Some(Notice::Version3Alone));
            notice.is_some()
        })
    }

    fn both_versions() -> Settings {
        Settings {
            departures: Departures {
                also_version_2: Some(Duration::from_secs(1)),
                ..Departures::default()
            },
            ..settings()
        }
    }

    //= C71: proof
    #[test]
    fn an_active_of_version_3_alone_is_told() {
        let of = |tenths| (tenths, 2, Version::V3);
        let heard = [of(0), of(10), of(20), of(29), of(30)];
        let told = [false, false, false, false, true];
        assert_eq!(alone(&both_versions(), heard), told);
        // It falls silent in version 2; what somebody else says there does not count.
        let (own, other) = ((1, 2, Version::V2), (25, 3, Version::V2));
        let heard = [of(0), own, of(10), of(20), other, of(30), of(40)];
        let told = [false, false, false, false, false, false, true];
        assert_eq!(alone(&both_versions(), heard), told);
    }

    //= C71: refusal
    #[test]
    fn who_sends_version_2_in_any_rhythm_is_not() {
        let (second, third) = (
            |tenths| (tenths, 2, Version::V2),
            |tenths| (tenths, 2, Version::V3),
        );
        let sparse = [0, 7, 14, 21, 28].map(third);
        let [a, b, c, d, e] = sparse;
        let heard = [a, b, c, d, e, second(29), third(35), third(42)];
        assert_eq!(alone(&both_versions(), heard), [false; 8]);
        // Back after a silence, in version 3 first.
        let heard = [third(0), third(990), second(991), third(1000)];
        assert_eq!(alone(&both_versions(), heard), [false; 4]);
        // Two of them take turns.
        let other = |tenths| (tenths, 3, Version::V3);
        let heard = [third(0), other(15), third(30), other(45), third(60)];
        assert_eq!(alone(&both_versions(), heard), [false; 5]);
        // Who speaks version 3 alone expects nothing else.
        assert_eq!(
            alone(&settings(), [0, 10, 20, 30, 40].map(third)),
            [false; 5]
        );
    }

    //= C67: refusal
    #[test]
    fn said_once_per_source_until_the_state_changes() {
        let mut notices = Notices::default();
        let mut say = |seconds, source| {
            let now = Instant(START + seconds * SECOND);
            notices.admit(now, Notice::PriorityZero, host(source))
        };
        assert!(say(0, 1));
        assert!(!say(59, 1));
        assert!(say(59, 2));
        assert!(say(60, 1));
        assert!(!say(60, 1));
        notices.reset();
        let now = Instant(START + 60 * SECOND);
        assert!(notices.admit(now, Notice::PriorityZero, host(1)));
    }

    //= C67: refusal
    #[test]
    fn sources_that_take_turns_are_limited_whatever_the_state_does() {
        let mut notices = Notices::default();
        let mut said = Vec::new();
        for tenth in 0..1_200 {
            if tenth % 100 == 0 {
                notices.reset();
            }
            let now = Instant(START + tenth * SECOND / 10);
            let vip = u32::try_from(tenth % 2).unwrap();
            let mac = [2; 6];
            let source = host(if vip == 0 { 1 } else { 2 });
            let vip = VipId(vip);
            if notices.admit(now, Notice::Conflict { vip, mac }, source) {
                said.push(tenth);
            }
        }
        assert_eq!(said.len(), 2 * LIMIT, "{said:?}");
        assert!(
            said.windows(LIMIT + 1)
                .all(|span| span[LIMIT] - span[0] >= 600)
        );
    }
}
