//! What an odd advert reads like.

use std::net::IpAddr;

use tracing::Level;
use vrrp_ebpf::types::mac_text;

use super::{Line, address, interface, warnings};
use crate::{
    config::Instance,
    io::engine::message::Notice,
    plan::DesiredRouter,
    proto::{State, Version},
};

/// Without the router's name.
pub(super) fn line(router: &DesiredRouter, state: State, notice: Notice, source: IpAddr) -> Line {
    let instance = &router.instance;
    let ours = instance.settings.priority;
    let active = state == State::Active;
    match notice {
        Notice::PriorityZero if active => {
            (Level::INFO, "Master received priority 0 message".to_owned())
        }
        Notice::PriorityZero => (
            Level::INFO,
            "Backup received priority 0 advertisement".to_owned(),
        ),
        Notice::HigherPriority(theirs) => (
            Level::INFO,
            format!(
                "Master received advert from {source} with higher priority {theirs}, ours {ours}"
            ),
        ),
        Notice::LowerPriority(theirs) if active => (
            Level::INFO,
            format!(
                "Received advert from {source} with lower priority {theirs}, ours \
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
            format!("received lower priority ({theirs}) advert from {source} - discarding"),
        ),
        Notice::EqualPriority(theirs) => (
            Level::WARN,
            format!(
                "received advert from {source} with same priority {theirs}: the higher \
                 IP address wins; give every router a priority of its own"
            ),
        ),
        Notice::TwoOwners => (
            Level::ERROR,
            format!(
                "CONFIGURATION ERROR: {}",
                warnings::two_owners(instance, source)
            ),
        ),
        Notice::Version3Alone => (
            Level::WARN,
            format!(
                "{source} sends version 3 alone: with it as the Active, routers of version \
                 2 hear nobody and take over"
            ),
        ),
        Notice::AddressList => (
            Level::WARN,
            format!("received advert from {source} with other virtual IPs than ours"),
        ),
        Notice::Interval(centiseconds) => (
            Level::WARN,
            format!(
                "advertisement interval of {source} is {}ms, ours {}ms",
                u32::from(centiseconds) * 10,
                instance.settings.advert_interval.as_millis(),
            ),
        ),
        Notice::Conflict { vip, mac } => (
            Level::ERROR,
            format!(
                "address conflict: {} ({source}) announces our virtual IP {} on {}",
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
