//! The daemons under test. A case says what happens to a node; how that is done to xvrrp or to a
//! peer is here.

mod before;
mod frr;
mod keepalived;
mod xvrrp;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

pub use self::{
    frr::{DAEMONS as FRR_DAEMONS, Frr, Group},
    keepalived::Keepalived,
    xvrrp::{Answer, Asked, NATIVE, Xvrrp, binary},
};
use crate::{
    clock::{self, Nanos},
    process::Process,
};

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

    /// The process of the last start; of several the first.
    ///
    /// # Errors
    /// If it was never started.
    fn process(&mut self) -> Result<&mut Process>;

    /// All its processes that run, the first one first.
    ///
    /// # Errors
    /// If it was never started.
    fn pids(&mut self) -> Result<Vec<u32>> {
        let process = self.process()?;
        if !process.is_running()? {
            return Ok(Vec::new());
        }
        let children = process.children();
        Ok(std::iter::once(process.pid()).chain(children).collect())
    }

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

    /// Ends it, if it runs, and makes the router what it was before, for a node of another kind. To
    /// be called before that one starts: what is on the router by then counts as left.
    ///
    /// # Errors
    /// If something of it stays.
    fn retire(&mut self) -> Result<()> {
        // One that was never started has left nothing, and has nothing to clear up.
        let Ok(process) = self.process() else {
            return Ok(());
        };
        if process.is_running()? {
            self.kill()?;
        }
        self.clear_up()
    }

    /// Whether it takes itself for the Active, by its log. For whoever waits for a start: who
    /// serves is for a client to say.
    ///
    /// # Errors
    /// If it was never started.
    fn is_active(&mut self) -> Result<bool> {
        let process = self.process()?;
        let lines = process.log().lines();
        let state = [MASTER, BACKUP, FAULT];
        let told = |text: &str| state.into_iter().find(|state| text.contains(state));
        let last = lines.iter().rev().find_map(|line| told(&line.text));
        Ok(process.is_running()? && last == Some(MASTER))
    }

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

    /// Stops the time of all its processes (SIGSTOP) and returns the moment just before.
    ///
    /// # Errors
    /// If it does not run.
    fn freeze(&mut self) -> Result<Nanos> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Lets the time of all its processes run on (SIGCONT) and returns the moment just before.
    ///
    /// # Errors
    /// If it does not run.
    fn thaw(&mut self) -> Result<Nanos> {
        self.signal_all(Signal::SIGCONT)
    }

    /// Sends a signal to all its processes, the first one first, and returns the moment just before.
    ///
    /// # Errors
    /// If it does not run.
    fn signal_all(&mut self, signal: Signal) -> Result<Nanos> {
        let pids = self.pids()?;
        ensure!(!pids.is_empty(), "the node does not run");
        let at = clock::now();
        for pid in pids {
            kill(Pid::from_raw(pid.cast_signed()), signal)
                .with_context(|| format!("send {signal} to {pid}"))?;
        }
        Ok(at)
    }
}

/// The process of a node that was started.
fn started(process: &mut Option<Process>) -> Result<&mut Process> {
    process.as_mut().context("the node was never started")
}
