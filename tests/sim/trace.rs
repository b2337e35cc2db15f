//! What happened, line by line, for the seed that broke an invariant.

use std::collections::VecDeque;

/// Lines kept: the end of the story.
const KEPT: usize = 2000;

/// A recording, or nothing at all: large runs record nothing, and a seed that fails is run again.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: Option<VecDeque<String>>,
}

impl Trace {
    pub(crate) fn recording() -> Self {
        Self {
            lines: Some(VecDeque::new()),
        }
    }

    /// Notes what happened at a moment of the world.
    pub(crate) fn note(&mut self, at: u64, line: impl FnOnce() -> String) {
        let Some(lines) = &mut self.lines else { return };
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(format!("{:>16}  {}", moment(at), line()));
    }

    pub(crate) fn text(&self) -> String {
        let lines = self.lines.iter().flatten();
        lines.fold(String::new(), |text, line| text + line + "\n")
    }
}

/// Milliseconds with all their digits.
pub(crate) fn moment(at: u64) -> String {
    format!("{}.{:06} ms", at / 1_000_000, at % 1_000_000)
}

/// A span, short.
pub(crate) fn span(nanoseconds: u64) -> String {
    format!("{:?}", std::time::Duration::from_nanos(nanoseconds))
}
