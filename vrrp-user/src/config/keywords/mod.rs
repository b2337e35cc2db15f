//! The keywords of keepalived, one row each: where it may stand, and what reads it, or why nothing does.
//!
//! A row is all that makes a word a keyword. Whatever asks about keywords (which lines are read, what is
//! said of the others, which word was meant, where a block may begin) asks the rows.

mod globals;
mod ignored;
mod instance;
mod outside;

use std::{collections::BTreeMap, sync::LazyLock};

use super::{
    ast::Statement,
    common::Common,
    diag::Diagnostics,
    globals::Defaults,
    instance::{AuthDraft, Draft},
};

/// Reads a statement of `global_defs`.
pub(super) type ReadGlobal = fn(&mut Defaults, &Statement, &mut Diagnostics);

/// Reads a statement that an instance can have for itself, and `global_defs` for all of them.
pub(super) type ReadCommon = fn(&mut Common, &Statement, &mut Diagnostics);

/// Reads a statement of a `vrrp_instance`.
pub(super) type ReadOwn = for<'s> fn(&mut Draft<'s>, &'s Statement, &mut Diagnostics);

/// Reads a statement of an `authentication` block.
pub(super) type ReadAuth = for<'s> fn(&mut AuthDraft<'s>, &'s Statement, &mut Diagnostics);

/// Where a keyword stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Context {
    /// Outside of all blocks.
    Top,
    /// `global_defs`.
    Globals,
    /// `vrrp_instance`.
    Instance,
    /// `authentication` in a `vrrp_instance`.
    Authentication,
}

impl Context {
    const ALL: [Self; 4] = [
        Self::Top,
        Self::Globals,
        Self::Instance,
        Self::Authentication,
    ];
}

/// What becomes of a keyword of keepalived that we do not act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// Nothing is lost by ignoring it.
    Accepted,
    /// Part of the mail settings: one note for all of them.
    Mail,
    /// Ignored with a warning that says what will not happen; empty where the keyword says it.
    Ignored(&'static str),
    /// Unsafe to ignore: the node does not start. Says why.
    Refused(&'static str),
}

/// What a keyword does. The place where it may stand follows from that.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// Opens a block of this kind, outside of all blocks.
    Opens(Context),
    /// In `global_defs`.
    Global(ReadGlobal),
    /// In a `vrrp_instance`, and by another name or the same in `global_defs`.
    Common {
        /// The keyword in `global_defs`.
        global: &'static str,
        read: ReadCommon,
    },
    /// In a `vrrp_instance`.
    Own(ReadOwn),
    /// In an `authentication` block.
    Auth(ReadAuth),
    /// Nothing, there.
    Unsupported(Context, Support),
}

/// What follows a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Words, or none.
    Words,
    /// The command of a script, in which a backslash protects a quote.
    Command,
    /// A block.
    Block,
    /// A name and a block.
    NameAndBlock,
}

/// Which statement counts if an instance has the keyword more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// The last one, with a warning.
    Last,
    /// The first one, with a warning.
    First,
    /// `MASTER`, if one of them says so, with a warning.
    Master,
    /// All: they add up, or keepalived lets them stand beside each other.
    All,
}

/// A keyword.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// As it is written; in `global_defs` it may have another name.
    keyword: &'static str,
    pub(super) action: Action,
    takes: Takes,
    pub(super) again: Again,
    /// Whether a statement says no more than what happens anyway, although we do not act on it.
    says_nothing: fn(&Statement) -> bool,
    /// Begins a block that never stands in another one: where it does, a `}` is missing before it.
    pub(super) ends_blocks: bool,
}

impl Row {
    const fn new(keyword: &'static str, action: Action) -> Self {
        Self {
            keyword,
            action,
            takes: Takes::Words,
            again: Again::Last,
            says_nothing: |_| false,
            ends_blocks: false,
        }
    }

    const fn unsupported(context: Context, keyword: &'static str, support: Support) -> Self {
        let row = Self::new(keyword, Action::Unsupported(context, support)).again(Again::All);
        match support {
            // Nothing that could be missing is in it.
            Support::Refused(_) => row.unless(|statement| {
                let body = statement.block.as_ref();
                body.is_some_and(Vec::is_empty)
            }),
            _ => row,
        }
    }

