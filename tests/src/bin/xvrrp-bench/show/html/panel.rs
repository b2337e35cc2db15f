//! One picture per event: every single gap a dot, a row per node, on a logarithmic axis; beside it the
//! time with two owners and the ARP requests answered twice.

use std::fmt::{self, Write as _};

use vrrp_tests::{
    axis::{position, ticks},
    report::Run,
};

use super::{
    super::{
        cells::Event,
        doubt::{Doubt, bracket},
        figures::{NONE, pair},
        names::Colours,
    },
    escape::escape,
};

const WIDTH: f64 = 1060.0;
/// Right edge of the nodes' names.
const NAMES: f64 = 150.0;
const PLOT: Axis = Axis {
    left: 166.0,
    width: 480.0,
};
/// Right edge of the gaps' median and maximum.
const GAPS: f64 = 770.0;
const DUALS: Axis = Axis {
    left: 796.0,
    width: 94.0,
};
/// Right edge of the dual times' median and maximum.
const DUAL_FIGURES: f64 = 984.0;
/// Right edge of the ARP requests answered twice.
const TWICE: f64 = 1052.0;
const TOP: f64 = 26.0;
const ROW: f64 = 26.0;
/// Room below the rows for the axis.
const BELOW: f64 = 24.0;
/// Dots of one row are spread over its height in the order they were measured.
const SPREAD: [f64; 7] = [0.0, -6.0, 4.0, -3.0, 7.0, -8.0, 2.0];

/// Draws an event's panel.
pub(super) fn panel(event: &Event<'_>, colours: &Colours<'_>) -> Result<String, fmt::Error> {
    let mut svg = String::new();
    let mut bottom = TOP;
    let mut rows = String::new();
    for cell in &event.cells {
        row(&mut rows, cell.run, bottom, colours.get(&cell.run.node))?;
        bottom += ROW;
    }
    writeln!(
        svg,
        r#"<svg class="panel" viewBox="0 0 {WIDTH} {}" role="img">"#,
        bottom + BELOW
    )?;
    for (x, anchor, head) in [
        (PLOT.left, "start", "time without service, ms"),
        (GAPS, "end", "p50 / max"),
        (DUALS.left, "start", "two owners, ms"),
        (DUAL_FIGURES, "end", "p50 / max"),
        (TWICE, "end", "ARP twice"),
    ] {
        writeln!(
            svg,
            r#"<text class="head" x="{x}" y="14" text-anchor="{anchor}">{head}</text>"#
        )?;
    }
    grid(&mut svg, PLOT, bottom, 1)?;
    grid(&mut svg, DUALS, bottom, 3)?;
    svg += &rows;
    svg += "</svg>";
    Ok(svg)
}

/// An axis of a panel.
#[derive(Clone, Copy)]
struct Axis {
    left: f64,
    width: f64,
}

impl Axis {
    /// Where a time in microseconds lies.
    fn x(self, micros: f64) -> f64 {
        self.left + self.width * position(micros)
    }
}

/// The powers of ten, every `step`th of them with its figure.
fn grid(svg: &mut String, axis: Axis, bottom: f64, step: usize) -> fmt::Result {
    for (number, tick) in ticks().enumerate() {
        let x = axis.x(tick * 1_000.0);
        writeln!(
            svg,
            r#"<line class="grid" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}"/>"#
        )?;
        if number % step == 0 {
            let y = bottom + 15.0;
            writeln!(
                svg,
                r#"<text class="tick" x="{x:.1}" y="{y}" text-anchor="middle">{tick}</text>"#
            )?;
        }
    }
    Ok(())
}

