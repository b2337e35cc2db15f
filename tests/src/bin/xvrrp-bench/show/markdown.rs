//! The README's table: 10 ms adverts on an idle machine.

use vrrp_tests::report::{Report, Run};

use super::{
    cells::timings,
    doubt::{Doubt, bracket},
    figures::{NONE, millis, pair},
    names::{Colours, event_title},
};

const ADVERT_INT_MS: u32 = 10;
const LOAD: &str = "idle";

/// One row per node, one column per event: gap p50 / max in milliseconds, the prober's own worst
/// lateness, and the time with two owners.
/// Empty if nothing was measured at 10 ms on an idle machine.
pub(crate) fn markdown(report: &Report) -> String {
    let timings = timings(report);
    let Some(timing) = timings
        .iter()
        .find(|timing| timing.advert_int_ms == ADVERT_INT_MS && timing.load == LOAD)
    else {
        return String::new();
    };
    let runs = timing.events.iter().flat_map(|event| &event.cells);
    let nodes = Colours::of(runs.map(|cell| &*cell.run.node)).nodes;

    let mut text = String::from("| gap p50 / max, ms |");
    for event in &timing.events {
        text += &format!(" {} |", event_title(event.name));
    }
    text += "\n|---|";
    text += &"---|".repeat(timing.events.len());
    for (node, _) in nodes {
        text += &format!("\n| {} |", node.replace('|', "\\|"));
        for event in &timing.events {
            let cell = event
                .of(node)
                .map_or_else(|| NONE.to_owned(), |cell| figure(cell.run));
            text += &format!(" {cell} |");
        }
    }
    text += "\n\n( ) the prober's own worst lateness in that cell, in ms. ‡ the longest time with two owners, in ms, and how many ARP requests were answered twice. \
             [ ] no failover: the traffic did not move, or two routers spoke as the owner.\n";
    text
}

fn figure(run: &Run) -> String {
    let mut text = bracket(pair(run.gap_us.p50, run.gap_us.max), Doubt::about(run));
    text += &format!(" ({})", millis(run.lateness_us));
    if let Some(dual) = run.dual_us.filter(|dual| dual.max > 0.0) {
        text += &format!(" ‡ {}", millis(dual.max));
    }
    match run.arp_answered_twice {
        0 => {}
        twice => text += &format!(", {twice} ARP"),
    }
    text
}

#[cfg(test)]
mod tests {
    use vrrp_tests::report::Dual;

    use super::{super::sample, *};

    #[test]
    fn nodes_are_rows_and_events_are_columns() {
        let mut killed = sample::run("keepalived", "kill", &[100.0, 350.0]);
        killed.moved = 0;
        killed.arp_answered_twice = 7;
        killed.dual_us = Some(Dual {
            p50: 1_000_000.0,
            max: 2_000_000.0,
        });
        let report = Report {
            runs: vec![
                killed,
                sample::run("xvrrp", "kill", &[812.0, 1326.0]),
                sample::run("xvrrp", "stop", &[621.0, 1113.0]),
            ],
            ..Report::default()
        };
        let text = markdown(&report);
        let lines: Vec<_> = text.lines().take(4).collect();
        assert_eq!(
            lines,
            [
                "| gap p50 / max, ms | planned stop | kill -9 |",
                "|---|---|---|",
                "| xvrrp | 0.621 / 1.113 (1.609) | 0.812 / 1.326 (1.609) |",
                "| keepalived | – | [0.100 / 0.350] (1.609) ‡ 2000, 7 ARP |",
            ]
        );
    }

    #[test]
    fn other_timings_have_no_table() {
        let mut run = sample::run("xvrrp", "stop", &[621.0]);
        run.load = "busy".to_owned();
        let report = Report {
            runs: vec![run],
            ..Report::default()
        };
        assert_eq!(markdown(&report), "");
    }
}
