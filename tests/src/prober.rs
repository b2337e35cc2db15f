//! The real-time prober: a client that asks the VIP at a fixed rate and notes who answers when.

use std::{
    io::IoSliceMut,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd as _,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::{
    cmsg_space,
    sys::{
        socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt},
        time::TimeSpec,
    },
};

use crate::{
    clock::{self, Nanos},
    echo::PROBE,
    gap::{Answer, Recording},
    netns::Netns,
    realtime,
    worker::{Stop, Worker},
};

/// The port of probes and [`crate::echo`].
pub const PORT: u16 = 7007;

/// So long answers wait in the socket. The kernel has stamped them, and taking them out one by one would
/// cost half as much again, on CPUs that the nodes need.
const BATCH: u64 = 1_000_000;
/// Time that answers to the last probes get.
const GRACE: Duration = Duration::from_millis(20);

/// A running prober.
#[derive(Debug)]
pub struct Prober {
    worker: Worker<Recording>,
    answering: Arc<AtomicU8>,
    heard: Arc<AtomicU64>,
}

impl Prober {
    /// Starts to probe `vip` from a client's namespace, once per `period`, until [`Self::stop`].
    ///
    /// # Errors
    /// If the socket or the thread cannot be made.
    pub fn start(client: &Netns, vip: impl Into<IpAddr>, period: Duration) -> Result<Self> {
        let vip = SocketAddr::new(vip.into(), PORT);
        let answering = Arc::new(AtomicU8::new(0));
        let heard = Arc::new(AtomicU64::new(0));
        let (shown, noted) = (Arc::clone(&answering), Arc::clone(&heard));
        let worker = Worker::start(client, "prober", move |stop| {
            let any: IpAddr = match vip {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            let socket = UdpSocket::bind((any, 0))?;
            socket.set_nonblocking(true)?;
            setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
            setsockopt(&socket, sockopt::RcvBufForce, &(4 << 20))?;
            realtime::become_fifo(realtime::JUDGE)?;
            Loop {
                socket,
                vip,
                period: clock::span_nanos(period),
                recording: Recording::default(),
                answering: shown,
                heard: noted,
            }
            .run(stop)
        })?;
        Ok(Self {
            worker,
            answering,
            heard,
        })
    }

    /// The router of the latest answer; 0 before the first.
    #[must_use]
    pub fn answering(&self) -> u8 {
        self.answering.load(Ordering::Relaxed)
    }

    /// When the latest answer arrived; 0 before the first.
    #[must_use]
    pub fn heard(&self) -> Nanos {
        self.heard.load(Ordering::Relaxed)
    }

    /// Ends the probing, waits for answers on their way, and returns the recording.
    ///
    /// # Errors
    /// What made the prober fail.
    pub fn stop(self) -> Result<Recording> {
        self.worker.finish()
    }
}

struct Loop {
    socket: UdpSocket,
    vip: SocketAddr,
    period: u64,
    recording: Recording,
    answering: Arc<AtomicU8>,
    heard: Arc<AtomicU64>,
}

impl Loop {
    fn run(mut self, stop: &Stop) -> Result<Recording> {
        let mut next = clock::now() + self.period;
        let mut received = 0;
        while stop.is_awaited() {
            clock::sleep_until(next);
            let now = clock::now();
            let late = now.saturating_sub(next);
            self.recording.worst_lateness = self.recording.worst_lateness.max(late);
            self.send(now)?;
            if now >= received + BATCH {
                self.receive()?;
                received = now;
            }
            // Probes missed by a stall are not sent in a burst: they would all ask about one moment.
            next += self.period * (1 + late / self.period);
        }
        clock::sleep(GRACE);
        self.receive()?;
        Ok(self.recording)
    }

    fn send(&mut self, now: Nanos) -> Result<()> {
        let number = u32::try_from(self.recording.sent.len()).context("too many probes")?;
        let probe: [u8; PROBE] = number.to_le_bytes();
        self.recording.sent.push(now);
        // An unreachable VIP is what this measures: the probe counts as lost.
        drop(self.socket.send_to(&probe, self.vip));
        Ok(())
    }

    fn receive(&mut self) -> Result<()> {
        let offset = clock::realtime_offset();
        while let Some((answer, stamp)) = receive_one(&self.socket)? {
            let [a, b, c, d, router] = answer;
            let received = clock::from_realtime(stamp, offset);
            self.recording.answers.push(Answer {
                probe: u32::from_le_bytes([a, b, c, d]),
                received,
                router,
            });
            self.heard.store(received, Ordering::Relaxed);
            self.answering.store(router, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The next answer with the kernel's stamp of its arrival.
fn receive_one(socket: &UdpSocket) -> Result<Option<([u8; PROBE + 1], TimeSpec)>> {
    let mut answer = [0; PROBE + 1];
    let mut control = cmsg_space!(TimeSpec);
    loop {
        let mut slices = [IoSliceMut::new(&mut answer)];
        let message = match recvmsg::<()>(
            socket.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::empty(),
        ) {
            Ok(message) => message,
            Err(nix::errno::Errno::EAGAIN) => return Ok(None),
            Err(error) => return Err(error).context("receive an answer"),
        };
        let whole = message.bytes == PROBE + 1;
        let stamp = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
            _ => None,
        });
        if let (true, Some(stamp)) = (whole, stamp) {
            return Ok(Some((answer, stamp)));
        }
    }
}
