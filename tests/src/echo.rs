//! A UDP echo on a router that says which router it is, from the VIP: what a client of the virtual
//! router talks to.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsRawFd as _,
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket, sockopt,
};

use crate::{
    netns::Netns,
    realtime,
    worker::{Stop, Worker},
};

/// Bytes of a probe: its number, little endian.
pub const PROBE: usize = 4;

/// Answers probes to the VIP with the router's number behind them, as long as this lives.
#[derive(Debug)]
pub struct Echo {
    _worker: Worker<()>,
}

impl Echo {
    /// Starts to listen on `vip`:`port`, whether this host has that address at the moment or not.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn start(netns: &Netns, vip: impl Into<IpAddr>, port: u16, router: u8) -> Result<Self> {
        let vip = vip.into();
        let socket = netns.run(|| {
            let socket = bind_freely(vip, port)?;
            socket.set_read_timeout(Some(Duration::from_millis(50)))?;
            Ok(socket)
        })?;
        let worker = Worker::start(netns, &format!("echo-{router}"), move |stop| {
            realtime::become_fifo(realtime::ECHO)?;
            serve(&socket, router, stop);
            Ok(())
        })?;
        Ok(Self { _worker: worker })
    }
}

/// A UDP socket on an address that the host need not have. While it does not, nothing is received
/// and sending fails.
pub(crate) fn bind_freely(address: IpAddr, port: u16) -> Result<UdpSocket> {
    let family = match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    let fd = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // For IPv6 as well: Linux takes options of IPv4 on such sockets.
    setsockopt(&fd, sockopt::IpFreebind, &true)?;
    let place = SocketAddr::new(address, port);
    bind(fd.as_raw_fd(), &SockaddrStorage::from(place))
        .with_context(|| format!("bind to {place}"))?;
    Ok(UdpSocket::from(fd))
}

fn serve(socket: &UdpSocket, router: u8, stop: &Stop) {
    let mut buffer = [0; PROBE + 1];
    while stop.is_awaited() {
        let Ok((PROBE, client)) = socket.recv_from(&mut buffer[..PROBE]) else {
            continue;
        };
        buffer[PROBE] = router;
        // The answer cannot leave if the address was just taken away: then the probe is lost.
        drop(socket.send_to(&buffer, client));
    }
}
