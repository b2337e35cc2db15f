//! What the management model of RFC 8347 tells about a router's past.

use std::net::IpAddr;

use super::{Cause, Instant, State};

/// `last-event`: what last led to a state change, or ended the wait before a preemption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastEvent {
    /// Nothing has happened yet.
    #[default]
    None,
    /// The router was started.
    Startup,
    /// The router was stopped.
    Shutdown,
    /// A better router was heard while we were Active or about to be.
    HigherPriorityBackup,
    /// The Active was silent for the Active_Down_Interval, or for Skew_Time after its priority 0.
    MasterTimeout,
    /// The interface became usable.
    InterfaceUp,
    /// The interface became unusable, or something else keeps the router from working.
    InterfaceDown,
    /// `preempt_delay` is over.
    PreemptHoldTimeout,
    /// A worse router is Active, and we preempt it.
    LowerPriorityMaster,
}

/// `new-master-reason`: why we last became Active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewMasterReason {
    /// We never were.
    #[default]
    NotMaster,
    /// Ours is the highest: we own the addresses, or whoever was better sent priority 0 (keepalived's
    /// reading).
    Priority,
    /// We preempted a worse router.
    Preempted,
    /// The previous Active fell silent.
    NoResponse,
}

/// The past of one virtual router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// See [`LastEvent`].
    pub last_event: LastEvent,
    /// See [`NewMasterReason`].
    pub new_master_reason: NewMasterReason,
    /// When the router last left Initialize or Fault; nothing while it is in one of them.
    pub up_since: Option<Instant>,
    /// Who sent the last advert that was taken into account, whatever its priority.
    pub last_source: Option<IpAddr>,
}

impl History {
    /// Remembers a state change.
    pub(super) fn entered(&mut self, from: State, to: State, cause: Cause, at: Instant) {
        self.last_event = match cause {
            Cause::Startup => LastEvent::Startup,
            Cause::LinkUp => LastEvent::InterfaceUp,
            // The owner takes the addresses as soon as it can, and asks nobody.
            Cause::Owner if from == State::Fault => LastEvent::InterfaceUp,
            Cause::Owner => LastEvent::Startup,
            // A router that sent priority 0 is waited for as well, if only for Skew_Time.
            Cause::ActiveDown | Cause::PriorityZero => LastEvent::MasterTimeout,
            Cause::Preempt => LastEvent::LowerPriorityMaster,
            Cause::BetterAdvert => LastEvent::HigherPriorityBackup,
            Cause::Fault(_) => LastEvent::InterfaceDown,
            Cause::Shutdown | Cause::Drained => LastEvent::Shutdown,
        };
        if to == State::Active {
            self.new_master_reason = match cause {
                Cause::Owner | Cause::PriorityZero => NewMasterReason::Priority,
                Cause::Preempt => NewMasterReason::Preempted,
                _ => NewMasterReason::NoResponse,
            };
        }
        if !is_up(to) {
            self.up_since = None;
        } else if !is_up(from) {
            self.up_since = Some(at);
        }
    }
}

fn is_up(state: State) -> bool {
    !matches!(state, State::Initialize | State::Fault)
}
