//! What the threads with deadlines run under, in words. Pure.

use std::io;

use nix::errno::Errno;
use tracing::Level;

use super::wording::Line;
use crate::io::engine::realtime::{Budget, Policy, Scheduling, Thread};

/// The engine's says it for both threads.
pub(super) fn lines(scheduling: Scheduling) -> Vec<Line> {
    let Scheduling {
        thread,
        policy,
        no_deadline,
        no_fifo,
    } = scheduling;
    let name = thread.name();
    let level = match (thread, no_fifo, no_deadline) {
        (Thread::Engine, Some(_), _) => Level::WARN,
        (Thread::Engine, None, Some(_)) => Level::INFO,
        _ => Level::DEBUG,
    };
    let mut text = format!("{name}: {}", policy_text(policy));
    if let Some(errno) = no_deadline {
        text += &format!("; {}", no_deadline_text(errno));
    }
    if let Some(errno) = no_fifo {
        let error = io::Error::from(errno);
        text += &format!(
            "; no real-time scheduling ({error}): under load short advert intervals will cause false \
             failovers; it takes CAP_SYS_NICE or LimitRTPRIO=, or silence this with --no-realtime"
        );
    }
    vec![(level, text)]
}

/// The kernel's name of a policy and its numbers.
fn policy_text(policy: Policy) -> String {
    match policy {
        Policy::Deadline(Budget { runtime, period }) => {
            format!("SCHED_DEADLINE, {runtime:?} of every {period:?}")
        }
        Policy::Fifo(priority) => format!("SCHED_FIFO, priority {priority}"),
        Policy::Other => "SCHED_OTHER".to_owned(),
    }
}

/// Why SCHED_DEADLINE is refused, and what would help.
pub(super) fn no_deadline_text(errno: Errno) -> String {
    let reason = match errno {
        Errno::EPERM => {
            "it takes CAP_SYS_NICE and leave to run on every CPU (no CPUAffinity=, taskset, cpuset)"
        }
        Errno::EBUSY => "too much CPU time is promised to other such threads",
        _ => "this kernel does not know it",
    };
    format!("SCHED_DEADLINE is refused ({}): {reason}", errno.desc())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_the_kernel_admits_is_told_once_and_with_the_reason() {
        let told = |thread, policy, no_deadline, no_fifo| {
            let scheduling = Scheduling {
                thread,
                policy,
                no_deadline,
                no_fifo,
            };
            lines(scheduling).swap_remove(0)
        };
        let best = Policy::Deadline(Budget {
            runtime: Duration::from_millis(1),
            period: Duration::from_millis(5),
        });
        let (engine, fifo) = (Thread::Engine, Policy::Fifo(51));
        assert_eq!(
            told(engine, best, None, None),
            (
                Level::DEBUG,
                "engine: SCHED_DEADLINE, 1ms of every 5ms".to_owned()
            )
        );
        let busy = "engine: SCHED_FIFO, priority 51; SCHED_DEADLINE is refused (Device or resource busy): too much \
                    CPU time is promised to other such threads";
        assert_eq!(
            told(engine, fifo, Some(Errno::EBUSY), None),
            (Level::INFO, busy.to_owned())
        );
        let (level, _) = told(
            Thread::Addresses,
            Policy::Fifo(50),
            Some(Errno::EBUSY),
            None,
        );
        assert_eq!(level, Level::DEBUG);
        let eperm = Some(Errno::EPERM);
        let (level, text) = told(engine, Policy::Other, eperm, eperm);
        assert_eq!(level, Level::WARN);
        for words in [
            "SCHED_OTHER",
            "CAP_SYS_NICE",
            "LimitRTPRIO",
            "--no-realtime",
        ] {
            assert!(text.contains(words), "no {words} in {text}");
        }
    }
}
