//! A raw socket (AF_PACKET): sends any frame, and stamps what it receives.

use std::{
    io::{self, IoSliceMut},
    net::Ipv4Addr,
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

/// The longest frame: an advert is read to the last of its addresses.
const SNAP: usize = 1514;

/// A filter in classic BPF: `(code, jump if true, jump if false, operand)`.
pub type Instruction = (u16, u8, u8, u32);

const JUMP: u16 = 0x05;
const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF: u16 = 0x28;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_EQUAL_X: u16 = 0x1d;
const LOAD_WORD: u16 = 0x20;
const RETURN: u16 = 0x06;
const TO_X: u16 = 0x07;

/// What a filter looks at: the load, where, and the value that lets a frame pass.
pub type Field = (u16, u32, u32);

/// A byte of a frame.
#[must_use]
pub const fn byte(at: u32, value: u32) -> Field {
    (LOAD_BYTE, at, value)
}

/// Two bytes of a frame.
#[must_use]
pub const fn half(at: u32, value: u32) -> Field {
    (LOAD_HALF, at, value)
}

/// Four bytes of a frame.
#[must_use]
pub const fn word(at: u32, value: u32) -> Field {
    (LOAD_WORD, at, value)
}

/// Lets frames pass that have all of these.
#[must_use]
pub const fn only([a, b, c]: [Field; 3]) -> [Instruction; 8] {
    [
        (a.0, 0, 0, a.1),
        (JUMP_EQUAL, 0, 5, a.2),
        (b.0, 0, 0, b.1),
        (JUMP_EQUAL, 0, 3, b.2),
        (c.0, 0, 0, c.1),
        (JUMP_EQUAL, 0, 1, c.2),
        (RETURN, 0, 0, 0xffff),
        (RETURN, 0, 0, 0),
    ]
}

/// Lets ICMPv6 messages of a type pass, right behind the IPv6 header.
#[must_use]
pub const fn only_icmpv6(kind: u32) -> [Instruction; 8] {
    only([half(12, 0x86dd), byte(20, 58), byte(54, kind)])
}

/// Lets ARP pass.
pub const ONLY_ARP: &[Instruction] = &[
    (LOAD_HALF, 0, 0, 12),
    (JUMP_EQUAL, 0, 1, 0x0806),
    (RETURN, 0, 0, 0xffff),
    (RETURN, 0, 0, 0),
];

/// Lets Neighbour Advertisements pass.
pub const ONLY_NEIGHBOUR_ADVERTISEMENTS: &[Instruction] = &only_icmpv6(136);

/// Lets ICMP redirects pass, behind an IP header without options.
pub const ONLY_REDIRECTS: &[Instruction] = &only([half(12, 0x0800), byte(23, 1), byte(34, 5)]);

/// Lets ICMPv6 redirects pass.
pub const ONLY_REDIRECTS_V6: &[Instruction] = &only_icmpv6(137);

/// Lets VRRP pass, ARP whose sender and target address are one, and Neighbour Advertisements to a
/// group: ordinary questions and answers would wake a capture a thousand times a second.
pub const ANNOUNCEMENTS_AND_VRRP: &[Instruction] = &[
    (LOAD_HALF, 0, 0, 12),
    (JUMP_EQUAL, 0, 4, 0x0806),
    (LOAD_WORD, 0, 0, 28),
    (TO_X, 0, 0, 0),
    (LOAD_WORD, 0, 0, 38),
    (JUMP_EQUAL_X, 11, 12, 0),
    (JUMP_EQUAL, 0, 2, 0x0800),
    (LOAD_BYTE, 0, 0, 23),
    (JUMP_EQUAL, 8, 9, 112),
    (JUMP_EQUAL, 0, 8, 0x86dd),
    (LOAD_BYTE, 0, 0, 20),
    (JUMP_EQUAL, 5, 0, 112),
    (JUMP_EQUAL, 0, 5, 58),
    (LOAD_BYTE, 0, 0, 54),
    (JUMP_EQUAL, 0, 3, 136),
    (LOAD_BYTE, 0, 0, 38),
    (JUMP_EQUAL, 0, 1, 0xff),
    (RETURN, 0, 0, 0xffff),
    (RETURN, 0, 0, 0),
];

/// Lets every frame pass that claims a virtual router: a virtual MAC as its source (00:00:5e:00:01:xx
/// or 00:00:5e:00:02:xx), IPv4 from one of `vips`, ARP whose sender is one of them.
///
/// # Errors
/// With more addresses than a jump reaches over, some 240.
pub fn claims_of(vips: &[Ipv4Addr]) -> Result<Vec<Instruction>> {
    let count = u8::try_from(vips.len())?;
    // From the first of the two MAC checks to the last instruction, which accepts.
    let accept = count
        .checked_add(8)
        .context("too many addresses for one filter")?;
    let mut filter = vec![
        (LOAD_WORD, 0, 0, 6),
        (JUMP_EQUAL, 0, 3, 0x0000_5e00),
        (LOAD_BYTE, 0, 0, 10),
        (JUMP_EQUAL, accept, 0, 1),
        (JUMP_EQUAL, accept - 1, 0, 2),
        (LOAD_HALF, 0, 0, 12),
        (JUMP_EQUAL, 0, 2, 0x0800),
        (LOAD_WORD, 0, 0, 26),
        (JUMP, 0, 0, 2),
        (JUMP_EQUAL, 0, count + 1, 0x0806),
        (LOAD_WORD, 0, 0, 28),
    ];
    filter.extend(
        (1..=count)
            .rev()
            .zip(vips)
            .map(|(to_accept, vip)| (JUMP_EQUAL, to_accept, 0, vip.to_bits())),
    );
    filter.extend([(RETURN, 0, 0, 0), (RETURN, 0, 0, 0xffff)]);
    Ok(filter)
}

/// A received frame.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// When the kernel received it.
    pub at: Nanos,
    /// Index of the interface that received it.
    pub interface: u32,
    /// Its first bytes, from the Ethernet header on.
    pub frame: &'a [u8],
}

