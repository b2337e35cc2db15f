//! The traces inside the page, short: thousands of adverts are told by their distances.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Serialize;
use vrrp_tests::{
    failover::Event,
    report::{Moment, Span, Trace},
};

use super::{super::names::Colours, escape::script};

/// What the traces of a page may take, in bytes.
const BUDGET: usize = 3_000_000;

/// What a page has of its traces.
#[derive(Debug)]
pub(super) struct Embedded {
    /// How many.
    pub(super) traces: usize,
    /// As [`json`] writes them.
    pub(super) json: String,
}

/// Those of a page that was written before, whatever this version would make of them; none of a page that
/// is not there.
pub(super) fn of_page(page: &str) -> Result<Embedded> {
    let json = page
        .split_once(r#"<script type="application/json" id="traces">"#)
        .and_then(|(_, rest)| rest.split_once("</script>"))
        .map_or(r#"{"events":[],"colours":[],"traces":[]}"#, |(json, _)| {
            json
        });
    let parsed: serde_json::Value = serde_json::from_str(json)?;
    let traces = parsed["traces"]
        .as_array()
        .context("a page without traces")?;
    Ok(Embedded {
        traces: traces.len(),
        json: json.to_owned(),
    })
}

/// The JSON that the page's scripts read, safe within a `<script>`.
pub(super) fn json(traces: &[&Trace], colours: &Colours<'_>) -> serde_json::Result<String> {
    let page = Page {
        events: Event::ALL.map(|event| (event.name(), event.title())),
        colours: &colours.nodes,
        traces: traces.iter().map(|trace| Short::of(trace)).collect(),
    };
    Ok(script(&serde_json::to_string(&page)?))
}

/// The traces that fit into a page: all of them, or of each kind of failover the median, the longest,
/// the shortest and as many between them as there is room for.
pub(super) fn fitting(traces: &[Trace]) -> serde_json::Result<Vec<&Trace>> {
    fitting_into(traces, BUDGET)
}

fn fitting_into(traces: &[Trace], budget: usize) -> serde_json::Result<Vec<&Trace>> {
    let mut kinds: BTreeMap<_, Vec<(usize, usize, &Trace)>> = BTreeMap::new();
    for (place, trace) in traces.iter().enumerate() {
        let size = serde_json::to_string(&Short::of(trace))?.len();
        let kind = (&trace.node, &trace.event, &trace.load, trace.advert_int_ms);
        kinds.entry(kind).or_default().push((place, size, trace));
    }
    let gap = |trace: &Trace| trace.gap.1 - trace.gap.0;
    for kind in kinds.values_mut() {
        kind.sort_by(|(.., one), (.., other)| gap(one).total_cmp(&gap(other)));
    }
    let most = kinds.values().map(Vec::len).max().unwrap_or(0);
    // An odd number has the median in its middle.
    let numbers = (0..=most / 2).rev().map(|half| 2 * half + 1);
    let mut kept = Vec::new();
    for number in numbers {
        kept = kinds
            .values()
            .flat_map(|kind| spread(kind, number))
            .collect();
        if kept.iter().map(|(_, size, _)| size).sum::<usize>() <= budget {
            break;
        }
    }
    kept.sort_by_key(|(place, ..)| *place);
    Ok(kept.into_iter().map(|(.., trace)| trace).collect())
}

/// So many of a sorted sample, evenly; of one alone, the median.
fn spread<T: Copy>(sorted: &[T], number: usize) -> Vec<T> {
    let last = sorted.len().saturating_sub(1);
    if number > last {
        return sorted.to_vec();
    }
    match number - 1 {
        0 => vec![sorted[last / 2]],
        steps => (0..=steps)
            .map(|step| sorted[step * last / steps])
            .collect(),
    }
}

#[derive(Serialize)]
struct Page<'a> {
    events: [(&'static str, &'static str); Event::ALL.len()],
    colours: &'a [(&'a str, &'static str)],
    traces: Vec<Short<'a>>,
}

