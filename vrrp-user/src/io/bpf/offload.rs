//! What a network card does to frames before a program sees them: the switches of ethtool(8).

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// `ETHTOOL_GFLAGS`.
const GET_FLAGS: u32 = 0x25;
/// `ETH_FLAG_RXVLAN`: `rxvlan` in `ethtool -k`.
const TAKES_VLAN_TAGS: u32 = 1 << 8;

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Whether the card takes VLAN tags out of the frames that it receives. Without an answer it does not.
pub(super) fn takes_vlan_tags(interface: &str) -> bool {
    flags(interface).is_ok_and(|flags| flags & TAKES_VLAN_TAGS != 0)
}

fn flags(interface: &str) -> io::Result<u32> {
    let any: OwnedFd = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let mut value = Value {
        command: GET_FLAGS,
        data: 0,
    };
    // SAFETY: numbers and a pointer, which may be zero.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0.
    let room = request.ifr_name.len() - 1;
    if interface.len() > room {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, byte) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = byte.cast_signed();
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: the kernel reads the name and reads and writes `value`, which both outlive the call.
    let result = unsafe { libc::ioctl(any.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(value.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::testing::{in_namespace, run};

    /// A veth has the switch, as cards do, and it is on at first.
    #[test]
    fn the_switch_is_read() {
        in_namespace(async || {
            run("ip link add card type veth peer name end");
            assert!(takes_vlan_tags("card"));
            if run("command -v ethtool || true").is_empty() {
                return;
            }
            run("ethtool -K card rxvlan off");
            assert!(!takes_vlan_tags("card"));
        });
    }

    #[test]
    fn without_an_answer_it_is_off() {
        assert!(!takes_vlan_tags("no such"));
        assert!(!takes_vlan_tags("a name that is too long"));
    }
}
