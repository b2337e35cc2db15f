//! What `status` shows in the words of RFC 8347: which of our states, events and counters each leaf is.
//!
//! Of the module's counters, some are sums of ours: it has one for every packet whose address list or
//! interval differs, whether the version refuses such a packet (2) or accepts it (3). Counters are
//! plain numbers, where RFC 7951 writes 64-bit ones as text.

use std::collections::BTreeSet;

use vrrp_ebpf::abi::Counter;

use super::parts::micros;
use crate::{
    config::Instance,
    io::{bpf::counters::Counts, engine::RouterSnapshot},
    proto::{LastEvent, NewMasterReason, State, Version},
    status::ietf_vrrp::{InstanceStatistics, Vrrp, VrrpInstance, VrrpStatistics},
};

/// `/vrrp`. `routers` has the counters of every instance, `others` those of no virtual router.
pub(in crate::io::control) fn node(
    instances: &[&Instance],
    routers: &[Counts],
    others: &Counts,
    discontinuity: &str,
) -> Vrrp {
    let sum = |counter| -> u64 { routers.iter().map(|counts| counts.of(counter)).sum() };
    let interfaces: BTreeSet<_> = instances.iter().map(|one| &one.interface).collect();
    Vrrp {
        virtual_routers: instances.len(),
        interfaces: interfaces.len(),
        statistics: VrrpStatistics {
            discontinuity_datetime: discontinuity.to_owned(),
            checksum_errors: sum(Counter::BadChecksum),
            version_errors: sum(Counter::BadVersion),
            vrid_errors: others.of(Counter::UnknownVrid),
            ip_ttl_errors: sum(Counter::BadTtl),
        },
    }
}

/// `vrrp-instance`. `up` is since when it is up, `discontinuity` when its counters began.
pub(super) fn instance(
    instance: &Instance,
    snapshot: &RouterSnapshot,
    counts: &Counts,
    up: Option<String>,
    discontinuity: &str,
) -> VrrpInstance {
    let history = snapshot.history;
    let version = match instance.settings.version {
        Version::V2 => "vrrp-v2",
        Version::V3 => "vrrp-v3",
    };
    VrrpInstance {
        vrid: instance.settings.vrid,
        version: version.to_owned(),
        //= C72: RFC 8347
        state: state(snapshot.state).to_owned(),
        is_owner: instance.is_owner(),
        last_adv_source: history.last_source,
        up_datetime: up,
        master_down_interval: micros(snapshot.intervals.active_down()) / 10_000,
        skew_time: micros(snapshot.intervals.skew()),
        last_event: event(history.last_event).to_owned(),
        new_master_reason: reason(history.new_master_reason).to_owned(),
        statistics: statistics(snapshot, counts, discontinuity),
    }
}

fn statistics(
    snapshot: &RouterSnapshot,
    counts: &Counts,
    discontinuity: &str,
) -> InstanceStatistics {
    let stats = snapshot.stats;
    let accepted_or_refused =
        |accepted, refused| counts.of(accepted).saturating_add(counts.of(refused));
    InstanceStatistics {
        discontinuity_datetime: discontinuity.to_owned(),
        //= C72: RFC 8347
        master_transitions: stats.became_active,
        advertisement_rcvd: counts.of(Counter::AdvertAccepted),
        advertisement_sent: stats.adverts_sent,
        interval_errors: accepted_or_refused(Counter::IntervalDiffers, Counter::BadInterval),
        priority_zero_pkts_rcvd: counts.of(Counter::AdvertPriorityZero),
        priority_zero_pkts_sent: stats.priority_zero_sent,
        invalid_type_pkts_rcvd: counts.of(Counter::BadType),
        address_list_errors: accepted_or_refused(
            Counter::AddressListDiffers,
            Counter::BadAddressList,
        ),
        packet_length_errors: counts.of(Counter::BadLength),
    }
}

/// The module's master is who forwards: a Retiring router still does, a Rising one does not yet.
fn state(state: State) -> &'static str {
    match state {
        State::Initialize | State::Fault => "initialize",
        State::Backup | State::Rising => "backup",
        State::Active | State::Retiring => "master",
    }
}

fn event(event: LastEvent) -> &'static str {
    match event {
        LastEvent::None => "vrrp-event-none",
        LastEvent::Startup => "vrrp-event-startup",
        LastEvent::Shutdown => "vrrp-event-shutdown",
        LastEvent::HigherPriorityBackup => "vrrp-event-higher-priority-backup",
        LastEvent::MasterTimeout => "vrrp-event-master-timeout",
        LastEvent::InterfaceUp => "vrrp-event-interface-up",
        LastEvent::InterfaceDown => "vrrp-event-interface-down",
        LastEvent::PreemptHoldTimeout => "vrrp-event-preempt-hold-timeout",
        LastEvent::LowerPriorityMaster => "vrrp-event-lower-priority-master",
    }
}

fn reason(reason: NewMasterReason) -> &'static str {
    match reason {
        NewMasterReason::NotMaster => "not-master",
        NewMasterReason::Priority => "priority",
        NewMasterReason::Preempted => "preempted",
        NewMasterReason::NoResponse => "no-response",
    }
}

#[cfg(test)]
mod tests;
