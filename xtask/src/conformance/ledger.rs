//! Requirements joined with what cites them, and what does not add up.

use std::fmt::{self, Display, Formatter};

use crate::conformance::{
    citations::{Citations, Code, Shows, Test},
    requirements::{Id, Requirement, Requirements},
};

/// Tests that see only a parser. A frame that a parser refuses can still reach the election, and a node
/// can run a configuration of which its parser complains, so that these prove nothing alone.
const PARSERS: [&str; 4] = [
    "vrrp-ebpf/src/checksum.rs",
    "vrrp-ebpf/src/frame.rs",
    "vrrp-ebpf/src/wire/",
    "vrrp-user/src/config/",
];

/// Among the parsers, but what these make is what leaves.
const ENCODERS: &str = "vrrp-ebpf/src/wire/encode/";

/// How far a requirement is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Code and tests cite it.
    Met,
    /// So they do, but a part is not built.
    Partly,
    /// It is not built.
    Open,
    /// It is not asked of this node.
    Inapplicable,
}

impl Display for State {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::Open => "open",
            Self::Inapplicable => "does not apply",
        })
    }
}

/// A requirement and what cites it.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) requirement: &'a Requirement,
    pub(super) code: Vec<&'a Code>,
    pub(super) proofs: Vec<&'a Test>,
    pub(super) refusals: Vec<&'a Test>,
}

impl<'a> Row<'a> {
    fn of(requirement: &'a Requirement, citations: &'a Citations) -> Self {
        let showing = |shows| {
            citations
                .tests
                .iter()
                .filter(|test| test.id == requirement.id && test.shows == shows)
                .collect()
        };
        let code = citations.code.iter();
        Self {
            requirement,
            code: code.filter(|code| code.id == requirement.id).collect(),
            proofs: showing(Shows::Proof),
            refusals: showing(Shows::Refusal),
        }
    }

    /// How far the requirement is met, by its own word and by its citations.
    pub(super) fn state(&self) -> State {
        if self.requirement.inapplicable.is_some() {
            State::Inapplicable
        } else if self.requirement.open.is_none() {
            State::Met
        } else if self.code.is_empty() {
            State::Open
        } else {
            State::Partly
        }
    }

    /// Why the row cannot be believed.
    fn faults(&self) -> Vec<&'static str> {
        let tested = !self.proofs.is_empty() || !self.refusals.is_empty();
        let mut faults = Vec::new();
        match self.state() {
            State::Inapplicable if tested || !self.code.is_empty() => {
                faults.push("does not apply, and yet is cited");
            }
            State::Open if tested => faults.push("tests show it, but no code cites it"),
            State::Inapplicable | State::Open => {}
            State::Met | State::Partly => {
                if self.code.is_empty() {
                    faults.push("no code cites it");
                }
                if !self.proofs.iter().any(|test| counts(test)) {
                    faults.push("no test beyond the parsers is its proof");
                }
                match (&self.requirement.no_refusal, self.refusals.as_slice()) {
                    (None, refusals) if !refusals.iter().any(|test| counts(test)) => {
                        faults.push("no test beyond the parsers shows its refusal");
                    }
                    (Some(_), [_, ..]) => {
                        faults.push("has nothing to refuse, and yet a test shows a refusal");
                    }
                    _ => {}
                }
            }
        }
        faults
    }
}

fn counts(test: &Test) -> bool {
    let file = &test.place.file;
    file.starts_with(ENCODERS) || !PARSERS.iter().any(|parser| file.starts_with(parser))
}

/// All rows, in groups, and what is wrong with them.
#[derive(Clone, Debug)]
pub(super) struct Ledger<'a> {
    /// Title and rows of each group.
    pub(super) groups: Vec<(&'a str, Vec<Row<'a>>)>,
    pub(super) faults: Vec<String>,
}

impl<'a> Ledger<'a> {
    /// Looks up every citation and judges every row.
    pub(super) fn join(requirements: &'a Requirements, citations: &'a Citations) -> Self {
        let groups: Vec<(&str, Vec<Row<'_>>)> = requirements
            .group
            .iter()
            .map(|group| {
                let rows = group.requirement.iter();
                let rows = rows.map(|requirement| Row::of(requirement, citations));
                (group.title.as_str(), rows.collect())
            })
            .collect();

        let mut faults = citations.faults.clone();
        faults.extend(misquoted(requirements, citations));
        for row in groups.iter().flat_map(|(_, rows)| rows) {
            let id = row.requirement.id;
            faults.extend(row.faults().iter().map(|fault| format!("{id}: {fault}")));
        }
        Self { groups, faults }
    }

    /// Every row.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row<'a>> {
        self.groups.iter().flat_map(|(_, rows)| rows)
    }

    /// The rows that are not built, or not all of it.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = &Row<'a>> {
        let unfinished = [State::Partly, State::Open];
        self.rows()
            .filter(move |row| unfinished.contains(&row.state()))
    }

    /// How many rows are in which state.
    pub(super) fn summary(&self) -> String {
        let count = |state| self.rows().filter(|row| row.state() == state).count();
        format!(
            "{} requirements: {} met, {} partly, {} open, {} do not apply",
            self.rows().count(),
            count(State::Met),
            count(State::Partly),
            count(State::Open),
            count(State::Inapplicable)
        )
    }
}

