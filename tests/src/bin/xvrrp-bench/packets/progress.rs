//! What the bench is doing, and how long it will go on.

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    time::Duration,
};

/// Progress through work whose duration is known roughly.
#[derive(Debug)]
pub(crate) struct Progress {
    total: Duration,
    done: Duration,
    terminal: bool,
}

impl Progress {
    /// For work that takes about this long.
    pub(crate) fn new(total: Duration) -> Self {
        Self {
            total,
            done: Duration::ZERO,
            terminal: stdout().is_terminal(),
        }
    }

    /// Begins a part.
    pub(crate) fn part(&self, title: &str) {
        self.clear();
        println!("━━ {title}  (about {} s to go)", self.left());
    }

    /// Shows on a terminal what comes next, which takes about `span`.
    pub(crate) fn step(&mut self, what: &str, span: Duration) {
        if self.terminal {
            print!("\r\x1b[K  {what}, about {} s to go", self.left());
            // A terminal that went away is no reason to stop measuring.
            stdout().flush().ok();
        }
        self.done += span;
    }

    /// Ends the last part.
    pub(crate) fn done(&self) {
        self.clear();
    }

    fn left(&self) -> u64 {
        self.total.saturating_sub(self.done).as_secs()
    }

    fn clear(&self) {
        if self.terminal {
            print!("\r\x1b[K");
        }
    }
}
