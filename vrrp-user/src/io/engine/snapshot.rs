//! What the engine tells of a router when it is asked.

use std::{net::IpAddr, time::Duration};

use vrrp_ebpf::ownership::Ownership;

use crate::proto::{History, Instant, Intervals, State, Version};

/// State of one router for `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterSnapshot {
    /// State of the core.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// When the snapshot was taken.
    pub now: Instant,
    /// Address of the Active, if known; ours if it is us.
    pub active: Option<IpAddr>,
    /// Priority of the Active's last advert.
    pub active_priority: Option<u8>,
    /// What it waits for (RFC 9568 section 6.1).
    pub intervals: Intervals,
    /// The next deadline.
    pub deadline: Option<Instant>,
    /// The ownership word.
    pub ownership: Ownership,
    /// errno with which the last advert was refused; `None` if it left.
    pub send_errno: Option<i32>,
    /// What it has counted.
    pub stats: Stats,
    /// Another router that says it owns the addresses, as we do, and was heard lately.
    pub other_owner: Option<IpAddr>,
    /// What led to where it is.
    pub history: History,
}

/// What the engine counts of a router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Adverts handed to the kernel.
    pub adverts_sent: u64,
    /// Priority 0 adverts handed to the kernel.
    pub priority_zero_sent: u64,
    /// Times this router became Active.
    pub became_active: u64,
    /// Longest time from an advert's arrival in XDP to its processing, nanoseconds.
    pub worst_lag_ns: u64,
}

impl Default for RouterSnapshot {
    fn default() -> Self {
        Self {
            state: State::Initialize,
            since: Instant(0),
            now: Instant(0),
            active: None,
            active_priority: None,
            intervals: Intervals::new(Version::V3, 255, Duration::ZERO),
            deadline: None,
            ownership: Ownership::NONE,
            send_errno: None,
            stats: Stats::default(),
            other_owner: None,
            history: History::default(),
        }
    }
}
