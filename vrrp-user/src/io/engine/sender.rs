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

    /// Hands frames to the driver, in order. Returns when all are out or one was refused.
    ///
    /// # Errors
    /// errno of sendmmsg for the first frame that did not leave; those before it did.
    pub(super) fn send<'frame, Frames>(&mut self, frames: Frames) -> Result<(), Errno>
    where
        Frames: IntoIterator<Item = &'frame [u8]>,
    {
        let mut frames = frames.into_iter().peekable();
        while frames.peek().is_some() {
            self.send_batch(frames.by_ref().take(BATCH))?;
        }
        Ok(())
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
        let mut sent = 0;
        while sent < count {
            let (Some(rest), Ok(left)) =
                (messages.get_mut(sent..count), u32::try_from(count - sent))
            else {
                break;
            };
            // SAFETY: `rest` holds `left` headers whose pointers (frames, `pieces`, our address)
            // all outlive the call; the kernel only reads the frames.
            let done =
                unsafe { libc::sendmmsg(self.socket.as_raw_fd(), rest.as_mut_ptr(), left, 0) };
            sent += usize::try_from(Errno::result(done)?).unwrap_or_default();
        }
        Ok(())
    }
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
