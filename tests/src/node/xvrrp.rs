//! xvrrp itself.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::{Node, PINS, RUN, STOP_LIMIT, started};
use crate::{
    cleanup::{self, Guard},
    clock::Nanos,
    lab::Host,
    netns::{Entrance, Netns, unique_name},
    process::Process,
    run,
};

/// The binary under test when nobody says otherwise: `XVRRP_BIN`, set by `cargo xtask test`.
///
/// # Errors
/// If it is not set.
pub fn binary() -> Result<PathBuf> {
    let path = env::var_os("XVRRP_BIN")
        .context("XVRRP_BIN is not set: which xvrrp is to be tested? (cargo xtask test says it)")?;
    Ok(path.into())
}

/// Has the node judge frames by XDP although it is on a veth: the other end has to run XDP, too.
pub const NATIVE: [&str; 2] = ["--xdp-mode", "native"];

/// What a subcommand of xvrrp had to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it printed, and then what it complained of.
    pub text: String,
}

/// A subcommand that runs; killed when dropped.
#[derive(Debug)]
pub struct Asked(Option<Child>);

impl Asked {
    /// Waits for its end.
    ///
    /// # Errors
    /// If what it says cannot be read.
    pub fn wait(mut self) -> Result<Answer> {
        let child = self.0.take().context("nothing was asked")?;
        let output = child.wait_with_output().context("wait for xvrrp")?;
        let printed = [output.stdout, output.stderr].concat();
        Ok(Answer {
            code: output.status.code().unwrap_or(-1),
            text: String::from_utf8_lossy(&printed).into_owned(),
        })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// An instance of xvrrp on a router, under a name of its own, so that control sockets and pins of
/// several do not meet. Killed and cleaned up when dropped.
#[derive(Debug)]
pub struct Xvrrp {
    program: Program,
    config: PathBuf,
    arguments: Vec<String>,
    preload: Option<PathBuf>,
    manager: Option<PathBuf>,
    unread: bool,
    // Dropped in this order: the process ends before what it left is cleaned up.
    process: Option<Process>,
    _undo: Guard,
    _folder: TempDir,
}

impl Xvrrp {
    /// Lays down a configuration for `binary` on `router`; [`Node::start`] runs it, with XDP in the
    /// driver if its answers arrive at the switch.
    ///
    /// # Errors
    /// If the configuration cannot be written.
    pub fn new(binary: &Path, router: &Host, config: &str) -> Result<Self> {
        let mut node = Self::inside(binary, &router.netns, config)?;
        if router.port.runs_xdp() {
            node.add_arguments(&NATIVE);
        }
        Ok(node)
    }

    /// As [`Self::new`], in a namespace that is no host of a lab.
    ///
    /// # Errors
    /// If the configuration cannot be written.
    pub fn inside(binary: &Path, netns: &Netns, config: &str) -> Result<Self> {
        let program = Program {
            binary: binary.to_owned(),
            entrance: netns.entrance(),
            instance: unique_name("node"),
        };
        let folder = tempfile::tempdir().context("make a folder for the configuration")?;
        let path = folder.path().join("keepalived.conf");
        fs::write(&path, config).context("write the configuration")?;
        let left = program.clone();
        // Best effort: there may be nothing left, and nobody to hear of an error.
        let undo = cleanup::register(move || drop(left.clean_up_if_needed()))?;
        Ok(Self {
            program,
            config: path,
            arguments: Vec::new(),
            preload: None,
            manager: None,
            unread: false,
            process: None,
            _undo: undo,
            _folder: folder,
        })
    }

    /// The name of the instance: its folders are [`PINS`]/name and [`RUN`]/name.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.program.instance
    }

    /// More arguments for the next starts, such as `--no-realtime`.
    pub fn add_arguments(&mut self, arguments: &[&str]) {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        self.arguments.extend(arguments);
    }

    /// A shared object that stands between the next starts and the kernel (`LD_PRELOAD`).
    pub fn preload(&mut self, object: &Path) {
        self.preload = Some(object.to_owned());
    }

    /// The socket of a service manager for the next starts (`NOTIFY_SOCKET`).
    pub fn report_to(&mut self, socket: &Path) {
        self.manager = Some(socket.to_owned());
    }

    /// Nobody reads the log of the next starts, and it is full from the beginning.
    pub fn leave_log_unread(&mut self) {
        self.unread = true;
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Runs a subcommand of xvrrp on this instance, in its namespace.
    ///
    /// # Errors
    /// If it fails, with its complaint.
    pub fn subcommand(&self, arguments: &str) -> Result<String> {
        self.program.subcommand(arguments)
    }

    /// The same for one that may be refused.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn ask(&self, arguments: &str) -> Result<Answer> {
        self.begin(arguments)?.wait()
    }

    fn begin(&self, arguments: &str) -> Result<Asked> {
        let mut command = self.program.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command
            .spawn()
            .with_context(|| format!("failed to start xvrrp {arguments}"))?;
        Ok(Asked(Some(child)))
    }

    /// Puts another configuration in the place of its file, for a reload or the next start. Whoever reads it finds
    /// the one or the other.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn configure(&self, config: &str) -> Result<()> {
        let fresh = self.config.with_extension("new");
        fs::write(&fresh, config).context("write the configuration")?;
        fs::rename(&fresh, &self.config).context("put the configuration in place")
    }

