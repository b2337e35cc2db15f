//! One script: started without a shell, watched, its output logged within limits.

use std::{
    ffi::CString,
    io::{self, PipeReader},
    os::fd::OwnedFd,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::{Gid, Group, Pid, Uid, User, getgrouplist, setgid, setgroups, setuid},
};
use thiserror::Error;
use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe::Receiver,
    process::{Child, Command},
    time::{Instant, interval, timeout},
};

use crate::config;

/// Output beyond this is read and thrown away.
const LINES: usize = 64;
const LINE_BYTES: usize = 512;
/// How long the output of a script that has ended is waited for. What it left running in the
/// background may hold the pipe for ever; its output goes on being read, so that it is not killed by
/// SIGPIPE.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// From SIGTERM to SIGKILL.
const MERCY: Duration = Duration::from_secs(1);

/// What is too long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A warning is logged.
    pub(super) slow: Duration,
    /// The script is killed if a later transition waits for its scripts.
    pub(super) kill: Duration,
    /// How often this is looked at.
    pub(super) tick: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            slow: Duration::from_secs(10),
            kill: Duration::from_secs(60),
            tick: Duration::from_secs(1),
        }
    }
}

/// Why a script cannot be run as its configured user.
#[derive(Debug, Error)]
pub enum UserError {
    /// There is no such user.
    #[error("script {script}: there is no user {user}")]
    User {
        /// The program.
        script: String,
        /// The user.
        user: String,
    },
    /// There is no such group.
    #[error("script {script}: there is no group {group}")]
    Group {
        /// The program.
        script: String,
        /// The group.
        group: String,
    },
    /// The user database cannot be read.
    #[error("script {script}: {source}")]
    Lookup {
        /// The program.
        script: String,
        /// errno.
        source: io::Error,
    },
}

/// A script with its user looked up.
#[derive(Debug)]
pub(super) struct Script {
    program: String,
    arguments: Vec<String>,
    identity: Option<Identity>,
}

#[derive(Clone, Debug)]
struct Identity {
    uid: Option<Uid>,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Script {
    pub(super) fn new(script: &config::Script) -> Result<Self, UserError> {
        let (program, arguments) = match script.argv.split_first() {
            Some((program, arguments)) => (program.clone(), arguments.to_vec()),
            None => (String::new(), Vec::new()),
        };
        Ok(Self {
            identity: identity(&program, script)?,
            program,
            arguments,
        })
    }

    /// Runs it to its end. Failures are logged, not returned: nothing depends on them.
    pub(super) async fn run(
        &self,
        instance: &str,
        appended: &[String],
        limits: &Limits,
        newer_waits: impl Fn() -> bool,
    ) {
        let program = &self.program;
        let (child, output) = match self.spawn(appended) {
            Ok(spawned) => spawned,
            Err(error) => {
                tracing::error!("({instance}) cannot run {program}: {error}");
                return;
            }
        };
        let collector = tokio::spawn(collect(output, instance.to_owned(), program.clone()));
        let status = self.watch(child, instance, limits, newer_waits).await;
        // A collector that has not ended is left to itself.
        drop(timeout(LAST_WORDS, collector).await);
        match status {
            Ok(status) if status.success() => tracing::debug!("({instance}) {program} succeeded"),
            Ok(status) => tracing::warn!("({instance}) {program} failed: {status}"),
            Err(error) => tracing::error!("({instance}) {program}: {error}"),
        }
    }

    fn spawn(&self, appended: &[String]) -> io::Result<(Child, Receiver)> {
        // One pipe for both, so that the lines stay in order.
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .args(appended)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            // A group of its own, so that all of it can be killed, and a Ctrl-C is not for it.
            .process_group(0);
        if let Some(identity) = self.identity.clone() {
            let become_user = move || identity.assume();
            // SAFETY: between fork and exec only async-signal-safe calls are allowed; `assume` makes
            // system calls and allocates nothing.
            unsafe { command.pre_exec(become_user) };
        }
        let child = command.spawn()?;
        Ok((child, receiver(reader)?))
    }

    async fn watch(
        &self,
        mut child: Child,
        instance: &str,
        limits: &Limits,
        newer_waits: impl Fn() -> bool,
    ) -> io::Result<ExitStatus> {
        let program = &self.program;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw);
        let mut tick = interval(limits.tick);
        let started = tick.tick().await;
        let mut warned = false;
        loop {
            let now: Instant = tokio::select! {
                status = child.wait() => return status,
                now = tick.tick() => now,
            };
            let running = now - started;
            if running >= limits.slow && !warned {
                warned = true;
                tracing::warn!("({instance}) {program} has been running for {running:.0?}");
            }
            if running >= limits.kill
                && newer_waits()
                && let Some(group) = group
            {
                tracing::error!(
                    "({instance}) {program} has been running for {running:.0?} and keeps later \
                     notifications waiting: killing it"
                );
                return kill(child, group).await;
            }
        }
    }
}

