//! The page's tables: a summary per timing, every figure, and what the nodes cost.

use vrrp_tests::{
    report::{Report, Run},
    stats::Summary,
};

use super::{
    super::{
        cells::{Cell, Timing},
        doubt::{Doubt, bracket},
        figures::{NONE, median, millis, none, pair},
        names::{Colours, event_title, load_title},
        terminal::order,
    },
    escape::escape,
    head::name,
};

/// Nodes against events: gap, and two owners.
pub(super) fn summary(timing: &Timing<'_>, colours: &Colours<'_>) -> String {
    let mut html = String::from(
        "<div class=\"wide\"><table class=\"summary\">\n\
         <caption>Time without service, ms: median <small>/ maximum</small>. \
         <span class=\"two\">‡</span> the longest time with two owners, ms.</caption>\n\
         <thead><tr><th></th>",
    );
    for event in &timing.events {
        html += &format!("<th scope=\"col\">{}</th>", escape(event_title(event.name)));
    }
    html += "</tr></thead>\n<tbody>\n";
    for (node, _) in &colours.nodes {
        html += &format!("<tr><th scope=\"row\">{}</th>", name(node, colours));
        for event in &timing.events {
            html += &event
                .of(node)
                .map_or_else(|| format!("<td>{NONE}</td>"), |cell| short(cell.run));
        }
        html += "</tr>\n";
    }
    html += "</tbody></table></div>\n";
    html
}

fn short(run: &Run) -> String {
    let doubt = Doubt::about(run);
    let class = if doubt.is_some() {
        " class=\"doubt\""
    } else {
        ""
    };
    let [open, close] = if doubt.is_some() { ["[", "]"] } else { [""; 2] };
    let gap = format!(
        "{open}<b>{}</b> <small>/ {}{close}</small>",
        millis(run.gap_us.p50),
        millis(run.gap_us.max)
    );
    let two = run
        .dual_us
        .filter(|dual| dual.max > 0.0)
        .map_or_else(String::new, |dual| {
            format!("<span class=\"two\">‡ {}</span>", millis(dual.max))
        });
    format!("<td{class}>{gap}{two}</td>")
}

/// Every figure of a timing, folded away.
pub(super) fn figures(timing: &Timing<'_>, colours: &Colours<'_>) -> String {
    let mut html = String::from(
        "<details class=\"figures\"><summary>Every figure of these failovers</summary>\n\
         <div class=\"wide\"><table>\n<thead><tr>",
    );
    for head in [
        "",
        "n",
        "gap\np50 / max",
        "p99",
        "lost\np50 / max",
        "T<sub>detect</sub>",
        "T<sub>decide</sub>",
        "T<sub>own</sub>",
        "T<sub>network</sub>",
        "takeover",
        "two owners\np50 / max",
        "… behind\np50 / max",
        "ARP\ntwice",
        "probes\ntwice",
        "FDB\nmoves",
        "false\ntrans.",
        "TCP stall\np50 / max",
        "routed gap\np50 / max",
        "prober\nlate",
    ] {
        html += &format!("<th scope=\"col\">{head}</th>");
    }
    html += "</tr></thead>\n";
    for event in &timing.events {
        html += &format!(
            "<tbody><tr><th class=\"event\" colspan=\"19\">{}</th></tr>\n",
            escape(event_title(event.name))
        );
        for cell in &event.cells {
            html += &line(cell, colours);
        }
        html += "</tbody>\n";
    }
    html += "</table></div></details>\n";
    html
}

fn line(cell: &Cell<'_>, colours: &Colours<'_>) -> String {
    let run = cell.run;
    let doubt = Doubt::about(run);
    let routed = cell.routed.map_or_else(none, |routed| {
        let gap = pair(routed.gap_us.p50, routed.gap_us.max);
        bracket(gap, Doubt::about(routed))
    });
    let figures = [
        number_moved(run),
        bracket(pair(run.gap_us.p50, run.gap_us.max), doubt),
        millis(run.gap_us.p99),
        format!("{} / {}", run.lost.p50, run.lost.max),
        median(run.t_detect_us),
        median(run.t_decide_us),
        median(run.t_own_us),
        median(run.t_network_us),
        median(run.takeover_us),
        two_owners(Some(run)),
        two_owners(cell.routed),
        run.arp_answered_twice.to_string(),
        run.probes_answered_twice.to_string(),
        number(run.fdb_moves_max),
        number(run.false_transitions),
        both(run.tcp_stall_us),
        routed,
        millis(run.lateness_us),
    ];
    let cells: String = figures
        .iter()
        .map(|figure| format!("<td>{figure}</td>"))
        .collect();
    format!(
        "<tr{}><th scope=\"row\">{}</th>{cells}</tr>\n",
        if doubt.is_some() {
            " class=\"doubt\""
        } else {
            ""
        },
        name(&run.node, colours)
    )
}

/// What the nodes cost in quiet times.
pub(super) fn efforts(report: &Report, colours: &Colours<'_>) -> String {
    if report.efforts.is_empty() {
        return "<p>Not measured in this run.</p>".to_owned();
    }
    let mut efforts: Vec<_> = report.efforts.iter().collect();
    efforts.sort_by_key(|effort| order(effort));
    let lines: String = efforts
        .into_iter()
        .map(|effort| {
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{} ms</td><td>{}</td>\
                 <td>{}</td><td>{}</td></tr>\n",
                name(&effort.node, colours),
                escape(&effort.role),
                escape(load_title(&effort.load)),
                effort.advert_int_ms,
                effort.n,
                plain(effort.cpu_percent, 2),
                plain(effort.wakeups_per_s, 0)
            )
        })
        .collect();
    format!(
        "<div class=\"wide\"><table class=\"efforts\">\n<thead><tr><th></th><th>role</th><th>load</th>\
         <th>adverts</th><th>n</th><th>CPU, % of one: p50 / max</th><th>wake-ups per second: p50 / max</th>\
         </tr></thead>\n<tbody>{lines}</tbody></table></div>"
    )
}

/// How many, and in how many of them something moved, if not in all.
fn number_moved(run: &Run) -> String {
    if run.moved < run.n {
        format!("{}, {} moved", run.n, run.moved)
    } else {
        run.n.to_string()
    }
}

fn both(summary: Option<Summary>) -> String {
    summary.map_or_else(none, |summary| pair(summary.p50, summary.max))
}

fn plain(summary: Summary, digits: usize) -> String {
    format!("{:.digits$} / {:.digits$}", summary.p50, summary.max)
}

fn two_owners(run: Option<&Run>) -> String {
    let dual = run.and_then(|run| run.dual_us);
    dual.map_or_else(none, |dual| pair(dual.p50, dual.max))
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(none, |number| number.to_string())
}
