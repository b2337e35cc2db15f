//! Frames out: AF_PACKET sockets per interface, with prebuilt frames, past the qdisc if there is room.

use std::{
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt},
};

use super::machine::{Offered, Sent};
use crate::{ids::InterfaceId, io::socket_option, proto::Instant};

/// Frames handed to the kernel per system call.
const BATCH: usize = 32;
/// Announcements per [`SPACING`] and interface: 64,000 a second. A virtual interface keeps 256 frames for
/// the other end, a queue of the kernel a thousand; what comes faster is lost there, or refused.
const ROOM: usize = 64;
/// See [`ROOM`].
const SPACING: Duration = Duration::from_millis(1);
/// The longest that a device without room is left alone.
const PATIENCE: u32 = 64;
/// `TC_PRIO_INTERACTIVE`: ahead of bulk traffic in the queueing discipline.
const PRIORITY: libc::c_int = 6;

/// Sends whole Ethernet frames on one interface. It receives nothing.
#[derive(Debug)]
pub(super) struct FrameSender {
    /// Past the queueing discipline.
    direct: OwnedFd,
    /// Through it, where a frame can wait until the driver has room.
    queued: OwnedFd,
    address: libc::sockaddr_ll,
    room: Room,
}

/// How many announcements an interface may be offered.
#[derive(Clone, Copy, Debug, Default)]
struct Room {
    /// When there are [`ROOM`] again.
    next: Instant,
    /// How many until then.
    left: usize,
    /// How many times in a row there was no room in the device, doubled each time.
    full: u32,
}

impl Room {
    fn at(&mut self, now: Instant) -> usize {
        if now >= self.next {
            self.next = now + SPACING;
            self.left = ROOM;
        }
        self.left
    }

    /// The device took so many.
    fn took(&mut self, taken: usize) {
        self.left = self.left.saturating_sub(taken);
        if taken > 0 {
            self.full = 0;
        }
    }

    /// The device has no room: leaves it alone, for longer each time.
    fn is_full(&mut self, now: Instant) {
        self.full = (self.full * 2).clamp(1, PATIENCE);
        self.left = 0;
        self.next = now + SPACING * self.full;
    }
}

impl FrameSender {
    /// Opens the sockets for an interface.
    ///
    /// # Errors
    /// errno of socket or setsockopt; EPERM without CAP_NET_RAW.
    pub(super) fn open(interface: InterfaceId) -> io::Result<Self> {
        // Protocol 0: the sockets are not attached to the receive path at all.
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let open = || socket(AddressFamily::Packet, SockType::Raw, flags, None);
        let (direct, queued) = (open()?, open()?);
        bypass_qdisc(&direct)?;
        setsockopt(&queued, sockopt::Priority, &PRIORITY)?;
        // SAFETY: sockaddr_ll is plain data, for which all zeroes is a value.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
        address.sll_ifindex = i32::try_from(interface.0).map_err(io::Error::other)?;
        Ok(Self {
            direct,
            queued,
            address,
            room: Room::default(),
        })
    }

    /// Hands frames to the driver, in order; one for which the driver has no room, to the queueing
    /// discipline. One that has no room there either is left out, and the others sent: half an
    /// announcement is better than its beginning alone. After any other refusal none is tried.
    pub(super) fn send<'frame, Frames>(&mut self, frames: Frames) -> Sent
    where
        Frames: IntoIterator<Item = &'frame [u8]>,
    {
        let mut frames = frames.into_iter().peekable();
        let mut sent = Sent::default();
        while frames.peek().is_some() {
            if self
                .send_batch(frames.by_ref().take(BATCH), &mut sent)
                .is_err()
            {
                break;
            }
        }
        // By now the driver may have had room.
        if sent.waiting && !self.is_waiting() {
            sent.waiting = false;
            sent.any = true;
        }
        sent
    }

    /// Offers announcements in order, no more at once than there is room for. The first that is not taken
    /// ends it.
    pub(super) fn offer(&mut self, now: Instant, frames: &[Vec<u8>]) -> Offered {
        let mut offered = Offered::all(0);
        while offered.taken < frames.len() {
            let rest = frames.iter().skip(offered.taken).map(Vec::as_slice);
            let room = self.room.at(now).min(BATCH);
            if room == 0 {
                offered.again = Some(self.room.next);
                break;
            }
            let (taken, refused) = self.batch(rest.take(room), hand_over_in_order);
            offered.taken += taken;
            self.room.took(taken);
            offered.refused = refused;
            match refused {
                None => {}
                Some(Errno::ENOBUFS) => {
                    self.room.is_full(now);
                    offered.again = Some(self.room.next);
                    break;
                }
                Some(_) => break,
            }
        }
        offered
    }

