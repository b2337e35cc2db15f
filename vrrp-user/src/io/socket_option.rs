//! Socket options that nix has no name for.

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::errno::Errno;

/// Gives a socket an option; `Value` is the C type that the kernel asks for.
pub(super) fn set<Value: Copy>(
    socket: &OwnedFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &Value,
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<Value>()).map_err(io::Error::other)?;
    // SAFETY: the kernel reads the value, no further than the length that we give, and keeps no pointer to it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            length,
        )
    };
    Errno::result(result).map(drop).map_err(Into::into)
}
