//! Why a virtual router is in FAULT.

use std::fmt;

use crate::ids::VipId;

/// What keeps a virtual router from working. Where several things do, the first in this order is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultReason {
    /// Its interface does not exist.
    NoInterface,
    /// Its interface is set down or has no carrier.
    LinkDown,
    /// Its interface has no Ethernet address.
    NoMac,
    /// The configured source address is not on this machine.
    NoSource,
    /// Its interface has no address that adverts can come from.
    NoAddress,
    /// An advert with a single address is longer than the MTU of the interface.
    NoRoom {
        /// The MTU, bytes.
        mtu: u32,
    },
    /// The interface of this virtual IP (`dev`) is down, has no carrier or was deleted.
    VipInterface {
        /// The first such virtual IP.
        vip: VipId,
    },
    /// This virtual IP cannot be put on its interface.
    VipRefused {
        /// The first such virtual IP.
        vip: VipId,
    },
    /// No unicast peer is left to send adverts to.
    NoPeer,
}

impl FaultReason {
    /// Whether adverts can still leave, so that the Backups can be told.
    #[must_use]
    pub fn can_send(self) -> bool {
        match self {
            Self::NoInterface | Self::LinkDown | Self::NoMac => false,
            Self::NoAddress
            | Self::NoSource
            | Self::VipInterface { .. }
            | Self::VipRefused { .. }
            | Self::NoPeer
            | Self::NoRoom { .. } => true,
        }
    }

    /// Its place in the order.
    const fn rank(self) -> usize {
        match self {
            Self::NoInterface => 0,
            Self::LinkDown => 1,
            Self::NoMac => 2,
            Self::NoSource => 3,
            Self::NoAddress => 4,
            Self::NoRoom { .. } => 5,
            Self::VipInterface { .. } => 6,
            Self::VipRefused { .. } => 7,
            Self::NoPeer => 8,
        }
    }
}

/// How many kinds of reasons there are.
const KINDS: usize = 9;

/// All that keeps a virtual router from working at a moment: of each kind one reason, or none.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasons([Option<FaultReason>; KINDS]);

impl Reasons {
    /// Nothing keeps it from working.
    pub const NONE: Self = Self([None; KINDS]);

    /// Nothing but this.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "a rank is below the number of kinds"
    )]
    pub const fn only(reason: FaultReason) -> Self {
        let mut all = [None; KINDS];
        all[reason.rank()] = Some(reason);
        Self(all)
    }

    /// Adds a reason, unless there is one of its kind.
    pub fn insert(&mut self, reason: FaultReason) {
        if let Some(place) = self.0.get_mut(reason.rank()) {
            place.get_or_insert(reason);
        }
    }

    /// The reasons, in the order in which they are told.
    pub fn iter(&self) -> impl Iterator<Item = FaultReason> {
        self.0.iter().flatten().copied()
    }

    /// The one that is told first.
    #[must_use]
    pub fn first(&self) -> Option<FaultReason> {
        self.iter().next()
    }

    /// Whether nothing keeps the router from working.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Whether adverts can still leave, so that the Backups can be told.
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.iter().all(FaultReason::can_send)
    }
}

impl From<FaultReason> for Reasons {
    fn from(reason: FaultReason) -> Self {
        Self::only(reason)
    }
}

impl FromIterator<FaultReason> for Reasons {
    fn from_iter<Iter: IntoIterator<Item = FaultReason>>(reasons: Iter) -> Self {
        let mut all = Self::NONE;
        all.extend(reasons);
        all
    }
}

impl Extend<FaultReason> for Reasons {
    fn extend<Iter: IntoIterator<Item = FaultReason>>(&mut self, reasons: Iter) {
        for reason in reasons {
            self.insert(reason);
        }
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests;
