//! How a pair is timed and watched.

use std::time::Duration;

/// How a pair is timed and watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// Advertisement interval in milliseconds.
    pub advert_int_ms: u32,
    /// Priorities of the better and the other router.
    pub priorities: [u8; 2],
    /// How often the client probes the service on the virtual IP.
    pub probe: Duration,
    /// How often it probes the server behind the pair.
    pub routed: Duration,
    /// How often it asks for the VIP by ARP.
    pub arp: Duration,
    /// How long to watch before each event, and after the address has moved.
    pub settle: Duration,
    /// How long to watch a lossy link, or nothing.
    pub quiet: Duration,
    /// How long to wait for an address that does not move.
    pub patience: Duration,
}

impl Timing {
    /// The shortest interval that version 3 allows, and the priorities with the least skew; watched as
    /// closely as a prober can.
    pub const SHORTEST: Self = Self {
        version: 3,
        advert_int_ms: 10,
        priorities: [254, 253],
        probe: Duration::from_micros(100),
        routed: Duration::from_millis(1),
        arp: Duration::from_millis(1),
        settle: Duration::from_millis(100),
        quiet: Duration::ZERO,
        patience: Duration::from_secs(10),
    };

    /// The Advertisement Interval.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.advert_int_ms.into())
    }
}
