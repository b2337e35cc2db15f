//! What `xvrrp status` tells, as sent over the control socket. Plain types: whoever shows, sends or keeps a status
//! reads this, and this reads none of them.
//!
//! Times ending in `_ns` are nanoseconds of CLOCK_MONOTONIC, intervals end in `_us`. Fields are
//! only ever added, and what is added has a default: it is not in the answer of an older node that
//! still runs. `docs/status.md` describes all of them.

pub mod ietf_vrrp;
mod reload;

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use self::ietf_vrrp::{Vrrp, VrrpInstance};
pub use reload::{Effect, Reloaded};

/// The answer to `{"method":"status"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of xvrrp.
    pub version: String,
    /// Name of this node on its machine.
    pub instance: String,
    /// Process ID.
    pub pid: u32,
    /// When this was put together.
    pub now_ns: u64,
    /// Events of the engine that did not reach the control plane: log lines and notifications are
    /// missing if this is not 0.
    pub events_lost: u64,
    /// Log lines that were left out, because whoever reads the log did not keep up.
    #[serde(default)]
    pub log_lines_lost: u64,
    /// What the threads with deadlines run under.
    #[serde(default)]
    pub threads: Vec<ThreadStatus>,
    /// Counters of the BPF programs that belong to no virtual router.
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// The node in the words of RFC 8347.
    #[serde(rename = "ietf-vrrp:vrrp", default)]
    pub ietf_vrrp: Vrrp,
    /// Every virtual router, in the order of the configuration.
    pub routers: Vec<RouterStatus>,
}

/// One of the threads with deadlines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadStatus {
    /// `engine` or `addresses`.
    pub name: String,
    /// `SCHED_DEADLINE`, `SCHED_FIFO` or `SCHED_OTHER`.
    pub policy: String,
    /// Of SCHED_FIFO.
    pub priority: Option<u8>,
    /// Of SCHED_DEADLINE: CPU time that it is sure of in each period.
    pub runtime_us: Option<u64>,
    /// Of SCHED_DEADLINE.
    pub period_us: Option<u64>,
    /// Why it is not SCHED_DEADLINE, if that was asked for.
    pub refused: Option<String>,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterStatus {
    /// Name of the `vrrp_instance`.
    pub name: String,
    /// Its interface.
    pub interface: String,
    /// What its interface is called since it was renamed.
    #[serde(default)]
    pub renamed_to: Option<String>,
    /// Virtual Router ID.
    pub vrid: u8,
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// `INIT`, `FAULT`, `BACKUP`, `RISING`, `MASTER` or `RETIRING`.
    pub state: String,
    /// What keeps the router from working; null unless it is in `FAULT`.
    #[serde(default)]
    pub fault: Option<FaultStatus>,
    /// All that keeps it from working, `fault` first; empty unless it is in `FAULT`.
    #[serde(default)]
    pub faults: Vec<FaultStatus>,
    /// What is wrong although it works.
    #[serde(default)]
    pub warnings: Vec<WarningStatus>,
    /// When that state was entered.
    pub since_ns: u64,
    /// Our priority.
    pub priority: u8,
    /// Address of the Active router, ours if it is us; null if none is known.
    pub active: Option<IpAddr>,
    /// Priority of the Active router's last advert.
    pub active_priority: Option<u8>,
    /// Advertisement interval in use: the Active's.
    pub advert_interval_us: u64,
    /// Skew_Time.
    pub skew_us: u64,
    /// Active_Down_Interval.
    pub down_us: u64,
    /// When the engine acts next if nothing happens.
    pub deadline_ns: Option<u64>,
    /// End of the lease under which we serve; null without one.
    pub lease_ns: Option<u64>,
    /// Why the last advert did not leave; null if it did.
    #[serde(default)]
    pub send_error: Option<String>,
    /// The last time in which another router served, or nobody, because our lease had ended.
    #[serde(default)]
    pub lapse: Option<LapseStatus>,
    /// Virtual IPs with prefix lengths.
    pub vips: Vec<String>,
    /// Those of them that the router ought to have on their interfaces now, and has not.
    #[serde(default)]
    pub missing_vips: Vec<MissingVip>,
    /// Virtual IPs that nobody serves: the Active that we follow does not have them.
    #[serde(default)]
    pub unserved: Vec<IpAddr>,
    /// Virtual Router MAC, if it is used.
    pub virtual_mac: Option<String>,
    /// The interface receives every frame, because it takes no MAC beside its own.
    #[serde(default)]
    pub promiscuous: bool,
    /// Counters of the BPF programs.
    pub counters: BTreeMap<String, u64>,
    /// What judges received frames: XDP in the driver (`native+frags`, `native`), or `tc`.
    pub xdp_mode: String,
    /// Why it is `tc`; null if it is not.
    #[serde(default)]
    pub xdp_mode_reason: Option<String>,
    /// Whether adverts are judged with their VLAN tag, or may have lost it before (`visible`, `hidden`).
    #[serde(default)]
    pub vlan_tags: Option<String>,
    /// Adverts sent, those with priority 0 included.
    pub adverts_sent: u64,
    /// Adverts sent with priority 0.
    pub priority_zero_sent: u64,
    /// How often this router became Master.
    pub became_master: u64,
    /// Longest time from the arrival of an advert to its processing.
    pub worst_lag_us: u64,
    /// The last 16 state changes, oldest first.
    pub transitions: Vec<TransitionStatus>,
    /// Moments of the last promotion.
    pub timeline: Option<TimelineStatus>,
    /// The same and more in the words of RFC 8347.
    #[serde(rename = "ietf-vrrp:vrrp-instance", default)]
    pub ietf_vrrp: VrrpInstance,
}

