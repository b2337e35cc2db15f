//! The `//=` lines in code and tests.

use std::{fmt, fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::conformance::requirements::Id;

/// Begins a citation.
const MARK: &str = "//=";

/// What a test shows of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// The case in which the node does what is asked.
    Proof,
    /// The case in which it refuses, or keeps from, what is forbidden.
    Refusal,
}

/// Where a citation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Below the root, with `/`.
    pub(super) file: String,
    /// From 1.
    pub(super) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Code that implements a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) id: Id,
    /// The source it names: one of the requirement's.
    pub(super) source: String,
    pub(super) place: Place,
}

/// A test that shows something of a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) id: Id,
    pub(super) shows: Shows,
    pub(super) place: Place,
    /// The test function.
    pub(super) name: String,
}

/// All that is cited.
#[derive(Clone, Debug, Default)]
pub(super) struct Citations {
    pub(super) code: Vec<Code>,
    pub(super) tests: Vec<Test>,
    /// Citations that cannot be believed, each as `file:line: why`.
    pub(super) faults: Vec<String>,
}

impl Citations {
    /// Reads every Rust file in `folders` below `root`, in the order of their names.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub(super) fn scan(root: &Path, folders: &[&str]) -> Result<Self> {
        let mut citations = Self::default();
        for folder in folders {
            citations.scan_folder(root, folder)?;
        }
        Ok(citations)
    }

    fn scan_folder(&mut self, root: &Path, folder: &str) -> Result<()> {
        let path = root.join(folder);
        let context = || format!("cannot read {}", path.display());
        let mut entries = fs::read_dir(&path)
            .with_context(context)?
            .collect::<Result<Vec<_>, _>>()
            .with_context(context)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = format!("{folder}/{}", entry.file_name().display());
            if entry.file_type().with_context(context)?.is_dir() {
                self.scan_folder(root, &name)?;
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(entry.path())
                    .with_context(|| format!("cannot read {name}"))?;
                self.scan_file(&name, &text);
            }
        }
        Ok(())
    }

    /// Reads the citations of one file.
    pub(super) fn scan_file(&mut self, file: &str, text: &str) {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let mut in_tests = is_test_file(file);
        for (index, line) in lines.iter().enumerate() {
            in_tests |= *line == "#[cfg(test)]";
            if let Some(citation) = line.strip_prefix(MARK) {
                let following = lines.get(index + 1..).unwrap_or_default();
                let place = Place {
                    file: file.to_owned(),
                    line: index + 1,
                };
                if let Err(fault) = self.cite(citation.trim(), &place, in_tests, following) {
                    self.faults.push(format!("{place}: {fault}"));
                }
            }
        }
    }

    fn cite(
        &mut self,
        citation: &str,
        place: &Place,
        in_tests: bool,
        following: &[&str],
    ) -> Result<()> {
        let (numbers, what) = citation
            .split_once(": ")
            .context("not `//= C1: a source`, `//= C1: proof` or `//= C1: refusal`")?;
        let ids = numbers
            .split(", ")
            .map(str::parse)
            .collect::<Result<Vec<Id>>>()?;
        let item = Item::after(following);
        let shows = match what {
            "proof" => Shows::Proof,
            "refusal" => Shows::Refusal,
            source => {
                if in_tests {
                    bail!("a test shows `proof` or `refusal`, it does not implement `{source}`");
                }
                if item.first.is_none_or(|code| code.starts_with('}')) {
                    bail!("no code follows");
                }
                self.code.extend(ids.into_iter().map(|id| Code {
                    id,
                    source: source.to_owned(),
                    place: place.clone(),
                }));
                return Ok(());
            }
        };
        let name = item.test()?;
        self.tests.extend(ids.into_iter().map(|id| Test {
            id,
            shows,
            place: place.clone(),
            name: name.to_owned(),
        }));
        Ok(())
    }
}

/// Whether all of the file is test code.
fn is_test_file(file: &str) -> bool {
    file.starts_with("tests/") || file.contains("/tests/") || file.ends_with("tests.rs")
}

/// What a comment belongs to.
#[derive(Debug)]
struct Item<'a> {
    attributes: Vec<&'a str>,
    /// Its first line without attributes and comments; none if a blank line or the end follows.
    first: Option<&'a str>,
}

