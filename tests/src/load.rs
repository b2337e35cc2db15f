//! What keeps a machine busy: loops that want every CPU, and a flood of packets. Bounded, and gone
//! when dropped.

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Result, anyhow};

use crate::{
    clock,
    netns::Netns,
    realtime,
    worker::{Stop, Worker},
};

/// Busy loops of ordinary priority.
#[derive(Debug)]
pub struct Hogs {
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

impl Hogs {
    /// Starts `count` of them; each ends by itself after `limit`.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(count: usize, limit: Duration) -> Result<Self> {
        let stop = Stop::default();
        let deadline = clock::now() + clock::span_nanos(limit);
        let threads = (0..count)
            .map(|number| {
                let stop = stop.clone();
                let spin = move || {
                    // Whoever starts hogs may be real-time itself, and hogs must not be.
                    if realtime::become_other().is_ok() {
                        while stop.is_awaited() && clock::now() < deadline {}
                    }
                };
                thread::Builder::new()
                    .name(format!("hog-{number}"))
                    .spawn(spin)
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { stop, threads })
    }
}

/// Busy loops of SCHED_FIFO, one on each CPU. Ordinary work gets what the kernel keeps for it, 50 ms of
/// each second by default.
#[derive(Debug)]
pub struct FifoHogs {
    threads: Vec<JoinHandle<Result<()>>>,
}

impl FifoHogs {
    /// Starts them; each ends by itself after `limit`, and not before: nobody would get the CPU to end it.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(priority: i32, limit: Duration) -> Result<Self> {
        let deadline = clock::now() + clock::span_nanos(limit);
        let threads = (0..thread::available_parallelism()?.get())
            .map(|cpu| {
                let spin = move || {
                    realtime::become_fifo_on(cpu, priority)?;
                    while clock::now() < deadline {}
                    Ok(())
                };
                thread::Builder::new()
                    .name(format!("fifo-hog-{cpu}"))
                    .spawn(spin)
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { threads })
    }

    /// Waits for their end.
    ///
    /// # Errors
    /// If one was refused its priority.
    pub fn wait(self) -> Result<()> {
        for thread in self.threads {
            thread.join().map_err(|_panic| anyhow!("a hog died"))??;
        }
        Ok(())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        self.stop.now();
        for thread in self.threads.drain(..) {
            // A hog has nothing to say.
            drop(thread.join());
        }
    }
}

/// A flood of small UDP packets.
#[derive(Debug)]
pub struct Flood {
    sent: Arc<AtomicU64>,
    _worker: Worker<()>,
}

impl Flood {
    /// Sends to `target`, port 9, from a host as fast as one ordinary thread can: at most `packets`,
    /// for at most `limit`.
    ///
    /// # Errors
    /// If the socket or the thread cannot be made.
    pub fn start(from: &Netns, target: Ipv4Addr, packets: u64, limit: Duration) -> Result<Self> {
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let deadline = clock::now() + clock::span_nanos(limit);
        let worker = Worker::start(from, "flood", move |stop| {
            realtime::become_other()?;
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            let target = SocketAddrV4::new(target, 9);
            let mut left = packets;
            while left > 0 && stop.is_awaited() && clock::now() < deadline {
                // Full queues and absent targets are what a flood meets.
                if socket.send_to(&[0; 18], target).is_ok() {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                left -= 1;
            }
            Ok(())
        })?;
        Ok(Self {
            sent,
            _worker: worker,
        })
    }

    /// Packets sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}
