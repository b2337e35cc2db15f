//! A TCP service and a client's stream to it: how long does a connection stall, if it survives at
//! all?
//!
//! Both sides send a byte every so often by themselves, and the service echoes what it hears: a
//! stall is seen by the client within a period, and a service on a frozen node keeps sending.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        socket::{
            AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, connect, listen,
            setsockopt, socket, sockopt,
        },
        time::TimeSpec,
    },
};

use crate::{
    clock::{self, Nanos},
    netns::Netns,
    realtime,
    worker::{Stop, Worker},
};

/// The port of the service.
pub const STREAM_PORT: u16 = 7008;

/// How often the service sends a byte by itself.
const SERVICE_PERIOD: Duration = Duration::from_millis(2);
/// After this time without an acknowledgement the service forgets a client, in milliseconds. More
/// than any node is frozen for.
const FORGOTTEN: u32 = 30_000;
/// What each side sends.
const RECORD: [u8; 1] = [0x5e];

/// The service; ends with its connections when dropped.
#[derive(Debug)]
pub struct StreamServer {
    _worker: Worker<()>,
}

impl StreamServer {
    /// Starts to listen on `address`:`port`, whether this host has that address at the moment or
    /// not.
    ///
    /// # Errors
    /// If the socket or the thread cannot be made.
    pub fn start(netns: &Netns, address: Ipv4Addr, port: u16) -> Result<Self> {
        let listener = netns.run(|| listen_freely(SocketAddrV4::new(address, port)))?;
        let worker = Worker::start(netns, "stream-server", move |stop| {
            realtime::become_fifo(realtime::ECHO)?;
            serve(&listener, stop)
        })?;
        Ok(Self { _worker: worker })
    }
}

/// The client's side of a stream.
#[derive(Debug)]
pub struct Stream {
    worker: Worker<StreamRecording>,
    last_heard: Arc<AtomicU64>,
}

impl Stream {
    /// Starts to keep a connection to port [`STREAM_PORT`] of `to`, and to send a byte on it once
    /// per `period`. A connection that breaks is replaced within a period. So is one that nothing
    /// was received from for `patience`, and an attempt to connect that is not answered for so long:
    /// short for a service whose connections do not survive, long for a connection that only passes
    /// the routers and that TCP itself should bring back.
    ///
    /// # Errors
    /// If the thread cannot be made.
    pub fn start(
        client: &Netns,
        to: Ipv4Addr,
        period: Duration,
        patience: Duration,
    ) -> Result<Self> {
        let last_heard = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&last_heard);
        let worker = Worker::start(client, "stream", move |stop| {
            realtime::become_fifo(realtime::ECHO)?;
            let client = Client {
                to: SocketAddrV4::new(to, STREAM_PORT),
                patience: clock::span_nanos(patience),
                connection: None,
                recording: StreamRecording::default(),
                last_heard: shown,
            };
            client.run(clock::span_nanos(period), stop)
        })?;
        Ok(Self { worker, last_heard })
    }

    /// When the latest byte was received; 0 before the first.
    #[must_use]
    pub fn last_heard(&self) -> Nanos {
        self.last_heard.load(Ordering::Relaxed)
    }

    /// Ends the stream and returns what was seen.
    ///
    /// # Errors
    /// What made it fail.
    pub fn stop(self) -> Result<StreamRecording> {
        self.worker.finish()
    }
}

/// What a client saw of its stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamRecording {
    /// When bytes were received, in order; bytes that were read together count once.
    pub received: Vec<Nanos>,
    /// How many connections were established; 1 if the first one lived through everything.
    pub connects: u32,
}

impl StreamRecording {
    /// The longest time without a byte between `from` and `until`: its start and end. Only what
    /// lies between both counts; if nothing was received there, that is all of it.
    #[must_use]
    pub fn longest_stall(&self, from: Nanos, until: Nanos) -> (Nanos, Nanos) {
        let inside = |at: &Nanos| (from..until).contains(at);
        let received = self.received.iter().copied().filter(inside);
        let (mut longest, mut last) = ((from, from), from);
        for at in received.chain([until.max(from)]) {
            if at - last > longest.1 - longest.0 {
                longest = (last, at);
            }
            last = at;
        }
        longest
    }
}

struct Client {
    to: SocketAddrV4,
    patience: u64,
    connection: Option<Connection>,
    recording: StreamRecording,
    last_heard: Arc<AtomicU64>,
}

struct Connection {
    socket: TcpStream,
    established: bool,
    /// When something was received last; before that, when the attempt began.
    heard: Nanos,
}

impl Client {
    fn run(mut self, period: u64, stop: &Stop) -> Result<StreamRecording> {
        let mut next = clock::now();
        while stop.is_awaited() {
            let now = clock::now();
            if now >= next {
                self.tick(now)?;
                next += period * (1 + (now - next) / period);
            }
            self.wait(next)?;
        }
        Ok(self.recording)
    }

    fn tick(&mut self, now: Nanos) -> Result<()> {
        let patience = self.patience;
        let in_vain = |it: &mut Connection| now.saturating_sub(it.heard) > patience;
        if self.connection.take_if(in_vain).is_some() || self.connection.is_none() {
            self.connection = Connection::begin(self.to, now)?;
        } else {
            self.connection.take_if(|it| it.send().is_err());
        }
        Ok(())
    }