    const fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }

    const fn again(self, again: Again) -> Self {
        Self { again, ..self }
    }

    /// Accepted where this is true of the statement.
    const fn unless(self, says_nothing: fn(&Statement) -> bool) -> Self {
        Self {
            says_nothing,
            ..self
        }
    }

    const fn ends_blocks(self) -> Self {
        Self {
            ends_blocks: true,
            ..self
        }
    }

    /// What is said of a statement that nothing reads; `None` if something does.
    pub(super) fn support(&self, statement: &Statement) -> Option<Support> {
        match self.action {
            Action::Unsupported(..) if (self.says_nothing)(statement) => Some(Support::Accepted),
            Action::Unsupported(_, support) => Some(support),
            _ => None,
        }
    }

    /// What the keyword is called in a place where it may stand.
    fn name(&self, context: Context) -> Option<&'static str> {
        let at = match self.action {
            Action::Common { global, .. } if context == Context::Globals => return Some(global),
            Action::Opens(_) => Context::Top,
            Action::Global(_) => Context::Globals,
            Action::Common { .. } | Action::Own(_) => Context::Instance,
            Action::Auth(_) => Context::Authentication,
            Action::Unsupported(at, _) => at,
        };
        (at == context).then_some(self.keyword)
    }

    fn is_read(&self) -> bool {
        !matches!(self.action, Action::Unsupported(..))
    }
}

/// The table.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let ignored = ignored::KEYWORDS.iter().flat_map(|(context, keywords)| {
        let row =
            |keyword: &&'static str| Row::unsupported(*context, keyword, Support::Ignored(""));
        keywords.iter().map(row)
    });
    let others = [outside::ROWS, globals::ROWS, instance::ROWS].concat();
    others.into_iter().chain(ignored).collect()
});

fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
}

/// The row of a keyword in a place.
static INDEX: LazyLock<BTreeMap<(Context, &str), &Row>> = LazyLock::new(|| {
    let named = |context| rows().filter_map(move |row| Some(((context, row.name(context)?), row)));
    Context::ALL.into_iter().flat_map(named).collect()
});

impl Context {
    /// The row of a keyword, if it may stand here.
    pub(super) fn row(self, keyword: &str) -> Option<&'static Row> {
        INDEX.get(&(self, keyword)).copied()
    }

    /// Whether something reads a statement with this keyword here.
    pub(super) fn reads(self, keyword: &str) -> bool {
        self.row(keyword).is_some_and(Row::is_read)
    }

    /// What the block of a keyword consists of, if of keywords.
    pub(super) fn inside(self, keyword: &str) -> Option<Self> {
        match self.row(keyword)?.action {
            Action::Opens(inside) => Some(inside),
            _ => None,
        }
    }

    /// The keywords that something reads here, in the order of the table.
    fn keywords(self) -> impl Iterator<Item = (&'static str, &'static Row)> {
        let read = rows().filter(|row| row.is_read());
        read.filter_map(move |row| Some((row.name(self)?, row)))
    }

    /// The keywords here that a command follows.
    pub(super) fn commands(self) -> impl Iterator<Item = &'static str> {
        let commands = self
            .keywords()
            .filter(|(_, row)| row.takes == Takes::Command);
        commands.map(|(name, _)| name)
    }

    /// The keyword that was probably meant.
    pub(super) fn similar(self, word: &str) -> Option<&'static str> {
        let mistakes = |name: &str| 1 + name.len() / 8;
        self.keywords()
            .map(|(name, _)| name)
            // What differs in length by more, differs by more; a file may be full of such words.
            .filter(|name| name.len().abs_diff(word.len()) <= mistakes(name))
            .map(|name| (strsim::levenshtein(name, word), name))
            .filter(|(distance, name)| *distance <= mistakes(name))
            .min()
            .map(|(_, name)| name)
    }
}

/// The rows of a keyword that something reads, wherever it may stand.
fn read_somewhere(keyword: &str) -> impl Iterator<Item = &'static Row> {
    let rows = Context::ALL.map(|context| context.row(keyword));
    rows.into_iter().flatten().filter(|row| row.is_read())
}

/// Whether a word is a keyword that a value has to follow. The name of an instance is one.
pub(super) fn takes_value(word: &str) -> bool {
    read_somewhere(word).any(|row| row.takes != Takes::Block)
}

/// Whether a word is a keyword that a command follows.
pub(super) fn takes_command(word: &str) -> bool {
    read_somewhere(word).any(|row| row.takes == Takes::Command)
}

/// Whether a word is a keyword that starts a line of its own in an instance.
pub(super) fn is_statement(word: &str) -> bool {
    [Context::Instance, Context::Authentication]
        .into_iter()
        .any(|context| context.reads(word))
}

#[cfg(test)]
mod tests;
