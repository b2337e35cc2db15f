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

/// How many routers became Active after `from`. One became it if it sends after another one has sent,
/// and its own last advert
/// - gave up being Active, or
/// - is three and a half intervals old: longer than a Backup waits, or
/// - is older than two of the other one's: an Active speaks in every interval, so two that are Active
///   side by side speak in alternation, and one that let the other speak twice was not Active in
///   between. Within an interval and a half it may only have been late.
///
/// One that was merely late while nobody else spoke did not become anything.
pub(super) fn count(adverts: &[Sent], from: Nanos, interval: Duration) -> u64 {
    let down = clock::span_nanos(interval * 7 / 2);
    let late = clock::span_nanos(interval * 3 / 2);
    let begins = |(index, sent): (usize, &Sent)| {
        if sent.resigns {
            return false;
        }
        let earlier = &adverts[..index];
        let own = earlier.iter().rposition(|it| it.router == sent.router);
        let since = own.map_or(from, |own| earlier[own].at);
        let others = &earlier[own.map_or(0, |own| own + 1)..];
        let heard = others.iter().filter(|it| it.at >= since);
        if heard.clone().next().is_none() {
            return false;
        }
        let silent = sent.at.saturating_sub(since);
        let resigned = own.is_none_or(|own| earlier[own].resigns);
        resigned || silent > down || (silent > late && heard.filter(|it| !it.resigns).count() > 1)
    };
    adverts.iter().enumerate().filter(|&it| begins(it)).count() as u64
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
    fn fast_flaps_are_as_many_as_they_are() {
        // Every 30 ms another one: nobody is silent for as long as a Backup waits.
        let adverts = [
            (5, 1),
            (15, 1),
            (18, 2),
            (28, 2),
            (38, 1),
            (48, 1),
            (58, 2),
            (68, 2),
        ];
        assert_eq!(became(&adverts), 3);
    }

    #[test]
    fn who_returns_after_a_resignation_became_it_however_soon() {
        let mut adverts = sent(&[(5, 1), (8, 1), (9, 2), (14, 1)]);
        adverts[1].resigns = true;
        assert_eq!(count(&adverts, 0, INTERVAL), 2);
    }

    #[test]
    fn one_of_two_actives_that_is_late_did_not_become_it() {
        assert_eq!(
            became(&[(1, 1), (2, 2), (11, 1), (12, 2), (22, 2), (24, 1)]),
            1
        );
        // Once each, whatever the order within an interval.
        assert_eq!(
            became(&[(1, 1), (2, 2), (11, 2), (12, 1), (22, 2), (23, 1)]),
            1
        );
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
