//! What can happen to a virtual router.

use std::net::IpAddr;

use vrrp_ebpf::abi::Follow;

use super::{Instant, Reasons, Version};

/// An advert that passed every receive check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert {
    /// When XDP saw it. Deadlines are counted from here, not from processing.
    pub arrived: Instant,
    /// Source address.
    pub source: IpAddr,
    /// Version it was sent in.
    pub version: Version,
    /// Priority, 0 when its sender stops.
    pub priority: u8,
    /// Its sender's interval in centiseconds, never 0.
    pub interval_cs: u16,
    /// Version 2, with another address list or interval than ours: by RFC 3768 section 7.1 its sender
    /// refuses our adverts. We take it because we know the sender
    /// ([`REFUSES_OURS`](vrrp_ebpf::abi::event_flags::REFUSES_OURS)).
    pub refuses_ours: bool,
}

impl Advert {
    /// The word by which XDP knows this advert again, for a router whose Active_Down_Timer is
    /// restarted from `restart_min` on.
    #[must_use]
    pub fn follow(&self, restart_min: u8) -> Follow {
        Follow {
            source_tail: tail(self.source),
            interval_cs: self.interval_cs,
            priority: self.priority,
            restart_min,
        }
    }

    /// Whether XDP let this advert wait in the ring, knowing that `follow` is followed.
    #[must_use]
    pub fn repeats(&self, follow: Follow) -> bool {
        let own = self.follow(follow.restart_min);
        let said_again = self.version == Version::V2
            && (own.source_tail, own.priority) == (follow.source_tail, follow.priority);
        own == follow || said_again
    }
}

/// The last four bytes of an address.
pub(super) fn tail(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            [a, b, c, d]
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Planned stop: Active → Retiring → Initialize; others → Initialize, for good.
    Shutdown,
    /// A second request to stop: no drain, out at once.
    ShutdownNow,
    /// All that keeps the router from working at the moment: FAULT, as long as there is anything. Nothing at all means
    /// that it is over and that adverts come from where they last came from, if [`LinkUp`](Self::LinkUp) has ever told.
    Fault(Reasons),
    /// Nothing keeps the router from working, and adverts come from this source address. In Initialize this is the RFC's
    /// Startup.
    LinkUp { primary: IpAddr },
    /// Checks make this priority (1-254) of the configured one. An Active says so in an advert at once; a Backup
    /// waits and preempts by it from now on. An owner keeps 255.
    Priority(u8),
    /// An advert was received.
    Advert(Advert),
    /// The shared word `last_seen`: an advert that restarts the Active_Down_Timer arrived then,
    /// although its record may be lost.
    Seen(Instant),
    /// The shared word `better_seen`: an advert that deposes an Active arrived then, although its
    /// record may be lost. XDP has silenced us since.
    BetterSeen(Instant),
    /// While Retiring: the successor announced the virtual IPs (gratuitous ARP).
    SuccessorAnnounced,
    /// An advert of ours left; `at` was read before it was handed to the kernel.
    AdvertSent { at: Instant },
    /// Every virtual IP is acknowledged by the kernel.
    AddressesReady,
    /// The kernel acknowledged the removal of every virtual IP.
    AddressesGone,
    /// Somebody removed a virtual IP behind our back.
    AddressLost,
    /// Somebody else announces a virtual IP that we own.
    Conflict,
    /// [`deadline`](super::Router::deadline) has passed. Feed every received advert first.
    Timeout,
}
