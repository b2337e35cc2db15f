use std::collections::BTreeSet;

use super::*;

#[test]
fn each_keyword_has_one_row_in_a_place() {
    for context in Context::ALL {
        let mut names: Vec<_> = rows().filter_map(|row| row.name(context)).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{context:?}");
    }
}

/// The diagnostics of an instance with a line `keyword` and nothing else.
fn said(keyword: &str) -> Vec<String> {
    let text = format!("vrrp_instance VI_1 {{\n{keyword}\n}}\n");
    let diagnostics = crate::config::parse("k.conf", text.as_bytes()).diagnostics;
    diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn a_block_is_asked_for_where_the_row_says_so() {
    for (keyword, row) in Context::Instance.keywords() {
        let asks = said(keyword).contains(&format!(
            "k.conf:2: error: `{keyword}` needs a block{}",
            match keyword {
                "authentication" => String::new(),
                _ => format!("; write `{keyword} {{`, an address per line and `}}`"),
            }
        ));
        assert_eq!(asks, row.takes == Takes::Block, "{keyword}");
    }
}

#[test]
fn a_command_is_asked_for_where_the_row_says_so() {
    for (keyword, row) in Context::Instance.keywords() {
        let needs = format!("k.conf:2: error: `{keyword}` needs a command");
        let asks = said(keyword).contains(&needs);
        assert_eq!(asks, row.takes == Takes::Command, "{keyword}");
    }
}

#[test]
fn what_nothing_reads_may_come_again() {
    for keyword in ["track_script {\n}", "garp_extra_if eth0", "notify_deleted"] {
        let said = said(&format!("{keyword}\n{keyword}"));
        let again = said.iter().any(|line| line.contains("already"));
        assert!(!again, "{said:?}");
    }
}

const README: &str = include_str!("../../../../README.md");
const OPERATING: &str = include_str!("../../../../docs/operating.md");

/// The words in backticks of a page's lines that begin so, from a heading to the next one.
fn named<'p>(page: &'p str, heading: &str, begins: &str) -> BTreeSet<&'p str> {
    let (_, section) = page.split_once(heading).expect("the heading is there");
    let (section, _) = section.split_once("\n#").unwrap_or((section, ""));
    let lines = section.lines().filter(|line| line.starts_with(begins));
    let quoted = lines.flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted.flat_map(str::split_whitespace).collect()
}

/// What is said of the keywords that nothing reads, wherever they stand.
fn unsupported() -> impl Iterator<Item = (&'static str, Support)> {
    rows().filter_map(|row| match row.action {
        Action::Unsupported(_, support) => Some((row.keyword, support)),
        _ => None,
    })
}

#[test]
fn the_page_for_operators_names_what_is_read() {
    let named = named(OPERATING, "\n## What is read of keepalived.conf\n", "|");
    for row in rows().filter(|row| row.is_read()) {
        assert!(named.contains(row.keyword), "{}", row.keyword);
        if let Action::Common { global, .. } = row.action {
            let by_rule = global.strip_prefix("vrrp_") == Some(row.keyword);
            assert!(by_rule || named.contains(global), "{global}");
        }
    }
    for (keyword, support) in unsupported() {
        assert!(!named.contains(keyword), "{keyword}: {support:?}");
    }
}

#[test]
fn the_readme_names_what_keeps_a_node_from_starting() {
    let missing = |begins| named(README, "\n### What is missing\n", begins);
    let (errors, warnings) = (missing("| error"), missing("| warning"));
    for (keyword, support) in unsupported() {
        let refused = matches!(support, Support::Refused(_));
        assert_eq!(errors.contains(keyword), refused, "{keyword}");
        let ignored = matches!(support, Support::Ignored(_));
        assert!(ignored || !warnings.contains(keyword), "{keyword}");
    }
    let read = warnings
        .iter()
        .find(|word| read_somewhere(word).next().is_some());
    assert_eq!(read, None);
}

#[test]
fn typing_mistakes_are_recognised() {
    let cases = [
        ("priorty", Some("priority")),
        ("virtual_ipadress", Some("virtual_ipaddress")),
        ("virtual_routerid", Some("virtual_router_id")),
        ("nopremt", Some("nopreempt")),
        ("stat", Some("state")),
        ("bogus", None),
        ("", None),
    ];
    for (word, meant) in cases {
        assert_eq!(Context::Instance.similar(word), meant, "{word}");
    }
    assert_eq!(Context::Top.similar("vrrp_instnace"), Some("vrrp_instance"));
}
