//! Where the bench is and how long it will take.

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    time::Duration,
};

use vrrp_tests::{
    clock::{self, Nanos},
    contender::Contender,
};

use super::plan::{Plan, Session};

/// Progress through sessions, whose estimates are corrected by how long the first ones took.
pub(super) struct Progress {
    began: Nanos,
    turns: usize,
    /// By estimate.
    total: Duration,
    done: Duration,
    current: Duration,
    terminal: bool,
}

impl Progress {
    pub(super) fn new(plan: &Plan, contenders: &[Contender]) -> Self {
        let sessions = (0..plan.turns()).flat_map(|turn| plan.sessions(turn));
        let once: Duration = sessions.map(|session| session.estimate()).sum();
        let total = once * u32::try_from(contenders.len()).unwrap_or(1);
        let names: Vec<_> = contenders.iter().map(|one| one.name.as_str()).collect();
        println!(
            "{} turns of {}; about {} to go\n",
            plan.turns(),
            names.join(", "),
            told(total)
        );
        Self {
            began: clock::now(),
            turns: plan.turns(),
            total,
            done: Duration::ZERO,
            current: Duration::ZERO,
            terminal: stdout().is_terminal(),
        }
    }

    /// Begins the next session.
    pub(super) fn step(&mut self, turn: usize, session: &Session, node: &str) {
        self.done += self.current;
        self.current = session.estimate();
        let line = format!(
            "turn {}/{}, {} ms, {}: {node}; about {} to go",
            turn + 1,
            self.turns,
            session.timing.advert_int_ms,
            session.load.name(),
            told(self.left())
        );
        if self.terminal {
            print!("\r\x1b[K{line}");
            // A terminal that went away is no reason to stop measuring.
            stdout().flush().ok();
        } else {
            println!("{line}");
        }
    }

    /// Tells that a node could not go on; its turn is over.
    pub(super) fn failed(&self, node: &str, error: &anyhow::Error) {
        println!("\n! {node} could not go on: {error:#}");
    }

    /// Ends the last session.
    pub(super) fn done(&self) {
        if self.terminal {
            print!("\r\x1b[K");
        }
        println!("Results, after {}:\n", told(self.elapsed()));
    }

    /// Since the begin.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_nanos(clock::now().saturating_sub(self.began))
    }

    fn left(&self) -> Duration {
        let left = self.total.saturating_sub(self.done);
        if self.done < Duration::from_secs(10) {
            return left;
        }
        left.mul_f64(self.elapsed().as_secs_f64() / self.done.as_secs_f64())
    }
}

fn told(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}
