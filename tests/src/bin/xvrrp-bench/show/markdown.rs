//! The tables of docs/compared.md: one per advertisement interval and load.

use vrrp_tests::report::{Report, Run};

use super::{
    cells::{Timing, timings},
    doubt::{Doubt, bracket},
    figures::{NONE, millis, pair},
    names::{Colours, event_title, load_title},
};

const LEGEND: &str = "\
( ) the prober's own worst lateness in that cell, in ms. ‡ the longest time with two owners, in ms, and how many \
ARP requests were answered twice. [ ] no failover: the traffic did not move, or two routers spoke as the owner.\n";

/// One row per node, one column per event: gap p50 / max in milliseconds, the prober's own worst
/// lateness, and the time with two owners.
pub(crate) fn markdown(report: &Report) -> String {
    let mut text: String = timings(report).iter().map(table).collect();
    text += LEGEND;
    text
}

fn table(timing: &Timing<'_>) -> String {
    let runs = timing.events.iter().flat_map(|event| &event.cells);
    let nodes = Colours::of(runs.map(|cell| &*cell.run.node)).nodes;

    let mut text = format!(
        "Adverts every {} ms, {}:\n\n| gap p50 / max, ms |",
        timing.advert_int_ms,
        load_title(timing.load)
    );
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
    text + "\n\n"
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
        let lines: Vec<_> = text.lines().take(6).collect();
        assert_eq!(
            lines,
            [
                "Adverts every 10 ms, idle machine:",
                "",
                "| gap p50 / max, ms | planned stop | kill -9 |",
                "|---|---|---|",
                "| xvrrp | 0.621 / 1.113 (1.609) | 0.812 / 1.326 (1.609) |",
                "| keepalived | – | [0.100 / 0.350] (1.609) ‡ 2000, 7 ARP |",
            ]
        );
    }

    #[test]
    fn each_timing_has_its_table_and_the_legend_stands_once() {
        let run = sample::run("xvrrp", "stop", &[621.0]);
        let busy = Run {
            load: "busy".to_owned(),
            ..run.clone()
        };
        let report = Report {
            runs: vec![busy, run],
            ..Report::default()
        };
        let text = markdown(&report);
        let heads: Vec<_> = text.lines().filter(|line| line.ends_with(':')).collect();
        assert_eq!(
            heads,
            [
                "Adverts every 10 ms, idle machine:",
                "Adverts every 10 ms, all cores busy:"
            ]
        );
        assert_eq!(text.matches("‡").count(), 1);
    }
}
