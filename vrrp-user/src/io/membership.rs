//! Multicast group membership: without it the NIC filters adverts out before XDP sees them.

use std::io;

use socket2::{Domain, InterfaceIndexOrAddress, Socket, Type};

use crate::proto::advert::GROUP_V4;

/// Memberships of the VRRP group; they end when this is dropped.
#[derive(Debug)]
pub struct Memberships {
    /// One each: `igmp_max_memberships` (20) counts per socket.
    _sockets: Vec<Socket>,
}

impl Memberships {
    /// Joins the group on each interface.
    ///
    /// # Errors
    /// errno of IP_ADD_MEMBERSHIP, such as ENODEV.
    pub fn join(interfaces: &[u32]) -> io::Result<Self> {
        let sockets = interfaces
            .iter()
            .map(|ifindex| join(*ifindex))
            .collect::<io::Result<_>>()?;
        Ok(Self { _sockets: sockets })
    }
}

fn join(ifindex: u32) -> io::Result<Socket> {
    // Receives nothing: it is not bound, and the group carries protocol 112.
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.join_multicast_v4_n(&GROUP_V4, &InterfaceIndexOrAddress::Index(ifindex))?;
    Ok(socket)
}
