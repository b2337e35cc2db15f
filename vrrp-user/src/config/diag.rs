//! What is wrong with a configuration, where, and what to do about it.

use std::{fmt, sync::Arc};

/// Diagnostics kept of one configuration; a hostile file must not become a hostile log.
const MAX_DIAGNOSTICS: usize = 200;

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Accepted, nothing to do.
    Note,
    /// The node runs, but not quite as the file says.
    Warning,
    /// The node does not start.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A place in a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was named, or another name of the source ("command line").
    pub file: Arc<str>,
    /// The line, from 1; 0 where the source has no lines.
    pub line: usize,
}

impl Place {
    /// A place in `file`.
    #[must_use]
    pub fn new(file: &str, line: usize) -> Self {
        Self {
            file: Arc::from(file),
            line,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// One finding. Displays as the single line `FILE:LINE: error: message; help`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong, and what the node does about it.
    pub message: String,
    /// What the operator can do, as an imperative.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.severity, self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// Collects the diagnostics of one configuration.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    list: Vec<Diagnostic>,
    dropped: usize,
    failed: bool,
}

impl Diagnostics {
    pub(crate) fn note(&mut self, place: &Place, message: impl Into<String>) {
        self.push(Severity::Note, place, message.into(), None);
    }

    pub(crate) fn warn(&mut self, place: &Place, message: impl Into<String>) {
        self.push(Severity::Warning, place, message.into(), None);
    }

    pub(crate) fn warn_help(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Warning, place, message.into(), Some(help.into()));
    }

    pub(crate) fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.push(Severity::Error, place, message.into(), None);
    }

    pub(crate) fn error_help(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, place, message.into(), Some(help.into()));
    }

    /// Whether an error was reported, kept or not.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    /// The diagnostics in the order of the source.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| a.place.cmp(&b.place));
        if let (1.., Some(last)) = (self.dropped, self.list.last()) {
            let place = Place {
                file: Arc::clone(&last.place.file),
                line: 0,
            };
            self.list.push(Diagnostic {
                severity: if self.failed {
                    Severity::Error
                } else {
                    Severity::Warning
                },
                place,
                message: format!("{} more problems are not shown", self.dropped),
                help: None,
            });
        }
        self.list
    }

    fn push(&mut self, severity: Severity, place: &Place, message: String, help: Option<String>) {
        self.failed |= severity == Severity::Error;
        if self.list.len() >= MAX_DIAGNOSTICS {
            self.dropped += 1;
            return;
        }
        self.list.push(Diagnostic {
            severity,
            place: place.clone(),
            message: printable(message),
            help: help.map(printable),
        });
    }
}

/// The text with its control characters escaped: it may have words of the file in it, which a terminal
/// is to show and not to obey.
fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
}