    /// Takes what comes until the moment `next`, at most one lot of it.
    fn wait(&mut self, next: Nanos) -> Result<()> {
        let Some(connection) = &mut self.connection else {
            clock::sleep_until(next);
            return Ok(());
        };
        let events = if connection.established {
            PollFlags::POLLIN
        } else {
            PollFlags::POLLOUT
        };
        let mut polled = [PollFd::new(connection.socket.as_fd(), events)];
        if !poll_until(&mut polled, next)? {
            return Ok(());
        }
        let now = clock::now();
        let outcome = if connection.established {
            receive(&mut connection.socket, |_| {
                self.recording.received.push(now);
                self.last_heard.store(now, Ordering::Relaxed);
            })
        } else {
            connection
                .establish()
                .inspect(|()| self.recording.connects += 1)
        };
        match outcome {
            Ok(()) => connection.heard = now,
            // Refused, reset or closed: the next tick connects anew, not at once, lest a host
            // that refuses be asked without a pause.
            Err(_) => self.connection = None,
        }
        Ok(())
    }
}

impl Connection {
    /// Sends a SYN. `None` if there is no way to the service at the moment.
    fn begin(to: SocketAddrV4, now: Nanos) -> Result<Option<Self>> {
        let fd = tcp_socket()?;
        setsockopt(&fd, sockopt::TcpNoDelay, &true)?;
        // Closing it resets it: a connection that was given up leaves no FIN to be repeated.
        let reset = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(&fd, sockopt::Linger, &reset)?;
        let under_way = match connect(fd.as_raw_fd(), &SockaddrIn::from(to)) {
            Ok(()) | Err(Errno::EINPROGRESS) => true,
            Err(_) => false,
        };
        Ok(under_way.then(|| Self {
            socket: TcpStream::from(fd),
            established: false,
            heard: now,
        }))
    }

    fn establish(&mut self) -> io::Result<()> {
        match self.socket.take_error()? {
            Some(error) => Err(error),
            None => {
                self.established = true;
                Ok(())
            }
        }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.established {
            send(&mut self.socket, &RECORD)
        } else {
            Ok(())
        }
    }
}

fn serve(listener: &TcpListener, stop: &Stop) -> Result<()> {
    let period = clock::span_nanos(SERVICE_PERIOD);
    let mut clients: Vec<TcpStream> = Vec::new();
    let mut next = clock::now();
    while stop.is_awaited() {
        let now = clock::now();
        if now >= next {
            clients.retain_mut(|client| send(client, &RECORD).is_ok());
            next += period * (1 + (now - next) / period);
        }
        let mut polled = vec![PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        polled.extend(
            clients
                .iter()
                .map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN)),
        );
        if !poll_until(&mut polled, next)? {
            continue;
        }
        let mut ready = polled
            .iter()
            .map(|it| it.any().unwrap_or(false))
            .collect::<Vec<_>>();
        let calling = ready.remove(0);
        let mut ready = ready.into_iter();
        clients.retain_mut(|client| ready.next() != Some(true) || echo(client).is_ok());
        if calling {
            clients.extend(accept(listener)?);
        }
    }
    Ok(())
}

/// A client that called, unless it has hung up since.
fn accept(listener: &TcpListener) -> Result<Option<TcpStream>> {
    let Ok((client, _)) = listener.accept() else {
        return Ok(None);
    };
    client.set_nonblocking(true)?;
    client.set_nodelay(true)?;
    setsockopt(&client, sockopt::TcpUserTimeout, &FORGOTTEN)?;
    Ok(Some(client))
}

fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut heard = Vec::new();
    receive(client, |bytes| heard.extend_from_slice(bytes))?;
    send(client, &heard)
}

/// Reads all that is there. An error also at the end of the stream.
fn receive(socket: &mut TcpStream, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => each(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Sends what there is room for: who does not take it in is not owed the rest.
fn send(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    match socket.write(bytes) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}

/// Waits for one of them until a moment; whether one is ready.
fn poll_until(polled: &mut [PollFd<'_>], moment: Nanos) -> Result<bool> {
    let left = Duration::from_nanos(moment.saturating_sub(clock::now()));
    match ppoll(polled, Some(TimeSpec::from_duration(left)), None) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(error) => Err(error).context("poll"),
    }
}

fn listen_freely(address: SocketAddrV4) -> Result<TcpListener> {
    let fd = tcp_socket()?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    setsockopt(&fd, sockopt::IpFreebind, &true)?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(address))
        .with_context(|| format!("bind to {address}"))?;
    listen(&fd, Backlog::new(64)?)?;
    Ok(TcpListener::from(fd))
}

fn tcp_socket() -> nix::Result<OwnedFd> {
    socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(received: &[Nanos]) -> StreamRecording {
        StreamRecording {
            received: received.to_vec(),
            connects: 1,
        }
    }

    #[test]
    fn the_longest_stall_is_between_two_bytes() {
        let seen = recording(&[10, 11, 12, 40, 41, 60, 61]);
        assert_eq!(seen.longest_stall(10, 62), (12, 40));
        assert_eq!(seen.longest_stall(40, 62), (41, 60));
    }

    #[test]
    fn a_window_cuts_stalls_off() {
        let seen = recording(&[10, 50, 90]);
        assert_eq!(seen.longest_stall(45, 70), (50, 70));
        assert_eq!(seen.longest_stall(20, 60), (20, 50));
        assert_eq!(seen.longest_stall(60, 80), (60, 80));
    }

    #[test]
    fn silence_before_the_first_and_after_the_last_byte_is_a_stall() {
        let seen = recording(&[10, 11]);
        assert_eq!(seen.longest_stall(0, 12), (0, 10));
        assert_eq!(seen.longest_stall(9, 100), (11, 100));
        assert_eq!(recording(&[]).longest_stall(5, 8), (5, 8));
    }

    #[test]
    fn a_window_without_time_has_no_stall() {
        assert_eq!(recording(&[10]).longest_stall(10, 10), (10, 10));
        assert_eq!(recording(&[10]).longest_stall(12, 5), (12, 12));
    }
}
