//! keepalived's `$NAME=VALUE` definitions and their replacement, for values of one line.

use std::collections::BTreeMap;

use super::{
    ast::{Flaw, FlawKind},
    diag::{Diagnostics, Place},
    marks,
    source::{self, Line, without_comment},
};

/// Replacements in one line; a definition that contains itself would go on for ever.
const MAX_REPLACEMENTS: usize = 64;

/// Bytes of a line after replacement: keepalived replaces nothing that would make it longer.
const MAX_EXPANDED: usize = 1023;

/// Definitions that keepalived has by itself.
const BUILT_IN: [&str; 6] = ["_BANG", "_ENV", "_HASH", "_INSTANCE", "_PWD", "_RANDOM"];

/// The definitions so far.
#[derive(Debug, Default)]
pub(super) struct Macros {
    values: BTreeMap<String, String>,
    /// Inside a definition of several lines, which is skipped after it was reported.
    skipping: bool,
}

impl Macros {
    /// Takes a definition in, or returns the line with everything replaced.
    pub(super) fn take(&mut self, mut line: Line, report: &mut Diagnostics) -> Option<Line> {
        if self.skipping {
            self.skipping = line.text.ends_with('\\');
            return None;
        }
        if !self.directive(&mut line) {
            if let Some((name, value)) = definition(&line.text) {
                self.define(name, value, &line.place, report);
                return None;
            }
            if line.text.contains('$') {
                self.replace(&mut line, report)?;
            }
        }
        line.flaws.extend(marks::placeholder(&mut line.text));
        line.flaws.extend(continuation(&line.text));
        Some(line)
    }

    fn directive(&self, line: &mut Line) -> bool {
        let directive = marks::directive(&line.text);
        let found = directive.is_some();
        line.flaws.extend(directive);
        found
    }

    fn define(&mut self, name: &str, value: &str, place: &Place, report: &mut Diagnostics) {
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

    /// Replaces what is defined. What is replaced may begin a comment, and make the line a directive.
    fn replace(&self, line: &mut Line, report: &mut Diagnostics) -> Option<()> {
        let text = std::mem::take(&mut line.text);
        let expanded = self.expand(text.clone(), line, report)?;
        if expanded == text {
            line.text = expanded;
            return Some(());
        }
        let cut = without_comment(&expanded);
        if cut.in_quotes && line.flaws.is_empty() {
            line.flaws.push(source::open_quote());
        }
        line.text = cut.text.trim().to_owned();
        self.directive(line);
        (!line.text.is_empty()).then_some(())
    }

    fn expand(
        &self,
        mut text: String,
        line: &mut Line,
        report: &mut Diagnostics,
    ) -> Option<String> {
        let mut from = 0;
        for _ in 0..MAX_REPLACEMENTS {
            let Some(found) = reference(&text, from) else {
                return Some(text);
            };
            match self.values.get(&found.name).filter(|_| !found.parameters) {
                // The value may hold references of its own: look again from the same place.
                Some(value) => text.replace_range(found.start..found.end, value),
                None => {
                    let shown = text.get(found.start..found.end).unwrap_or_default();
                    let flaw = undefined(&found, shown, &text);
                    if found.braced && flaw.as_ref().is_some_and(|flaw| flaw.kind != FlawKind::Odd)
                    {
                        text.replace_range(found.start..found.end, &marks::without_braces(shown));
                    }
                    line.flaws.extend(flaw);
                    from = found.end;
                }
            }
            if text.len() > MAX_EXPANDED {
                break;
            }
        }
        report.error(
            &line.place,
            "the `$` definitions used here contain each other or grow too long",
        );
        None
    }
}

/// keepalived glues a `\` at the end of a line to the last word, once it has read the line twice.
fn continuation(text: &str) -> Option<Flaw> {
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    (backslashes % 2 == 1).then(|| Flaw {
        kind: FlawKind::Value,
        message:
            "a `\\` at the end does not continue the line: keepalived glues it to the last word"
                .to_owned(),
        help: "remove it, and write everything on one line",
    })
}

/// A use of a definition.
struct Reference {
    start: usize,
    end: usize,
    name: String,
    braced: bool,
    /// Words stand between the name and the brace.
    parameters: bool,
}

/// What is wrong with a use of something that nobody has defined. keepalived leaves it as it is; of a
/// `${NAME}` outside of double quotes it takes the braces for a block.
fn undefined(found: &Reference, shown: &str, text: &str) -> Option<Flaw> {
    let name = &found.name;
    if BUILT_IN.contains(&name.as_str()) {
        return Some(Flaw {
            kind: FlawKind::Value,
            message: format!(
                "`{shown}`, a definition that keepalived has by itself, is not supported yet"
            ),
            help: "write its value",
        });
    }
    if !found.braced {
        return None;
    }
    let quoted = text.get(..found.start)?.matches('"').count() % 2 == 1;
    Some(Flaw {
        kind: if quoted {
            FlawKind::Odd
        } else {
            FlawKind::Value
        },
        message: if quoted {
            format!("`{shown}` is not defined and stays as it is, as with keepalived")
        } else {
            format!("`{shown}` is not defined")
        },
        help: "define it before, with a line `$NAME=VALUE`",
    })
}

/// `$NAME=VALUE` at the start of the line, without a blank before `=`.
fn definition(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.strip_prefix('$')?.split_once('=')?;
    is_name(name).then_some((name, value))
}

/// The first reference in `text` at or after the byte `from`: `${NAME}` anywhere, `$NAME` before a blank,
/// a comma, a closing parenthesis and the end, which is not before a double quote.
fn reference(text: &str, mut from: usize) -> Option<Reference> {
    loop {
        let start = from + text.get(from..)?.find('$')?;
        let rest = text.get(start + 1..)?;
        let (inner, braced) = match rest.strip_prefix('{') {
            Some(inner) => (inner, true),
            None => (rest, false),
        };
        let length = inner
            .find(|c: char| !is_name_part(c))
            .unwrap_or(inner.len());
        let (name, after) = inner.split_at(length);
        let words = if braced {
            after
                .find(|c: char| !is_name_part(c) && !matches!(c, ' ' | '\t'))
                .unwrap_or(after.len())
        } else {
            0
        };
        let after = after.get(words..)?;
        let ends = if braced {
            after.starts_with('}')
        } else {
            after.is_empty() || after.starts_with([' ', '\t', ',', ')'])
        };
        if is_name(name) && ends {
            return Some(Reference {
                start,
                end: start + 1 + length + words + if braced { 2 } else { 0 },
                name: name.to_owned(),
                braced,
                parameters: words > 0,
            });
        }
        from = start + 1;
    }
}

fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(is_name_part)
}

