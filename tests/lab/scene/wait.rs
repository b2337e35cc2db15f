//! Waiting for a condition, and for lines of a log.

use std::time::Duration;

use vrrp_tests::{clock, process::Log};

/// How long a condition is waited for. A node on a busy machine takes seconds to start.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for a condition.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = clock::now() + clock::span_nanos(LIMIT);
    while !holds() {
        assert!(clock::now() < deadline, "waited {LIMIT:?} in vain: {what}");
        clock::sleep(LOOK);
    }
}

/// Waits for lines that contain these texts, in this order, from the line numbered `mark` on.
#[track_caller]
pub(crate) fn await_lines(log: &Log, mark: usize, texts: &[&str]) {
    let mut from = mark;
    for text in texts {
        log.wait_after(from, text, LIMIT).unwrap();
        let lines = log.lines();
        let found = lines[from..]
            .iter()
            .position(|line| line.text.contains(text));
        from += found.unwrap() + 1;
    }
}
