//! Frames out: an AF_PACKET socket per interface, past the qdisc, with prebuilt frames.

use std::{
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};

/// Frames handed to the kernel per system call.
const BATCH: usize = 32;

/// Sends whole Ethernet frames on one interface. It receives nothing.
#[derive(Debug)]
pub(super) struct FrameSender {
    socket: OwnedFd,
    address: libc::sockaddr_ll,
}

impl FrameSender {
    /// Opens a socket for an interface.
    ///
    /// # Errors
    /// errno of socket or setsockopt; EPERM without CAP_NET_RAW.
    pub(super) fn open(ifindex: u32) -> io::Result<Self> {
        // Protocol 0: the socket is not attached to the receive path at all.
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        bypass_qdisc(&socket)?;
        // SAFETY: sockaddr_ll is plain data, for which all zeroes is a value.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
        address.sll_ifindex = i32::try_from(ifindex).map_err(io::Error::other)?;
        Ok(Self { socket, address })
    }

    /// Hands frames to the driver, in order. A frame for which the driver has no room is left out,
    /// and the others sent: half an announcement is better than its beginning alone.
    ///
    /// # Errors
    /// errno of sendmmsg for a frame that did not leave. With anything but ENOBUFS neither did those
    /// after it.
    pub(super) fn send<'frame, Frames>(&mut self, frames: Frames) -> Result<(), Errno>
    where
        Frames: IntoIterator<Item = &'frame [u8]>,
    {
        let mut frames = frames.into_iter().peekable();
        let mut result = Ok(());
        while frames.peek().is_some() {
            match self.send_batch(frames.by_ref().take(BATCH)) {
                Err(errno) if errno != Errno::ENOBUFS => return Err(errno),
                sent => result = result.and(sent),
            }
        }
        result
    }

    fn send_batch<'frame, Frames>(&mut self, frames: Frames) -> Result<(), Errno>
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
        hand_over(count, |first| {
            let (Some(rest), Ok(left)) =
                (messages.get_mut(first..count), u32::try_from(count - first))
            else {
                return Err(Errno::EINVAL);
            };
            // SAFETY: `rest` holds `left` headers whose pointers (frames, `pieces`, our address)
            // all outlive the call; the kernel only reads the frames.
            let done =
                unsafe { libc::sendmmsg(self.socket.as_raw_fd(), rest.as_mut_ptr(), left, 0) };
            let done = Errno::result(done)?;
            Ok(usize::try_from(done).unwrap_or_default())
        })
    }
}

/// Hands `count` frames over. `send` takes those from an index on and returns how many left, or why
/// the first did not.
fn hand_over<Send>(count: usize, mut send: Send) -> Result<(), Errno>
where
    Send: FnMut(usize) -> Result<usize, Errno>,
{
    let mut result = Ok(());
    let mut first = 0;
    while first < count {
        match send(first) {
            Ok(sent) => first += sent,
            Err(Errno::ENOBUFS) => {
                result = Err(Errno::ENOBUFS);
                first += 1;
            }
            Err(errno) => return Err(errno),
        }
    }
    result
}

#[expect(clippy::cast_possible_truncation, reason = "20 bytes")]
const ADDRESS_LENGTH: libc::socklen_t = size_of::<libc::sockaddr_ll>() as libc::socklen_t;

/// A queueing discipline can hold an advert back behind bulk traffic, or drop it. It also means
/// that our own frames do not pass our egress gate.
fn bypass_qdisc(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int, which is what we point at, for the length that we give.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_QDISC_BYPASS,
            (&raw const on).cast(),
            INT_LENGTH,
        )
    };
    Errno::result(result).map(drop).map_err(Into::into)
}

#[expect(clippy::cast_possible_truncation, reason = "4 bytes")]
const INT_LENGTH: libc::socklen_t = size_of::<libc::c_int>() as libc::socklen_t;

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends four frames to a driver that refuses some; returns what left.
    fn sent(refuse: impl Fn(usize) -> Option<Errno>) -> (Vec<usize>, Result<(), Errno>) {
        let mut left = Vec::new();
        let result = hand_over(4, |first| {
            if let Some(errno) = refuse(first) {
                return Err(errno);
            }
            left.extend((first..4).take_while(|frame| refuse(*frame).is_none()));
            Ok(left.last().map_or(0, |last| last + 1 - first))
        });
        (left, result)
    }

    #[test]
    fn frame_without_room_costs_only_itself() {
        let full = |frame| (frame == 0 || frame == 2).then_some(Errno::ENOBUFS);
        assert_eq!(sent(full), (vec![1, 3], Err(Errno::ENOBUFS)));
        assert_eq!(sent(|_| None), (vec![0, 1, 2, 3], Ok(())));
    }

    #[test]
    fn interface_that_is_down_ends_it() {
        let down = |frame| (frame >= 1).then_some(Errno::ENETDOWN);
        assert_eq!(sent(down), (vec![0], Err(Errno::ENETDOWN)));
    }
}
