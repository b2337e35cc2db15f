//! One failover as it is drawn on a time line.

use std::time::Duration;

use crate::{
    clock::{self, Nanos},
    dual::{self, MOMENT},
    gap::Recording,
    lab::VIP,
    report::{Moment, Promotion, Span, Trace},
    stats::micros,
};

use super::{
    Measurement, Timing,
    judges::{Evidence, MoreEvidence},
};

/// How far a drawing goes on after the address has moved.
const AFTERWARDS: Duration = Duration::from_millis(500);
/// Answers further apart are two times of service.
const PAUSE: Duration = Duration::from_millis(1);

pub(super) fn draw(
    measurement: &Measurement,
    timing: &Timing,
    evidence: &Evidence,
    more: &MoreEvidence,
) -> Trace {
    let canvas = Canvas::of(measurement, evidence);
    let mut adverts = Vec::new();
    let mut announcements = Vec::new();
    for seen in &evidence.wire {
        let (Some(at), Some(router)) = (canvas.moment(seen.at), seen.router()) else {
            continue;
        };
        let (list, priority) = match seen.advert_priority() {
            Some(priority) => (&mut adverts, priority),
            None if seen.announces(VIP) => (&mut announcements, 0),
            None => continue,
        };
        list.push(Moment {
            at,
            router,
            priority,
        });
    }
    let routed = more.routed.silence_from(measurement.at);
    Trace {
        event: measurement.event.to_string(),
        advert_int_ms: timing.advert_int_ms,
        adverts,
        announcements,
        sights: canvas
            .each_router(|router| dual::presence(&more.sightings.sightings, router, MOMENT)),
        answers: canvas.each_router(|router| answering(&evidence.client, router)),
        addresses: canvas.each_router(|router| {
            let changes = more.addresses.get(usize::from(router) - 1);
            having(changes.map_or(&[], |changes| changes), evidence.watch.1)
        }),
        promotion: measurement.timeline.map(|told| Promotion {
            deadline: canvas.time(told.deadline),
            owned: canvas.time(told.owned),
            ready: canvas.time(told.ready),
        }),
        gap: canvas.times((measurement.client.last_old, measurement.client.first_new)),
        routed: Some(canvas.times(routed)),
        watch: canvas.times((canvas.from, canvas.until)),
        ..Trace::default()
    }
}

/// The time that is drawn, and where its zero is.
struct Canvas {
    zero: Nanos,
    from: Nanos,
    until: Nanos,
}

impl Canvas {
    fn of(measurement: &Measurement, evidence: &Evidence) -> Self {
        let last = measurement.client.first_new.max(measurement.at);
        let until = last + clock::span_nanos(AFTERWARDS);
        Self {
            zero: measurement.at,
            from: evidence.watch.0,
            until: evidence.watch.1.min(until),
        }
    }

    fn time(&self, at: Nanos) -> f64 {
        micros(at.cast_signed() - self.zero.cast_signed())
    }

    fn times(&self, (from, to): (Nanos, Nanos)) -> (f64, f64) {
        (self.time(from), self.time(to))
    }

    fn moment(&self, at: Nanos) -> Option<f64> {
        (self.from..=self.until)
            .contains(&at)
            .then(|| self.time(at))
    }

    fn each_router(&self, spans: impl Fn(u8) -> Vec<(Nanos, Nanos)>) -> Vec<Span> {
        let of = |router| spans(router).into_iter().map(move |span| (router, span));
        let drawn = |&(_, (from, to)): &(u8, (Nanos, Nanos))| from <= self.until && to >= self.from;
        [1, 2]
            .into_iter()
            .flat_map(of)
            .filter(drawn)
            .map(|(router, (from, to))| Span {
                from: self.time(from.max(self.from)),
                to: self.time(to.min(self.until)),
                router,
            })
            .collect()
    }
}

/// When a router answered the client: from an answer to the next, if no other router's and no pause
/// is between.
fn answering(client: &Recording, router: u8) -> Vec<(Nanos, Nanos)> {
    let pause = clock::span_nanos(PAUSE);
    let mut spans: Vec<(Nanos, Nanos)> = Vec::new();
    let mut before = 0;
    for answer in &client.answers {
        let at = answer.received;
        if answer.router == router {
            match spans.last_mut() {
                Some((_, to)) if before == router && at.saturating_sub(*to) <= pause => *to = at,
                _ => spans.push((at, at)),
            }
        }
        before = answer.router;
    }
    spans
}

/// When a kernel had the address.
fn having(changes: &[(Nanos, bool)], until: Nanos) -> Vec<(Nanos, Nanos)> {
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([until]);
    let spans = changes.iter().zip(ends);
    spans
        .filter(|((_, present), _)| *present)
        .map(|((from, _), to)| (*from, to))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gap::Answer;

    #[test]
    fn answers_of_another_router_or_a_pause_end_a_time_of_service() {
        let answer = |us: u64, router| Answer {
            probe: 0,
            received: us * 1000,
            router,
        };
        let client = Recording {
            answers: vec![
                answer(0, 1),
                answer(100, 1),
                answer(200, 2),
                answer(300, 1),
                answer(9_000, 1),
            ],
            ..Recording::default()
        };
        let at = |us: u64| us * 1000;
        assert_eq!(
            answering(&client, 1),
            [(at(0), at(100)), (at(300), at(300)), (at(9_000), at(9_000))]
        );
        assert_eq!(answering(&client, 2), [(at(200), at(200))]);
    }

    #[test]
    fn an_address_that_stays_reaches_the_end() {
        let changes = [(10, false), (20, true), (30, false), (40, true)];
        assert_eq!(having(&changes, 99), [(20, 30), (40, 99)]);
        assert_eq!(having(&[], 99), []);
    }
}
