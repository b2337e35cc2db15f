//! keepalived, Debian's, as a peer and as what we compare with.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{Node, STOP_LIMIT, started};
use crate::{
    clock::{self, Nanos},
    lab::{Host, VIP},
    link,
    netns::Entrance,
    process::Process,
    run,
};

/// keepalived on a router, VRRP only, with files of its own.
#[derive(Debug)]
pub struct Keepalived {
    entrance: Entrance,
    interface: &'static str,
    config: PathBuf,
    process: Option<Process>,
    folder: TempDir,
}

impl Keepalived {
    /// Lays down a configuration; [`Node::start`] runs it.
    ///
    /// # Errors
    /// If the configuration cannot be written.
    pub fn new(router: &Host, config: &str) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the configuration")?;
        let path = folder.path().join("keepalived.conf");
        fs::write(&path, config).context("write the configuration")?;
        Ok(Self {
            entrance: router.netns.entrance(),
            interface: router.interface,
            config: path,
            process: None,
            folder,
        })
    }
}

impl Node for Keepalived {
    fn kind(&self) -> &'static str {
        "keepalived"
    }

    fn start(&mut self) -> Result<()> {
        let mut command = self.entrance.command("keepalived");
        command
            .args(["-P", "-n", "-l", "-D", "-f"])
            .arg(&self.config);
        command.arg("-p").arg(self.folder.path().join("parent.pid"));
        command.arg("-r").arg(self.folder.path().join("vrrp.pid"));
        self.process = Some(Process::start(command)?);
        Ok(())
    }

    fn process(&mut self) -> Result<&mut Process> {
        started(&mut self.process)
    }

    fn kill(&mut self) -> Result<Nanos> {
        let process = self.process()?;
        // The parent would start a killed child anew, and its own death would stop the child in
        // good order: hold it, kill the child that speaks VRRP, then the parent.
        process.signal(Signal::SIGSTOP)?;
        let at = clock::now();
        for child in process.children() {
            let pid = Pid::from_raw(child.cast_signed());
            kill(pid, Signal::SIGKILL).context("kill keepalived's child")?;
        }
        process.signal(Signal::SIGKILL)?;
        process.wait(STOP_LIMIT)?;
        Ok(at)
    }

    fn clear_up(&mut self) -> Result<()> {
        let interface = self.interface;
        let mut show = self.entrance.command("ip");
        let addresses = run::run(show.args(["-4", "-o", "addr", "show", "dev", interface]))?;
        if link::lists_address(&addresses, VIP) {
            let mut delete = self.entrance.command("ip");
            run::run(delete.args(["addr", "del", &format!("{VIP}/32"), "dev", interface]))?;
        }
        Ok(())
    }

    fn status(&self) -> Result<Option<Value>> {
        Ok(None)
    }
}
