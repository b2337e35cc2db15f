//! The same picture for a browser: every single gap a dot.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};
use vrrp_tests::{
    axis::{position, ticks},
    report::{Report, Run},
};

use crate::table::title;

const LEFT: f64 = 240.0;
const PLOT: f64 = 720.0;
const TOP: f64 = 56.0;
const ROW: f64 = 42.0;

/// Writes `failover.svg` into a folder.
pub(crate) fn write(report: &Report, folder: &Path) -> Result<()> {
    let path = folder.join("failover.svg");
    let picture = draw(report).context("draw failover.svg")?;
    fs::write(&path, picture).with_context(|| format!("write {}", path.display()))
}

fn draw(report: &Report) -> Result<String> {
    let mut rows = 0.0;
    let mut body = String::new();
    for run in &report.runs {
        row(&mut body, run, TOP + ROW * rows)?;
        rows += 1.0;
    }
    let bottom = TOP + ROW * rows;
    let mut svg = String::new();
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}" font-family="sans-serif" font-size="13">"#,
        LEFT + PLOT + 40.0,
        bottom + 56.0
    )?;
    writeln!(svg, r#"<rect width="100%" height="100%" fill="white"/>"#)?;
    writeln!(
        svg,
        r#"<text x="{LEFT}" y="24" font-size="16">Time without service per failover (Linux {}, {} CPUs)</text>"#,
        report.machine.kernel, report.machine.cpus
    )?;
    for tick in ticks() {
        let x = LEFT + PLOT * position(tick * 1000.0);
        writeln!(
            svg,
            r##"<line x1="{x:.1}" y1="{}" x2="{x:.1}" y2="{bottom}" stroke="#ddd"/><text x="{x:.1}" y="{}" text-anchor="middle">{tick}</text>"##,
            TOP - 10.0,
            bottom + 20.0
        )?;
    }
    writeln!(
        svg,
        r#"<text x="{}" y="{}" text-anchor="middle">milliseconds, logarithmic; the bar is the median</text>"#,
        LEFT + PLOT / 2.0,
        bottom + 42.0
    )?;
    svg += &body;
    svg += "</svg>\n";
    Ok(svg)
}

fn row(svg: &mut String, run: &Run, top: f64) -> Result<()> {
    let middle = top + ROW / 2.0;
    writeln!(
        svg,
        r##"<text x="{}" y="{:.1}" text-anchor="end">{} <tspan fill="#777">v{} {} ms</tspan></text>"##,
        LEFT - 12.0,
        middle + 4.0,
        title(run),
        run.version,
        run.advert_int_ms
    )?;
    // Dots of one run are spread over its height in the order they were measured.
    let spread = [0.0, -9.0, 6.0, -4.0, 10.0, -7.0, 3.0];
    for (gap, offset) in run.gaps_us.iter().zip(spread.iter().cycle()) {
        writeln!(
            svg,
            r##"<circle cx="{:.1}" cy="{:.1}" r="3" fill="#2a6fb0" fill-opacity="0.5"/>"##,
            LEFT + PLOT * position(*gap),
            middle + offset
        )?;
    }
    let median = LEFT + PLOT * position(run.gap_us.p50);
    writeln!(
        svg,
        r##"<line x1="{median:.1}" y1="{:.1}" x2="{median:.1}" y2="{:.1}" stroke="#c03020" stroke-width="2"/>"##,
        middle - 15.0,
        middle + 15.0
    )?;
    Ok(())
}
