//! Reports what is wrong with how lines are written, where that matters: in what we act on. Blocks that
//! are skipped as a whole may say what they like.

use std::collections::BTreeSet;

use super::{
    ast::{Flaw, FlawKind, Statement},
    diag::Diagnostics,
    keywords::{self, Context},
    marks,
};

/// The statements without those that are flawed beyond use.
pub(super) fn sift(statements: Vec<Statement>, report: &mut Diagnostics) -> Vec<Statement> {
    let mut sifter = Sifter {
        report,
        known: BTreeSet::new(),
    };
    sifter.block(statements, Some(Context::Top)).0
}

struct Sifter<'r> {
    report: &'r mut Diagnostics,
    /// What was reported of each line: its statements share its flaws.
    known: BTreeSet<(usize, String)>,
}

impl Sifter<'_> {
    /// The statements of a block, and whether one of them went. Without a context the block has no
    /// keywords, such as a list of addresses.
    fn block(
        &mut self,
        statements: Vec<Statement>,
        context: Option<Context>,
    ) -> (Vec<Statement>, bool) {
        let mut damaged = false;
        let mut kept = Vec::with_capacity(statements.len());
        for mut statement in statements {
            let skipped = context.is_some_and(|context| !context.reads(statement.keyword()));
            let flaws = std::mem::take(&mut statement.flaws);
            // Behind a brace a line begins anew.
            let directive = marks::directive(&statement.raw);
            let flaws = flaws.into_iter().chain(directive);
            let flaws = flaws.chain(escaped_quote(&statement));
            let mut goes = false;
            for flaw in flaws {
                if !skipped || flaw.kind == FlawKind::Line {
                    goes |= self.tell(&statement, flaw);
                }
            }
            if goes {
                damaged = true;
                continue;
            }
            if !skipped && let Some(body) = statement.block.take() {
                let inner = context.and_then(|context| context.inside(statement.keyword()));
                let (body, hurt) = self.block(body, inner);
                statement.block = Some(body);
                statement.damaged |= hurt;
                damaged |= hurt;
            }
            kept.push(statement);
        }
        (kept, damaged)
    }

    /// Reports a flaw, once for its line; says whether the statement is of no use.
    fn tell(&mut self, statement: &Statement, flaw: Flaw) -> bool {
        let place = &statement.place;
        let goes = match flaw.kind {
            FlawKind::Line => true,
            FlawKind::Value => statement.block.is_none(),
            FlawKind::Odd => false,
        };
        if self.known.insert((place.line, flaw.message.clone())) {
            match flaw.kind {
                FlawKind::Odd => self.report.warn_help(place, flaw.message, flaw.help),
                FlawKind::Line | FlawKind::Value => {
                    self.report.error_help(place, flaw.message, flaw.help);
                }
            }
        }
        goes
    }
}

/// Only in the command of a script does a backslash protect a quote.
fn escaped_quote(statement: &Statement) -> Option<Flaw> {
    let is_command = keywords::takes_command(statement.keyword());
    (!is_command && statement.raw.contains("\\\"")).then(|| Flaw {
        kind: FlawKind::Value,
        message: "a backslash does not protect a double quote: keepalived ends the text there"
            .to_owned(),
        help: "write it without a double quote in it",
    })
}
