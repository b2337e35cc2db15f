//! A raw socket (AF_PACKET) that stamps what it receives.

use std::{
    io::{self, IoSliceMut},
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::{
    cmsg_space,
    errno::Errno,
    net::if_::if_nametoindex,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        socket::{ControlMessageOwned, LinkAddr, MsgFlags, recvmsg, setsockopt, sockopt},
        time::TimeSpec,
    },
};

use crate::clock::{self, Nanos};

/// Longer frames are cut: everything the judges decode is at the front.
const SNAP: usize = 256;

/// A filter in classic BPF: `(code, jump if true, jump if false, operand)`.
type Instruction = (u16, u8, u8, u32);

const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF: u16 = 0x28;
const JUMP_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Lets ARP pass.
pub(crate) const ONLY_ARP: &[Instruction] = &[
    (LOAD_HALF, 0, 0, 12),
    (JUMP_EQUAL, 0, 1, 0x0806),
    (RETURN, 0, 0, 0xffff),
    (RETURN, 0, 0, 0),
];

/// Lets ARP and VRRP over IPv4 pass.
pub(crate) const ARP_AND_VRRP: &[Instruction] = &[
    (LOAD_HALF, 0, 0, 12),
    (JUMP_EQUAL, 3, 0, 0x0806),
    (JUMP_EQUAL, 0, 3, 0x0800),
    (LOAD_BYTE, 0, 0, 23),
    (JUMP_EQUAL, 0, 1, 112),
    (RETURN, 0, 0, 0xffff),
    (RETURN, 0, 0, 0),
];

/// A received frame.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// When the kernel received it.
    pub(crate) at: Nanos,
    /// Index of the interface that received it.
    pub(crate) interface: u32,
    /// Its first bytes, from the Ethernet header on.
    pub(crate) frame: Vec<u8>,
}

/// A raw socket in the calling thread's namespace. Frames that leave this host are not received.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    fd: OwnedFd,
}

impl PacketSocket {
    /// Receives what passes `filter`, on one interface or on all.
    pub(crate) fn open(interface: Option<&str>, filter: &[Instruction]) -> Result<Self> {
        // Protocol 0: nothing arrives before the filter is in place.
        // SAFETY: socket(2) takes three integers and returns a new descriptor or -1.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error()).context("open a packet socket");
        }
        // SAFETY: the kernel just gave this descriptor to us; nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        setsockopt(&fd, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&fd, sockopt::RcvBufForce, &(8 << 20))?;
        attach_filter(&fd, filter)?;
        ignore_outgoing(&fd)?;
        let index = interface.map_or(Ok(0), if_nametoindex)?;
        bind(&fd, index)?;
        Ok(Self { fd })
    }

    /// Sends a whole frame on the interface it was opened for.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        nix::unistd::write(&self.fd, frame)
            .map(drop)
            .map_err(io::Error::from)
    }

    /// Waits for something to receive.
    pub(crate) fn wait(&self, limit: Duration) -> Result<()> {
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, limit) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error).context("poll a packet socket"),
        }
    }

    /// Takes everything that has arrived.
    pub(crate) fn drain(&self, mut each: impl FnMut(Received)) -> Result<()> {
        let offset = clock::realtime_offset();
        let mut buffer = [0; SNAP];
        let mut control = cmsg_space!(TimeSpec);
        loop {
            let mut slices = [IoSliceMut::new(&mut buffer)];
            let message = match recvmsg::<LinkAddr>(
                self.fd.as_raw_fd(),
                &mut slices,
                Some(&mut control),
                MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(message) => message,
                // The interface went down: what it receives when it is up again still counts.
                Err(Errno::ENETDOWN) => continue,
                Err(Errno::EAGAIN) => return Ok(()),
                Err(error) => return Err(error).context("receive a frame"),
            };
            let stamp = message.cmsgs()?.find_map(|control| match control {
                ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
                _ => None,
            });
            let interface = message.address.map_or(0, |from| from.ifindex());
            let length = message.bytes;
            if let Some(stamp) = stamp {
                each(Received {
                    at: clock::from_realtime(stamp, offset),
                    interface: u32::try_from(interface).unwrap_or(0),
                    frame: buffer[..length].to_vec(),
                });
            }
        }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn attach_filter(fd: &OwnedFd, filter: &[Instruction]) -> Result<()> {
    let mut instructions: Vec<_> = filter
        .iter()
        .map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k })
        .collect();
    let program = libc::sock_fprog {
        len: u16::try_from(instructions.len())?,
        filter: instructions.as_mut_ptr(),
    };
    set_option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program).context("SO_ATTACH_FILTER")
}

fn ignore_outgoing(fd: &OwnedFd) -> Result<()> {
    const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
    let on: libc::c_int = 1;
    set_option(fd, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, &on).context("PACKET_IGNORE_OUTGOING")
}

fn bind(fd: &OwnedFd, interface: u32) -> Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET)?,
        sll_protocol: u16::try_from(libc::ETH_P_ALL)?.to_be(),
        sll_ifindex: i32::try_from(interface)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: a live sockaddr_ll and its size.
    let bound = unsafe {
        libc::bind(
            fd.as_raw_fd(),
            (&raw const address).cast(),
            u32::try_from(size_of_val(&address))?,
        )
    };
    if bound == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error()).context("bind a packet socket")
    }
}

fn set_option<T>(fd: &OwnedFd, level: i32, option: i32, value: &T) -> io::Result<()> {
    // SAFETY: a live value of the option's own type and its size; pointers in it outlive the call.
    let set = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            u32::try_from(size_of::<T>()).unwrap_or(0),
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
