//! Tokens to statements and blocks.
//!
//! A statement ends with its line; braces may stand on any line. The tree is built with a stack of
//! our own and its depth is bounded, so no input can exhaust the thread's stack, here or when the
//! tree is dropped.

use super::{
    ast::Statement,
    diag::{Diagnostics, Place},
    keywords::Context,
    lex::{Token, decoded, tokens},
    source::Line,
};

/// Deepest nesting of blocks; keepalived's own grammar needs five.
const MAX_DEPTH: usize = 32;

/// The statements at the top level.
pub(super) fn statements(lines: &[Line], report: &mut Diagnostics) -> Vec<Statement> {
    let mut parser = Parser {
        report,
        open: Vec::new(),
        current: Vec::new(),
        too_deep: 0,
    };
    for line in lines {
        parser.line(line);
    }
    parser.finish()
}

/// A block whose `}` has not come yet.
struct Open {
    /// What stood before the `{`; `None` if nothing did.
    owner: Option<Statement>,
    /// The statements around it.
    outer: Vec<Statement>,
    /// Where the `{` stands.
    place: Place,
}

struct Parser<'r> {
    report: &'r mut Diagnostics,
    open: Vec<Open>,
    /// The statements of the innermost open block.
    current: Vec<Statement>,
    /// Blocks open beyond [`MAX_DEPTH`], counted and not built.
    too_deep: usize,
}

