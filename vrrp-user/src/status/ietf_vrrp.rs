//! The words of RFC 8347, module `ietf-vrrp`: its leaves and units.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

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
