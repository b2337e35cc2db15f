//! What the control plane and the engine thread tell each other. The engine neither allocates nor formats: what it is
//! given is ready to be used, and what it tells is `Copy`.

use std::{net::IpAddr, time::Duration};

use thiserror::Error;
use vrrp_ebpf::wire::encode::EncodeError;

use super::{
    addition::Addition, parts::Parts, realtime::Scheduling, snapshot::RouterSnapshot,
    socket::Socket,
};
use crate::{
    ids::{InterfaceId, RouterId, VipId},
    io::bpf::TableError,
    proto::{Instant, Reasons, Transition},
};

/// From the control plane to the engine. What is said to a router that has gone is ignored.
#[derive(Debug)]
pub enum Command {
    /// A socket that the engine sends by from now on.
    Open(Socket),
    /// Nobody sends by this interface any more.
    Close(InterfaceId),
    /// One more router; its slot is free. It does nothing before it has parts and [`LinkUp`](Self::LinkUp).
    Add(Addition),
    /// What the router has on its interfaces is this from now on. [`Event::Changed`] follows when nothing is left of
    /// what it was before.
    Parts {
        /// The router.
        router: RouterId,
        /// All of it.
        parts: Box<Parts>,
    },
    /// Stop the router in good order, and forget it; [`Event::Removed`] follows, also if it has gone already.
    Remove(RouterId),
    /// Nothing keeps the router from working; start it with the parts that it was given, or bring it back from FAULT.
    LinkUp(RouterId),
    /// The router cannot work, or for other reasons than before: FAULT.
    Fault {
        /// The router.
        router: RouterId,
        /// All that keeps it from working.
        reasons: Reasons,
    },
    /// The kernel reported that a virtual IP was removed, and it was not us.
    AddressLost {
        /// The router.
        router: RouterId,
        /// The virtual IP.
        vip: VipId,
    },
    /// Stop every router in good order; [`Event::Stopped`] follows when the last one is drained.
    Stop,
    /// Stop every router at once.
    StopNow,
    /// Answer with [`Event::Alive`].
    Ping,
    /// Answer with one [`Event::Snapshot`] for this router.
    Snapshot {
        /// The router.
        router: RouterId,
    },
}

