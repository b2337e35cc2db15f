//! The shape of a configuration before anything is known about keywords.

use super::diag::Place;

/// A word of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text, without the double quotes.
    pub(super) text: String,
    /// Whether it stood in double quotes.
    pub(super) quoted: bool,
    /// Its bytes in the file, if they are not UTF-8: the text has a character for each then.
    pub(super) bytes: Option<Vec<u8>>,
}

impl Word {
    /// What the file says, byte for byte.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.text.as_bytes())
    }
}

/// A keyword with its parameters and, if braces follow, its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// The keyword and its parameters; never empty.
    pub(super) words: Vec<Word>,
    /// The statement as written, comments removed, for the keywords that split it another way.
    pub(super) raw: String,
    /// Where the keyword stands.
    pub(super) place: Place,
    /// What stood in braces.
    pub(super) block: Option<Vec<Self>>,
    /// What is wrong with how it is written.
    pub(super) flaws: Vec<Flaw>,
    /// An error was reported in its block, and what stood there is gone.
    pub(super) damaged: bool,
}

impl Statement {
    /// The first word.
    pub(super) fn keyword(&self) -> &str {
        self.words.first().map_or("", |word| word.text.as_str())
    }

    /// The words after the keyword.
    pub(super) fn params(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The statements in the block, none without a block.
    pub(super) fn body(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// Something wrong with how a line is written. It is reported unless the line stands in a block that we
/// skip, where it does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) kind: FlawKind,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// What a [`Flaw`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlawKind {
    /// The whole line: what it stands for is not known. An error, and the statement goes.
    Line,
    /// A value on it. An error, and the statement goes.
    Value,
    /// A warning.
    Odd,
}