#[cfg(test)]
mod tests {
    use super::super::source::lines;
    use super::*;

    /// The lines, and what is wrong with them.
    fn expand(text: &str) -> (Vec<String>, Vec<String>) {
        let mut report = Diagnostics::default();
        let lines = lines("k.conf", text.as_bytes(), &mut report);
        let mut found: Vec<_> = report.finish().iter().map(ToString::to_string).collect();
        for line in &lines {
            let flaws = line.flaws.iter();
            found.extend(
                flaws.map(|flaw| format!("{}: {:?}: {}", line.place, flaw.kind, flaw.message)),
            );
        }
        (lines.into_iter().map(|line| line.text).collect(), found)
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
            // Only the braces end a name before a double quote.
            ("$P=/bin\nnotify \"${P}/x $P\"", "notify \"/bin/x $P\""),
            ("$P=/bin\nnotify \"x $P y\"", "notify \"x /bin y\""),
            ("$A=\"a#b\"\nx \"${A}\"", "x \"\"a"),
            ("x a~SEQ(a, 1, 3)", "x a~SEQ(a, 1, 3)"),
            ("x b\\\\", "x b\\\\"),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text), (vec![expected.to_owned()], vec![]), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_an_error() {
        let cases = [
            ("x ${NO}", "k.conf:1: Value: `${NO}` is not defined"),
            ("x ${NO NO}", "k.conf:1: Value: `${NO NO}` is not defined"),
            (
                "notify \"x ${NO}\"",
                "k.conf:1: Odd: `${NO}` is not defined and stays as it is, as with keepalived",
            ),
            (
                "notify \"x ${_ENV HOME}\"",
                "k.conf:1: Value: `${_ENV HOME}`, a definition",
            ),
            (
                "notify \"x $_PWD y\"",
                "k.conf:1: Value: `$_PWD`, a definition",
            ),
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
            ("~SEQ(a, 1, 3) x", "k.conf:1: Line: `~SEQ` and `~LST`"),
            (
                "$A=~LST(a, 1, 3)\n$A x",
                "k.conf:2: Line: `~SEQ` and `~LST`",
            ),
            (
                "@node1 priority $A",
                "k.conf:1: Line: lines for one configuration id",
            ),
            (
                "$A=@node1\n$A x",
                "k.conf:2: Line: lines for one configuration id",
            ),
            (
                "\ninclude conf.d/*.conf",
                "k.conf:2: Line: `include` is not supported yet",
            ),
            (
                "$A=include\n$A x",
                "k.conf:2: Line: `include` is not supported yet",
            ),
            ("advert_int 2 \\", "k.conf:1: Value: a `\\` at the end"),
        ];
        for (text, expected) in cases {
            let (_, found) = expand(text);
            assert!(
                found.len() == 1 && found[0].starts_with(expected),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn a_line_grows_no_longer_than_keepalived_has_room_for() {
        let text = |length: usize| format!("$A={}\nx $A", "a".repeat(length - 2));
        assert_eq!(expand(&text(1000)).1, [""; 0]);
        let twice = |length: usize| format!("$A={}\nx $A $A", "a".repeat(length));
        assert_eq!(expand(&twice(510)).1, [""; 0]);
        assert_eq!(expand(&twice(511)).1.len(), 1);
    }
}
