//! What a virtual router wants done. `Copy`, so that the engine needs no allocation.

use vrrp_ebpf::{abi::Follow, ownership};

use super::{FaultReason, Instant};

/// State of a virtual router: RFC 9568 section 6.4, with keepalived's FAULT and two explicit
/// transitional states of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not started, or stopped.
    Initialize,
    /// Started, but something keeps the router from working ([`FaultReason`]).
    Fault,
    /// Listening to an Active.
    Backup,
    /// About to relieve a router that still serves: addresses are being installed, then the flip.
    Rising,
    /// The Active router (keepalived's MASTER).
    Active,
    /// Sent priority 0, still serving until the successor has taken over.
    Retiring,
}

/// Why a state was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Start of the node.
    Startup,
    /// We own the addresses (priority 255).
    Owner,
    /// Active_Down_Timer: no advert in time.
    ActiveDown,
    /// The Active sent priority 0.
    PriorityZero,
    /// A worse router is Active, and we preempt.
    Preempt,
    /// A better advert was heard.
    BetterAdvert,
    /// This came to keep the router from working.
    Fault(FaultReason),
    /// Nothing keeps the router from working any more.
    LinkUp,
    /// A planned stop.
    Shutdown,
    /// The successor took over, or the drain time was over.
    Drained,
}

/// A state change, with the moments that led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// State left.
    pub from: State,
    /// State entered.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// When it was decided.
    pub at: Instant,
    /// The deadline whose passing decided it, or `at`.
    pub deadline: Instant,
    /// Arrival of the last advert before it, if any.
    pub last_advert: Option<Instant>,
}

/// One action. The engine carries actions out in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Store the ownership word: this state, this expiry (nanoseconds of CLOCK_MONOTONIC).
    Own {
        state: ownership::State,
        expiry: u64,
    },
    /// Store the follow word. `clear_seen`: zero `last_seen` first.
    Follow { follow: Follow, clear_seen: bool },
    /// Send an advert with this priority; if it left, answer with [`Input::AdvertSent`].
    ///
    /// [`Input::AdvertSent`]: super::Input::AdvertSent
    Advertise { priority: u8 },
    /// Announce every virtual IP this many times (gratuitous ARP / unsolicited NA).
    Announce { repeat: u8 },
    /// Install every virtual IP; answer with [`Input::AddressesReady`](super::Input::AddressesReady).
    Install,
    /// Remove every virtual IP; answer with [`Input::AddressesGone`](super::Input::AddressesGone).
    Remove,
    /// The state changed: log, notify, remember.
    Transition(Transition),
}
