//! The figures for people.

use std::fmt::{Error, Write as _};

use vrrp_tests::stats::Summary;

use super::Report;

/// All of them.
pub(super) fn text(report: &Report) -> Result<String, Error> {
    let mut text = String::new();
    let out = &mut text;
    let machine = &report.machine;
    writeln!(out, "\nLinux {}, {} CPUs\n", machine.kernel, machine.cpus)?;
    let head = format!("{} VIPs, adverts every 10 ms; reloaded", report.vips);
    let columns: Vec<_> = report.phases.iter().map(|phase| phase.name).collect();
    line(out, &head, &columns)?;
    let mut row = |what: &str, of: fn(&super::Phase) -> String| {
        let cells: Vec<_> = report.phases.iter().map(of).collect();
        line(out, what, &cells)
    };
    row("reloads", |phase| phase.reloads.to_string())?;
    row("probes", |phase| phase.probes.to_string())?;
    row("lost", |phase| phase.lost.to_string())?;
    row("later than 1 ms and the prober (than 1 ms)", |phase| {
        format!("{} ({})", phase.late_unexcused, phase.late)
    })?;
    row("the prober's own lateness, ms", |phase| {
        phase.prober_late_ms.to_string()
    })?;
    row("transitions", |phase| phase.transitions.to_string())?;
    row("the lease ran", |phase| phase.lease_ran.to_string())?;
    row("longest gap between adverts, ms", |phase| {
        phase.longest_gap_ms.to_string()
    })?;
    row("gaps > 15 ms, unexcused (all)", |phase| {
        format!("{} ({})", phase.long_gaps_unexcused, phase.long_gaps)
    })?;
    row("longest absence of a CPU, ms", |phase| {
        phase.stall_ms.to_string()
    })?;
    row("a reload, ms: p50 / p99 / max", |phase| {
        let Summary { p50, p99, max, .. } = phase.reload_ms;
        format!("{p50:.1} / {p99:.1} / {max:.1}")
    })?;

    let many = &report.many;
    let head = format!("{} virtual routers, one changed", many.routers);
    writeln!(out)?;
    line(out, &head, &["min", "p50", "p99", "max"])?;
    for (what, of) in &many.reload_ms {
        let figures = [of.min, of.p50, of.p99, of.max].map(|one| format!("{one:.1}"));
        line(out, &format!("{what}, ms"), &figures)?;
    }
    writeln!(
        out,
        "{} reloads each; the others: {} transitions, {} addresses touched",
        many.reloads, many.transitions, many.touched
    )?;
    Ok(text)
}

fn line(out: &mut String, what: &str, cells: &[impl AsRef<str>]) -> Result<(), Error> {
    write!(out, "{what:<44}")?;
    for cell in cells {
        write!(out, "{:>24}", cell.as_ref())?;
    }
    writeln!(out)
}
