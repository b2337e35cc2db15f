//! The figures for people.

use vrrp_tests::stats::Summary;

use super::report::{Arp, Cost, Forwarding, Packets};

/// Columns of the longest bar.
const BAR: usize = 30;

/// Prints everything.
pub(crate) fn print(packets: &Packets) {
    let machine = &packets.machine;
    println!(
        "\nLinux {}, {} CPUs; {}\n",
        machine.kernel, machine.cpus, packets.made.version
    );
    println!(
        "{:<24}{:>14}{:>12}{:>14}",
        "Program", "verified", "BPF", "machine code"
    );
    for program in &packets.programs {
        println!(
            "{:<24}{:>8} insns{:>10} B{:>12} B",
            program.name,
            told(program.verified_instructions),
            told(program.translated_bytes),
            program.machine_bytes
        );
    }
    costs(packets);
    arp(&packets.arp);
    forwarding(&packets.forwarding);
}

fn costs(packets: &Packets) {
    println!(
        "\nNanoseconds per frame     {:>24}│{:^29}│{:^20}│ net, warm",
        "net", "in batches (warm)", "alone (rare)"
    );
    println!(
        "{:<42}{:>7}│{:>7}{:>7}{:>7}{:>7} │{:>6}{:>6}{:>7} │",
        "", "warm", "min", "p50", "p99", "max", "net", "p50", "p99"
    );
    let most = packets.costs.iter().map(|cost| cost.net_batch_ns);
    let most = most.fold(1.0, f64::max);
    for cost in &packets.costs {
        line(cost, &bar(cost.net_batch_ns / most));
    }
    println!("Baselines");
    for cost in &packets.baselines {
        line(cost, "");
    }
    if let Some(cost) = packets.costs.first() {
        println!(
            "
n = {} batches of {} frames and as many frames alone, every scene in turn. net: median less that of
the baseline: XDP_PASS for received frames, TC_ACT_UNSPEC for sent ones; for ARP answered a program
that writes the frame anew, because a test run keeps the answer in place of the request. alone: one
frame after one of every other scene, the kernel's two looks at the clock included.",
            cost.n, cost.batch
        );
    }
}

fn line(cost: &Cost, bar: &str) {
    let (batch, single) = (cost.batch_ns, cost.single_ns);
    println!(
        "{:<42}{:>7.0}│{:>7.0}{:>7.0}{:>7.0}{:>7.0} │{:>6.0}{:>6.0}{:>7.0} │ {bar}",
        cost.scene,
        cost.net_batch_ns,
        batch.min,
        batch.p50,
        batch.p99,
        batch.max,
        cost.net_single_ns,
        single.p50,
        single.p99,
    );
}

fn arp(all: &[Arp]) {
    println!(
        "\n{:<34}│{:^27}│{:^27}│{:>14}{:>7}{:>8}",
        "ARP requests from one CPU",
        "answers/s",
        "answers/s of CPU time",
        "CPU ns/request",
        "",
        "most"
    );
    println!(
        "{:<34}│{:>9}{:>9}{:>9}│{:>9}{:>9}{:>9}│{:>7}{:>7}{:>7}{:>8}",
        "", "min", "p50", "max", "min", "p50", "max", "min", "p50", "max", "lost"
    );
    for arp in all {
        println!(
            "{:<34}│{}│{}│{:>7.0}{:>7.0}{:>7.0}{:>8}",
            arp.variant,
            rates(arp.answers_per_s),
            rates(arp.answers_per_cpu_s),
            arp.cpu_ns.min,
            arp.cpu_ns.p50,
            arp.cpu_ns.max,
            told(arp.lost_max),
        );
    }
    if let Some(arp) = all.first() {
        println!(
            "
n = {} floods of {} ms each, in turn. The asking CPU does everything, sending and counting included:
what an answer costs is the difference to a frame that nobody takes on the same link.",
            arp.n, arp.flood_ms
        );
    }
}

fn forwarding(all: &[Forwarding]) {
    println!(
        "\n{:<34}│{:^27}│{:^21}",
        "Forwarded without loss", "packets/s", "CPU ns/packet"
    );
    println!(
        "{:<34}│{:>9}{:>9}{:>9}│{:>7}{:>7}{:>7}",
        "", "min", "p50", "max", "min", "p50", "max"
    );
    for path in all {
        println!(
            "{:<34}│{}│{:>7.0}{:>7.0}{:>7.0}",
            path.variant,
            rates(Some(path.packets_per_s)),
            path.cpu_ns.min,
            path.cpu_ns.p50,
            path.cpu_ns.max
        );
    }
    if let Some(path) = all.first() {
        println!(
            "
n = {} searches each, in turn, by trials of {} ms; frames of {} bytes. One CPU sends, forwards and
counts. XDP_PASS is a foreign program of two instructions: what any XDP program costs on a veth.",
            path.n, path.trial_ms, path.frame_bytes
        );
    }
}

/// Rates in thousands.
fn rates(summary: Option<Summary>) -> String {
    summary.map_or_else(
        || format!("{:>9}{:>9}{:>9}", "–", "–", "–"),
        |summary| {
            [summary.min, summary.p50, summary.max]
                .map(|rate| format!("{:>8.0}k", rate / 1000.0))
                .concat()
        },
    )
}

fn told<T: ToString>(figure: Option<T>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| figure.to_string())
}

/// A bar for a part of the whole.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part is within 0..=1, the bar is short"
)]
fn bar(part: f64) -> String {
    let eighths = (part.clamp(0.0, 1.0) * (BAR * 8) as f64).round() as usize;
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    "█".repeat(eighths / 8) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_with_the_figure() {
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(1.0), "█".repeat(BAR));
        assert_eq!(bar(2.0), bar(1.0));
        assert_eq!(bar(0.5), "█".repeat(BAR / 2));
        assert_eq!(bar(1.0 / 240.0), "▏");
    }
}
