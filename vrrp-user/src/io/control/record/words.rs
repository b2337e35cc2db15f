//! Words of the status for states and causes.

use crate::proto::{Cause, FaultReason, State};

/// keepalived's word for a state, and ours for the two that it does not have.
pub(in crate::io::control) fn state_name(state: State) -> &'static str {
    match state {
        State::Initialize => "INIT",
        State::Fault => "FAULT",
        State::Backup => "BACKUP",
        State::Rising => "RISING",
        State::Active => "MASTER",
        State::Retiring => "RETIRING",
    }
}

pub(super) fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Startup => "startup",
        Cause::Owner => "owner",
        Cause::ActiveDown => "active_down",
        Cause::PriorityZero => "priority_zero",
        Cause::Preempt => "preempt",
        Cause::BetterAdvert => "better_advert",
        Cause::Fault(reason) => fault_name(reason),
        Cause::LinkUp => "link_up",
        Cause::Shutdown => "shutdown",
        Cause::Drained => "drained",
    }
}

pub(super) fn fault_name(reason: FaultReason) -> &'static str {
    match reason {
        FaultReason::LinkDown => "link_down",
        FaultReason::NoInterface => "no_interface",
        FaultReason::NoMac => "no_ethernet_address",
        FaultReason::NoAddress => "no_address",
        FaultReason::NoSource => "no_source_address",
        FaultReason::VipInterface { .. } => "vip_interface_down",
        FaultReason::VipRefused { .. } => "vip_refused",
        FaultReason::NoPeer => "no_unicast_peer",
        FaultReason::NoRoom { .. } => "mtu_too_small",
    }
}
