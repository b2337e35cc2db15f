//! Why a virtual router is in FAULT.

use crate::ids::VipId;

/// What keeps a virtual router from working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultReason {
    /// Its interface is set down or has no carrier.
    LinkDown,
    /// Its interface was deleted.
    Deleted,
    /// Its interface was deleted, and one of the same name has no programs of ours.
    Recreated,
    /// Its interface has no Ethernet address.
    NoMac,
    /// Its interface has no address that adverts can come from.
    NoAddress,
    /// The configured source address is not on this machine.
    NoSource,
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
    /// An advert with a single address is longer than the MTU of the interface.
    NoRoom {
        /// The MTU, bytes.
        mtu: u32,
    },
}

impl FaultReason {
    /// Whether adverts can still leave, so that the Backups can be told.
    #[must_use]
    pub fn can_send(self) -> bool {
        match self {
            Self::LinkDown | Self::Deleted | Self::Recreated | Self::NoMac => false,
            Self::NoAddress
            | Self::NoSource
            | Self::VipInterface { .. }
            | Self::VipRefused { .. }
            | Self::NoPeer
            | Self::NoRoom { .. } => true,
        }
    }
}
