//! What a virtual router is configured to do, valid by construction of `config`.

use std::{net::IpAddr, time::Duration};

use super::{Family, Intervals, Version, election::OWNER};

/// keepalived's `state`: a hint for the first moments only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialState {
    /// Waits one Advertisement_Interval plus Skew_Time instead of the Active_Down_Interval.
    Master,
    /// Waits the whole Active_Down_Interval, as RFC 9568 section 6.4.1 says.
    Backup,
}

/// How long an advert that left entitles us to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// The lease never ends: a stalled Active goes on serving (`lease off`).
    Off,
    /// 3 x Advertisement_Interval, or fewer with fewer `down_timer_adverts`: shorter than any
    /// conformant peer's Active_Down_Interval.
    Auto,
    /// A fixed span.
    Span(Duration),
}

/// Gratuitous ARP / unsolicited NA schedule, keepalived's `garp_master_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garp {
    /// Announcements per virtual IP in a block (`garp_master_repeat`, default 5).
    pub repeat: u8,
    /// Delay to the second block (`garp_master_delay`, default 5 s); zero: no second block.
    pub delay: Duration,
    /// Period of refreshes while Active (`garp_master_refresh`); zero: none.
    pub refresh: Duration,
    /// Announcements per virtual IP in a refresh (`garp_master_refresh_repeat`, default 1).
    pub refresh_repeat: u8,
}

impl Default for Garp {
    fn default() -> Self {
        Self {
            repeat: 5,
            delay: Duration::from_secs(5),
            refresh: Duration::ZERO,
            refresh_repeat: 1,
        }
    }
}

/// Where a router departs from the plain rules of its version; the default keeps to them, but for
/// `higher_prio_send_advert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departures {
    /// `down_timer_adverts`, 1-100: how many adverts may be missing before a Backup takes over
    /// (RFC 9568 section 6.1: 3).
    pub down_timer_adverts: u8,
    /// `lower_prio_no_advert`: an Active leaves a worse advert unanswered, as RFC 5798 had it
    /// (RFC 9568 section 6.4.3 has it answered).
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`: an Active that is deposed sends one more advert. A better Active that
    /// could not hear us (a one-way loss) has no other reason to announce itself to the hosts that
    /// believe us.
    pub higher_prio_send_advert: bool,
    /// `vrrp_startup_delay`: this long after its start a router does not take over.
    pub startup_delay: Duration,
    /// `v2_interop`: a router of version 3 listens to and sends version 2 as well, in which its
    /// Advertisement_Interval is this many whole seconds (RFC 9568 section 8.4.2).
    pub also_version_2: Option<Duration>,
}

impl Default for Departures {
    fn default() -> Self {
        Self {
            down_timer_adverts: Intervals::DOWN_TIMER_ADVERTS,
            lower_prio_no_advert: false,
            higher_prio_send_advert: true,
            startup_delay: Duration::ZERO,
            also_version_2: None,
        }
    }
}

/// Everything the state machine of one virtual router needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Virtual Router ID, 1-255.
    pub vrid: u8,
    /// Protocol version of our adverts.
    pub version: Version,
    /// Family of the adverts and of the virtual IPs they carry.
    pub family: Family,
    /// As configured: 1-254, or 255 for the address owner. What counts in an election is
    /// [`Router::priority`](super::Router::priority).
    pub priority: u8,
    /// Whether the node owns the virtual IPs (RFC 9568 section 5.2.4): they are its own addresses, and its priority
    /// is 255 whatever happens.
    pub owner: bool,
    /// Advertisement_Interval: v2 whole seconds, v3 10 ms-40.95 s in steps of 10 ms.
    pub advert_interval: Duration,
    /// keepalived's `state`.
    pub initial: InitialState,
    /// Preempt_Mode.
    pub preempt: bool,
    /// keepalived's `preempt_delay`: after start or fault, how long a worse Active is left alone.
    pub preempt_delay: Duration,
    /// Lease of the ownership word.
    pub lease: Lease,
    /// Announcement schedule.
    pub garp: Garp,
    /// Departures from the RFC.
    pub departures: Departures,
    /// Our source address, for the tie-break of equal priorities (RFC 9568 section 6.4.3).
    pub primary: IpAddr,
}

impl Settings {
    /// The same with another configured priority; 255 makes an owner.
    #[must_use]
    pub fn with_priority(self, priority: u8) -> Self {
        Self {
            priority,
            owner: priority == OWNER,
            ..self
        }
    }

    /// What of these settings a running router that has `present` can take over: all but what makes it another router,
    /// and the source address, which its interface has.
    pub(super) fn in_place_of(&self, present: &Self) -> Self {
        debug_assert!(
            self.is_same_router(present),
            "{present:?} is to be {self:?}"
        );
        Self {
            vrid: present.vrid,
            version: present.version,
            family: present.family,
            owner: present.owner,
            primary: present.primary,
            ..self.clone()
        }
    }

    /// Whether a running router with these settings can take `other` over.
    #[must_use]
    pub fn is_same_router(&self, other: &Self) -> bool {
        let identity = |one: &Self| {
            let both_versions = one.departures.also_version_2.is_some();
            (one.vrid, one.version, one.family, one.owner, both_versions)
        };
        identity(self) == identity(other)
    }

    /// The priority that counts in an election if checks make `wanted` of it: 1-254, and 255 for the owner alone.
    #[must_use]
    pub fn effective(&self, wanted: u8) -> u8 {
        //= C6: RFC 9568 section 5.2.4
        if self.owner {
            OWNER
        } else {
            wanted.clamp(1, OWNER - 1)
        }
    }
}