/// A raw socket in the calling thread's namespace. Frames that leave this host are not received.
#[derive(Debug)]
pub struct PacketSocket {
    fd: OwnedFd,
}

impl PacketSocket {
    /// Receives what passes `filter`, on one interface or on all.
    ///
    /// # Errors
    /// Without privilege, or if there is no such interface.
    pub fn open(interface: Option<&str>, filter: &[Instruction]) -> Result<Self> {
        let fd = deaf_socket()?;
        setsockopt(&fd, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&fd, sockopt::RcvBufForce, &(8 << 20))?;
        attach_filter(&fd, filter)?;
        ignore_outgoing(&fd)?;
        let index = interface.map_or(Ok(0), if_nametoindex)?;
        bind(&fd, index, libc::ETH_P_ALL)?;
        Ok(Self { fd })
    }

    /// Counts what passes `filter` on an interface, see [`Self::count`], and keeps none of it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn counting(interface: &str, filter: &[Instruction]) -> Result<Self> {
        let fd = deaf_socket()?;
        setsockopt(&fd, sockopt::RcvBuf, &1)?;
        attach_filter(&fd, filter)?;
        ignore_outgoing(&fd)?;
        bind(&fd, if_nametoindex(interface)?, libc::ETH_P_ALL)?;
        Ok(Self { fd })
    }

    /// Sends on an interface and receives nothing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn sending(interface: &str) -> Result<Self> {
        let fd = deaf_socket()?;
        bind(&fd, if_nametoindex(interface)?, 0)?;
        Ok(Self { fd })
    }

    /// Sends a whole frame on the interface it was opened for.
    ///
    /// # Errors
    /// If the interface is down, mostly.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        nix::unistd::write(&self.fd, frame)
            .map(drop)
            .map_err(io::Error::from)
    }

    /// Waits for something to receive.
    ///
    /// # Errors
    /// If the kernel cannot wait.
    pub fn wait(&self, limit: Duration) -> Result<()> {
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, limit) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error).context("poll a packet socket"),
        }
    }

    /// How many frames the kernel had to drop because nobody took them in time, since this was asked
    /// last.
    ///
    /// # Errors
    /// If the kernel does not know.
    pub fn dropped(&self) -> Result<u64> {
        Ok(self.statistics()?.tp_drops.into())
    }

    /// How many frames passed the filter since this or [`Self::dropped`] was asked last, those included
    /// for which there was no room.
    ///
    /// # Errors
    /// If the kernel does not know.
    pub fn count(&self) -> Result<u64> {
        Ok(self.statistics()?.tp_packets.into())
    }

    fn statistics(&self) -> Result<libc::tpacket_stats> {
        let mut statistics = libc::tpacket_stats {
            tp_packets: 0,
            tp_drops: 0,
        };
        let mut length = libc::socklen_t::try_from(size_of_val(&statistics))?;
        // SAFETY: the option's own type, alive, and its size.
        let got = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut statistics).cast(),
                &raw mut length,
            )
        };
        if got == 0 {
            Ok(statistics)
        } else {
            Err(io::Error::last_os_error()).context("PACKET_STATISTICS")
        }
    }

    /// Takes everything that has arrived.
    ///
    /// # Errors
    /// If the interface is gone.
    pub fn drain(&self, mut each: impl FnMut(Received<'_>)) -> Result<()> {
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
                    frame: &buffer[..length],
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

/// A packet socket that receives nothing before it is bound to a protocol: no frame comes before the
/// filter is in place.
fn deaf_socket() -> Result<OwnedFd> {
    // SAFETY: socket(2) takes three integers and returns a new descriptor or -1.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error()).context("open a packet socket");
    }
    // SAFETY: the kernel just gave this descriptor to us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
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

fn bind(fd: &OwnedFd, interface: u32, protocol: libc::c_int) -> Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET)?,
        sll_protocol: u16::try_from(protocol)?.to_be(),
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
