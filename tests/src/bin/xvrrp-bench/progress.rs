//! Where a bench is and how long it will go on.

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    time::Duration,
};

use vrrp_tests::clock::{self, Nanos};

/// Between two lines where there is no terminal whose last line can be written anew.
const SPARSE: Duration = Duration::from_secs(10);
/// What took less by estimate says little about the rest.
const TELLING: Duration = Duration::from_secs(10);

/// Progress through steps whose durations are known roughly. How long the steps behind really took
/// corrects the estimate of those ahead.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Nanos,
    /// The estimates of all steps, of those behind, and of the present one.
    total: Duration,
    done: Duration,
    current: Duration,
    /// When a line was shown last.
    shown: Option<Nanos>,
    terminal: bool,
}

impl Progress {
    /// For work that takes about this long.
    pub(crate) fn new(total: Duration) -> Self {
        Self {
            began: clock::now(),
            total,
            done: Duration::ZERO,
            current: Duration::ZERO,
            shown: None,
            terminal: stdout().is_terminal(),
        }
    }

    /// Begins a part of several steps.
    pub(crate) fn part(&mut self, title: &str) {
        self.end_step();
        let left = self.left(self.elapsed());
        self.note(&format!("━━ {title}  (about {} to go)", told(left)));
    }

    /// Begins a step that takes about so long by itself.
    pub(crate) fn step(&mut self, what: &str, estimate: Duration) {
        self.end_step();
        self.current = estimate;
        let line = format!("{what}; about {} to go", told(self.left(self.elapsed())));
        if self.terminal {
            print!("\r\x1b[K{line}");
            // A terminal that went away is no reason to stop measuring.
            stdout().flush().ok();
            return;
        }
        let now = clock::now();
        if self
            .shown
            .is_none_or(|shown| now - shown >= clock::span_nanos(SPARSE))
        {
            println!("{line}");
            self.shown = Some(now);
        }
    }

    /// Says something that stays.
    pub(crate) fn note(&self, line: &str) {
        if self.terminal {
            print!("\r\x1b[K");
        }
        println!("{line}");
    }

    /// Since the begin.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(clock::now().saturating_sub(self.began))
    }

    fn end_step(&mut self) {
        self.done += std::mem::take(&mut self.current);
    }

    fn left(&self, elapsed: Duration) -> Duration {
        let left = self.total.saturating_sub(self.done);
        if self.done < TELLING {
            return left;
        }
        left.mul_f64(elapsed.as_secs_f64() / self.done.as_secs_f64())
    }
}

/// A span for people.
pub(crate) fn told(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_behind_corrects_what_is_ahead() {
        let mut progress = Progress::new(4 * MINUTE);
        assert_eq!(progress.left(MINUTE), 4 * MINUTE);
        progress.step("one", MINUTE);
        // It may be nearly done or just have begun.
        assert_eq!(progress.left(MINUTE), 4 * MINUTE);
        progress.step("two", MINUTE);
        assert_eq!(progress.left(2 * MINUTE), 6 * MINUTE);
        progress.part("the rest");
        assert_eq!(progress.left(2 * MINUTE), 2 * MINUTE);
    }

    #[test]
    fn minutes_are_not_told_to_the_second() {
        assert_eq!(told(Duration::from_secs(89)), "89 s");
        assert_eq!(told(Duration::from_secs(91)), "2 min");
    }
}
