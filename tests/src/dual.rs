//! For how long two routers owned the VIP at once, as the wire shows it. Pure arithmetic.
//!
//! Frames are moments, ownership lasts: a router counts as present from one of its frames to the
//! next if they are at most a *moment* apart ([`MOMENT`]). Times in which two are present are dual.
//! Nothing is added before the first frame or after the last, so that a clean move, however close, is
//! not dual: the old owner's last frame comes before the new one's first.
//!
//! What this needs is an owner that is made to speak more often than once per moment, such as by
//! probes every 100 µs. Two owners that speak less often, and never within the other's presence, are
//! not told from two that took turns. A machine that stalls for longer than a moment silences all:
//! the stall does not count.

use std::time::Duration;

use crate::{
    clock::{self, Nanos},
    sightings::Sighting,
};

/// How far apart two frames of a router may be for it to be present in between. Far more than what lies
/// between two answers to a prober, even one that is held up; less than the 10 ms between two adverts,
/// within which an owner may go away and come back.
pub const MOMENT: Duration = Duration::from_millis(5);

/// From the first moment to the last, both included; the same moment twice is a single frame's.
pub type Span = (Nanos, Nanos);

/// When a router was present, in order of time. A lone frame is a presence of no length.
#[must_use]
pub fn presence(sightings: &[Sighting], router: u8, moment: Duration) -> Vec<Span> {
    let mut times: Vec<_> = sightings
        .iter()
        .filter(|sighting| sighting.router == router)
        .map(|sighting| sighting.at)
        .collect();
    // Frames that different CPUs received need not be read in the order of their stamps.
    times.sort_unstable();
    let moment = clock::span_nanos(moment);
    let mut spans: Vec<Span> = Vec::new();
    for at in times {
        match spans.last_mut() {
            Some((_, end)) if at - *end <= moment => *end = at,
            _ => spans.push((at, at)),
        }
    }
    spans
}

/// The times that are in both. Each is in order, and no two spans of one touch, as [`presence`] has
/// it. A moment that is in both is an overlap of no length.
#[must_use]
pub fn overlap(a: &[Span], b: &[Span]) -> Vec<Span> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut both = Vec::new();
    while let (Some(&&(a_start, a_end)), Some(&&(b_start, b_end))) = (a.peek(), b.peek()) {
        let (start, end) = (a_start.max(b_start), a_end.min(b_end));
        if start <= end {
            both.push((start, end));
        }
        if a_end < b_end {
            a.next();
        } else {
            b.next();
        }
    }
    both
}

/// When any two routers were present at once, in order of time; two are no worse than three. Empty
/// means never: a lone frame of one within the other's presence is in the list, with no length.
#[must_use]
pub fn dual(sightings: &[Sighting], moment: Duration) -> Vec<Span> {
    let mut routers: Vec<_> = sightings.iter().map(|sighting| sighting.router).collect();
    routers.sort_unstable();
    routers.dedup();
    let presences: Vec<_> = routers
        .iter()
        .map(|&router| presence(sightings, router, moment))
        .collect();
    let mut spans = Vec::new();
    for (index, one) in presences.iter().enumerate() {
        for other in &presences[index + 1..] {
            spans.extend(overlap(one, other));
        }
    }
    union(spans)
}

/// The summed length of spans, in nanoseconds.
#[must_use]
pub fn total(spans: &[Span]) -> u64 {
    spans.iter().map(|(start, end)| end - start).sum()
}

fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::new();
    for (start, end) in spans {
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sightings::Kind;

    const MS: u64 = 1_000_000;

    /// Frames at these milliseconds.
    fn frames(router: u8, at: impl IntoIterator<Item = u64>) -> Vec<Sighting> {
        at.into_iter()
            .map(|at| Sighting {
                at: at * MS,
                router,
                mac: [0; 6],
                kind: Kind::Ip,
            })
            .collect()
    }

    fn ms(spans: &[Span]) -> Vec<Span> {
        spans.iter().map(|(a, b)| (a / MS, b / MS)).collect()
    }

    #[test]
    fn present_from_frame_to_frame_within_a_moment() {
        let seen = frames(1, [10, 12, 17, 23, 30, 31]);
        assert_eq!(
            ms(&presence(&seen, 1, MOMENT)),
            [(10, 17), (23, 23), (30, 31)]
        );
        assert!(presence(&seen, 2, MOMENT).is_empty());
        assert!(presence(&[], 1, MOMENT).is_empty());
    }

    #[test]
    fn the_order_of_reading_does_not_matter() {
        let seen = frames(1, [17, 10, 12, 12]);
        assert_eq!(ms(&presence(&seen, 1, MOMENT)), [(10, 17)]);
    }

    #[test]
    fn overlaps_of_every_shape() {
        for (a, b, both) in [
            // One after the other, within the other, over the end, equal.
            (&[(1, 3)][..], &[(4, 6)][..], &[][..]),
            (&[(1, 9)], &[(4, 6)], &[(4, 6)]),
            (&[(1, 5)], &[(4, 6)], &[(4, 5)]),
            (&[(1, 5)], &[(1, 5)], &[(1, 5)]),
            // Touching in one moment, lone frames inside and beside.
            (&[(1, 4)], &[(4, 6)], &[(4, 4)]),
            (&[(1, 9)], &[(5, 5)], &[(5, 5)]),
            (&[(5, 5)], &[(5, 5)], &[(5, 5)]),
            (&[(1, 4)], &[(5, 5)], &[]),
            // One presence over several of the other, and interleaved ones.
            (
                &[(1, 20)],
                &[(2, 3), (5, 5), (19, 25)],
                &[(2, 3), (5, 5), (19, 20)],
            ),
            (
                &[(1, 5), (8, 12)],
                &[(4, 9), (12, 13)],
                &[(4, 5), (8, 9), (12, 12)],
            ),
            (&[], &[(1, 2)], &[]),
        ] {
            assert_eq!(overlap(a, b), both, "{a:?} {b:?}");
            assert_eq!(overlap(b, a), both, "{b:?} {a:?}");
        }
    }

    #[test]
    fn a_clean_move_is_not_dual_however_close() {
        let mut seen = frames(1, 0..50);
        seen.extend(frames(2, 50..100));
        assert!(dual(&seen, MOMENT).is_empty());
    }

    #[test]
    fn two_owners_are_dual_as_long_as_both_speak() {
        let mut seen = frames(1, 0..=60);
        seen.extend(frames(2, 40..=100));
        let spans = dual(&seen, MOMENT);
        assert_eq!(ms(&spans), [(40, 60)]);
        assert_eq!(total(&spans), 20 * MS);
    }

    #[test]
    fn a_lone_frame_is_seen_though_it_has_no_length() {
        let mut seen = frames(1, 0..=60);
        seen.extend(frames(2, [30]));
        let spans = dual(&seen, MOMENT);
        assert_eq!(ms(&spans), [(30, 30)]);
        assert_eq!(total(&spans), 0);
    }

    #[test]
    fn taking_turns_further_apart_than_a_moment_is_not_dual() {
        let mut seen = frames(1, [0, 20, 40]);
        seen.extend(frames(2, [10, 30, 50]));
        assert!(dual(&seen, MOMENT).is_empty());
        assert_eq!(ms(&dual(&seen, 4 * MOMENT)), [(10, 40)]);
    }

    #[test]
    fn a_flap_back_counts_each_time() {
        let mut seen = frames(1, (0..=10).chain(50..=60));
        seen.extend(frames(2, 8..=52));
        assert_eq!(ms(&dual(&seen, MOMENT)), [(8, 10), (50, 52)]);
    }

    #[test]
    fn any_two_of_three_and_no_time_twice() {
        let mut seen = frames(1, 0..=20);
        seen.extend(frames(2, 10..=30));
        seen.extend(frames(7, 15..=40));
        let spans = dual(&seen, MOMENT);
        assert_eq!(ms(&spans), [(10, 30)]);
        assert_eq!(total(&spans), 20 * MS);
    }
}
