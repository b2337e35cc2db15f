//! Log lines on their way out.
//!
//! Whoever logs puts the line here and goes on. A thread of its own writes the lines, and only that thread
//! waits when nobody reads them. What does not fit meanwhile is counted and left out.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Bytes that may wait: the status of 255 virtual routers, as SIGUSR1 logs it.
const ROOM: usize = 2 << 20;

/// Lines that wait to be written, oldest first.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// Sum of their lengths.
    bytes: usize,
    /// The writer has taken something that it has not written yet.
    writing: bool,
    /// Lines that were left out since the start.
    lost: u64,
    /// Of these, how many the log does not tell of yet.
    untold: u64,
}

/// What the writer does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Write this line.
    Line(Vec<u8>),
    /// Everything that was kept is written: log that so many lines are missing.
    Lost(u64),
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                lines: VecDeque::new(),
                bytes: 0,
                writing: false,
                lost: 0,
                untold: 0,
            }),
            changed: Condvar::new(),
        }
    }

    /// Adds a line, or counts it if there is no room. Never waits for the reader.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut state = self.state();
        if state.bytes + line.len() > ROOM {
            state.lost += 1;
            state.untold += 1;
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for work. The work that was taken before counts as done.
    pub(super) fn next(&self) -> Next {
        let mut state = self.state();
        state.writing = false;
        self.changed.notify_all();
        let mut state = self
            .changed
            .wait_while(state, |state| state.lines.is_empty() && state.untold == 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        match state.lines.pop_front() {
            Some(line) => {
                state.bytes -= line.len();
                Next::Line(line)
            }
            None => Next::Lost(std::mem::take(&mut state.untold)),
        }
    }

    /// Waits until everything is written, for `limit` at most; returns whether it is.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let pending =
            |state: &mut State| !state.lines.is_empty() || state.writing || state.untold > 0;
        let waited = self
            .changed
            .wait_timeout_while(self.state(), limit, pending);
        let (_state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    /// How many lines were left out.
    pub(super) fn lost(&self) -> u64 {
        self.state().lost
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> Vec<u8> {
        let mut line = format!("{number} ").into_bytes();
        line.resize(ROOM / 4, b'x');
        line
    }

    #[test]
    fn a_full_queue_keeps_the_oldest_and_counts_the_rest() {
        let queue = Queue::new();
        for number in 0..7 {
            queue.push(line(number));
        }
        assert_eq!(queue.lost(), 3);
        for number in 0..4 {
            assert_eq!(queue.next(), Next::Line(line(number)));
        }
        assert_eq!(queue.next(), Next::Lost(3));
        queue.push(line(7));
        assert_eq!(queue.next(), Next::Line(line(7)), "said once");
        assert_eq!(queue.lost(), 3, "the sum stays");
    }

    #[test]
    fn a_flush_waits_for_the_line_that_is_being_written() {
        let queue = Queue::new();
        assert!(queue.flush(Duration::ZERO), "nothing was logged");
        queue.push(line(0));
        assert!(!queue.flush(Duration::ZERO), "a line waits");
        queue.next();
        assert!(!queue.flush(Duration::ZERO), "it is being written");
        std::thread::scope(|scope| {
            // The next call says that the line is written, and waits for another one.
            let writer = scope.spawn(|| queue.next());
            assert!(queue.flush(Duration::from_secs(60)));
            queue.push(line(1));
            assert_eq!(writer.join().unwrap(), Next::Line(line(1)));
        });
    }
}
