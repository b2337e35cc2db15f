//! The figures as a table.

use vrrp_tests::{
    report::{Report, Run},
    stats::Summary,
};

/// Prints one line per run.
pub(crate) fn print(report: &Report) {
    println!(
        "\nMilliseconds; Linux {}, {} CPUs, network namespaces.\n",
        report.machine.kernel, report.machine.cpus
    );
    println!(
        "{:<24}{:>4} │{:^36}│{:^36}│{:^18}│{:>6} {:>7}",
        "", "", "medians", "gap", "probes", "ARP", "prober"
    );
    println!(
        "{:<24}{:>4} │{:>9}{:>9}{:>8}{:>10}│{:>9}{:>9}{:>9}{:>9}│{:>6}{:>6}{:>6}│{:>6} {:>7}",
        "",
        "n",
        "T_detect",
        "T_decide",
        "T_own",
        "T_network",
        "min",
        "p50",
        "p99",
        "max",
        "lost",
        "max",
        "late",
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
                "{} v{}, adverts every {} ms, {better}/{other}, a probe every {} µs",
                run.node, run.version, run.advert_int_ms, run.probe_us
            );
        }
        line(run);
    }
    println!(
        "
T_detect   last advert of the old Active on the wire to the new one's deadline
T_decide   deadline to ownership word written
T_own      ownership word written to virtual IP acknowledged by the kernel
T_network  first gratuitous ARP on the wire to first answer at the client
gap        last answer of the old owner to first answer of the new one, at the client
probes     lost: without any answer, median and most per failover; late: answered after more
           than a millisecond, most per failover
ARP twice  questions for the virtual IP with two answers, all failovers together
prober     its own worst lateness: nothing is known better than that"
    );
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
        "  {:<22}{:>4} │{:>9}{:>9}{:>8}{:>10}│{:>9}{:>9}{:>9}{:>9}│{:>6}{:>6}{:>6}│{:>6} {:>7}",
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
        run.late_max,
        run.arp_answered_twice,
        millis(run.lateness_us),
    );
    if run.silence_max_us > run.gap_us.max + f64::from(run.probe_us) {
        println!(
            "      ! apart from the gap nobody answered for up to {} ms",
            millis(run.silence_max_us)
        );
    }
    if run.changes_max > 1 {
        println!(
            "      ! the answering router changed up to {} times in one failover",
            run.changes_max
        );
    }
}

fn median(summary: Option<Summary>) -> String {
    summary.map_or_else(|| "–".to_owned(), |summary| millis(summary.p50))
}

fn millis(micros: f64) -> String {
    format!("{:.3}", micros / 1000.0)
}
