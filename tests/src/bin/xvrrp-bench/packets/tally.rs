//! Counts frames that arrive and match a filter. The kernel counts them at the packet socket, full or
//! not, so nobody has to read them: the count costs little and misses none.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use nix::{
    net::if_::if_nametoindex,
    sys::socket::{setsockopt, sockopt},
};
use vrrp_tests::{netns::Netns, packet::Instruction};

const PACKET_STATISTICS: libc::c_int = 6;
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;

/// `(code, jump if true, jump if false, operand)` of classic BPF: a half, a byte, a word, a test.
const HALF: u16 = 0x28;
const BYTE: u16 = 0x30;
const WORD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// ARP replies whose sender is this address.
pub(crate) fn answers_of(address: [u8; 4]) -> [Instruction; 8] {
    [
        (HALF, 0, 0, 12),
        (EQUAL, 0, 5, 0x0806),
        (HALF, 0, 0, 20),
        (EQUAL, 0, 3, 2),
        (WORD, 0, 0, 28),
        (EQUAL, 0, 1, u32::from_be_bytes(address)),
        (RETURN, 0, 0, 1),
        (RETURN, 0, 0, 0),
    ]
}

/// UDP to this address.
pub(crate) fn udp_to(address: [u8; 4]) -> [Instruction; 8] {
    [
        (HALF, 0, 0, 12),
        (EQUAL, 0, 5, 0x0800),
        (BYTE, 0, 0, 23),
        (EQUAL, 0, 3, 17),
        (WORD, 0, 0, 30),
        (EQUAL, 0, 1, u32::from_be_bytes(address)),
        (RETURN, 0, 0, 1),
        (RETURN, 0, 0, 0),
    ]
}

/// A count, from when it was opened.
#[derive(Debug)]
pub(crate) struct Tally {
    fd: OwnedFd,
}

impl Tally {
    /// Counts what arrives on an interface.
    pub(crate) fn open(netns: &Netns, interface: &str, filter: &[Instruction]) -> Result<Self> {
        let fd = netns.run(|| {
            // Protocol 0: nothing arrives before the filter is in place.
            let fd = packet_socket()?;
            attach(&fd, filter)?;
            setsockopt(&fd, sockopt::RcvBuf, &1)?;
            let on: libc::c_int = 1;
            set(&fd, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, &on)?;
            bind(&fd, interface, libc::ETH_P_ALL)?;
            Ok(fd)
        })?;
        Ok(Self { fd })
    }

    /// How many since the last time.
    pub(crate) fn take(&self) -> Result<u64> {
        // `struct tpacket_stats`: all that passed the filter, and those of them that found no room.
        let mut counts = [0_u32; 2];
        let mut length = u32::try_from(size_of_val(&counts))?;
        // SAFETY: a live buffer of the stated size, and its size.
        let got = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                PACKET_STATISTICS,
                (&raw mut counts).cast(),
                &raw mut length,
            )
        };
        if got != 0 {
            return Err(io::Error::last_os_error()).context("PACKET_STATISTICS");
        }
        Ok(counts[0].into())
    }
}

/// A packet socket of the calling thread's namespace that receives nothing.
pub(crate) fn packet_socket() -> Result<OwnedFd> {
    // SAFETY: socket(2) takes three integers and returns a new descriptor or -1.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error()).context("open a packet socket");
    }
    // SAFETY: the kernel just gave this descriptor to us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Binds a packet socket to an interface; it receives this protocol, or nothing with 0.
pub(crate) fn bind(fd: &OwnedFd, interface: &str, protocol: libc::c_int) -> Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET)?,
        sll_protocol: u16::try_from(protocol)?.to_be(),
        sll_ifindex: i32::try_from(if_nametoindex(interface)?)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = u32::try_from(size_of_val(&address))?;
    // SAFETY: a live sockaddr_ll and its size.
    let bound = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length) };
    if bound == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error()).with_context(|| format!("bind to {interface}"))
    }
}

fn attach(fd: &OwnedFd, filter: &[Instruction]) -> Result<()> {
    let mut instructions: Vec<_> = filter
        .iter()
        .map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k })
        .collect();
    let program = libc::sock_fprog {
        len: u16::try_from(instructions.len())?,
        filter: instructions.as_mut_ptr(),
    };
    set(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

fn set<T>(fd: &OwnedFd, level: i32, option: i32, value: &T) -> Result<()> {
    let length = u32::try_from(size_of::<T>())?;
    let value = std::ptr::from_ref(value).cast();
    // SAFETY: a live value of the option's own type and its size; pointers in it outlive the call.
    if unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, value, length) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error()).with_context(|| format!("socket option {level}/{option}"))
    }
}