/// A [`Trace`]; every time is a whole number of tenths of a microsecond.
#[derive(Serialize)]
struct Short<'a> {
    node: &'a str,
    event: &'a str,
    load: &'a str,
    interval: u32,
    number: usize,
    /// Router, priority, and the times, each from the one before.
    adverts: Vec<(u8, u8, Vec<i64>)>,
    garps: Vec<(u8, i64)>,
    sights: Vec<(u8, i64, i64)>,
    answers: Vec<(u8, i64, i64)>,
    addresses: Vec<(u8, i64, i64)>,
    promotion: Option<[i64; 3]>,
    gap: [i64; 2],
    routed: Option<[i64; 2]>,
    watch: [i64; 2],
}

impl<'a> Short<'a> {
    fn of(trace: &'a Trace) -> Self {
        let both = |(from, to): (f64, f64)| [tenths(from), tenths(to)];
        Self {
            node: &trace.node,
            event: &trace.event,
            load: &trace.load,
            interval: trace.advert_int_ms,
            number: trace.number,
            adverts: adverts(&trace.adverts),
            garps: trace
                .announcements
                .iter()
                .map(|garp| (garp.router, tenths(garp.at)))
                .collect(),
            sights: spans(&trace.sights),
            answers: spans(&trace.answers),
            addresses: spans(&trace.addresses),
            promotion: trace.promotion.map(|told| {
                [
                    tenths(told.deadline),
                    tenths(told.owned),
                    tenths(told.ready),
                ]
            }),
            gap: both(trace.gap),
            routed: trace.routed.map(both),
            watch: both(trace.watch),
        }
    }
}

fn adverts(moments: &[Moment]) -> Vec<(u8, u8, Vec<i64>)> {
    let mut kinds: BTreeMap<(u8, u8), Vec<i64>> = BTreeMap::new();
    for moment in moments {
        let kind = (moment.router, moment.priority);
        kinds.entry(kind).or_default().push(tenths(moment.at));
    }
    let short = kinds.into_iter().map(|((router, priority), times)| {
        let mut before = 0;
        let distances = times.into_iter().map(|at| {
            let distance = at - before;
            before = at;
            distance
        });
        (router, priority, distances.collect())
    });
    short.collect()
}

fn spans(spans: &[Span]) -> Vec<(u8, i64, i64)> {
    spans
        .iter()
        .map(|span| (span.router, tenths(span.from), tenths(span.to)))
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a watch lasts seconds, and a float becomes an integer without wrapping"
)]
fn tenths(micros: f64) -> i64 {
    (micros * 10.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::{super::super::sample, *};

    #[test]
    fn adverts_are_told_by_their_distances() {
        let moment = |at: f64, router: u8, priority: u8| Moment {
            at,
            router,
            priority,
        };
        let moments = [
            moment(-10_000.0, 1, 200),
            moment(0.04, 1, 200),
            moment(70.0, 1, 0),
            moment(30_130.3, 2, 100),
            moment(10_000.1, 1, 200),
        ];
        assert_eq!(
            adverts(&moments),
            [
                (1, 0, vec![700]),
                (1, 200, vec![-100_000, 100_000, 100_001]),
                (2, 100, vec![301_303]),
            ]
        );
    }

    #[test]
    fn hundreds_of_failovers_fit_into_a_page() {
        let report = sample::report();
        let traces = sample::traces(&report);
        assert!(fitting(&traces).unwrap().len() > 1_000);
        let all: Vec<_> = traces.iter().collect();
        let json = json(&all, &Colours::of(["xvrrp"].into_iter())).unwrap();
        assert!(json.len() < traces.len() * 1_000, "{}", json.len());
    }

    #[test]
    fn what_does_not_fit_is_left_out_between_median_and_extremes() {
        let report = sample::report();
        let traces: Vec<_> = sample::traces(&report).drain(..30).collect();
        assert_eq!(fitting_into(&traces, usize::MAX).unwrap().len(), 30);
        assert_eq!(fitting_into(&traces, 0).unwrap().len(), 1);

        let sorted: Vec<_> = (0..30).collect();
        assert_eq!(spread(&sorted, 1), [14]);
        assert_eq!(spread(&sorted, 5), [0, 7, 14, 21, 29]);
        assert_eq!(spread(&sorted, 31), sorted);
    }
}
