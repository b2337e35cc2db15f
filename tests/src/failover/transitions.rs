//! Who became Active when, read from adverts alone.

use std::time::Duration;

use crate::clock::{self, Nanos};

/// An advert on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) at: Nanos,
    pub(super) router: u8,
    /// Priority 0: the end of being Active.
    pub(super) resigns: bool,
}

/// How many routers became Active after `from`. One that sends after half an interval more than
/// three of silence became Active, if another one has sent in between: else it was only late.
pub(super) fn count(adverts: &[Sent], from: Nanos, interval: Duration) -> u64 {
    let silence = clock::span_nanos(interval * 7 / 2);
    let of_an_active = |sent: &&Sent| !sent.resigns;
    let begins = |&(index, sent): &(usize, &Sent)| {
        let earlier = &adverts[..index];
        let own = earlier.iter().filter(of_an_active);
        let last = own.rev().find(|other| other.router == sent.router);
        let silent_since = last.map_or(from, |last| last.at);
        let relieves = earlier
            .iter()
            .any(|other| other.router != sent.router && other.at >= silent_since);
        relieves && (last.is_none() || sent.at - silent_since > silence)
    };
    let sent = adverts.iter().enumerate();
    sent.filter(|(_, sent)| !sent.resigns)
        .filter(begins)
        .count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const INTERVAL: Duration = Duration::from_millis(10);

    fn sent(adverts: &[(u64, u8)]) -> Vec<Sent> {
        let sent = adverts.iter().map(|&(ms, router)| Sent {
            at: ms * MS,
            router,
            resigns: false,
        });
        sent.collect()
    }

    fn became(adverts: &[(u64, u8)]) -> u64 {
        count(&sent(adverts), 0, INTERVAL)
    }

    #[test]
    fn a_steady_active_is_none_that_became_it() {
        assert_eq!(became(&[(5, 1), (15, 1), (25, 1)]), 0);
        // Late, but nobody was there in between.
        assert_eq!(became(&[(5, 1), (15, 1), (95, 1)]), 0);
    }

    #[test]
    fn a_takeover_is_one() {
        assert_eq!(became(&[(5, 1), (15, 1), (45, 2), (55, 2)]), 1);
    }

    #[test]
    fn a_flap_is_two() {
        let adverts = [(5, 1), (15, 1), (45, 2), (55, 2), (58, 1), (68, 1)];
        assert_eq!(became(&adverts), 2);
    }

    #[test]
    fn a_backup_that_believes_itself_alone_is_one_each_time() {
        // The Active goes on all the while: its adverts were lost.
        let mut adverts: Vec<_> = (0..20).map(|n| (n * 10, 1)).collect();
        adverts.extend([(52, 2), (123, 2), (133, 2)]);
        adverts.sort_unstable();
        assert_eq!(became(&adverts), 2);
    }

    #[test]
    fn two_actives_beside_each_other_become_it_once() {
        assert_eq!(
            became(&[(1, 1), (2, 2), (11, 1), (12, 2), (21, 1), (22, 2)]),
            1
        );
    }

    #[test]
    fn a_resignation_makes_nobody_active() {
        let mut adverts = sent(&[(5, 1), (15, 1), (16, 2), (26, 2)]);
        adverts.insert(
            2,
            Sent {
                at: 15 * MS,
                router: 1,
                resigns: true,
            },
        );
        assert_eq!(count(&adverts, 0, INTERVAL), 1);
    }
}
