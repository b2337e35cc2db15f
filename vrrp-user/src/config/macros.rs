//! keepalived's `$NAME=VALUE` definitions and their replacement, for values of one line.

use std::collections::BTreeMap;

use super::diag::{Place, Report};

/// Replacements in one line; a definition that contains itself would go on for ever.
const MAX_REPLACEMENTS: usize = 64;

/// Bytes of a line after replacement; definitions that double each other grow fast.
const MAX_EXPANDED: usize = 8192;

/// The definitions so far.
#[derive(Debug, Default)]
pub(super) struct Macros {
    values: BTreeMap<String, String>,
    /// Inside a definition of several lines, which is skipped after it was reported.
    skipping: bool,
}

impl Macros {
    /// Takes a definition in, or returns the line with everything replaced.
    pub(super) fn take(
        &mut self,
        text: String,
        place: &Place,
        report: &mut Report,
    ) -> Option<String> {
        if self.skipping {
            self.skipping = text.ends_with('\\');
            return None;
        }
        if text.contains("~SEQ") || text.contains("~LST") {
            report.error_help(
                place,
                "`~SEQ` and `~LST` are not supported yet",
                "write the lines out",
            );
            return None;
        }
        if !text.contains('$') {
            return Some(text);
        }
        match definition(&text) {
            Some((name, value)) => {
                self.define(name, value, place, report);
                None
            }
            None => self.expand(text, place, report),
        }
    }

    fn define(&mut self, name: &str, value: &str, place: &Place, report: &mut Report) {
        if value.ends_with('\\') {
            report.error_help(
                place,
                format!("the definition of `${name}` over several lines is not supported yet"),
                "write the lines out where it is used",
            );
            self.skipping = true;
        }
        self.values.insert(name.to_owned(), value.trim().to_owned());
    }

    fn expand(&self, mut text: String, place: &Place, report: &mut Report) -> Option<String> {
        let mut from = 0;
        for _ in 0..MAX_REPLACEMENTS {
            let Some(found) = reference(&text, from) else {
                return Some(text);
            };
            match self.values.get(&found.name) {
                // The value may hold references of its own: look again from the same place.
                Some(value) => text.replace_range(found.start..found.end, value),
                None => {
                    undefined(&found, place, report)?;
                    from = found.end;
                }
            }
            if text.len() > MAX_EXPANDED {
                break;
            }
        }
        report.error(
            place,
            "the `$` definitions used here contain each other or grow too long",
        );
        None
    }
}

/// A use of a definition.
struct Reference {
    start: usize,
    end: usize,
    name: String,
    braced: bool,
}

/// keepalived leaves an undefined `$NAME` as it is; a `${NAME}` would be split at its braces.
fn undefined(found: &Reference, place: &Place, report: &mut Report) -> Option<()> {
    let name = &found.name;
    if found.braced {
        report.error_help(
            place,
            format!("`${{{name}}}` is not defined"),
            format!("define it before with a line `${name}=VALUE`"),
        );
        return None;
    }
    Some(())
}

/// `$NAME=VALUE` at the start of the line, without a blank before `=`.
fn definition(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.strip_prefix('$')?.split_once('=')?;
    is_name(name).then_some((name, value))
}

/// The first reference in `text` at or after the byte `from`.
fn reference(text: &str, mut from: usize) -> Option<Reference> {
    loop {
        let start = from + text.get(from..)?.find('$')?;
        let rest = text.get(start + 1..)?;
        let (inner, braced) = match rest.strip_prefix('{') {
            Some(inner) => (inner, true),
            None => (rest, false),
        };
        let length = inner
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(inner.len());
        let (name, after) = inner.split_at(length);
        let ends = if braced {
            after.starts_with('}')
        } else {
            after.is_empty() || after.starts_with([' ', '\t', ',', ')', '"'])
        };
        if is_name(name) && ends {
            return Some(Reference {
                start,
                end: start + 1 + length + if braced { 2 } else { 0 },
                name: name.to_owned(),
                braced,
            });
        }
        from = start + 1;
    }
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::super::source::lines;
    use super::*;

    fn expand(text: &str) -> Result<Vec<String>, String> {
        let mut report = Report::default();
        let lines = lines("k.conf", text.as_bytes(), &mut report);
        match report.finish().first() {
            Some(found) => Err(found.to_string()),
            None => Ok(lines.into_iter().map(|line| line.text).collect()),
        }
    }

    #[test]
    fn definitions_are_replaced() {
        let cases = [
            ("$IF=ens33\ninterface $IF", "interface ens33"),
            ("$IF=ens33\ninterface ${IF}.10", "interface ens33.10"),
            ("$A=1\n$B=${A}2\nx $B $A", "x 12 1"),
            ("$V= a b \nx $V", "x a b"),
            ("$B={ y }\nx $B", "x { y }"),
            ("$A=1\nx $AB $A/24 $1 $", "x $AB $A/24 $1 $"),
            ("$P=/bin\nnotify \"${P}/x $P\"", "notify \"/bin/x /bin\""),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text), Ok(vec![expected.to_owned()]), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_an_error() {
        let cases = [
            ("x ${NO}", "k.conf:1: error: `${NO}` is not defined"),
            (
                "$A=$A\nx $A",
                "k.conf:2: error: the `$` definitions used here contain each other",
            ),
            (
                "$A=xx${B}${B}\n$B=${C}${C}\n$C=${A}${A}\nx $A",
                "k.conf:4: error: the `$` definitions",
            ),
            (
                "$A= \\\n b \\\n c\nx",
                "k.conf:1: error: the definition of `$A` over several lines",
            ),
            ("x ~SEQ(a, 1, 3)", "k.conf:1: error: `~SEQ` and `~LST`"),
        ];
        for (text, expected) in cases {
            let error = expand(text).expect_err(text);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
