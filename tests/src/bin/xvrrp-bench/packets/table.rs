//! The figures for people.

use std::fmt::{Error, Write as _};

use vrrp_tests::stats::Summary;

use super::report::{Arp, Cost, Forwarding, Packets};

/// Columns of the longest bar.
const BAR: usize = 30;
/// A frame that costs more nanoseconds than this made an interrupt.
const INTERRUPT: f64 = 1000.0;

/// All of them, a table after the other.
pub(crate) fn text(packets: &Packets) -> Result<String, Error> {
    let mut text = String::new();
    let out = &mut text;
    let machine = &packets.machine;
    writeln!(
        out,
        "Linux {}, {} CPUs; {}\n",
        machine.kernel, machine.cpus, packets.version
    )?;
    writeln!(
        out,
        "{:<24}{:>14}{:>12}{:>14}",
        "Program", "verified", "BPF", "machine code"
    )?;
    for program in &packets.programs {
        writeln!(
            out,
            "{:<24}{:>8} insns{:>10} B{:>12} B",
            program.name,
            told(program.verified_instructions),
            told(program.translated_bytes),
            program.machine_bytes
        )?;
    }
    costs(out, packets)?;
    arp(out, &packets.arp)?;
    forwarding(out, &packets.forwarding)?;
    Ok(text)
}

fn costs(out: &mut String, packets: &Packets) -> Result<(), Error> {
    writeln!(
        out,
        "\n{:<47}│{:^30}│{:^24}│",
        "Nanoseconds per frame", "warm, in batches", "cold, alone"
    )?;
    writeln!(
        out,
        "{:<47}│{:>6}{:>8}{:>8}{:>8}│{:>6}{:>6}{:>6}{:>6}│ net, warm",
        "", "net", "min", "p50", "p99", "net", "min", "p50", "p99"
    )?;
    // An interrupt outdoes everything else: it would leave the others without a bar.
    let nets = packets.costs.iter().map(|cost| cost.net_warm_ns);
    let most = nets.filter(|net| *net < INTERRUPT).fold(1.0, f64::max);
    for cost in &packets.costs {
        let more = if cost.net_warm_ns > most { "▶" } else { "" };
        line(out, cost, &(bar(cost.net_warm_ns / most) + more))?;
    }
    writeln!(out, "Baselines")?;
    for cost in &packets.baselines {
        line(out, cost, "")?;
    }
    if let Some(cost) = packets.costs.first() {
        writeln!(
            out,
            "
n = {} batches of {} frames and as many frames alone, after a walk through memory, every scene in
turn. net: less the baseline of the same round, median; the baseline is XDP_PASS for received frames,
TC_ACT_UNSPEC for sent ones, and for what is answered a program that writes the frame anew, because a test
run keeps the answer in place of the request. alone: the kernel's two looks at the clock included.",
            cost.n, cost.batch
        )?;
    }
    Ok(())
}

fn line(out: &mut String, cost: &Cost, bar: &str) -> Result<(), Error> {
    let (warm, cold) = (cost.warm_ns, cost.cold_ns);
    writeln!(
        out,
        "{:<47}│{:>6.0}{:>8.0}{:>8.0}{:>8.0}│{:>6.0}{:>6.0}{:>6.0}{:>6.0}│ {bar}",
        cost.scene,
        cost.net_warm_ns,
        warm.min,
        warm.p50,
        warm.p99,
        cost.net_cold_ns,
        cold.min,
        cold.p50,
        cold.p99,
    )
}

fn arp(out: &mut String, all: &[Arp]) -> Result<(), Error> {
    writeln!(
        out,
        "\n{:<34}│{:^27}│{:^27}│{:^28}│{:>6}",
        "ARP requests from one CPU", "answers/s", "answers/s of CPU time", "CPU ns/request", "lost"
    )?;
    writeln!(
        out,
        "{:<34}│{:>9}{:>9}{:>9}│{:>9}{:>9}{:>9}│{:>7}{:>7}{:>7}{:>7}│{:>6}",
        "", "min", "p50", "max", "min", "p50", "max", "min", "p50", "max", "answer", "most"
    )?;
    for arp in all {
        writeln!(
            out,
            "{:<34}│{}│{}│{:>7.0}{:>7.0}{:>7.0}{:>7}│{:>6}",
            arp.variant,
            rates(arp.answers_per_s),
            rates(arp.answers_per_cpu_s),
            arp.cpu_ns.min,
            arp.cpu_ns.p50,
            arp.cpu_ns.max,
            told(arp.answer_cpu_ns.map(|more| format!("{more:.0}"))),
            told(arp.lost_max),
        )?;
    }
    if let Some(arp) = all.first() {
        writeln!(
            out,
            "
n = {} floods of {} ms each, in turn. The asking CPU does everything, sending and counting included;
answer: what is more than for a frame that nobody takes on a link like it, by medians.",
            arp.n, arp.flood_ms
        )?;
    }
    Ok(())
}

fn forwarding(out: &mut String, all: &[Forwarding]) -> Result<(), Error> {
    writeln!(
        out,
        "\n{:<34}│{:^27}│{:^21}",
        "Forwarded without loss", "packets/s", "CPU ns/packet"
    )?;
    writeln!(
        out,
        "{:<34}│{:>9}{:>9}{:>9}│{:>7}{:>7}{:>7}",
        "", "min", "p50", "max", "min", "p50", "max"
    )?;
    for path in all {
        writeln!(
            out,
            "{:<34}│{}│{:>7.0}{:>7.0}{:>7.0}",
            path.variant,
            rates(Some(path.packets_per_s)),
            path.cpu_ns.min,
            path.cpu_ns.p50,
            path.cpu_ns.max
        )?;
    }
    if let Some(path) = all.first() {
        writeln!(
            out,
            "
n = {} searches each, in turn, by trials of {} ms; frames of {} bytes. One CPU sends, forwards and
counts. XDP_PASS is a foreign program of two instructions: what any XDP program costs on a veth.",
            path.n, path.trial_ms, path.frame_bytes
        )?;
    }
    Ok(())
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
