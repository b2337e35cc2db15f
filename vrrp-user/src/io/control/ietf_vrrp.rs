//! What `status` shows in the words of RFC 8347, module `ietf-vrrp`: its leaves, identities and units.
//!
//! Of the module's counters, some are sums of ours: it has one for every packet whose address list or
//! interval differs, whether the version refuses such a packet (2) or accepts it (3). Counters are
//! plain numbers, where RFC 7951 writes 64-bit ones as text.

use std::{collections::BTreeSet, net::IpAddr};

use serde::{Deserialize, Serialize};
use vrrp_ebpf::abi::Counter;

use super::counters::Counts;
use crate::{
    config::Instance,
    io::engine::RouterSnapshot,
    proto::{LastEvent, NewMasterReason, State, Version},
};

/// `/vrrp`: the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Vrrp {
    /// Configured virtual routers.
    pub virtual_routers: usize,
    /// Interfaces with virtual routers.
    pub interfaces: usize,
    /// Packets that never got as far as a virtual router.
    pub statistics: VrrpStatistics,
}

/// `/vrrp/statistics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct VrrpStatistics {
    /// When the counters began at 0.
    pub discontinuity_datetime: String,
    /// Wrong checksums, of all virtual routers.
    pub checksum_errors: u64,
    /// Versions that the virtual router does not speak, of all of them.
    pub version_errors: u64,
    /// Adverts with a VRID that no virtual router has on that interface and VLAN.
    pub vrid_errors: u64,
    /// TTLs that are not 255, of all virtual routers.
    pub ip_ttl_errors: u64,
}

/// `vrrp-instance`: the operational state of one virtual router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct VrrpInstance {
    /// Virtual Router ID.
    pub vrid: u8,
    /// `vrrp-v2` or `vrrp-v3`.
    pub version: String,
    /// `initialize`, `backup` or `master`.
    pub state: String,
    /// Whether we own the addresses (priority 255).
    pub is_owner: bool,
    /// Source of the last advert that was taken into account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_adv_source: Option<IpAddr>,
    /// When the virtual router last left `initialize`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_datetime: Option<String>,
    /// Active_Down_Interval in whole centiseconds.
    pub master_down_interval: u64,
    /// Skew_Time in microseconds.
    pub skew_time: u64,
    /// An identity `vrrp-event-…`.
    pub last_event: String,
    /// `not-master`, `priority`, `preempted` or `no-response`.
    pub new_master_reason: String,
    /// Its counters.
    pub statistics: InstanceStatistics,
}

/// `vrrp-instance/statistics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct InstanceStatistics {
    /// When the counters began at 0.
    pub discontinuity_datetime: String,
    /// How often it became Active.
    pub master_transitions: u64,
    /// Adverts accepted, those with priority 0 included.
    pub advertisement_rcvd: u64,
    /// Adverts sent, those with priority 0 included.
    pub advertisement_sent: u64,
    /// Adverts whose interval is not the configured one, or is 0.
    pub interval_errors: u64,
    /// Adverts accepted with priority 0.
    pub priority_zero_pkts_rcvd: u64,
    /// Adverts sent with priority 0.
    pub priority_zero_pkts_sent: u64,
    /// Packets whose type is not ADVERTISEMENT.
    pub invalid_type_pkts_rcvd: u64,
    /// Adverts whose address list is not the configured one.
    pub address_list_errors: u64,
    /// Packets that are incomplete, or whose length and number of addresses disagree.
    pub packet_length_errors: u64,
}

impl Vrrp {
    /// `routers` has the counters of every instance, `others` those of no virtual router.
    pub(super) fn new(
        instances: &[Instance],
        routers: &[Counts],
        others: &Counts,
        discontinuity: &str,
    ) -> Self {
        let sum = |counter| -> u64 { routers.iter().map(|counts| counts.of(counter)).sum() };
        let interfaces: BTreeSet<_> = instances.iter().map(|one| &one.interface).collect();
        Self {
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
}

impl VrrpInstance {
    /// `up` is since when it is up, `discontinuity` when its counters began.
    pub(super) fn new(
        instance: &Instance,
        snapshot: &RouterSnapshot,
        counts: &Counts,
        up: Option<String>,
        discontinuity: &str,
    ) -> Self {
        let history = snapshot.history;
        let version = match instance.settings.version {
            Version::V2 => "vrrp-v2",
            Version::V3 => "vrrp-v3",
        };
        Self {
            vrid: instance.settings.vrid,
            version: version.to_owned(),
            //= C72: RFC 8347
            state: state(snapshot.state).to_owned(),
            is_owner: instance.is_owner(),
            last_adv_source: history.last_source,
            up_datetime: up,
            master_down_interval: snapshot.down_ns / 10_000_000,
            skew_time: snapshot.skew_ns / 1000,
            last_event: event(history.last_event).to_owned(),
            new_master_reason: reason(history.new_master_reason).to_owned(),
            statistics: InstanceStatistics::new(snapshot, counts, discontinuity),
        }
    }
}

impl InstanceStatistics {
    fn new(snapshot: &RouterSnapshot, counts: &Counts, discontinuity: &str) -> Self {
        let accepted_or_refused =
            |accepted, refused| counts.of(accepted).saturating_add(counts.of(refused));
        Self {
            discontinuity_datetime: discontinuity.to_owned(),
            //= C72: RFC 8347
            master_transitions: snapshot.became_active,
            advertisement_rcvd: counts.of(Counter::AdvertAccepted),
            advertisement_sent: snapshot.adverts_sent,
            interval_errors: accepted_or_refused(Counter::IntervalDiffers, Counter::BadInterval),
            priority_zero_pkts_rcvd: counts.of(Counter::AdvertPriorityZero),
            priority_zero_pkts_sent: snapshot.priority_zero_sent,
            invalid_type_pkts_rcvd: counts.of(Counter::BadType),
            address_list_errors: accepted_or_refused(
                Counter::AddressListDiffers,
                Counter::BadAddressList,
            ),
            packet_length_errors: counts.of(Counter::BadLength),
        }
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
#[path = "ietf_vrrp_tests.rs"]
mod tests;
