//! The ledger as a page of Markdown.

use crate::conformance::{
    citations::{Code, Place, Test},
    ledger::{Ledger, Row},
    requirements::Requirement,
};

const HEAD: &str = "\
# Conformance

Written by `cargo xtask conformance` from [requirements.toml](conformance/requirements.toml) and the `//=` citations
in code and tests; `cargo xtask lint` fails if it is stale. *Proof* is a test in which the node does what is asked,
*refusal* one in which it refuses or keeps from what is forbidden, both at the policy, the state machine or beyond:
a parser's own tests do not count. *Partly* and *open* rows say what is missing.
";

/// The page.
pub(super) fn markdown(ledger: &Ledger<'_>) -> String {
    let mut page = format!("{HEAD}\n{}.\n", ledger.summary());
    for (title, rows) in &ledger.groups {
        page.push_str(&format!(
            "\n## {title}\n\n\
             | | requirement | state | code | proof | refusal |\n\
             |---|---|---|---|---|---|\n"
        ));
        for row in rows {
            page.push_str(&line(row));
        }
    }
    page
}

fn line(row: &Row<'_>) -> String {
    let requirement = row.requirement;
    let code: Vec<_> = row.code.iter().map(|code| link_to_code(code)).collect();
    let proofs: Vec<_> = row.proofs.iter().map(|test| link_to_test(test)).collect();
    let refusals: Vec<_> = row.refusals.iter().map(|test| link_to_test(test)).collect();
    let refused = match &requirement.no_refusal {
        Some(reason) => escaped(reason),
        None => refusals.join("<br>"),
    };
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        requirement.id,
        asked(requirement),
        standing(row),
        code.join("<br>"),
        proofs.join("<br>"),
        refused
    )
}

/// The requirement and who asks for it.
fn asked(requirement: &Requirement) -> String {
    let sources: Vec<String> = requirement
        .sources
        .iter()
        .map(|source| link_to_source(source))
        .collect();
    format!("{} ({})", escaped(&requirement.text), sources.join(", "))
}

/// The row's state, and the words that go with it.
fn standing(row: &Row<'_>) -> String {
    let requirement = row.requirement;
    let words = requirement
        .open
        .as_deref()
        .or(requirement.inapplicable.as_deref());
    match words {
        None => row.state().to_string(),
        Some(words) => format!("*{}*: {}", row.state(), escaped(words)),
    }
}

fn link_to_code(code: &Code) -> String {
    let Place { file, line } = &code.place;
    format!("[{file}:{line}](../{file}#L{line})")
}

fn link_to_test(test: &Test) -> String {
    format!("[{}](../{})", test.name, test.place.file)
}

/// A source with its address, if it has one.
fn link_to_source(source: &str) -> String {
    let words: Vec<&str> = source.split(' ').collect();
    match *words.as_slice() {
        ["RFC", number, "section", section] => {
            format!("[{source}](https://www.rfc-editor.org/rfc/rfc{number}#section-{section})")
        }
        ["RFC", _, "erratum", erratum] => {
            format!("[{source}](https://www.rfc-editor.org/errata/eid{erratum})")
        }
        ["RFC", number] => format!("[{source}](https://www.rfc-editor.org/rfc/rfc{number})"),
        [draft] if draft.starts_with("draft-") => {
            format!("[{source}](https://datatracker.ietf.org/doc/{draft})")
        }
        _ => escaped(source),
    }
}

/// Text that does not end a table's cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{citations::Citations, requirements::Requirements};

    const REQUIREMENTS: &str = r#"
        [[group]]
        title = "Backup"
        [[group.requirement]]
        id = "C1"
        text = "a|b."
        sources = ["RFC 9568 section 6.4.2", "RFC 9568 erratum 8298"]
        [[group.requirement]]
        id = "C2"
        text = "Sent."
        sources = ["RFC 9568"]
        no_refusal = "it is only sent"
        open = "IPv6"
        [[group.requirement]]
        id = "C3"
        text = "Rings."
        sources = ["draft-x-y", "keepalived"]
        inapplicable = "no token ring"
    "#;

    #[test]
    fn a_row_names_source_code_and_tests() {
        let requirements = Requirements::parse(REQUIREMENTS).expect("valid");
        let mut citations = Citations::default();
        citations.scan_file(
            "a/src/b.rs",
            "//= C1: RFC 9568 erratum 8298\nlet a = 1;\n//= C2: RFC 9568\nlet a = 1;",
        );
        citations.scan_file(
            "tests/c.rs",
            "//= C1, C2: proof\n#[test]\nfn good() {}\n//= C1: refusal\n#[test]\nfn bad() {}",
        );
        let ledger = Ledger::join(&requirements, &citations);
        assert_eq!(ledger.faults, Vec::<String>::new());

        let page = markdown(&ledger);
        let rows: Vec<&str> = page.lines().rev().take(3).collect();
        assert_eq!(
            rows,
            [
                "| C3 | Rings. ([draft-x-y](https://datatracker.ietf.org/doc/draft-x-y), keepalived) | \
                 *does not apply*: no token ring |  |  |  |",
                "| C2 | Sent. ([RFC 9568](https://www.rfc-editor.org/rfc/rfc9568)) | *partly*: IPv6 | \
                 [a/src/b.rs:3](../a/src/b.rs#L3) | [good](../tests/c.rs) | it is only sent |",
                "| C1 | a\\|b. \
                 ([RFC 9568 section 6.4.2](https://www.rfc-editor.org/rfc/rfc9568#section-6.4.2), \
                 [RFC 9568 erratum 8298](https://www.rfc-editor.org/errata/eid8298)) | met | \
                 [a/src/b.rs:1](../a/src/b.rs#L1) | [good](../tests/c.rs) | [bad](../tests/c.rs) |",
            ]
        );
        assert!(page.contains("\n3 requirements: 1 met, 1 partly, 0 open, 1 do not apply.\n"));
        assert!(page.contains("\n## Backup\n"));
    }
}
