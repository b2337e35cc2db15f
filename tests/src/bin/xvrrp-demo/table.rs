//! The figures as a table.

use vrrp_tests::{
    report::{Report, Run},
    stats::Summary,
};

/// Prints one line per run.
pub(crate) fn print(report: &Report) {
    println!(
        "\nMilliseconds; Linux {}, {} CPUs, network namespaces.",
        report.machine.kernel, report.machine.cpus
    );
    println!("T_… are medians. gap: last answer of the old owner to the first of the new one.\n");
    println!(
        "{:<26} {:>3} │ {:>9} {:>8} {:>7} {:>9} │ {:>9} {:>9} {:>9} {:>9} │ {:>5} {:>5} │ {:>5} {:>5}",
        "",
        "n",
        "T_detect",
        "T_decide",
        "T_own",
        "T_network",
        "gap min",
        "p50",
        "p99",
        "max",
        "lost",
        "max",
        "twice",
        "late"
    );
    let mut timing = None;
    for run in &report.runs {
        let this = (run.version, run.advert_int_ms, run.priorities);
        if timing != Some(this) {
            timing = Some(this);
            let [better, other] = run.priorities;
            println!(
                "{} v{}, {} ms adverts, {better}/{other}",
                run.node, run.version, run.advert_int_ms
            );
        }
        line(run);
    }
    println!(
        "\nlost: probes (every {} at 10 ms adverts) without any answer, median and most per failover;",
        report
            .runs
            .last()
            .map_or_else(String::new, |run| format!("{} µs", run.probe_us))
    );
    println!("twice: ARP questions (1 per ms) with two answers, all failovers together;");
    println!("late: the prober's own worst lateness, nothing is known better than that.");
}

/// A run's event in words.
pub(crate) fn title(run: &Run) -> &'static str {
    match run.event.as_str() {
        "stop" => "planned stop",
        "kill" => "kill -9",
        "link" => "cut link",
        "preempt" => "return of the better",
        _ => "?",
    }
}

fn line(run: &Run) {
    let gap = run.gap_us;
    println!(
        "  {:<24} {:>3} │ {:>9} {:>8} {:>7} {:>9} │ {:>9} {:>9} {:>9} {:>9} │ {:>5} {:>5} │ {:>5} {:>5.1}",
        title(run),
        run.n,
        median(run.t_detect_us),
        median(run.t_decide_us),
        median(run.t_own_us),
        median(run.t_network_us),
        millis(gap.min),
        millis(gap.p50),
        millis(gap.p99),
        millis(gap.max),
        run.lost.p50,
        run.lost.max,
        run.arp_answered_twice,
        run.lateness_max_us / 1000.0,
    );
}

fn median(summary: Option<Summary>) -> String {
    summary.map_or_else(|| "–".to_owned(), |summary| millis(summary.p50))
}

fn millis(micros: f64) -> String {
    format!("{:.3}", micros / 1000.0)
}