/// What keeps a virtual router from working.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultStatus {
    /// A word for it, `link_down` or `no_address` for example.
    pub reason: String,
    /// The interface that it is about.
    pub interface: Option<String>,
    /// The address that it is about.
    pub address: Option<IpAddr>,
    /// The same for people.
    pub text: String,
}

/// A virtual IP that is not where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingVip {
    /// The virtual IP.
    pub address: IpAddr,
    /// The interface that it belongs to.
    pub interface: String,
    /// What the kernel said when it was last to be put there, if it refused.
    pub reason: Option<String>,
}

/// What is wrong with a virtual router although it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarningStatus {
    /// A word for it, `own_peer` for example.
    pub warning: String,
    /// The same for people.
    pub text: String,
}

/// A time in which a Master did not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LapseStatus {
    /// When its lease ended.
    pub began_ns: u64,
    /// When it learned that another router was the Active; or when it served again, if nobody was.
    pub ended_ns: u64,
    /// Address of that router, if it is known.
    pub active: Option<IpAddr>,
    /// No other router was heard meanwhile: nobody served.
    #[serde(default)]
    pub unserved: bool,
}

/// One state change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionStatus {
    /// When it was decided.
    pub at_ns: u64,
    /// State left.
    pub from: String,
    /// State entered.
    pub to: String,
    /// Why: `startup`, `owner`, `active_down`, `priority_zero`, `preempt`, `better_advert`,
    /// `link_up`, `shutdown`, `drained`, or the reason of a FAULT as in [`FaultStatus`].
    pub cause: String,
    /// The deadline whose passing decided it, or `at_ns`.
    pub deadline_ns: u64,
    /// Arrival of the last advert before it.
    pub last_advert_ns: Option<u64>,
}

/// Moments of a promotion, in the order in which they happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineStatus {
    /// Arrival of the last advert before it.
    pub last_advert_ns: Option<u64>,
    /// The deadline that fired.
    pub deadline_ns: u64,
    /// The engine had woken up.
    pub decided_ns: u64,
    /// The ownership word was written.
    pub owned_ns: u64,
    /// The first advert had been sent.
    pub advert_ns: u64,
    /// The first announcement had been sent.
    pub announced_ns: u64,
    /// The kernel had every virtual IP.
    pub ready_ns: u64,
}

/// What the first nodes answered, before the words of RFC 8347.
#[cfg(test)]
pub(crate) const OLDER_NODE: &str = include_str!("older_node.json");

#[cfg(test)]
mod tests;