    /// Has the running node read its file again, and waits until that is done: `xvrrp reload`.
    ///
    /// # Errors
    /// If it cannot be asked. That it refuses is an answer.
    pub fn reload(&self) -> Result<Answer> {
        self.ask("reload")
    }

    /// The same, and does not wait for the answer.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn begin_reload(&self) -> Result<Asked> {
        self.begin("reload")
    }

    /// Removes what a dead node of this instance left: `xvrrp cleanup`.
    ///
    /// # Errors
    /// If it fails, with its complaint.
    pub fn cleanup(&self) -> Result<String> {
        self.program.subcommand("cleanup")
    }
}

impl Node for Xvrrp {
    fn kind(&self) -> &'static str {
        "xvrrp"
    }

    fn start(&mut self) -> Result<()> {
        ensure!(!running(&self.process)?, "the node runs already");
        let mut command = self.program.command("run");
        command.arg("-f").arg(&self.config).args(&self.arguments);
        if let Some(object) = &self.preload {
            command.env("LD_PRELOAD", object);
        }
        if let Some(socket) = &self.manager {
            command.env("NOTIFY_SOCKET", socket);
        }
        self.process = Some(if self.unread {
            Process::start_unread(command)?
        } else {
            Process::start(command)?
        });
        Ok(())
    }

    fn process(&mut self) -> Result<&mut Process> {
        started(&mut self.process)
    }

    fn kill(&mut self) -> Result<Nanos> {
        let process = self.process()?;
        let at = process.signal(Signal::SIGKILL)?;
        process.wait(STOP_LIMIT)?;
        Ok(at)
    }

    fn clear_up(&mut self) -> Result<()> {
        self.program.subcommand("cleanup --fence").map(drop)
    }

    fn status(&self) -> Result<Option<Value>> {
        let text = self.program.subcommand("status --json")?;
        let value = serde_json::from_str(&text).context("xvrrp status --json is not JSON")?;
        Ok(Some(value))
    }
}

/// How subcommands of one instance are run.
#[derive(Clone, Debug)]
struct Program {
    binary: PathBuf,
    entrance: Entrance,
    instance: String,
}

impl Program {
    fn command(&self, subcommand: &str) -> Command {
        let mut command = self.entrance.command(&self.binary);
        command
            .args(subcommand.split_whitespace())
            .args(["--instance", &self.instance]);
        command
    }

    fn subcommand(&self, arguments: &str) -> Result<String> {
        run::run(&mut self.command(arguments))
    }

    fn clean_up_if_needed(&self) -> Result<()> {
        let left = [PINS, RUN]
            .iter()
            .any(|folder| Path::new(folder).join(&self.instance).exists());
        if left {
            self.subcommand("cleanup")?;
        }
        Ok(())
    }
}

fn running(process: &Option<Process>) -> Result<bool> {
    process.as_ref().map_or(Ok(false), Process::is_running)
}