impl<'a> Item<'a> {
    fn after(lines: &[&'a str]) -> Self {
        let mut attributes = Vec::new();
        // An attribute may have many lines; it ends with the bracket that began it.
        let mut depth = 0_usize;
        for &line in lines {
            if depth > 0 || line.starts_with("#[") {
                attributes.push(line);
                depth += line.matches('[').count();
                depth = depth.saturating_sub(line.matches(']').count());
            } else if !line.starts_with("//") {
                let first = Some(line).filter(|line| !line.is_empty());
                return Self { attributes, first };
            }
        }
        Self {
            attributes,
            first: None,
        }
    }

    /// The name of the test that this is.
    ///
    /// # Errors
    /// When it is no test, or one that is not always run.
    fn test(&self) -> Result<&'a str> {
        let name = self.first.and_then(|line| {
            let signature = line.strip_prefix("async ").unwrap_or(line);
            let (name, _) = signature.strip_prefix("fn ")?.split_once(['(', '<'])?;
            Some(name)
        });
        let Some(name) = name else {
            bail!("no test function follows");
        };
        let is_test = |line: &&str| {
            let attributes = ["#[rstest", "#[tokio::test"];
            *line == "#[test]" || attributes.iter().any(|name| line.starts_with(name))
        };
        if !self.attributes.iter().any(is_test) {
            bail!("`{name}` is no #[test]");
        }
        if let Some(doubt) = self
            .attributes
            .iter()
            .find(|line| line.contains("ignore") || line.starts_with("#[cfg"))
        {
            bail!("`{name}` is not always run: {doubt}");
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(file: &str, text: &str) -> Citations {
        let mut citations = Citations::default();
        citations.scan_file(file, text);
        citations
    }

    fn fault(text: &str) -> String {
        let citations = scanned("a/src/b.rs", text);
        assert!(citations.code.is_empty() && citations.tests.is_empty());
        citations.faults.concat()
    }

    #[test]
    fn code_is_cited_with_its_source_and_line() {
        let text = "fn receive() {\n    //= C37, C38: RFC 9568 section 6.4.2\n    // Why.\n    if lower {\n    }\n}\n";
        let citations = scanned("a/src/b.rs", text);
        assert_eq!(citations.faults, Vec::<String>::new());
        let found: Vec<_> = citations
            .code
            .iter()
            .map(|code| (code.id.to_string(), code.source.as_str(), code.place.line))
            .collect();
        let source = "RFC 9568 section 6.4.2";
        assert_eq!(
            found,
            [("C37".to_owned(), source, 2), ("C38".to_owned(), source, 2)]
        );
        assert_eq!(citations.code[0].place.file, "a/src/b.rs");
    }

    #[test]
    fn a_test_is_found_behind_comments_and_attributes() {
        let text = "\
            //= C36: proof
            //= C37: refusal
            /// A word.
            #[expect(
                clippy::panic,
                reason = \"[sic]\"
            )]
            #[test]
            fn lower_is_discarded() {
        ";
        let citations = scanned("tests/sim/a.rs", text);
        assert_eq!(citations.faults, Vec::<String>::new());
        let found: Vec<_> = citations
            .tests
            .iter()
            .map(|test| (test.id.to_string(), test.shows, test.name.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("C36".to_owned(), Shows::Proof, "lower_is_discarded"),
                ("C37".to_owned(), Shows::Refusal, "lower_is_discarded"),
            ]
        );
    }

    #[test]
    fn a_test_of_both_families_is_one() {
        let text = "//= C9: proof\n#[rstest(_family, case::ipv4(V4), case::ipv6(V6))]\nfn heard<F: Family>(_family: F) {\n";
        let citations = scanned("tests/bpf/a.rs", text);
        assert_eq!(citations.faults, Vec::<String>::new());
        assert_eq!(citations.tests[0].name, "heard");
    }

    #[test]
    fn what_is_no_test_or_is_not_run_shows_nothing() {
        assert!(fault("//= C1: proof\nfn helper() {").contains("`helper` is no #[test]"));
        assert!(fault("//= C1: proof\n\n#[test]\nfn far() {").contains("no test function"));
        assert!(fault("//= C1: proof\n#[test]\nstruct X;").contains("no test function"));
        let ignored = "//= C1: proof\n#[test]\n#[ignore = \"slow\"]\nfn slow() {";
        assert!(fault(ignored).contains("not always run"));
        let optional = "//= C1: refusal\n#[cfg(feature = \"x\")]\n#[test]\nfn maybe() {";
        assert!(fault(optional).contains("not always run"));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_a_fault() {
        assert!(fault("//= C1\nlet a = 1;").contains("a/src/b.rs:1: not `//= C1: a source`"));
        assert!(fault("//= 1: RFC 9568\nlet a = 1;").contains("`1` is no"));
        assert!(fault("//= C1,C2: RFC 9568\nlet a = 1;").contains("`C1,C2` is no"));
        assert!(fault("//= C1: RFC 9568\n}").contains("no code follows"));
        assert!(fault("//= C1: RFC 9568").contains("no code follows"));
    }

    #[test]
    fn tests_do_not_implement() {
        let citation = "//= C1: RFC 9568 section 5\nlet a = 1;";
        assert!(fault(&format!("#[cfg(test)]\nmod tests {{\n{citation}")).contains("shows"));
        for file in ["tests/src/a.rs", "a/src/tests/b.rs", "a/src/c_tests.rs"] {
            assert_eq!(scanned(file, citation).faults.len(), 1, "{file}");
        }
    }

    #[test]
    fn folders_are_scanned_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("below")).expect("made");
            fs::write(path, text).expect("written");
        };
        write("src/b.rs", "//= C2: RFC 1\nlet a = 1;");
        write("src/a/c.rs", "//= C1: RFC 1\nlet a = 1;");
        write("src/d.md", "//= C3: RFC 1\nlet a = 1;");
        let citations = Citations::scan(folder.path(), &["src"]).expect("read");
        let files: Vec<_> = citations
            .code
            .iter()
            .map(|code| code.place.file.as_str())
            .collect();
        assert_eq!(files, ["src/a/c.rs", "src/b.rs"]);
        assert!(Citations::scan(folder.path(), &["none"]).is_err());
    }
}