    /// Whether the driver has not yet taken everything that was queued, as far as the kernel tells.
    pub(super) fn is_waiting(&self) -> bool {
        let mut bytes: libc::c_int = 0;
        // SAFETY: the request stores an int, to where we point.
        let asked = unsafe { libc::ioctl(self.queued.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
        asked != 0 || bytes != 0
    }

    fn send_batch<'frame, Frames>(&mut self, frames: Frames, sent: &mut Sent) -> Result<(), Errno>
    where
        Frames: Iterator<Item = &'frame [u8]>,
    {
        self.batch(frames, |count, send| hand_over(count, sent, send))
    }

    /// Prepares frames, [`BATCH`] at most, and has them handed over: `hand_over` gets how many they are,
    /// and what sends those from an index on, [`Way::Queued`] only the one there.
    fn batch<'frame, Frames, Result_>(
        &mut self,
        frames: Frames,
        hand_over: impl FnOnce(usize, &mut dyn FnMut(Way, usize) -> Result<usize, Errno>) -> Result_,
    ) -> Result_
    where
        Frames: Iterator<Item = &'frame [u8]>,
    {
        // SAFETY: iovec and mmsghdr are plain data, for which all zeroes is a value.
        let mut pieces: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        let mut count = 0;
        for ((frame, piece), message) in frames.zip(&mut pieces).zip(&mut messages) {
            piece.iov_base = frame.as_ptr().cast_mut().cast();
            piece.iov_len = frame.len();
            message.msg_hdr.msg_iov = piece;
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_name = (&raw mut self.address).cast();
            message.msg_hdr.msg_namelen = ADDRESS_LENGTH;
            count += 1;
        }
        hand_over(count, &mut |way, frames| {
            let (socket, last) = match way {
                Way::Direct => (&self.direct, count),
                Way::Queued => (&self.queued, frames + 1),
            };
            let (Some(rest), Ok(left)) = (
                messages.get_mut(frames..last),
                u32::try_from(last.saturating_sub(frames)),
            ) else {
                return Err(Errno::EINVAL);
            };
            // SAFETY: `rest` holds `left` headers whose pointers (frames, `pieces`, our address)
            // all outlive the call; the kernel only reads the frames.
            let done = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), left, 0) };
            match Errno::result(done) {
                Ok(done) => Ok(usize::try_from(done).unwrap_or_default()),
                // Frames that the device still holds count for the socket's buffer, and that may be full
                // before the device is.
                Err(Errno::EAGAIN) => Err(Errno::ENOBUFS),
                Err(errno) => Err(errno),
            }
        })
    }
}

/// How a frame gets to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Direct,
    Queued,
}

/// Hands `count` frames over. `send` takes those from an index on, [`Way::Queued`] only the one there,
/// and returns how many left, or why the first did not.
///
/// # Errors
/// What is no matter of room: nothing after it was tried.
fn hand_over<Send>(count: usize, sent: &mut Sent, mut send: Send) -> Result<(), Errno>
where
    Send: FnMut(Way, usize) -> Result<usize, Errno>,
{
    let mut first = 0;
    while first < count {
        let mut way = Way::Direct;
        let mut tried = send(way, first);
        // A busy card's transmit queue is stopped at times: an advert that waits for a moment is worth more
        // than none until the next one is due.
        if tried == Err(Errno::ENOBUFS) {
            way = Way::Queued;
            tried = send(way, first);
        }
        match tried {
            Ok(taken) => {
                match way {
                    Way::Direct => sent.any |= taken > 0,
                    Way::Queued => sent.waiting |= taken > 0,
                }
                first += taken;
            }
            Err(errno) => {
                sent.refused = sent.refused.or(Some(errno));
                if errno != Errno::ENOBUFS {
                    return Err(errno);
                }
                first += 1;
            }
        }
    }
    Ok(())
}

/// As [`hand_over`], but ends at the first frame that is not taken: how many were, and why that one was
/// not.
fn hand_over_in_order(
    count: usize,
    send: &mut dyn FnMut(Way, usize) -> Result<usize, Errno>,
) -> (usize, Option<Errno>) {
    let mut taken = 0;
    while taken < count {
        let mut tried = send(Way::Direct, taken);
        if tried == Err(Errno::ENOBUFS) {
            tried = send(Way::Queued, taken);
        }
        match tried {
            Ok(more) => taken += more,
            Err(errno) => return (taken, Some(errno)),
        }
    }
    (taken, None)
}

#[expect(clippy::cast_possible_truncation, reason = "20 bytes")]
const ADDRESS_LENGTH: libc::socklen_t = size_of::<libc::sockaddr_ll>() as libc::socklen_t;

/// A queueing discipline can hold an advert back behind bulk traffic, or drop it. It also means
/// that our own frames do not pass our egress gate; those that are queued do, which lets the owner send.
fn bypass_qdisc(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    socket_option::set(socket, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, &on)
}

#[cfg(test)]
mod tests;
