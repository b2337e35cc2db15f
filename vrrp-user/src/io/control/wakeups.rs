//! The engine's eventfd as tokio sees it.

use std::{io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// Waits until a descriptor is readable.
#[derive(Debug)]
pub(super) struct Wakeups(AsyncFd<OwnedFd>);

impl Wakeups {
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        // SAFETY: `OwnedFd` refers to the same open description until it is dropped, and is dropped
        // by the `AsyncFd` only.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        Ok(Self(fd?))
    }

    /// Returns after the descriptor became readable. Whoever calls this takes everything that
    /// waits before calling it again: the next call returns only for what came later.
    pub(super) async fn next(&self) -> io::Result<()> {
        self.0.readable().await?.clear_ready();
        Ok(())
    }
}
