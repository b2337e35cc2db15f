//! What was measured, on what, and how to do it again.

use vrrp_tests::report::{Config, NodeInfo, Report};

use super::{
    super::names::{Colours, node_rank},
    escape::escape,
    failovers,
};

/// The facts of a run as a definition list.
pub(super) fn facts(report: &Report) -> String {
    let mut facts = vec![
        ("Failovers", failovers(report).to_string()),
        (
            "Machine",
            format!(
                "Linux {}, {} CPUs ({}), network namespaces",
                report.machine.kernel, report.machine.cpus, report.machine.cpu
            ),
        ),
    ];
    if let Some(made) = &report.made {
        facts.extend([
            ("Date", made.date.clone()),
            ("Command", made.command.clone()),
            ("Duration", duration(made.seconds)),
        ]);
        facts.extend(made.seed.map(|seed| ("Seed", seed.to_string())));
    }
    let failures = report
        .failures
        .iter()
        .map(|one| ("Not finished", one.clone()));
    facts.extend(failures);
    facts
        .into_iter()
        .map(|(name, value)| {
            let value = escape(&value);
            if name == "Command" {
                format!("<div><dt>{name}</dt><dd><code>{value}</code></dd></div>\n")
            } else {
                format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n")
            }
        })
        .collect()
}

/// The nodes with version, tuning and configuration.
pub(super) fn nodes(report: &Report, colours: &Colours<'_>) -> String {
    let mut nodes: Vec<_> = report.nodes.iter().collect();
    nodes.sort_by_key(|node| (node_rank(&node.name), &node.name));
    nodes.into_iter().map(|info| node(info, colours)).collect()
}

fn node(info: &NodeInfo, colours: &Colours<'_>) -> String {
    let configs: String = info.configs.iter().map(config).collect();
    format!(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}{configs}</td></tr>\n",
        name(&info.name, colours),
        escape(&info.version),
        escape(&info.tuning)
    )
}

fn config(config: &Config) -> String {
    format!(
        "<details><summary>configuration at {} ms</summary><div class=\"pair\">\
         <div><h5>the better router</h5><pre>{}</pre></div>\
         <div><h5>the other</h5><pre>{}</pre></div></div></details>",
        config.advert_int_ms,
        escape(&config.better),
        escape(&config.other)
    )
}

/// A node's name with its colour.
pub(super) fn name(node: &str, colours: &Colours<'_>) -> String {
    format!(
        "<i class=\"colour\" style=\"background:{}\"></i>{}",
        colours.get(node),
        escape(node)
    )
}

fn duration(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds} s"),
        _ => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_for_people() {
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(61), "1 min 1 s");
        assert_eq!(duration(5_432), "1 h 30 min");
    }
}
