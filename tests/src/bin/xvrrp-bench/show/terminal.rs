//! The table on the terminal.

use std::fmt::Write as _;

use vrrp_tests::report::{Dual, Effort, Report, Run};

use super::{
    cells::{Cell, timings},
    doubt::{Doubt, OVERLAP_US, bracket},
    figures::{maximum, median, millis, none},
    names::{event_title, load_rank, load_title, moves, node_rank},
};

const LEGEND: &str = "
gap         last answer of the old owner to first answer of the new one, at the client; if nothing moved, and for routed
            traffic, the longest time without any answer
lost        probes that nobody answered, per failover
T_detect    last sign of life of the old Active on the wire to the new one's deadline (xvrrp) or first advert (others)
T_decide    deadline to ownership word written, by xvrrp's own word
T_own       ownership word written (others: first advert on the wire) to virtual IP acknowledged by the kernel; negative if that came first
T_netw      first announcement on the wire to the new Active's first answer at the client
takeover    last advert of the old to first advert of the new Active on the wire, median
two owners  how long frames from the virtual IP or MAC came from both routers, as the wire shows it
ARP 2       ARP questions for the virtual IP that were answered twice, all failovers together
false       changes of the Active that the event does not explain, all failovers together
TCP stall   the longest time in which the client's TCP stream got nothing
late        the prober's own worst lateness: nothing is known better than that
[ ]         no failover: the traffic did not move, or two routers spoke as the owner";

/// Prints every figure of a report: at most 158 columns.
pub(crate) fn table(report: &Report) {
    print!("{}", text(report));
}

fn text(report: &Report) -> String {
    let mut lines = Lines(String::new());
    lines.add(&format!(
        "\nMilliseconds; Linux {}, {} CPUs ({}), network namespaces.",
        report.machine.kernel, report.machine.cpus, report.machine.cpu
    ));
    for timing in timings(report) {
        lines.add(&format!(
            "\n── adverts every {} ms, {} ──",
            timing.advert_int_ms,
            load_title(timing.load)
        ));
        lines.heads();
        for event in &timing.events {
            lines.add(&format!("{}:", event_title(event.name)));
            for cell in &event.cells {
                lines.cell(cell);
            }
        }
    }
    lines.add(LEGEND);
    if let Some(flood) = report.flood_per_s {
        lines.add(&format!(
            "\nThe packet flood: {:.0} packets/s at the median, {:.0} to {:.0}.",
            flood.p50, flood.min, flood.max
        ));
    }
    for failure in &report.failures {
        lines.add(&format!("\n! not finished: {failure}"));
    }
    lines.efforts(&report.efforts);
    lines.0
}

struct Lines(String);

impl Lines {
    fn add(&mut self, line: &str) {
        self.0 += line.trim_end();
        self.0.push('\n');
    }

    fn heads(&mut self) {
        self.add(&format!(
            "{:<18}{:>3}{:>6} │{:^21}│{:^13}│{:^27}│{:>6}│{:^12}│{:^10}│{:^12}│{:^14}│",
            "",
            "",
            "",
            "gap",
            "lost",
            "medians of T_",
            "take-",
            "two owners",
            "ARP",
            "TCP stall",
            "routed gap"
        ));
        self.add(&format!(
            "{:<18}{:>3}{:>6} │{:>7}{:>6}{:>7} │{:>6}{:>7}│{:>7}{:>7}{:>7}{:>6}│{:>6}│{:>6}{:>6}│{:>4}{:>6}│{:>6}{:>6}│{:>7}{:>6} │{:>6}",
            "",
            "n",
            "moved",
            "p50",
            "p99",
            "max",
            "p50",
            "max",
            "detect",
            "decide",
            "own",
            "netw",
            "over",
            "p50",
            "max",
            "2",
            "false",
            "p50",
            "max",
            "p50",
            "max",
            "late"
        ));
    }

    fn cell(&mut self, cell: &Cell<'_>) {
        let run = cell.run;
        let doubt = Doubt::about(run);
        let [open, close] = brackets(doubt);
        let moved = if run.moved < run.n {
            run.moved.to_string()
        } else {
            String::new()
        };
        let mut line = format!(
            "  {:<16}{:>3}{:>6} │{open}{:>6}{:>6}{:>7}{close}│{:>6}{:>7}│{:>7}{:>7}{:>7}{:>6}│{:>6}│",
            run.node,
            run.n,
            moved,
            millis(run.gap_us.p50),
            millis(run.gap_us.p99),
            millis(run.gap_us.max),
            run.lost.p50,
            run.lost.max,
            median(run.t_detect_us),
            median(run.t_decide_us),
            median(run.t_own_us),
            median(run.t_network_us),
            median(run.takeover_us),
        );
        let dual = |of: fn(Dual) -> f64| run.dual_us.map_or_else(none, |dual| millis(of(dual)));
        let routed = cell.routed.map(|run| run.gap_us);
        let [open, close] = brackets(cell.routed.and_then(Doubt::about));
        write!(
            line,
            "{:>6}{:>6}│{:>4}{:>6}│{:>6}{:>6}│{open}{:>6}{:>6}{close}│{:>6}",
            dual(|dual| dual.p50),
            dual(|dual| dual.max),
            run.arp_answered_twice,
            run.false_transitions
                .map_or_else(none, |number| number.to_string()),
            median(run.tcp_stall_us),
            maximum(run.tcp_stall_us),
            median(routed),
            maximum(routed),
            millis(run.lateness_us),
        )
        .ok();
        self.add(&line);
        for remark in remarks(cell) {
            self.add(&format!("      ! {remark}"));
        }
    }

