//! The daemons under test. A case says what happens to a node; how that is done to xvrrp or to a
//! peer is here.

mod keepalived;
mod xvrrp;

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use serde_json::Value;

pub use self::{
    keepalived::Keepalived,
    xvrrp::{Xvrrp, binary},
};
use crate::{clock::Nanos, process::Process};

/// Where instances of xvrrp pin their BPF objects.
pub const PINS: &str = "/sys/fs/bpf/xvrrp";
/// Where instances of xvrrp have their control socket.
pub const RUN: &str = "/run/xvrrp";

/// What both xvrrp and keepalived log when they take the address over.
pub const MASTER: &str = "Entering MASTER STATE";
/// What both xvrrp and keepalived log when they give it up, or start.
pub const BACKUP: &str = "Entering BACKUP STATE";
/// What both xvrrp and keepalived log when they lose their link.
pub const FAULT: &str = "Entering FAULT STATE";

/// Time limit for the end of a node that was asked to stop.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A daemon on a router.
pub trait Node: Send {
    /// The daemon's name for reports.
    fn kind(&self) -> &'static str;

    /// Starts it; it must not run.
    ///
    /// # Errors
    /// If it cannot be started. A daemon that ends later shows in its log.
    fn start(&mut self) -> Result<()>;

    /// The process, of the last start.
    ///
    /// # Errors
    /// If it was never started.
    fn process(&mut self) -> Result<&mut Process>;

    /// Kills it with all its processes by SIGKILL and returns the moment just before.
    ///
    /// # Errors
    /// If it does not run.
    fn kill(&mut self) -> Result<Nanos>;

    /// Clears up what a killed one left, as its service manager would before the next start.
    ///
    /// # Errors
    /// If that fails.
    fn clear_up(&mut self) -> Result<()>;

    /// What it says about itself, if it can.
    ///
    /// # Errors
    /// If it should but does not answer.
    fn status(&self) -> Result<Option<Value>>;

    /// Asks it to stop by SIGTERM and returns the moment just before.
    ///
    /// # Errors
    /// If it does not run.
    fn terminate(&mut self) -> Result<Nanos> {
        self.process()?.signal(Signal::SIGTERM)
    }

    /// Waits for the end of a node that was asked to stop.
    ///
    /// # Errors
    /// If it does not end in time.
    fn wait_stopped(&mut self) -> Result<()> {
        self.process()?.wait(STOP_LIMIT).map(drop)
    }

    /// Stops it in good order.
    ///
    /// # Errors
    /// If it does not run or does not stop in time.
    fn stop(&mut self) -> Result<Nanos> {
        let at = self.terminate()?;
        self.wait_stopped()?;
        Ok(at)
    }

    /// Stops its time (SIGSTOP).
    ///
    /// # Errors
    /// If it does not run.
    fn freeze(&mut self) -> Result<Nanos> {
        self.process()?.signal(Signal::SIGSTOP)
    }

    /// Lets its time run on (SIGCONT).
    ///
    /// # Errors
    /// If it does not run.
    fn thaw(&mut self) -> Result<Nanos> {
        self.process()?.signal(Signal::SIGCONT)
    }
}

/// The process of a node that was started.
fn started(process: &mut Option<Process>) -> Result<&mut Process> {
    process.as_mut().context("the node was never started")
}