/// Citations of numbers that do not exist, or of a source that does not ask for this.
fn misquoted(requirements: &Requirements, citations: &Citations) -> Vec<String> {
    let find = |id: Id| requirements.iter().find(|requirement| requirement.id == id);
    let mut faults = Vec::new();
    for Code { id, source, place } in &citations.code {
        match find(*id) {
            None => faults.push(format!("{place}: there is no {id}")),
            Some(requirement) if !requirement.sources.contains(source) => {
                let known = requirement.sources.join(", ");
                faults.push(format!("{place}: {id} is of {known}, not of {source}"));
            }
            Some(_) => {}
        }
    }
    for test in &citations.tests {
        if find(test.id).is_none() {
            faults.push(format!("{}: there is no {}", test.place, test.id));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "//= C1: RFC 9568 section 6.1\nlet a = 1;\n";
    const PROOF: &str = "//= C1: proof\n#[test]\nfn good() {}\n";
    const REFUSAL: &str = "//= C1: refusal\n#[test]\nfn bad() {}\n";

    /// State and faults of C1 with these further keys and these sources.
    fn judged(keys: &str, files: &[(&str, &str)]) -> (State, Vec<String>) {
        let text = format!(
            "[[group]]\ntitle = \"g\"\n[[group.requirement]]\nid = \"C1\"\n\
             text = \"t\"\nsources = [\"RFC 9568 section 6.1\"]\n{keys}"
        );
        let requirements = Requirements::parse(&text).expect("valid");
        let mut citations = Citations::default();
        for (file, text) in files {
            citations.scan_file(file, text);
        }
        let ledger = Ledger::join(&requirements, &citations);
        let state = ledger.rows().next().expect("a row").state();
        (state, ledger.faults)
    }

    fn faults(keys: &str, sources: &[&str]) -> String {
        let text = sources.concat();
        judged(keys, &[("a/src/b.rs", &text)]).1.join("; ")
    }

    #[test]
    fn code_and_both_tests_are_needed() {
        assert_eq!(faults("", &[CODE, PROOF, REFUSAL]), "");
        assert_eq!(faults("", &[PROOF, REFUSAL]), "C1: no code cites it");
        assert!(faults("", &[CODE, REFUSAL]).contains("is its proof"));
        assert!(faults("", &[CODE, PROOF]).contains("shows its refusal"));
        assert!(faults("", &[]).contains("no code"));
    }

    #[test]
    fn a_test_of_a_parser_is_not_enough() {
        let tests = [PROOF, REFUSAL].concat();
        for parser in [
            "vrrp-ebpf/src/wire/vrrp.rs",
            "vrrp-ebpf/src/checksum.rs",
            "vrrp-user/src/config/tests/values.rs",
        ] {
            let (_, faults) = judged("", &[("a/src/b.rs", CODE), (parser, &tests)]);
            assert_eq!(faults.len(), 2, "{parser}: {faults:?}");
        }
        for beyond in [
            "vrrp-user/src/proto/tests/backup.rs",
            "vrrp-ebpf/src/wire/encode/tests.rs",
        ] {
            let (state, faults) = judged("", &[("a/src/b.rs", CODE), (beyond, &tests)]);
            assert_eq!((state, faults.len()), (State::Met, 0));
        }
    }

    #[test]
    fn nothing_to_refuse_needs_no_refusal_and_bears_none() {
        let keys = "no_refusal = \"nothing is forbidden\"";
        assert_eq!(faults(keys, &[CODE, PROOF]), "");
        assert!(faults(keys, &[CODE, PROOF, REFUSAL]).contains("nothing to refuse"));
    }

    #[test]
    fn what_is_open_may_be_built_in_part_but_then_is_tested() {
        let keys = "open = \"IPv6\"";
        assert_eq!(judged(keys, &[]), (State::Open, vec![]));
        let all = [CODE, PROOF, REFUSAL].concat();
        assert_eq!(
            judged(keys, &[("a/src/b.rs", &all)]),
            (State::Partly, vec![])
        );
        assert!(faults(keys, &[CODE, PROOF]).contains("shows its refusal"));
        assert!(faults(keys, &[PROOF]).contains("no code cites it"));
    }

    #[test]
    fn what_does_not_apply_is_not_cited() {
        let keys = "inapplicable = \"no token ring\"";
        assert_eq!(judged(keys, &[]), (State::Inapplicable, vec![]));
        assert!(faults(keys, &[CODE]).contains("does not apply"));
        assert!(faults(keys, &[PROOF]).contains("does not apply"));
    }

    #[test]
    fn unknown_numbers_and_other_sections_are_faults() {
        let rest = [CODE, PROOF, REFUSAL].concat();
        let unknown =
            "//= C2: RFC 9568 section 6.1\nlet b = 1;\n//= C3: proof\n#[test]\nfn c() {}\n";
        assert_eq!(
            faults("", &[unknown, &rest]),
            "a/src/b.rs:1: there is no C2; a/src/b.rs:3: there is no C3"
        );
        let other = "//= C1: RFC 9568 section 6.2\nlet b = 1;\n";
        assert_eq!(
            faults("", &[other, &rest]),
            "a/src/b.rs:1: C1 is of RFC 9568 section 6.1, not of RFC 9568 section 6.2"
        );
        assert!(faults("", &["//= C1\n", &rest]).contains("a/src/b.rs:1: not"));
    }
}