/// From the engine to the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A router changed state. Sent after the hot path is done.
    Transition {
        /// The router.
        router: RouterId,
        /// What changed.
        transition: Transition,
        /// Priority the router runs with.
        priority: u8,
    },
    /// The last transition to Active is complete: every virtual IP is acknowledged.
    Promoted {
        /// The router.
        router: RouterId,
        /// The moments of the promotion.
        timeline: Timeline,
    },
    /// An accepted advert that an operator should hear about (rate limited by the engine).
    Notice {
        /// The router.
        router: RouterId,
        /// What is odd.
        notice: Notice,
        /// Who sent it.
        source: IpAddr,
    },
    /// Another router served while this one was Active, and its lease had ended; or nobody did. Once for each such
    /// time.
    Lapsed {
        /// The router.
        router: RouterId,
        /// When, and who served.
        lapse: Lapse,
    },
    /// A router is all that its parts of this revision say, and nothing of what it was before is left.
    Changed {
        /// The router.
        router: RouterId,
        /// [`Parts::revision`].
        revision: u32,
    },
    /// A router has stopped, and nothing is left of it. The answer to [`Command::Remove`].
    Removed {
        /// The router.
        router: RouterId,
    },
    /// Answer to [`Command::Ping`].
    Alive,
    /// Answer to [`Command::Snapshot`].
    Snapshot {
        /// The router.
        router: RouterId,
        /// Its state.
        snapshot: RouterSnapshot,
    },
    /// An Active serves nobody any more: its lease has ended, because adverts do not leave.
    LeaseEnded {
        /// The router.
        router: RouterId,
        /// errno of the last try.
        errno: i32,
    },
    /// After that, adverts leave again.
    LeaseRenewed {
        /// The router.
        router: RouterId,
    },
    /// Sending an advert failed with this errno (rate limited).
    SendFailed {
        /// The router.
        router: RouterId,
        /// errno of sendmmsg.
        errno: i32,
    },
    /// Announcing the virtual IPs failed with this errno (told once until it works again).
    AnnouncingFailed {
        /// The router.
        router: RouterId,
        /// errno of sendmmsg.
        errno: i32,
        /// It is tried again until there is room.
        delayed: bool,
    },
    /// What the kernel told of an interface could not be taken over.
    InterfaceFailed {
        /// The router.
        router: RouterId,
        /// Why.
        error: InterfaceError,
    },
    /// The kernel refused to add or remove a virtual IP.
    AddressFailed {
        /// The router.
        router: RouterId,
        /// The virtual IP.
        vip: VipId,
        /// errno of the netlink answer.
        errno: i32,
    },
    /// The kernel could not be asked about any virtual IP of a router; with EAGAIN, because the address worker has no room
    /// for more to do, and is to be given the router's virtual IPs again.
    OrderFailed {
        /// The router.
        router: RouterId,
        /// Why.
        errno: i32,
    },
    /// A virtual IP is the host's own: it was on its interface without the node, which leaves it
    /// there.
    AddressFound {
        /// The router.
        router: RouterId,
        /// The virtual IP.
        vip: VipId,
        /// Its prefix length there.
        prefix: u8,
    },
    /// The kernel has refused a virtual IP that the router is not to serve without, for longer than a moment. Told
    /// again as long as it does.
    AddressRefused {
        /// The router.
        router: RouterId,
        /// The virtual IP.
        vip: VipId,
    },
    /// It would take every such virtual IP now. Told more than once.
    AddressesAccepted {
        /// The router.
        router: RouterId,
    },
    /// A virtual IP was found missing on its interface, and is put back.
    AddressMissing {
        /// The router.
        router: RouterId,
        /// The virtual IP.
        vip: VipId,
    },
    /// Somebody had put a virtual IP on its interface while the router does not serve; it was removed.
    AddressStray {
        /// The router.
        router: RouterId,
        /// The virtual IP.
        vip: VipId,
        /// Its prefix length there.
        prefix: u8,
    },
    /// What one of the threads with deadlines runs under, once after the start.
    Scheduled(Scheduling),
    /// Memory cannot be locked; we go on without.
    MemoryNotLocked {
        /// errno.
        errno: i32,
    },
    /// Every router is in Initialize and every address is gone, after a Stop.
    Stopped,
    /// Another writer took over the ownership words (its epoch): we must not write any more.
    Superseded,
}

/// Why a virtual router cannot be run on its interfaces as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InterfaceError {
    /// Its adverts cannot be built.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The programs cannot be told.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Odd but accepted adverts (RFC 9568 section 7.1: log).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Its address list differs from ours.
    AddressList,
    /// Its interval (centiseconds) differs from ours.
    Interval(u16),
    /// Another router says it owns the addresses (priority 255), and so do we.
    TwoOwners,
    /// A router of equal priority.
    EqualPriority(u8),
    /// While Active: an advert with lower priority.
    LowerPriority(u8),
    /// While Active: a better router's advert.
    HigherPriority(u8),
    /// A priority 0 advert.
    PriorityZero,
    /// We speak both versions (`v2_interop`), and this Active sends version 3 alone.
    Version3Alone,
    /// Somebody else announces this virtual IP of ours.
    Conflict {
        /// The virtual IP.
        vip: VipId,
        /// The claimant's MAC.
        mac: [u8; 6],
    },
}

/// The moments of a promotion, for `status` and the benches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Arrival (XDP's stamp) of the last advert before it.
    pub last_advert: Option<Instant>,
    /// The deadline that fired.
    pub deadline: Instant,
    /// The engine had woken up and drained the ring.
    pub decided: Instant,
    /// The ownership word was written.
    pub owned: Instant,
    /// The first advert had been handed to the kernel.
    pub advert: Instant,
    /// The first announcement had been handed to the kernel.
    pub announced: Instant,
    /// The kernel had acknowledged the last virtual IP.
    pub ready: Instant,
}

/// A time in which an Active did not serve, because its engine stood still or no advert left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lapse {
    /// When the lease ended.
    pub began: Instant,
    /// When the engine learned of the other router; or when it served again, if there was none.
    pub ended: Instant,
    /// Who served meanwhile.
    pub successor: Successor,
}

/// Who serves after an Active whose lease has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Successor {
    /// Another router, known if its advert was kept.
    Other(Option<IpAddr>),
    /// No other router was heard.
    Nobody,
}

impl Lapse {
    /// How long it took.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.ended.since(self.began)
    }
}
