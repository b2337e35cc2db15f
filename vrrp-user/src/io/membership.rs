//! Multicast group membership: without it the NIC filters adverts out before XDP sees them.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
};

use socket2::{InterfaceIndexOrAddress, SockRef};

/// The VRRP group (RFC 9568 section 5.1.1.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// Memberships of the VRRP group; they end when this is dropped.
#[derive(Debug)]
pub struct Memberships {
    /// One each: `igmp_max_memberships` (20) counts per socket.
    _sockets: Vec<UdpSocket>,
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

fn join(ifindex: u32) -> io::Result<UdpSocket> {
    // Receives nothing: it is bound to the loopback address, and the group carries protocol 112.
    let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    let interface = InterfaceIndexOrAddress::Index(ifindex);
    SockRef::from(&socket).join_multicast_v4_n(&GROUP_V4, &interface)?;
    Ok(socket)
}