    fn efforts(&mut self, efforts: &[Effort]) {
        if efforts.is_empty() {
            return;
        }
        self.add("\nWhat a node costs while nothing happens: CPU in percent of one, wake-ups per second.\n");
        self.add(&format!(
            "{:<18}{:<10}{:<16}{:>8}{:>4} │{:^18}│{:^18}",
            "", "role", "load", "adverts", "n", "CPU %", "wake-ups/s"
        ));
        self.add(&format!(
            "{:<56} │{:>9}{:>9}│{:>9}{:>9}",
            "", "p50", "max", "p50", "max"
        ));
        let mut sorted: Vec<_> = efforts.iter().collect();
        sorted.sort_by_key(|effort| order(effort));
        for effort in sorted {
            self.add(&format!(
                "  {:<16}{:<10}{:<16}{:>5} ms{:>4} │{:>9.2}{:>9.2}│{:>9.0}{:>9.0}",
                effort.node,
                effort.role,
                load_title(&effort.load),
                effort.advert_int_ms,
                effort.n,
                effort.cpu_percent.p50,
                effort.cpu_percent.max,
                effort.wakeups_per_s.p50,
                effort.wakeups_per_s.max
            ));
        }
    }
}

/// The order of the efforts: adverts, load, role, node.
pub(super) fn order(effort: &Effort) -> impl Ord + use<> {
    (
        effort.advert_int_ms,
        load_rank(&effort.load),
        effort.role.clone(),
        node_rank(&effort.node),
        effort.node.clone(),
    )
}

/// What a reader must know beside a cell's figures.
pub(super) fn remarks(cell: &Cell<'_>) -> Vec<String> {
    let run = cell.run;
    let mut remarks: Vec<_> = Doubt::about(run)
        .map(|doubt| bracket(format!(" {doubt} "), Some(doubt)))
        .into_iter()
        .collect();
    if run.unready > 0 {
        remarks.push(format!(
            "before {} of them the wrong router served, or none",
            run.unready
        ));
    }
    if let Some(missed @ 1..) = run.sights_missed {
        remarks.push(format!(
            "{missed} frames were missed: two owners may have gone unseen"
        ));
    }
    remarks.extend(cell.routed.and_then(behind));
    if run.silence_max_us > run.gap_us.max + f64::from(run.probe_us) {
        remarks.push(format!(
            "apart from the gap nobody answered for up to {} ms",
            millis(run.silence_max_us)
        ));
    }
    if run.changes_max > u64::from(moves(&run.event)) {
        remarks.push(format!(
            "the answering router changed up to {} times in one failover",
            run.changes_max
        ));
    }
    remarks
}

/// What there is to say of two owners on the network behind the pair.
fn behind(routed: &Run) -> Option<String> {
    if let Some(missed @ 1..) = routed.sights_missed {
        return Some(format!(
            "{missed} frames behind the pair were missed: two owners there may have gone unseen"
        ));
    }
    let dual = routed.dual_us.filter(|dual| dual.max > OVERLAP_US)?;
    Some(format!(
        "behind the pair two routers spoke as the owner for {} ms at the median, {} at most",
        millis(dual.p50),
        millis(dual.max)
    ))
}

fn brackets(doubt: Option<Doubt>) -> [char; 2] {
    if doubt.is_some() {
        ['[', ']']
    } else {
        [' ', ' ']
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let text = text(&sample::report());
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= 158, "{widest:?}\n{text}");
    }

    #[test]
    fn columns_stand_below_their_heads() {
        let text = text(&sample::report());
        let bars = |line: &str| -> Vec<_> {
            let marks = line.chars().enumerate();
            marks
                .filter(|(_, mark)| *mark == '│')
                .map(|(at, _)| at)
                .collect()
        };
        let failovers = text.split("What a node costs").next().unwrap();
        let mut rows = failovers.lines().map(bars).filter(|bars| !bars.is_empty());
        let first = rows.next().unwrap();
        assert!(rows.all(|row| row == first), "{text}");
    }

    #[test]
    fn no_failover_stands_in_brackets_with_its_reason() {
        let text = text(&sample::report());
        let mut lines = text.lines().skip_while(|line| *line != "kill -9:");
        let line = lines.find(|line| line.contains("keepalived ")).unwrap();
        assert!(line.contains("│["), "{line}");
        let reason = lines.next().unwrap();
        assert!(reason.contains("spoke as the owner"), "{reason}");
    }
}
