//! Sends one frame over and over from one CPU, and tells how much time of that CPU went by. A veth
//! hands frames to its peer on the CPU that sends, so everything that becomes of a frame until it is
//! counted is done there, too.

use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::{
    errno::Errno,
    sched::{CpuSet, sched_setaffinity},
    sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike as _,
    },
    unistd::Pid,
};
use vrrp_tests::{
    clock::{self, Nanos},
    netns::Netns,
    packet::PacketSocket,
};

/// The CPU that sends.
const CPU: usize = 0;
/// Frames per system call.
const BURST: usize = 32;
/// One who needs this many times longer than the rate asks for does not keep up with it.
const LATE: f64 = 1.02;

/// Moves the calling thread to the measuring CPU.
pub(crate) fn pin() -> Result<()> {
    let mut only = CpuSet::new();
    only.set(CPU)?;
    sched_setaffinity(Pid::from_raw(0), &only).context("pin the measuring thread")
}

/// What was sent, and at what expense.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// Frames that were offered to the interface.
    pub(crate) frames: u64,
    /// How long it took.
    pub(crate) span: Duration,
    /// Time of the sending CPU that was neither idle nor another process' own: interrupts and system
    /// calls of that CPU, and what the sender itself computed.
    pub(crate) cpu: Duration,
}

/// Who sends from an interface. The socket stays open from one trial to the next: to close one takes the
/// kernel a grace period of RCU.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: PacketSocket,
}

impl Sender {
    /// Opens an interface of `netns`.
    pub(crate) fn open(netns: &Netns, interface: &str) -> Result<Self> {
        let socket = netns.run(|| PacketSocket::sending(interface))?;
        Ok(Self { socket })
    }

    /// Sends one frame.
    pub(crate) fn send_one(&self, frame: &[u8]) -> Result<()> {
        Ok(self.socket.send(frame)?)
    }

    /// Sends `frame` as fast as it can.
    pub(crate) fn flood(&self, frame: &[u8], span: Duration) -> Result<Sent> {
        self.transmit(frame, u64::MAX, |started, _| {
            (clock::now() - started < clock::span_nanos(span)).then_some(0)
        })
    }

    /// Sends for `span`, evenly at `rate` per second, in small bursts. One who is late catches up; `None`
    /// if the sender does not keep up, as soon as that shows.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a trial has some 100,000 frames and takes less than a second"
    )]
    pub(crate) fn pace(&self, frame: &[u8], rate: f64, span: Duration) -> Result<Option<Sent>> {
        let limit = span.mul_f64(LATE);
        let frames = ((rate * span.as_secs_f64()) as u64).max(1);
        let sent = self.transmit(frame, frames, |started, sent| {
            let due = (sent as f64 / rate * 1e9) as u64;
            let in_time = clock::now() - started < clock::span_nanos(limit);
            in_time.then_some(started + due)
        })?;
        Ok(Some(sent).filter(|sent| sent.frames == frames && sent.span <= limit))
    }

    /// Sends up to `most` frames on the measuring CPU. `due` tells when the burst after so many frames is
    /// to leave, or that there is to be none.
    fn transmit(
        &self,
        frame: &[u8],
        most: u64,
        due: impl Fn(Nanos, u64) -> Option<Nanos> + Sync,
    ) -> Result<Sent> {
        let transmit = || {
            pin()?;
            let before = cpu_time()?;
            let started = clock::now();
            let mut frames = 0;
            while frames < most {
                let Some(due) = due(started, frames) else {
                    break;
                };
                while clock::now() < due {
                    std::hint::spin_loop();
                }
                let burst = BURST.min(usize::try_from(most - frames).unwrap_or(BURST));
                frames += send(&self.socket, frame, burst)?;
            }
            let span = Duration::from_nanos(clock::now() - started);
            Ok(Sent {
                frames,
                span,
                cpu: cpu_time()?.saturating_sub(before),
            })
        };
        thread::scope(|scope| scope.spawn(transmit).join())
            .map_err(|_panic| anyhow!("the sending thread panicked"))?
    }
}

/// Offers up to `count` frames; returns how many were, those that the link had no room for included.
fn send(socket: &PacketSocket, frame: &[u8], count: usize) -> Result<u64> {
    let mut slice = libc::iovec {
        iov_base: frame.as_ptr().cast_mut().cast(),
        iov_len: frame.len(),
    };
    // SAFETY: a message header is integers and pointers, for which zero is a value: none.
    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
    message.msg_hdr.msg_iov = &raw mut slice;
    message.msg_hdr.msg_iovlen = 1;
    let mut messages = [message; BURST];
    let count = u32::try_from(count.min(BURST))?;
    // SAFETY: `count` live messages, all of the one live slice, which the kernel only reads.
    let sent =
        unsafe { libc::sendmmsg(socket.as_fd().as_raw_fd(), messages.as_mut_ptr(), count, 0) };
    match u64::try_from(sent) {
        Ok(sent) => Ok(sent),
        Err(_) if Errno::last() == Errno::ENOBUFS => Ok(1),
        Err(_) => Err(io::Error::last_os_error()).context("send"),
    }
}

/// Kernel time of the measuring CPU and user time of the calling thread. Another process' user time
/// does not count, the spinners' least of all; its system calls do.
fn cpu_time() -> Result<Duration> {
    let text = fs::read_to_string("/proc/stat").context("read /proc/stat")?;
    let name = format!("cpu{CPU}");
    let line = text
        .lines()
        .find(|line| line.split_whitespace().next() == Some(&name))
        .context("the CPU is not in /proc/stat")?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .map_while(|word| word.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq
    ensure!(ticks.len() >= 7, "/proc/stat: {line}");
    let kernel = ticks[2] + ticks[5] + ticks[6];
    // A tick is 10 ms on every architecture (USER_HZ).
    let kernel = Duration::from_millis(kernel * 10);
    let user = getrusage(UsageWho::RUSAGE_THREAD)?.user_time();
    let user = u64::try_from(user.num_microseconds()).unwrap_or(0);
    Ok(kernel + Duration::from_micros(user))
}
