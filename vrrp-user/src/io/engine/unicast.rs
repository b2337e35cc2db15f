//! Adverts to unicast peers: a raw socket, so that the kernel finds the way to each of them, by its
//! routes and neighbours.
//!
//! Nothing here allocates or waits. What the kernel took may still wait for an answer to ARP or
//! Neighbour Discovery and be dropped: a peer that nobody can reach is no reason to stop serving.

use std::{
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6},
};

use nix::{errno::Errno, net::if_::if_indextoname};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};
use vrrp_ebpf::wire::vrrp::PROTOCOL;

use super::machine::Sent;
use crate::{ids::InterfaceId, proto::Family};

/// `TC_PRIO_INTERACTIVE`: ahead of bulk traffic in the queueing discipline, which these adverts
/// cannot bypass.
const PRIORITY: u32 = 6;
/// BPF_RET: no packet is ever put into the socket's queue.
const NOTHING: [SockFilter; 1] = [SockFilter::new(0x06, 0, 0, 0)];

/// Sends whole IP packets to peers of one family, by one interface. It receives nothing, but its being
/// there keeps the kernel from answering each advert that XDP passes with an ICMP error.
#[derive(Debug)]
pub(super) struct UnicastSender {
    socket: Socket,
    interface: InterfaceId,
}

impl UnicastSender {
    /// Opens a socket for an interface and peers of this family.
    ///
    /// # Errors
    /// errno of socket or setsockopt; EPERM without CAP_NET_RAW.
    pub(super) fn open(interface: InterfaceId, family: Family) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(PROTOCOL));
        let is_ipv6 = family == Family::V6;
        let domain = if is_ipv6 { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.attach_filter(&NOTHING)?;
        let name = if_indextoname(interface.0)?;
        socket.bind_device(Some(name.as_bytes()))?;
        if is_ipv6 {
            socket.set_header_included_v6(true)?;
        } else {
            socket.set_header_included_v4(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.set_priority(PRIORITY)?;
        Ok(Self { socket, interface })
    }

    /// Hands packets to the kernel, each for its peer. One that the kernel does not take
    /// costs only its peer.
    pub(super) fn send<'packet, Packets>(&self, packets: Packets) -> Sent
    where
        Packets: Iterator<Item = (&'packet [u8], IpAddr)>,
    {
        let mut sent = Sent::default();
        for (packet, peer) in packets {
            let address = SockAddr::from(address(peer, self.interface));
            match self.socket.send_to(packet, &address) {
                Ok(_) => sent.any = true,
                Err(error) => {
                    let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
                    sent.refused = sent.refused.or(Some(errno));
                }
            }
        }
        sent
    }
}

/// Where a peer is. A link-local address means nothing without its interface.
fn address(peer: IpAddr, interface: InterfaceId) -> SocketAddr {
    match peer {
        IpAddr::V6(peer) if peer.is_unicast_link_local() => {
            SocketAddrV6::new(peer, 0, 0, interface.0).into()
        }
        peer => SocketAddr::new(peer, 0),
    }
}

#[cfg(test)]
mod tests {
    use vrrp_ebpf::wire::encode::{self, Format, Message};

    use super::*;
    use crate::io::testing::{in_namespace, index, run};

    #[test]
    fn link_local_peers_are_on_the_interface() {
        let shown = |peer: &str| address(peer.parse().unwrap(), InterfaceId(7)).to_string();
        assert_eq!(shown("fe80::2"), "[fe80::2%7]:0");
        assert_eq!(shown("2001:db8::2"), "[2001:db8::2]:0");
        assert_eq!(shown("192.168.1.2"), "192.168.1.2:0");
    }

    /// The usual advert, from the first of its addresses.
    fn message(addresses: &[IpAddr]) -> Message<'_> {
        Message {
            format: Format::V3 {
                pseudo_header: true,
            },
            vrid: 51,
            priority: 100,
            interval: std::time::Duration::from_secs(1),
            addresses,
            source: addresses[0],
        }
    }

    //= C9: proof
    #[test]
    fn packets_of_either_family_are_taken_by_the_kernel() {
        in_namespace(async || {
            run("ip link add ens33 type veth peer name peer");
            run("ip link set ens33 up");
            run("ip link set peer up");
            run("ip addr add 192.168.1.1/24 dev ens33");
            run("ip -6 addr add fe80::1/64 dev ens33 nodad");
            for (source, peer) in [("192.168.1.1", "192.168.1.2"), ("fe80::1", "fe80::2")] {
                let source: IpAddr = source.parse().unwrap();
                let peer: IpAddr = peer.parse().unwrap();
                let addresses = [source];
                let message = message(&addresses);
                let packet = encode::unicast(&message, peer, 255).unwrap();
                let family = Family::of(peer);
                let sender = UnicastSender::open(InterfaceId(index("ens33")), family).unwrap();
                let sent = sender.send(std::iter::once((packet.as_slice(), peer)));
                assert_eq!((sent.any, sent.refused), (true, None), "{peer}");
            }
        });
    }
}
