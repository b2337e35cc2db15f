//! Adverts to unicast peers: a raw socket, so that the kernel finds the way to each of them, by its
//! routes and neighbours.
//!
//! Nothing here allocates or waits. What the kernel took may still wait for an answer to ARP and be
//! dropped: a peer that nobody can reach is no reason to stop serving.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use nix::{errno::Errno, net::if_::if_indextoname};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use crate::proto::advert;

/// `TC_PRIO_INTERACTIVE`: ahead of bulk traffic in the queueing discipline, which these adverts
/// cannot bypass.
const PRIORITY: u32 = 6;
/// BPF_RET: no packet is ever put into the socket's queue.
const NOTHING: [SockFilter; 1] = [SockFilter::new(0x06, 0, 0, 0)];

/// Sends whole IPv4 packets to a list of peers, by one interface. It receives nothing, but its being
/// there keeps the kernel from answering each advert that XDP passes with an ICMP error.
#[derive(Debug)]
pub(super) struct UnicastSender {
    socket: Socket,
    peers: Vec<SockAddr>,
}

impl UnicastSender {
    /// Opens a socket for an interface.
    ///
    /// # Errors
    /// errno of socket or setsockopt; EPERM without CAP_NET_RAW.
    pub(super) fn open(ifindex: u32, peers: &[IpAddr]) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(advert::PROTOCOL));
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(protocol))?;
        socket.attach_filter(&NOTHING)?;
        let interface = if_indextoname(ifindex)?;
        socket.bind_device(Some(interface.as_bytes()))?;
        socket.set_header_included_v4(true)?;
        socket.set_nonblocking(true)?;
        socket.set_priority(PRIORITY)?;
        let peers = peers
            .iter()
            .map(|peer| SockAddr::from(SocketAddr::new(*peer, 0)));
        Ok(Self {
            socket,
            peers: peers.collect(),
        })
    }

    /// Hands packets for each peer in turn to the kernel. One that the kernel does not take
    /// costs only its peer. Tells whether any was taken, and why the first that was not was not.
    pub(super) fn send<'packet, Packets>(&self, packets: Packets) -> (bool, Option<Errno>)
    where
        Packets: Iterator<Item = &'packet [u8]>,
    {
        let mut taken = false;
        let mut refused = None;
        for (packet, peer) in packets.zip(self.peers.iter().cycle()) {
            match self.socket.send_to(packet, peer) {
                Ok(_) => taken = true,
                Err(error) => {
                    let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
                    refused = refused.or(Some(errno));
                }
            }
        }
        (taken, refused)
    }
}
