//! What a service does that sends by itself: small UDP packets from the VIP at a fixed rate, whether
//! the node on this host is well, frozen or dead. A host that is not the owner any more and still
//! sends them is seen on the wire.

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    time::Duration,
};

use anyhow::Result;

use crate::{
    clock, echo,
    netns::Netns,
    realtime,
    worker::{Stop, Worker},
};

/// The port that the packets come from and go to.
pub const BEACON_PORT: u16 = 7009;

/// Sends as long as this lives.
#[derive(Debug)]
pub struct Beacon {
    _worker: Worker<()>,
}

impl Beacon {
    /// Starts to send from address `from` to address `to`, once per `period`. Nothing leaves while
    /// the host does not have `from`: the kernel refuses such a source.
    ///
    /// # Errors
    /// If the socket or the thread cannot be made.
    pub fn start(router: &Netns, from: Ipv4Addr, to: Ipv4Addr, period: Duration) -> Result<Self> {
        let socket = router.run(|| {
            let socket = echo::bind_freely(from.into(), BEACON_PORT)?;
            // A full queue is the network's trouble, not a reason to fall behind.
            socket.set_nonblocking(true)?;
            Ok(socket)
        })?;
        let worker = Worker::start(router, "beacon", move |stop| {
            realtime::become_fifo(realtime::ECHO)?;
            send(&socket, to, clock::span_nanos(period), stop);
            Ok(())
        })?;
        Ok(Self { _worker: worker })
    }
}

fn send(socket: &UdpSocket, to: Ipv4Addr, period: u64, stop: &Stop) {
    let to = SocketAddrV4::new(to, BEACON_PORT);
    let mut number = 0_u64;
    let mut next = clock::now();
    while stop.is_awaited() {
        // Refused while the address is elsewhere.
        drop(socket.send_to(&number.to_le_bytes(), to));
        number += 1;
        next += period * (1 + clock::now().saturating_sub(next) / period);
        clock::sleep_until(next);
    }
}
