//! keepalived, Debian's or another build of it, as a peer and as what we compare with.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{Node, STOP_LIMIT, before::Before, started};
use crate::{
    clock::{self, Nanos},
    lab::Host,
    netns::Entrance,
    process::Process,
};

/// Of the parent and of the child that speaks VRRP.
const PID_FILES: [&str; 2] = ["parent.pid", "vrrp.pid"];

/// keepalived on a router, VRRP only, with files of its own.
#[derive(Debug)]
pub struct Keepalived {
    binary: PathBuf,
    entrance: Entrance,
    /// Of the router, when it was started and had nothing of an earlier run.
    before: Option<Before>,
    config: PathBuf,
    process: Option<Process>,
    folder: TempDir,
}

impl Keepalived {
    /// Lays down a configuration; [`Node::start`] runs the keepalived of `PATH` with it.
    ///
    /// # Errors
    /// If the configuration cannot be written.
    pub fn new(router: &Host, config: &str) -> Result<Self> {
        Self::with_binary(Path::new("keepalived"), router, config)
    }

    /// The same with another binary.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_binary(binary: &Path, router: &Host, config: &str) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the configuration")?;
        let path = folder.path().join("keepalived.conf");
        fs::write(&path, config).context("write the configuration")?;
        Ok(Self {
            binary: binary.to_owned(),
            entrance: router.netns.entrance(),
            before: None,
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
        if let Some(process) = &self.process {
            ensure!(!process.is_running()?, "the node runs already");
        }
        if self.before.is_none() {
            self.before = Some(Before::take(&self.entrance)?);
        }
        let mut command = self.entrance.command(&self.binary);
        command
            .args(["-P", "-n", "-l", "-G", "-D", "-f"])
            .arg(&self.config);
        command.arg("-p").arg(self.folder.path().join(PID_FILES[0]));
        command.arg("-r").arg(self.folder.path().join(PID_FILES[1]));
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

    /// Removes what keepalived leaves when it is killed: virtual IPs on any interface, the macvlans
    /// of `use_vmac`, their nftables table, and the ARP switches of the interfaces below them, which
    /// it does not even turn back when it is stopped.
    fn clear_up(&mut self) -> Result<()> {
        for name in PID_FILES {
            // Without them it would take whoever has the pid by then for itself.
            match fs::remove_file(self.folder.path().join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).context("remove a pid file");
                }
                Ok(()) | Err(_) => {}
            }
        }
        match self.before.take() {
            Some(before) => before.restore(&self.entrance),
            None => Ok(()),
        }
    }

    fn status(&self) -> Result<Option<Value>> {
        Ok(None)
    }
}
