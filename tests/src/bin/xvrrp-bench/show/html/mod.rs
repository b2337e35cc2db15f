//! `report.html`: one file for a browser, without anything from elsewhere.

mod embed;
mod escape;
mod head;
mod panel;
mod tables;
mod template;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use vrrp_tests::{
    failover,
    report::{Report, Trace},
};

use self::{embed::Embedded, escape::escape, template::fill};
use super::{
    cells::{Event, Timing, timings},
    names::{Colours, event_explanation, event_title, load_title},
    terminal::remarks,
};

const FILE: &str = "report.html";
const PAGE: &str = include_str!("../page/page.html");
const STYLE: &str = include_str!("../page/style.css");
const TABS: &str = include_str!("../page/tabs.js");
const CHOOSER: &str = include_str!("../page/chooser.js");
const TIMELINE: &str = include_str!("../page/timeline.js");

/// Writes `report.html` into a folder.
///
/// # Errors
/// If the folder cannot be written.
pub(crate) fn write(report: &Report, traces: &[Trace], folder: &Path) -> Result<()> {
    let path = folder.join(FILE);
    let page = page(report, traces).context("draw report.html")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, page))
        .with_context(|| format!("write {}", path.display()))
}

/// Writes `report.html` anew. The time lines are in no other file: the old page's are taken over.
///
/// # Errors
/// If the old page cannot be understood, or the new one not be written.
pub(crate) fn redraw(report: &Report, folder: &Path) -> Result<()> {
    let path = folder.join(FILE);
    let old = fs::read_to_string(&path).unwrap_or_default();
    let kept = embed::of_page(&old).with_context(|| format!("read {}", path.display()))?;
    let page = page_with(report, kept, failovers(report))?;
    fs::write(&path, page).with_context(|| format!("write {}", path.display()))
}

fn page(report: &Report, traces: &[Trace]) -> Result<String> {
    let kept = embed::fitting(traces)?;
    let embedded = Embedded {
        traces: kept.len(),
        json: embed::json(&kept, &colours(report))?,
    };
    page_with(report, embedded, traces.len())
}

/// A page with these time lines, of how many failovers.
fn page_with(report: &Report, embedded: Embedded, failovers: usize) -> Result<String> {
    let colours = colours(report);
    let mut sections = String::new();
    for timing in timings(report) {
        sections += &section(&timing, &colours)?;
    }
    fill(
        PAGE,
        &[
            ("style", STYLE.to_owned()),
            ("facts", head::facts(report)),
            ("nodes", head::nodes(report, &colours)),
            ("timings", sections),
            ("drawn", drawn(embedded.traces, failovers)),
            ("traces", embedded.json),
            ("events", explained()),
            ("efforts", tables::efforts(report, &colours)),
            ("tabs", TABS.to_owned()),
            ("timeline", TIMELINE.to_owned()),
            ("chooser", CHOOSER.to_owned()),
        ],
    )
}

fn colours(report: &Report) -> Colours<'_> {
    let runs = report.runs.iter().map(|run| &*run.node);
    let infos = report.nodes.iter().map(|node| &*node.name);
    Colours::of(runs.chain(infos))
}

/// How many failovers a report has.
fn failovers(report: &Report) -> usize {
    let service = report.runs.iter().filter(|run| run.traffic == "service");
    service.map(|run| run.n).sum()
}

/// How many failovers the time line knows.
fn drawn(kept: usize, traces: usize) -> String {
    if kept == 0 {
        return String::new();
    }
    if kept == traces {
        return format!("All {traces} failovers can be drawn.");
    }
    format!(
        "{kept} of {traces} failovers can be drawn: of each kind the median, the longest, the shortest, \
         and others evenly between them."
    )
}

/// All of one advertisement interval and load.
fn section(timing: &Timing<'_>, colours: &Colours<'_>) -> Result<String> {
    let mut html = format!(
        "<section class=\"timing\" data-interval=\"{}\" data-load=\"{}\">\n\
         <h3>Adverts every {} ms, {}</h3>\n",
        timing.advert_int_ms,
        escape(timing.load),
        timing.advert_int_ms,
        escape(load_title(timing.load))
    );
    html += &tables::summary(timing, colours);
    for event in &timing.events {
        html += &figure(event, colours)?;
    }
    html += &tables::figures(timing, colours);
    html += "</section>\n";
    Ok(html)
}

/// An event's panel, and what is to be said about it.
fn figure(event: &Event<'_>, colours: &Colours<'_>) -> Result<String> {
    let mut html = format!(
        "<figure data-event=\"{}\">\n<figcaption><b>{}</b> <span>{}</span></figcaption>\n\
         <div class=\"wide\">\n{}\n</div>\n",
        escape(event.name),
        escape(event_title(event.name)),
        escape(event_explanation(event.name)),
        panel::panel(event, colours)?
    );
    let remarks: Vec<_> = event
        .cells
        .iter()
        .flat_map(|cell| remarks(cell).into_iter().map(|text| (&cell.run.node, text)))
        .map(|(node, text)| format!("<li><b>{}</b> {}</li>\n", escape(node), escape(&text)))
        .collect();
    if !remarks.is_empty() {
        html += &format!("<ul class=\"remarks\">\n{}</ul>\n", remarks.concat());
    }
    html += "</figure>\n";
    Ok(html)
}

/// Every event in a sentence.
fn explained() -> String {
    failover::Event::ALL
        .map(|event| {
            let (title, what) = (escape(event.title()), escape(event.explanation()));
            format!("<dt>{title}</dt><dd>{what}</dd>\n")
        })
        .concat()
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let report = sample::report();
        let page = page(&report, &sample::traces(&report)).unwrap();
        // The SVG namespace is a name, not an address that is opened.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        for outside in ["http:", "https:", "src=", "@import", "<link", "url(http"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_page_drawn_anew_keeps_its_time_lines() {
        let report = sample::report();
        let folder = tempfile::tempdir().unwrap();
        write(&report, &sample::traces(&report), folder.path()).unwrap();
        let page = || fs::read_to_string(folder.path().join(FILE)).unwrap();
        let first = page();
        redraw(&report, folder.path()).unwrap();
        assert!(first == page());
    }

    #[test]
    fn every_failover_is_a_dot() {
        let report = sample::report();
        let page = page(&report, &[]).unwrap();
        let service = report.runs.iter().filter(|run| run.traffic == "service");
        let gaps: usize = service.map(|run| run.gaps_us.len()).sum();
        assert_eq!(page.matches("<circle data-i=").count(), gaps);
    }

    #[test]
    fn what_nodes_say_of_themselves_is_text() {
        let mut report = sample::report();
        report.nodes[0].configs[0].better = "</pre><script>alert(1)</script>".to_owned();
        let mut traces = sample::traces(&report);
        traces[0].node = "</script><script>alert(2)".to_owned();
        let page = page(&report, &traces).unwrap();
        assert!(!page.contains("<script>alert"));
    }

    /// Writes the sample's page where `XVRRP_SAMPLE_PAGE` says, for somebody who wants to look at it.
    #[test]
    fn the_sample_can_be_looked_at() {
        let report = sample::report();
        let traces = sample::traces(&report);
        let own = tempfile::tempdir().unwrap();
        let folder = std::env::var_os("XVRRP_SAMPLE_PAGE");
        let folder = folder.as_deref().map_or_else(|| own.path(), Path::new);
        write(&report, &traces, folder).unwrap();
        assert!(folder.join("report.html").is_file());
    }
}
