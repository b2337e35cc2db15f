//! What keeps a virtual router from working.

use tracing::Level;

use super::{Line, address, interface};
use crate::{
    config::Instance,
    plan::DesiredRouter,
    proto::{Family, FaultReason},
};

/// The line when something comes to keep a router from working, or something else does than before.
pub(in crate::io::control) fn fault(
    router: &DesiredRouter,
    reason: FaultReason,
    before: Option<FaultReason>,
) -> Line {
    let level = match reason {
        FaultReason::NoInterface
        | FaultReason::NoMac
        | FaultReason::NoPeer
        | FaultReason::NoRoom { .. }
        | FaultReason::VipRefused { .. } => Level::ERROR,
        _ => Level::INFO,
    };
    let (name, text) = (&router.instance.name, fault_text(router, reason));
    let enters = if before.is_none() {
        "entering"
    } else {
        "staying in"
    };
    (level, format!("({name}): {enters} FAULT state ({text})"))
}

/// What keeps a router from working.
pub(in crate::io::control) fn fault_text(router: &DesiredRouter, reason: FaultReason) -> String {
    let instance = &router.instance;
    let own = &instance.interface;
    match reason {
        FaultReason::LinkDown => format!("interface {own} down"),
        FaultReason::NoInterface => format!("there is no interface {own}"),
        FaultReason::NoMac => format!("interface {own} has no Ethernet address"),
        FaultReason::NoAddress => {
            let kind = match instance.family() {
                Family::V4 => "IPv4",
                Family::V6 => "IPv6 link-local",
            };
            format!("no {kind} address for interface {own}")
        }
        FaultReason::NoSource => no_source(instance),
        FaultReason::VipInterface { vip } => format!(
            "interface {} of virtual IP {} down",
            interface(router, vip),
            address(router, vip)
        ),
        FaultReason::VipRefused { vip } => format!(
            "virtual IP {} cannot be put on {}",
            address(router, vip),
            interface(router, vip)
        ),
        FaultReason::NoPeer => "no unicast peer is left to send adverts to".to_owned(),
        FaultReason::NoRoom { mtu } => {
            format!("MTU {mtu} of interface {own} is too small for an advert")
        }
    }
}

/// Its source address is missing.
pub(in crate::io::control) fn no_source(instance: &Instance) -> String {
    match instance.source {
        Some(source) => format!("its source address {source} is not on this machine"),
        None => "its source address is not on this machine".to_owned(),
    }
}
