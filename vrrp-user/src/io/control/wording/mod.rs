//! What an event of the engine reads like in the log: keepalived's words where it has some, so that
//! existing log alerts go on working. Pure.

mod fault;
mod notice;
mod transition;

use std::io;

use tracing::Level;

pub(super) use self::fault::{fault, fault_text, no_source};
use super::{links::inventory, scheduling, warnings};
use crate::{ids::VipId, io::engine::Event, plan::DesiredRouter, proto::State};

/// A line of the log.
pub(super) type Line = (Level, String);

/// The lines for one event about a virtual router, whose state was `state` before it.
pub(super) fn lines(event: &Event, router: &DesiredRouter, state: State) -> Vec<Line> {
    let name = &router.instance.name;
    let said = match *event {
        Event::Transition { transition, .. } => transition::lines(transition),
        _ => Vec::from_iter(line(event, router, state)),
    };
    let named = |(level, text)| (level, format!("({name}) {text}"));
    said.into_iter().map(named).collect()
}

/// The line for one event that makes no more than one, without the router's name.
fn line(event: &Event, router: &DesiredRouter, state: State) -> Option<Line> {
    let at = |vip| (address(router, vip), interface(router, vip));
    let line = match *event {
        Event::Notice { notice, source, .. } => notice::line(router, state, notice, source),
        Event::SendFailed { errno, .. } => (
            Level::WARN,
            format!("sending an advert failed: {}", error(errno)),
        ),
        Event::LeaseEnded { errno, .. } => (
            Level::ERROR,
            format!(
                "MASTER, but it serves nobody: its adverts do not leave ({}), and its lease has ended, so that a \
                 standby may serve",
                error(errno)
            ),
        ),
        Event::LeaseRenewed { .. } => (
            Level::INFO,
            "adverts leave again, and it serves".to_owned(),
        ),
        Event::AnnouncingFailed { errno, delayed, .. } => {
            let what = if delayed {
                "is delayed, its interface takes no more at once"
            } else {
                "failed"
            };
            let error = error(errno);
            let text = format!("announcing the virtual IPs {what}: {error}");
            (Level::WARN, text)
        }
        Event::InterfaceFailed { error, .. } => (
            Level::ERROR,
            format!("cannot take over what changed on its interfaces, and stays as it is: {error}"),
        ),
        Event::AddressFailed { vip, errno, .. } => {
            let (address, error) = (address(router, vip), refusal(router, vip, errno));
            let text = format!("the kernel refused virtual IP {address}: {error}");
            (Level::ERROR, text)
        }
        Event::OrderFailed { errno, .. } => (
            Level::ERROR,
            format!("cannot ask the kernel about the virtual IPs: {}", error(errno)),
        ),
        Event::AddressMissing { vip, .. } => {
            let (address, interface) = at(vip);
            let text = format!("virtual IP {address} is missing from {interface}, putting it back");
            (Level::WARN, text)
        }
        Event::AddressStray { vip, prefix, .. } => {
            let (address, interface) = at(vip);
            let text = format!(
                "somebody put virtual IP {address}/{prefix} on {interface}, which this router does not serve now: \
                 removed"
            );
            (Level::WARN, text)
        }
        Event::AddressesAccepted { .. } => (
            Level::INFO,
            "the kernel takes every advertised virtual IP again".to_owned(),
        ),
        Event::AddressFound { vip, .. } if router.instance.is_owner() => {
            let vip = address(router, vip);
            let text = format!("virtual IP {vip} is this host's own, and stays when xvrrp ends");
            (Level::INFO, text)
        }
        Event::AddressFound { vip, prefix, .. } => {
            let (address, interface) = at(vip);
            let text = format!(
                "virtual IP {address}/{prefix} has become {interface}'s own address: it stays, and is not reached \
                 there while another router is the Master; {}",
                inventory::OWN_ADDRESS_REMEDY
            );
            (Level::ERROR, text)
        }
        Event::Lapsed { lapse, .. } => (Level::WARN, transition::lapsed(lapse)),
        Event::Promoted { timeline, .. } => {
            let ready = timeline.ready.since(timeline.deadline);
            let text = format!("every virtual IP is installed, {ready:?} after the deadline");
            (Level::DEBUG, text)
        }
        Event::Transition { .. }
        | Event::AddressRefused { .. }
        | Event::Snapshot { .. }
        | Event::Changed { .. }
        | Event::Removed { .. }
        // Not about a virtual router.
        | Event::Scheduled(_)
        | Event::MemoryNotLocked { .. }
        | Event::Alive
        | Event::Stopped
        | Event::Superseded => return None,
    };
    Some(line)
}

fn error(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

/// The lines for one event that is about no virtual router. The end is told as the reason for the end of the
/// process.
pub(super) fn of_the_node(event: &Event) -> Vec<Line> {
    match *event {
        Event::Scheduled(scheduling) => scheduling::lines(scheduling),
        Event::MemoryNotLocked { errno } => {
            let error = error(errno);
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

/// A virtual IP for the log.
pub(super) fn address(router: &DesiredRouter, vip: VipId) -> String {
    router
        .vip(vip)
        .map_or_else(|| "?".to_owned(), |vip| vip.address.to_string())
}

/// Why the kernel refused a virtual IP.
pub(super) fn refusal(router: &DesiredRouter, vip: VipId, errno: i32) -> String {
    let error = error(errno);
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
pub(super) fn interface(router: &DesiredRouter, vip: VipId) -> &str {
    let elsewhere = router.vip(vip).and_then(|vip| vip.device.as_ref());
    elsewhere.unwrap_or(&router.instance.interface)
}

#[cfg(test)]
mod tests;
