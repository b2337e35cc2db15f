//! Where the demo is and how long it will take.

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    time::Duration,
};

use vrrp_tests::clock;

/// Progress through parts whose duration is known roughly.
#[derive(Debug)]
pub(crate) struct Progress {
    parts: Vec<Duration>,
    begun: usize,
    started: clock::Nanos,
    terminal: bool,
}

impl Progress {
    /// For parts that take about this long.
    pub(crate) fn new(parts: &[Duration]) -> Self {
        Self {
            parts: parts.to_vec(),
            begun: 0,
            started: clock::now(),
            terminal: stdout().is_terminal(),
        }
    }

    /// Begins the next part.
    pub(crate) fn part(&mut self, title: &str) {
        self.begun += 1;
        let left: Duration = self.parts.iter().skip(self.begun - 1).sum();
        println!(
            "\n━━ {}/{}  {title}  (about {} s to go)\n",
            self.begun,
            self.parts.len(),
            left.as_secs()
        );
    }

    /// Shows on a terminal how far the part is.
    pub(crate) fn step(&self, done: usize, of: usize, what: &str) {
        if self.terminal && of > 0 {
            let part = self.parts.get(self.begun - 1).copied().unwrap_or_default();
            let left =
                part * u32::try_from(of - done).unwrap_or(0) / u32::try_from(of).unwrap_or(1);
            print!(
                "\r\x1b[K  {done}/{of} {what}, about {} s to go",
                left.as_secs()
            );
            // A terminal that went away is no reason to stop measuring.
            stdout().flush().ok();
        }
    }

    /// Ends the last part.
    pub(crate) fn done(&self) {
        if self.terminal {
            print!("\r\x1b[K");
        }
        let took = Duration::from_nanos(clock::now() - self.started);
        println!("━━ Results, after {} s", took.as_secs());
    }
}
