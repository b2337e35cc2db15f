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
