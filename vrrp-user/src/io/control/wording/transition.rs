//! What a change of state reads like, and a time without service.

use std::time::Duration;

use tracing::Level;

use super::Line;
use crate::{
    io::engine::message::{Lapse, Successor},
    proto::{Cause, State, Transition},
};

/// Without the router's name.
pub(super) fn lines(transition: Transition) -> Vec<Line> {
    let Transition {
        from, to, cause, ..
    } = transition;
    let init = if from == State::Initialize {
        " (init)"
    } else {
        ""
    };
    let mut lines = Vec::new();
    let mut info = |text: &str| lines.push((Level::INFO, text.to_owned()));
    match to {
        State::Active => {
            if matches!(cause, Cause::ActiveDown | Cause::PriorityZero) {
                info("Receive advertisement timeout");
            }
            info("Entering MASTER STATE");
            if from != State::Rising {
                info("setting VIPs.");
            }
        }
        State::Backup => {
            info(&format!("Entering BACKUP STATE{init}"));
        }
        State::Fault => {
            info(&format!("Entering FAULT STATE{init}"));
            if from == State::Active && matches!(cause, Cause::Fault(reason) if reason.can_send()) {
                info("sent 0 priority");
            }
        }
        State::Rising => {
            if cause == Cause::Preempt {
                info("about to preempt");
            }
            info("setting VIPs.");
        }
        State::Retiring => {
            info("sent 0 priority");
            info("serving until a successor has taken over");
        }
        State::Initialize => info("Stopped"),
    }
    let held = matches!(from, State::Active | State::Rising | State::Retiring);
    let holds = matches!(to, State::Active | State::Rising | State::Retiring);
    if held && !holds {
        info("removing VIPs.");
    }
    lines
}

pub(super) fn lapsed(lapse: Lapse) -> String {
    let span = Duration::from_millis(lapse.span().as_millis().try_into().unwrap_or(u64::MAX));
    let meanwhile = match lapse.successor {
        Successor::Other(Some(other)) => format!("{other} served meanwhile"),
        Successor::Other(None) => "another router served meanwhile".to_owned(),
        Successor::Nobody => {
            "nobody else was heard, so nobody served meanwhile: the node stood still, or its adverts did not leave"
                .to_owned()
        }
    };
    format!("was MASTER without serving for {span:?}: its lease had ended, and {meanwhile}")
}
