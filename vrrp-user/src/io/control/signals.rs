//! Signals, as keepalived takes them.

use std::io;

use futures_util::FutureExt as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task,
};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
    /// SIGUSR1, and SIGUSR2 as keepalived's dump of statistics.
    Dump,
}

/// The signals that the node takes. What comes while nobody asks waits.
#[derive(Debug)]
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    usr1: Signal,
    usr2: Signal,
}

impl Signals {
    /// Replaces their default actions, most of which would end the process on the spot, for the rest
    /// of its life. To be called on a tokio runtime with I/O enabled.
    ///
    /// # Errors
    /// errno of the kernel.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
            usr1: signal(SignalKind::user_defined1())?,
            usr2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Whether the node was asked to stop, for a start that can be given up. If so, the request is
    /// taken.
    pub async fn stop_requested(&mut self) -> bool {
        // Lets the runtime see what came while nothing was awaited.
        task::yield_now().await;
        let term = self.term.recv().now_or_never();
        let int = self.int.recv().now_or_never();
        term.or(int).is_some()
    }

    pub(super) async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.term.recv() => Request::Stop,
            _ = self.int.recv() => Request::Stop,
            _ = self.hup.recv() => Request::Reload,
            _ = self.usr1.recv() => Request::Dump,
            _ = self.usr2.recv() => Request::Dump,
        }
    }
}
