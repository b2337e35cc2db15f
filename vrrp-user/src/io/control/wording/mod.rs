//! What an event of the engine reads like in the log: keepalived's words where it has some, so that
//! existing log alerts go on working. Pure.

use std::{io, net::IpAddr, time::Duration};

use tracing::Level;
use vrrp_ebpf::types::mac_text;

use super::{Assigned, links::inventory, scheduling, warnings};
use crate::{
    config::Instance,
    ids::VipId,
    io::engine::{
        Event,
        message::{Lapse, Notice, Successor},
    },
    proto::{Cause, Family, FaultReason, State, Transition, Version},
};

/// A line of the log.
pub(super) type Line = (Level, String);

/// The lines for one event about a virtual router, whose state was `state` before it.
pub(super) fn lines(event: &Event, router: &Assigned, state: State) -> Vec<Line> {
    let instance = &router.instance;
    let name = &instance.name;
    match *event {
        Event::Transition { transition, .. } => self::transition(name, transition),
        Event::Notice { notice, source, .. } => vec![self::notice(router, state, notice, source)],
        Event::SendFailed { errno, .. } => {
            let error = io::Error::from_raw_os_error(errno);
            vec![(
                Level::WARN,
                format!("({name}) sending an advert failed: {error}"),
            )]
        }
        Event::LeaseEnded { errno, .. } => {
            let error = io::Error::from_raw_os_error(errno);
            vec![(
                Level::ERROR,
                format!(
                    "({name}) MASTER, but it serves nobody: its adverts do not leave ({error}), and its lease has \
                     ended, so that a standby may serve"
                ),
            )]
        }
        Event::LeaseRenewed { .. } => vec![(
            Level::INFO,
            format!("({name}) adverts leave again, and it serves"),
        )],
        Event::AnnouncingFailed { errno, delayed, .. } => {
            let error = io::Error::from_raw_os_error(errno);
            let what = if delayed {
                format!("is delayed, its interface takes no more at once: {error}")
            } else {
                format!("failed: {error}")
            };
            vec![(
                Level::WARN,
                format!("({name}) announcing the virtual IPs {what}"),
            )]
        }
        Event::InterfaceFailed { error, .. } => vec![(
            Level::ERROR,
            format!(
                "({name}) cannot take over what changed on its interfaces, and stays as it is: {error}"
            ),
        )],
        Event::AddressFailed { vip, errno, .. } => {
            let (address, error) = (address(router, vip), refusal(router, vip, errno));
            vec![(
                Level::ERROR,
                format!("({name}) the kernel refused virtual IP {address}: {error}"),
            )]
        }
        Event::OrderFailed { errno, .. } => {
            let error = io::Error::from_raw_os_error(errno);
            vec![(
                Level::ERROR,
                format!("({name}) cannot ask the kernel about the virtual IPs: {error}"),
            )]
        }
        Event::AddressMissing { vip, .. } => vec![(
            Level::WARN,
            format!(
                "({name}) virtual IP {} is missing from {}, putting it back",
                address(router, vip),
                interface(router, vip)
            ),
        )],
        Event::AddressStray { vip, prefix, .. } => vec![(
            Level::WARN,
            format!(
                "({name}) somebody put virtual IP {}/{prefix} on {}, which this router does not serve \
                 now: removed",
                address(router, vip),
                interface(router, vip)
            ),
        )],
        Event::AddressesAccepted { .. } => vec![(
            Level::INFO,
            format!("({name}) the kernel takes every advertised virtual IP again"),
        )],
        Event::AddressFound { vip, prefix, .. } if !instance.is_owner() => {
            let (vip, interface) = (address(router, vip), interface(router, vip));
            vec![(
                Level::ERROR,
                format!(
                    "({name}) virtual IP {vip}/{prefix} has become {interface}'s own address: it stays, and is not \
                     reached there while another router is the Master; {}",
                    inventory::OWN_ADDRESS_REMEDY
                ),
            )]
        }
        Event::AddressFound { vip, .. } => {
            let vip = address(router, vip);
            vec![(
                Level::INFO,
                format!("({name}) virtual IP {vip} is this host's own, and stays when xvrrp ends"),
            )]
        }
        Event::Lapsed { lapse, .. } => vec![(Level::WARN, format!("({name}) {}", lapsed(lapse)))],
        Event::Promoted { timeline, .. } => {
            let ready = timeline.ready.since(timeline.deadline);
            vec![(
                Level::DEBUG,
                format!("({name}) every virtual IP is installed, {ready:?} after the deadline"),
            )]
        }
        Event::AddressRefused { .. }
        | Event::Snapshot { .. }
        | Event::Changed { .. }
        | Event::Removed { .. }
        // Not about a virtual router.
        | Event::Scheduled(_)
        | Event::MemoryNotLocked { .. }
        | Event::Alive
        | Event::Stopped
        | Event::Superseded => Vec::new(),
    }
}

