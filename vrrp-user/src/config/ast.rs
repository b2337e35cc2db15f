//! The shape of a configuration before anything is known about keywords.

use super::diag::Place;

/// A word of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text, without the double quotes.
    pub(super) text: String,
    /// Whether it stood in double quotes.
    pub(super) quoted: bool,
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
