//! Telling systemd how we are. Without `NOTIFY_SOCKET` every call does nothing.

use std::{
    env,
    ffi::OsStr,
    fmt::Write as _,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use sd_notify::NotifyState;

use super::clock;

/// Every virtual router has been started. Returns whether nobody need be told again.
#[must_use]
pub fn ready() -> bool {
    notify(&[NotifyState::Ready])
}

/// A reload has begun; [`ready`] says that it has ended.
pub fn reloading() {
    let now = i128::from(clock::now().0 / 1000);
    notify(&[NotifyState::Reloading, NotifyState::MonotonicUsec(now)]);
}

/// A planned stop has begun.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// The line that `systemctl status` shows. Returns whether nobody need be told again.
#[must_use]
pub fn status(text: &str) -> bool {
    notify(&[NotifyState::Status(text)])
}

/// A sign of life.
pub fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// How often [`alive`] must be called if the unit has `WatchdogSec=`: twice per period.
#[must_use]
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn notify(states: &[NotifyState<'_>]) -> bool {
    env::var_os("NOTIFY_SOCKET").is_none_or(|socket| tell(&socket, states))
}

/// Returns whether another try is of no use: it was taken, or nobody is there to take it.
fn tell(socket: &OsStr, states: &[NotifyState<'_>]) -> bool {
    let sent = send(socket, states);
    if let Err(error) = &sent {
        tracing::debug!("sd_notify: {error}");
    }
    !sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// As `sd_notify::notify`, which waits for a service manager (of a container, say) that does not read.
fn send(socket: &OsStr, states: &[NotifyState<'_>]) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let mut message = String::new();
    for state in states {
        // Writing to a String does not fail.
        writeln!(message, "{state}").ok();
    }
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    sender.send_to_addr(message.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_that_does_not_read_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let said = [NotifyState::Ready, NotifyState::Status("VI_1 MASTER")];
        // More than any queue of the kernel's has room for.
        let sent = (0..100_000).take_while(|_| send(path.as_os_str(), &said).is_ok());
        assert!((1..100_000).contains(&sent.count()));
        let mut received = [0; 64];
        let length = manager.recv(&mut received).unwrap();
        assert_eq!(&received[..length], b"READY=1\nSTATUS=VI_1 MASTER\n");
    }

    #[test]
    fn what_was_not_taken_is_to_be_told_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        assert!(tell(path.as_os_str(), &[NotifyState::Ready]), "nobody");
        let manager = UnixDatagram::bind(&path).unwrap();
        while send(path.as_os_str(), &[NotifyState::Watchdog]).is_ok() {}
        assert!(!tell(path.as_os_str(), &[NotifyState::Ready]));
        manager.recv(&mut [0; 64]).unwrap();
        assert!(tell(path.as_os_str(), &[NotifyState::Ready]));
    }

    #[test]
    fn a_name_without_a_file_is_understood() {
        let name = format!("xvrrp-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        send(OsStr::new(&format!("@{name}")), &[NotifyState::Watchdog]).unwrap();
        let mut received = [0; 64];
        let length = manager.recv(&mut received).unwrap();
        assert_eq!(&received[..length], b"WATCHDOG=1\n");
    }
}
