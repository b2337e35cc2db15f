//! Parts of a status, from what the engine tells.

use std::time::Duration;

use super::words::{cause_name, fault_name, state_name};
use crate::{
    io::{
        control::{scheduling::no_deadline_text, wording},
        engine::{
            Timeline,
            message::{Lapse, Successor},
            realtime::{Policy, Scheduling},
        },
    },
    plan::DesiredRouter,
    proto::{FaultReason, Instant, Transition},
    status::{FaultStatus, LapseStatus, ThreadStatus, TimelineStatus, TransitionStatus},
};

/// Why the router cannot work, and which interface or address that is about.
pub(super) fn fault(router: &DesiredRouter, reason: FaultReason) -> FaultStatus {
    let instance = &router.instance;
    let own = || Some(instance.interface.clone());
    let (interface, address) = match reason {
        FaultReason::VipInterface { vip } | FaultReason::VipRefused { vip } => (
            Some(wording::interface(router, vip).to_owned()),
            router.vip(vip).map(|vip| vip.address),
        ),
        FaultReason::NoSource => (None, instance.source),
        FaultReason::NoPeer => (None, None),
        FaultReason::NoInterface
        | FaultReason::LinkDown
        | FaultReason::NoMac
        | FaultReason::NoAddress
        | FaultReason::NoRoom { .. } => (own(), None),
    };
    FaultStatus {
        reason: fault_name(reason).to_owned(),
        interface,
        address,
        text: wording::fault_text(router, reason),
    }
}

impl From<&Lapse> for LapseStatus {
    fn from(lapse: &Lapse) -> Self {
        Self {
            began_ns: lapse.began.0,
            ended_ns: lapse.ended.0,
            active: match lapse.successor {
                Successor::Other(active) => active,
                Successor::Nobody => None,
            },
            unserved: lapse.successor == Successor::Nobody,
        }
    }
}

impl From<&Scheduling> for ThreadStatus {
    fn from(scheduling: &Scheduling) -> Self {
        let (policy, priority, budget) = match scheduling.policy {
            Policy::Deadline(budget) => ("SCHED_DEADLINE", None, Some(budget)),
            Policy::Fifo(priority) => ("SCHED_FIFO", Some(priority), None),
            Policy::Other => ("SCHED_OTHER", None, None),
        };
        Self {
            name: scheduling.thread.name().to_owned(),
            policy: policy.to_owned(),
            priority,
            runtime_us: budget.map(|budget| micros(budget.runtime)),
            period_us: budget.map(|budget| micros(budget.period)),
            refused: scheduling.no_deadline.map(no_deadline_text),
        }
    }
}

impl From<&Transition> for TransitionStatus {
    fn from(transition: &Transition) -> Self {
        Self {
            at_ns: transition.at.0,
            from: state_name(transition.from).to_owned(),
            to: state_name(transition.to).to_owned(),
            cause: cause_name(transition.cause).to_owned(),
            deadline_ns: transition.deadline.0,
            last_advert_ns: nanoseconds(transition.last_advert),
        }
    }
}

impl From<&Timeline> for TimelineStatus {
    fn from(timeline: &Timeline) -> Self {
        Self {
            last_advert_ns: nanoseconds(timeline.last_advert),
            deadline_ns: timeline.deadline.0,
            decided_ns: timeline.decided.0,
            owned_ns: timeline.owned.0,
            advert_ns: timeline.advert.0,
            announced_ns: timeline.announced.0,
            ready_ns: timeline.ready.0,
        }
    }
}

fn nanoseconds(instant: Option<Instant>) -> Option<u64> {
    instant.map(|instant| instant.0)
}

pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