impl Parser<'_> {
    fn line(&mut self, line: &Line) {
        let mut words = Vec::new();
        let mut span: Option<(usize, usize)> = None;
        for token in tokens(line) {
            if let Token::Word { word, start, end } = token {
                words.push(word);
                span = Some((span.map_or(start, |(first, _)| first), end));
                continue;
            }
            self.statement(line, std::mem::take(&mut words), span.take());
            match token {
                Token::Open => self.open(&line.place),
                Token::Close => self.close(&line.place),
                Token::Word { .. } => {}
            }
        }
        self.statement(line, words, span);
    }

    fn statement(
        &mut self,
        line: &Line,
        words: Vec<super::ast::Word>,
        span: Option<(usize, usize)>,
    ) {
        let Some((start, end)) = span else {
            return;
        };
        if self.too_deep == 0 {
            let raw = line.text.get(start..end).unwrap_or_default();
            self.current.push(Statement {
                words,
                raw: decoded(raw, line.latin_1).0,
                place: line.place.clone(),
                block: None,
                flaws: line.flaws.clone(),
                damaged: false,
            });
        }
    }

    fn open(&mut self, place: &Place) {
        if self.too_deep > 0 || self.open.len() == MAX_DEPTH {
            if self.too_deep == 0 {
                self.report.error(
                    place,
                    format!("blocks are nested deeper than {MAX_DEPTH} levels"),
                );
            }
            self.too_deep += 1;
            return;
        }
        let owner = self.current.pop_if(|last| last.block.is_none());
        if let Some(owner) = &owner
            && Context::Top
                .row(owner.keyword())
                .is_some_and(|row| row.ends_blocks)
        {
            self.unclosed(Some(owner));
        }
        if owner.is_none() {
            self.report.error_help(
                place,
                "`{` without a keyword before it",
                "write the block's keyword or remove the block",
            );
        }
        self.open.push(Open {
            owner,
            outer: std::mem::take(&mut self.current),
            place: place.clone(),
        });
    }

    fn close(&mut self, place: &Place) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        if !self.leave(false) {
            self.report
                .warn_help(place, "`}` without a `{` before it, ignored", "remove it");
        }
    }

    /// Closes every block that is open, with an error for each: at the end, or before `next`.
    fn unclosed(&mut self, next: Option<&Statement>) {
        let before = next.map_or_else(String::new, |next| {
            format!(" before `{}` in line {}", next.keyword(), next.place.line)
        });
        while let Some(open) = self.open.last() {
            let name = open.owner.as_ref().map_or("", |owner| owner.keyword());
            self.report.error_help(
                &open.place,
                format!("the block of `{name}` is not closed{before}"),
                "add the missing `}`",
            );
            self.leave(true);
        }
    }

    /// Ends the innermost block; false if there is none.
    fn leave(&mut self, damaged: bool) -> bool {
        let Some(Open { owner, outer, .. }) = self.open.pop() else {
            return false;
        };
        let body = std::mem::replace(&mut self.current, outer);
        if let Some(mut owner) = owner {
            owner.block = Some(body);
            owner.damaged = damaged;
            self.current.push(owner);
        }
        true
    }

    fn finish(mut self) -> Vec<Statement> {
        self.unclosed(None);
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::lines;
    use super::*;

    fn parse(text: &str) -> (String, Vec<String>) {
        let mut report = Diagnostics::default();
        let lines = lines("k.conf", text.as_bytes(), &mut report);
        let shown = show(&statements(&lines, &mut report));
        (
            shown,
            report.finish().iter().map(ToString::to_string).collect(),
        )
    }

    fn show(statements: &[Statement]) -> String {
        let one = |statement: &Statement| {
            let block = statement
                .block
                .as_ref()
                .map(|body| format!("{{{}}}", show(body)));
            format!(
                "{}@{}{}",
                statement.raw,
                statement.place.line,
                block.unwrap_or_default()
            )
        };
        statements.iter().map(one).collect::<Vec<_>>().join(";")
    }

    #[test]
    fn braces_may_stand_on_any_line() {
        for text in ["a b {\nc d\n}\ne", "a b\n{\nc d }\ne", "a b\n\n{ c d\n} e"] {
            let (shown, found) = parse(text);
            let shape: String = shown.chars().filter(|c| !c.is_ascii_digit()).collect();
            assert_eq!(
                (shape.as_str(), found.len()),
                ("a b@{c d@};e@", 0),
                "{text}"
            );
        }
    }

    #[test]
    fn an_unknown_block_closes_only_itself() {
        let (shown, found) = parse("vrrp_instance X {\nbogus {\nx { y\n}\n}\npriority 5\n}\nz");
        assert_eq!(
            shown,
            "vrrp_instance X@1{bogus@2{x@3{y@3}};priority 5@6};z@8"
        );
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn unbalanced_braces_are_reported_where_they_stand() {
        let (shown, found) = parse("a {\nb\n}\n}\nc {\nd {\n");
        assert_eq!(shown, "a@1{b@2};c@5{d@6{}}");
        assert_eq!(
            found,
            [
                "k.conf:4: warning: `}` without a `{` before it, ignored; remove it",
                "k.conf:5: error: the block of `c` is not closed; add the missing `}`",
                "k.conf:6: error: the block of `d` is not closed; add the missing `}`",
            ]
        );
        let (_, found) = parse("{\na\n}\nb {\n}\n{\n}");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_nesting_bomb_is_one_error() {
        let deep = 200_000;
        let (_, found) = parse(&format!("{}{}", "a {\n".repeat(deep), "}\n".repeat(deep)));
        assert_eq!(
            found,
            ["k.conf:33: error: blocks are nested deeper than 32 levels"]
        );
    }

    #[test]
    fn what_stands_outside_ends_every_block() {
        let (shown, found) =
            parse("vrrp_instance A {\nb {\nc\n}\nvrrp_instance B\n{\nd {\nvrrp_script C {\n}");
        assert_eq!(
            shown,
            "vrrp_instance A@1{b@2{c@3}};vrrp_instance B@5{d@7{}};vrrp_script C@8{}"
        );
        assert_eq!(
            found,
            [
                "k.conf:1: error: the block of `vrrp_instance` is not closed before `vrrp_instance` in line 5; add the missing `}`",
                "k.conf:6: error: the block of `vrrp_instance` is not closed before `vrrp_script` in line 8; add the missing `}`",
                "k.conf:7: error: the block of `d` is not closed before `vrrp_script` in line 8; add the missing `}`",
            ]
        );
    }
}