/// The lines for one event that is about no virtual router. The end is told as the reason for the end of the
/// process.
pub(super) fn of_the_node(event: &Event) -> Vec<Line> {
    match *event {
        Event::Scheduled(scheduling) => scheduling::lines(scheduling),
        Event::MemoryNotLocked { errno } => {
            let error = io::Error::from_raw_os_error(errno);
            vec![(
                Level::WARN,
                format!(
                    "memory cannot be locked ({error}): while the machine swaps, adverts may be late; it \
                     takes CAP_IPC_LOCK or LimitMEMLOCK=infinity, or silence this with --no-realtime"
                ),
            )]
        }
        _ => Vec::new(),
    }
}

/// The line when something comes to keep a router from working, or something else does than before.
pub(super) fn fault(router: &Assigned, reason: FaultReason, before: Option<FaultReason>) -> Line {
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
pub(super) fn fault_text(router: &Assigned, reason: FaultReason) -> String {
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
pub(super) fn no_source(instance: &Instance) -> String {
    match instance.source {
        Some(source) => format!("its source address {source} is not on this machine"),
        None => "its source address is not on this machine".to_owned(),
    }
}

fn lapsed(lapse: Lapse) -> String {
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

fn transition(name: &str, transition: Transition) -> Vec<Line> {
    let Transition {
        from, to, cause, ..
    } = transition;
    let init = if from == State::Initialize {
        " (init)"
    } else {
        ""
    };
    let mut lines = Vec::new();
    let mut info = |text: String| lines.push((Level::INFO, text));
    match to {
        State::Active => {
            if matches!(cause, Cause::ActiveDown | Cause::PriorityZero) {
                info(format!("({name}) Receive advertisement timeout"));
            }
            info(format!("({name}) Entering MASTER STATE"));
            if from != State::Rising {
                info(format!("({name}) setting VIPs."));
            }
        }
        State::Backup => {
            info(format!("({name}) Entering BACKUP STATE{init}"));
        }
        State::Fault => {
            info(format!("({name}) Entering FAULT STATE{init}"));
            if from == State::Active && matches!(cause, Cause::Fault(reason) if reason.can_send()) {
                info(format!("({name}) sent 0 priority"));
            }
        }
        State::Rising => {
            if cause == Cause::Preempt {
                info(format!("({name}) about to preempt"));
            }
            info(format!("({name}) setting VIPs."));
        }
        State::Retiring => {
            info(format!("({name}) sent 0 priority"));
            info(format!("({name}) serving until a successor has taken over"));
        }
        State::Initialize => info(format!("({name}) Stopped")),
    }
    let held = matches!(from, State::Active | State::Rising | State::Retiring);
    let holds = matches!(to, State::Active | State::Rising | State::Retiring);
    if held && !holds {
        info(format!("({name}) removing VIPs."));
    }
    lines
}

fn notice(router: &Assigned, state: State, notice: Notice, source: IpAddr) -> Line {
    let instance = &router.instance;
    let name = &instance.name;
    let ours = instance.settings.priority;
    let active = state == State::Active;
    match notice {
        Notice::PriorityZero if active => (
            Level::INFO,
            format!("({name}) Master received priority 0 message"),
        ),
        Notice::PriorityZero => (
            Level::INFO,
            format!("({name}) Backup received priority 0 advertisement"),
        ),
        Notice::HigherPriority(theirs) => (
            Level::INFO,
            format!(
                "({name}) Master received advert from {source} with higher priority {theirs}, \
                 ours {ours}"
            ),
        ),
        Notice::LowerPriority(theirs) if active => (
            Level::INFO,
            format!(
                "({name}) Received advert from {source} with lower priority {theirs}, ours \
                 {ours}{}",
                if answers(instance) {
                    ", forcing new election"
                } else {
                    ""
                }
            ),
        ),
        Notice::LowerPriority(theirs) => (
            Level::INFO,
            format!(
                "({name}) received lower priority ({theirs}) advert from {source} - discarding"
            ),
        ),
        Notice::EqualPriority(theirs) => (
            Level::WARN,
            format!(
                "({name}) received advert from {source} with same priority {theirs}: the higher \
                 IP address wins; give every router a priority of its own"
            ),
        ),
        Notice::TwoOwners => (
            Level::ERROR,
            format!(
                "({name}) CONFIGURATION ERROR: {}",
                warnings::two_owners(instance, source)
            ),
        ),
        Notice::Version3Alone => (
            Level::WARN,
            format!(
                "({name}) {source} sends version 3 alone: with it as the Active, routers of version \
                 2 hear nobody and take over"
            ),
        ),
        Notice::AddressList => (
            Level::WARN,
            format!("({name}) received advert from {source} with other virtual IPs than ours"),
        ),
        Notice::Interval(centiseconds) => (
            Level::WARN,
            format!(
                "({name}) advertisement interval of {source} is {}ms, ours {}ms",
                u32::from(centiseconds) * 10,
                instance.settings.advert_interval.as_millis(),
            ),
        ),
        Notice::Conflict { vip, mac } => (
            Level::ERROR,
            format!(
                "({name}) address conflict: {} ({source}) announces our virtual IP {} on {}",
                mac_text(mac),
                address(router, vip),
                interface(router, vip),
            ),
        ),
    }
}

/// Whether a worse router's advert has one of ours follow at once.
fn answers(instance: &Instance) -> bool {
    let discards = instance.settings.version == Version::V2 && instance.is_owner();
    !discards && !instance.settings.departures.lower_prio_no_advert
}

/// A virtual IP for the log.
pub(super) fn address(router: &Assigned, vip: VipId) -> String {
    router
        .vip(vip)
        .map_or_else(|| "?".to_owned(), |vip| vip.address.to_string())
}

/// Why the kernel refused a virtual IP.
pub(super) fn refusal(router: &Assigned, vip: VipId, errno: i32) -> String {
    let error = io::Error::from_raw_os_error(errno);
    let is_ipv6 = router.vip(vip).is_some_and(|vip| vip.address.is_ipv6());
    match errno {
        libc::EACCES if is_ipv6 => {
            let interface = interface(router, vip);
            format!("{error}; is IPv6 off (sysctl net.ipv6.conf.{interface}.disable_ipv6)?")
        }
        libc::EPERM => format!("{error}; xvrrp needs CAP_NET_ADMIN"),
        _ => error.to_string(),
    }
}

/// The interface that it is on.
pub(super) fn interface(router: &Assigned, vip: VipId) -> &str {
    let elsewhere = router.vip(vip).and_then(|vip| vip.device.as_ref());
    elsewhere.unwrap_or(&router.instance.interface)
}

#[cfg(test)]
mod tests;
