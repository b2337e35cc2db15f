//! What is never part of a configuration: marks of a merge, placeholders of a template, and directives
//! that bring lines in or take them out in a way that we do not follow.

use super::{
    ast::{Flaw, FlawKind},
    diag::{Diagnostics, Place},
    keywords,
};

/// keepalived's `include` and its variants, which differ in what is fatal.
const INCLUDES: [&str; 6] = [
    "include", "includer", "includem", "includew", "includeb", "includea",
];

/// Whether the line is a mark that git leaves in a file when it cannot merge. The first one of each
/// conflict is an error; `conflict` says whether one is open.
pub(super) fn of_a_merge(
    text: &str,
    conflict: &mut bool,
    place: &Place,
    report: &mut Diagnostics,
) -> bool {
    let is = |mark: &str| {
        let rest = text.strip_prefix(mark);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r']))
    };
    let (begins, ends) = (is("<<<<<<<"), is(">>>>>>>"));
    if !begins && !ends && !is("=======") && !is("|||||||") {
        return false;
    }
    if begins || !*conflict {
        report.error_help(
            place,
            "an unresolved merge: from here on the file has two versions of itself",
            "choose one, and remove the lines of `<<<<<<<`, `=======` and `>>>>>>>`",
        );
    }
    *conflict = !ends;
    true
}

/// What keeps us from following a line that says what other lines there are.
pub(super) fn directive(text: &str) -> Option<Flaw> {
    let flaw = |message: String, help| {
        let kind = FlawKind::Line;
        Some(Flaw {
            kind,
            message,
            help,
        })
    };
    let first = text.split_ascii_whitespace().next().unwrap_or_default();
    if INCLUDES.contains(&first) {
        return flaw(
            format!("`{first}` is not supported yet, what is in that file would be missing"),
            "put its text into this file",
        );
    }
    if text.starts_with('@') {
        return flaw(
            "lines for one configuration id (`@ID …`) are not supported yet".to_owned(),
            "write one file per machine",
        );
    }
    if text.starts_with("~SEQ") || text.starts_with("~LST") {
        return flaw(
            "`~SEQ` and `~LST` are not supported yet".to_owned(),
            "write the lines out",
        );
    }
    None
}

/// The first placeholder that a template's user has not filled in, such as `{password}` or
/// `{{ vip }}`; it loses its braces, which would open and close blocks.
pub(super) fn placeholder(text: &mut String) -> Option<Flaw> {
    let keyword = text.split_ascii_whitespace().next().unwrap_or_default();
    let takes_block = !keyword.starts_with('{') && !keywords::takes_value(keyword);
    let mut found = None;
    let mut from = 0;
    while let Some(hole) = hole(text, from) {
        from = hole.end;
        if takes_block && !hole.double {
            continue;
        }
        let name = text
            .get(hole.start..hole.end)
            .unwrap_or_default()
            .to_owned();
        let plain = without_braces(&name);
        text.replace_range(hole.start..hole.end, &plain);
        found.get_or_insert(name);
    }
    found.map(|name| Flaw {
        kind: FlawKind::Value,
        message: format!("`{name}` is a placeholder of a template, its value is missing"),
        help: "write the value in its place",
    })
}

/// As many bytes without braces, which would open and close blocks, and without blanks.
pub(super) fn without_braces(text: &str) -> String {
    let harmless = |c| match c {
        '{' => '<',
        '}' => '>',
        ' ' | '\t' => '_',
        other => other,
    };
    text.chars().map(harmless).collect()
}

struct Hole {
    start: usize,
    end: usize,
    /// `{{ … }}`.
    double: bool,
}

/// The first `{NAME}` or `{{ NAME }}` outside of double quotes and of `${NAME}`, at or after `from`.
fn hole(text: &str, from: usize) -> Option<Hole> {
    let mut quoted = text.get(..from)?.matches('"').count() % 2 == 1;
    for (offset, c) in text.get(from..)?.char_indices() {
        let start = from + offset;
        match c {
            '"' => quoted = !quoted,
            '{' if !quoted && !text.get(..start)?.ends_with(['$', '{']) => {
                let rest = text.get(start..)?;
                let double = rest.starts_with("{{");
                let (open, close) = if double { ("{{", "}}") } else { ("{", "}") };
                let inner = rest.strip_prefix(open)?;
                let Some(length) = inner.find(close) else {
                    continue;
                };
                let name = inner.get(..length)?;
                let name = if double { name.trim_matches(' ') } else { name };
                if is_name(name) {
                    return Some(Hole {
                        start,
                        end: start + length + 2 * open.len(),
                        double,
                    });
                }
            }
            _ => {}
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_blocks() {
        let rows = [
            ("auth_pass {password}", Some("auth_pass <password>")),
            ("{VIRTUAL_IP}", Some("<VIRTUAL_IP>")),
            ("{VIRTUAL_IP}/24 dev {IF}", Some("<VIRTUAL_IP>/24 dev <IF>")),
            ("priority {{ prio }}", Some("priority <<_prio_>>")),
            ("{{ vip }}", Some("<<_vip_>>")),
            ("vrrp_instance {NAME} {", Some("vrrp_instance <NAME> {")),
            (
                "interface {{item.if}} # x",
                Some("interface <<item.if>> # x"),
            ),
            ("unicast_peer {1.2.3.4}", None),
            ("unicast_peer {peer}", None),
            ("virtual_ipaddress {vip}", None),
            ("track_script {chk}", None),
            ("track_interface {eth0}", None),
            ("{ eth0 }", None),
            ("}", None),
            ("interface ${IF}", None),
            ("notify_master \"/bin/x {a}\"", None),
            ("priority {", None),
            ("state MASTER } {", None),
        ];
        for (text, expected) in rows {
            let mut shown = text.to_owned();
            let found = placeholder(&mut shown);
            assert_eq!(found.is_some(), expected.is_some(), "{text}");
            assert_eq!(shown, expected.unwrap_or(text), "{text}");
        }
    }
}
