//! The numbered requirements, as their file has them.

use std::{
    collections::BTreeSet,
    fmt::{self, Display, Formatter},
    str::FromStr,
};

use anyhow::{Result, bail};
use serde::Deserialize;

/// The number of a requirement: `C37`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub(super) struct Id(u16);

impl FromStr for Id {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text
            .strip_prefix('C')
            .and_then(|digits| digits.parse().ok());
        match number.map(Self) {
            Some(id) if id.to_string() == text => Ok(id),
            _ => bail!("`{text}` is no requirement's number"),
        }
    }
}

impl TryFrom<String> for Id {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl Display for Id {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "C{}", self.0)
    }
}

/// One thing that a standard, or a habit of its implementations, asks of the node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requirement {
    pub(super) id: Id,
    /// What is asked, in a sentence.
    pub(super) text: String,
    /// Who asks: `RFC 9568 section 6.4.2`, `RFC 9568 erratum 8298`, or a draft's name.
    pub(super) sources: Vec<String>,
    /// Why there is nothing to refuse, and thus no test of a refusal.
    pub(super) no_refusal: Option<String>,
    /// What of it is not built, and the plan.
    pub(super) open: Option<String>,
    /// Why it is not asked of this node.
    pub(super) inapplicable: Option<String>,
}

/// Requirements that belong together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) title: String,
    pub(super) requirement: Vec<Requirement>,
}

/// All of them, in the order of their numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requirements {
    pub(super) group: Vec<Group>,
}

impl Requirements {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is not the TOML asked for, a number is missing or twice, or a requirement
    /// contradicts itself.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let requirements: Self = toml::from_str(text)?;
        requirements.check()?;
        Ok(requirements)
    }

    /// The requirements of all groups.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.group.iter().flat_map(|group| &group.requirement)
    }

    fn check(&self) -> Result<()> {
        for (expected, requirement) in (1..).map(Id).zip(self.iter()) {
            let id = requirement.id;
            if id != expected {
                bail!("{id} stands where {expected} belongs");
            }
            if requirement.sources.is_empty() {
                bail!("{id} names no source");
            }
            let unique: BTreeSet<_> = requirement.sources.iter().collect();
            if unique.len() != requirement.sources.len() {
                bail!("{id} names a source twice");
            }
            if requirement.inapplicable.is_some()
                && (requirement.open.is_some() || requirement.no_refusal.is_some())
            {
                bail!("{id} is inapplicable and yet has something to do");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        format!("{:#}", Requirements::parse(text).expect_err("refused"))
    }

    fn file(entries: &[&str]) -> String {
        let mut text = "[[group]]\ntitle = \"Timers\"\n".to_owned();
        for entry in entries {
            text.push_str("[[group.requirement]]\ntext = \"A sentence.\"\n");
            text.push_str(entry);
            text.push('\n');
        }
        text
    }

    #[test]
    fn numbers_are_read_as_written() {
        let text = file(&[
            "id = \"C1\"\nsources = [\"RFC 9568 section 6.1\"]",
            "id = \"C2\"\nsources = [\"draft-x\"]\nopen = \"IPv6\"",
        ]);
        let requirements = Requirements::parse(&text).expect("valid");
        let ids: Vec<String> = requirements.iter().map(|one| one.id.to_string()).collect();
        assert_eq!(ids, ["C1", "C2"]);
        for wrong in ["37", "C", "c37", "C037", "C+3", "C70000"] {
            assert!(wrong.parse::<Id>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_gap_a_second_use_or_an_unknown_key_is_refused() {
        let first = "id = \"C1\"\nsources = [\"a\"]";
        let third = "id = \"C3\"\nsources = [\"a\"]";
        assert!(refusal(&file(&[first, third])).contains("C3 stands where C2 belongs"));
        assert!(refusal(&file(&[first, first])).contains("C1 stands where C2 belongs"));
        assert!(refusal(&file(&["id = \"C1\"\nsources = []"])).contains("no source"));
        let twice = "id = \"C1\"\nsources = [\"a\", \"a\"]";
        assert!(refusal(&file(&[twice])).contains("twice"));
        let typo = format!("{first}\nopne = \"IPv6\"");
        assert!(refusal(&file(&[&typo])).contains("opne"));
    }

    #[test]
    fn what_does_not_apply_cannot_be_open() {
        let both = "id = \"C1\"\nsources = [\"a\"]\nopen = \"x\"\ninapplicable = \"y\"";
        assert!(refusal(&file(&[both])).contains("C1 is inapplicable"));
    }
}
