//! What the kernel said about a virtual router's interfaces, as far as its engine has to know.

use std::net::IpAddr;

use crate::{
    ids::{InterfaceId, RouterId, VipId},
    proto::Reasons,
};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io::control) enum News {
    /// Nothing keeps the router from working.
    LinkUp {
        /// The router.
        router: RouterId,
        /// Source address of its adverts.
        primary: IpAddr,
        /// Current MAC of the interface.
        mac: [u8; 6],
    },
    /// The router cannot work, or for other reasons than before.
    Fault {
        /// The router.
        router: RouterId,
        /// All that keeps it from working.
        reasons: Reasons,
    },
    /// Adverts have room for so many virtual IPs, of those that are not excluded.
    Fit {
        /// The router.
        router: RouterId,
        /// How many, at least 1.
        advertised: usize,
    },
    /// An interface that virtual IPs are on and not the adverts (`dev`) has this MAC.
    MacElsewhere {
        /// The interface.
        interface: InterfaceId,
        /// Its MAC; zeros if it has none.
        mac: [u8; 6],
    },
    /// A unicast peer is on a network of the router's interface, or it is not; it is not until this is said.
    PeerOnLink {
        /// The router.
        router: RouterId,
        /// The peer.
        peer: IpAddr,
        /// Whether it is.
        on_link: bool,
    },
    /// A unicast peer is an address of this machine, or it is not; it is not until this is said.
    PeerIsOurs {
        /// The router.
        router: RouterId,
        /// The peer.
        peer: IpAddr,
        /// Whether it is.
        ours: bool,
    },
    /// A virtual IP was removed, and it was not us.
    AddressLost {
        /// The router.
        router: RouterId,
        /// The virtual IP.
        vip: VipId,
    },
}