fn row(svg: &mut String, run: &Run, top: f64, colour: &str) -> fmt::Result {
    let middle = top + ROW / 2.0;
    let base = middle + 4.0;
    let doubt = Doubt::about(run);
    let class = if doubt.is_some() { "row doubt" } else { "row" };
    writeln!(
        svg,
        r#"<g class="{class}" fill="{colour}" data-node="{}">"#,
        escape(&run.node)
    )?;
    if doubt.is_some() {
        writeln!(
            svg,
            r#"<rect class="hatch" x="{}" y="{:.1}" width="{}" height="{}"/>"#,
            PLOT.left,
            top + 2.0,
            PLOT.width,
            ROW - 4.0
        )?;
    }
    writeln!(
        svg,
        r#"<text class="node" x="{NAMES}" y="{base}" text-anchor="end">{}</text>"#,
        escape(&run.node)
    )?;
    dots(svg, run, middle)?;
    median(svg, PLOT.x(run.gap_us.p50), middle)?;
    let gaps = bracket(pair(run.gap_us.p50, run.gap_us.max), doubt);
    figure(svg, GAPS, base, &gaps)?;
    if let Some(dual) = run.dual_us.filter(|dual| dual.max > 0.0) {
        let end = DUALS.x(dual.max);
        writeln!(
            svg,
            r#"<rect class="dual" x="{}" y="{:.1}" width="{:.1}" height="6"/>"#,
            DUALS.left,
            middle - 3.0,
            (end - DUALS.left).max(1.5)
        )?;
        if dual.p50 > 0.0 {
            median(svg, DUALS.x(dual.p50), middle)?;
        }
    }
    let duals = run.dual_us.map_or_else(
        || NONE.to_owned(),
        |dual| {
            if dual.max > 0.0 {
                pair(dual.p50, dual.max)
            } else {
                "0".to_owned()
            }
        },
    );
    figure(svg, DUAL_FIGURES, base, &duals)?;
    figure(svg, TWICE, base, &run.arp_answered_twice.to_string())?;
    writeln!(svg, "</g>")
}

fn dots(svg: &mut String, run: &Run, middle: f64) -> fmt::Result {
    for ((number, gap), offset) in run.gaps_us.iter().enumerate().zip(SPREAD.iter().cycle()) {
        write!(
            svg,
            r#"<circle data-i="{number}" cx="{:.1}" cy="{}" r="3"/>"#,
            PLOT.x(*gap),
            middle + offset
        )?;
    }
    svg.push('\n');
    Ok(())
}

fn median(svg: &mut String, x: f64, middle: f64) -> fmt::Result {
    writeln!(
        svg,
        r#"<path class="median" d="M{x:.1} {}v22"/>"#,
        middle - 11.0
    )
}

fn figure(svg: &mut String, x: f64, y: f64, text: &str) -> fmt::Result {
    writeln!(
        svg,
        r#"<text class="figure" x="{x}" y="{y}" text-anchor="end">{text}</text>"#
    )
}

#[cfg(test)]
mod tests {
    use vrrp_tests::report::Report;

    use super::{
        super::super::{cells::timings, sample},
        *,
    };

    fn draw(runs: Vec<Run>) -> String {
        let report = Report {
            runs,
            ..Report::default()
        };
        let timings = timings(&report);
        let event = &timings[0].events[0];
        let nodes = event.cells.iter().map(|cell| &*cell.run.node);
        panel(event, &Colours::of(nodes)).unwrap()
    }

    #[test]
    fn a_gap_lies_where_the_axis_says() {
        // 10 µs at the left edge, 10 ms in the middle, 10 s at the right edge; a row is 26 high.
        let svg = draw(vec![
            sample::run("xvrrp", "stop", &[10.0, 10_000.0]),
            sample::run("frr", "stop", &[10_000_000.0]),
        ]);
        for dot in [
            r#"<circle data-i="0" cx="166.0" cy="39" r="3"/>"#,
            r#"<circle data-i="1" cx="406.0" cy="33" r="3"/>"#,
            r#"<circle data-i="0" cx="646.0" cy="65" r="3"/>"#,
        ] {
            assert!(svg.contains(dot), "{dot} in {svg}");
        }
    }

    #[test]
    fn what_is_no_failover_is_hatched_and_in_brackets() {
        let clean = sample::run("xvrrp", "kill", &[850.0]);
        let stays = Run {
            moved: 0,
            ..clean.clone()
        };
        assert!(!draw(vec![clean]).contains("hatch"));
        let svg = draw(vec![stays]);
        assert!(svg.contains("hatch"));
        assert!(svg.contains("[0.850 / 0.850]"));
    }

    #[test]
    fn a_node_with_a_wild_name_is_text() {
        let svg = draw(vec![sample::run("<b>&", "stop", &[10.0])]);
        assert!(!svg.contains("<b>"));
        assert!(svg.contains("&lt;b&gt;&amp;"));
    }
}
