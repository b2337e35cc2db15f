//! Sockets that the engine sends by. The control plane opens them, which waits for the kernel.

use std::io;

use super::{sender::FrameSender, unicast::UnicastSender};
use crate::{
    ids::{InterfaceId, RouterId},
    proto::Family,
};

/// See the module.
#[derive(Debug)]
pub struct Socket(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    /// For Ethernet frames.
    Frames(InterfaceId, FrameSender),
    /// For the adverts of a router to its unicast peers.
    Peers(RouterId, UnicastSender),
}

impl Socket {
    /// For whatever leaves by an interface as a whole frame.
    ///
    /// # Errors
    /// errno of socket, setsockopt or bind; EPERM without CAP_NET_RAW.
    pub fn frames(interface: InterfaceId) -> io::Result<Self> {
        FrameSender::open(interface).map(|sender| Self(Kind::Frames(interface, sender)))
    }

    /// For the adverts of a router to its unicast peers of this family, by this interface.
    ///
    /// # Errors
    /// As [`frames`](Self::frames).
    pub fn peers(router: RouterId, interface: InterfaceId, family: Family) -> io::Result<Self> {
        let sender = UnicastSender::open(interface, family)?;
        Ok(Self(Kind::Peers(router, sender)))
    }
}