impl Identity {
    /// Makes the calling process this user. Group first: afterwards we are not allowed to.
    fn assume(&self) -> io::Result<()> {
        setgroups(&self.groups)?;
        setgid(self.gid)?;
        if let Some(uid) = self.uid {
            setuid(uid)?;
        }
        Ok(())
    }
}

fn identity(program: &str, script: &config::Script) -> Result<Option<Identity>, UserError> {
    let lookup = |errno: nix::Error| UserError::Lookup {
        script: program.to_owned(),
        source: errno.into(),
    };
    let user = match &script.user {
        None => None,
        Some(name) => {
            let user = User::from_name(name).map_err(lookup)?;
            Some(user.ok_or_else(|| UserError::User {
                script: program.to_owned(),
                user: name.clone(),
            })?)
        }
    };
    let group = match &script.group {
        None => None,
        Some(name) => {
            let group = Group::from_name(name).map_err(lookup)?;
            Some(group.ok_or_else(|| UserError::Group {
                script: program.to_owned(),
                group: name.clone(),
            })?)
        }
    };
    let group = group.map(|group| group.gid);
    Ok(match (user, group) {
        (None, None) => None,
        (None, Some(gid)) => Some(Identity {
            uid: None,
            gid,
            groups: vec![gid],
        }),
        (Some(user), group) => {
            let gid = group.unwrap_or(user.gid);
            let name = CString::new(user.name).unwrap_or_default();
            Some(Identity {
                uid: Some(user.uid),
                gid,
                groups: getgrouplist(&name, gid).map_err(lookup)?,
            })
        }
    })
}

async fn kill(mut child: Child, group: Pid) -> io::Result<ExitStatus> {
    // ESRCH: it has just ended by itself.
    drop(killpg(group, Signal::SIGTERM));
    if let Ok(status) = timeout(MERCY, child.wait()).await {
        return status;
    }
    drop(killpg(group, Signal::SIGKILL));
    child.wait().await
}

fn receiver(reader: PipeReader) -> io::Result<Receiver> {
    Receiver::from_owned_fd(OwnedFd::from(reader))
}

/// Logs what a script writes, until everybody has closed the pipe.
async fn collect(mut output: Receiver, instance: String, program: String) {
    let mut lines = Lines::default();
    let mut buffer = [0; 4096];
    while let Ok(length) = output.read(&mut buffer).await {
        let chunk = buffer.get(..length).unwrap_or_default();
        for line in lines.feed(chunk) {
            tracing::info!("({instance}) {program}: {line}");
        }
        if length == 0 {
            return;
        }
    }
}

/// Cuts hostile output into few, short, harmless lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    cut: bool,
    logged: usize,
}

impl Lines {
    /// The lines that `chunk` completes; an empty chunk is the end and completes the last.
    pub(super) fn feed(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in chunk {
            if *byte == b'\n' {
                lines.extend(self.complete());
            } else if self.partial.len() < LINE_BYTES {
                self.partial.push(*byte);
            } else {
                self.cut = true;
            }
        }
        if chunk.is_empty() && !self.partial.is_empty() {
            lines.extend(self.complete());
        }
        lines
    }

    fn complete(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.partial);
        let cut = std::mem::take(&mut self.cut);
        self.logged += 1;
        if self.logged > LINES {
            let first = self.logged == LINES + 1;
            return first.then(|| "(further output is not logged)".to_owned());
        }
        let mut line = String::new();
        // Escapes control characters: terminal sequences, carriage returns, forged lines.
        for character in String::from_utf8_lossy(&bytes).trim_end().chars() {
            if character.is_control() {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
        if cut {
            line.push('…');
        }
        Some(line)
    }
}
