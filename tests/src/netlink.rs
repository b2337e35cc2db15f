//! The kernel's own word on what changes in a namespace: rtnetlink notifications.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{MsgFlags, recv, setsockopt, sockopt},
};

use crate::{
    clock::{self, Nanos},
    netns::Netns,
    realtime,
    worker::Worker,
};

/// How long a watch waits before it looks whether it is to stop.
const WAIT: Duration = Duration::from_millis(20);
/// Between two readings: what changes with every frame must not wake a watch with every frame.
const PAUSE: Duration = Duration::from_micros(500);
/// The kernel puts no more into one datagram of a dump.
const BUFFER: usize = 32 << 10;

/// Makes something of notifications.
pub(crate) trait Observer: Send + 'static {
    /// Takes in what the kernel reported; `at` is when it was read.
    fn take(&mut self, at: Nanos, message: RouteNetlinkMessage) -> Result<()>;

    /// All that there was at the start has been taken.
    fn started(&mut self, at: Nanos);
}

/// Shows an observer first what a dump answers, then, from a real-time thread in the namespace, every
/// notification of the group. Nothing that changes after this returned is missed.
pub(crate) fn watch<O: Observer>(
    netns: &Netns,
    name: &str,
    group: u32,
    dump: RouteNetlinkMessage,
    mut observer: O,
) -> Result<Worker<O>> {
    // The observer may ask its namespace, too.
    let (subscription, mut observer) = netns.run(move || {
        let subscription = Subscription::open(group)?;
        subscription.dump(dump, &mut observer)?;
        observer.started(clock::now());
        Ok((subscription, observer))
    })?;
    Worker::start(netns, name, move |stop| {
        realtime::become_fifo(realtime::JUDGE)?;
        while stop.is_awaited() {
            subscription.wait()?;
            subscription.drain(&mut observer)?;
            clock::sleep(PAUSE);
        }
        subscription.drain(&mut observer)?;
        Ok(observer)
    })
}

/// Shows an observer what a dump answers.
pub(crate) fn ask<O: Observer>(
    netns: &Netns,
    dump: RouteNetlinkMessage,
    mut observer: O,
) -> Result<O> {
    netns.run(move || {
        Subscription(connected()?).dump(dump, &mut observer)?;
        Ok(observer)
    })
}

fn connected() -> Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE).context("open a netlink socket")?;
    setsockopt(&socket, sockopt::RcvBufForce, &(8 << 20))?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

struct Subscription(Socket);

/// What one reading brought.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batch {
    Nothing,
    Some,
    EndOfDump,
}

impl Subscription {
    fn open(group: u32) -> Result<Self> {
        let socket = connected()?;
        socket
            .add_membership(group)
            .with_context(|| format!("join the netlink group {group}"))?;
        Ok(Self(socket))
    }

    fn dump(&self, request: RouteNetlinkMessage, observer: &mut impl Observer) -> Result<()> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.0.send(&bytes, 0)?;
        let mut buffer = vec![0; BUFFER];
        while self.receive(&mut buffer, MsgFlags::empty(), observer)? != Batch::EndOfDump {}
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(WAIT).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, limit) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error).context("poll a netlink socket"),
        }
    }

    fn drain(&self, observer: &mut impl Observer) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        while self.receive(&mut buffer, MsgFlags::MSG_DONTWAIT, observer)? != Batch::Nothing {}
        Ok(())
    }

    fn receive(
        &self,
        buffer: &mut [u8],
        flags: MsgFlags,
        observer: &mut impl Observer,
    ) -> Result<Batch> {
        let length = match recv(self.0.as_raw_fd(), buffer, flags) {
            Ok(length) => length,
            Err(Errno::EAGAIN) => return Ok(Batch::Nothing),
            Err(Errno::EINTR) => return Ok(Batch::Some),
            Err(Errno::ENOBUFS) => {
                bail!("the kernel had to drop notifications: this judge is blind")
            }
            Err(error) => return Err(error).context("receive a notification"),
        };
        let at = clock::now();
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
                .context("decode a notification")?;
            // Messages begin at multiples of four.
            let next = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(next..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::InnerMessage(message) => observer.take(at, message)?,
                NetlinkPayload::Error(error) => {
                    return Err(error.to_io()).context("a dump was refused");
                }
                NetlinkPayload::Done(_) => return Ok(Batch::EndOfDump),
                _ => {}
            }
        }
        Ok(Batch::Some)
    }
}
