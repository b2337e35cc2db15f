//! One script: started without a shell, watched, its output logged within limits.

use std::{
    io::{self, PipeReader},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, killpg},
    unistd::{Pid, Uid, geteuid},
};
use tokio::{
    process::{Child, Command},
    task::spawn_blocking,
    time::{Instant, interval, timeout},
};

use super::{
    identity::{Identity, UserError},
    output, security,
};
use crate::config;

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

/// A script with its user looked up.
#[derive(Clone, Debug)]
pub(super) struct Script {
    program: String,
    arguments: Vec<String>,
    identity: Option<Identity>,
    /// `enable_script_security`.
    is_guarded: bool,
}

impl Script {
    /// `is_guarded`: it does not run as root if somebody else can change it.
    pub(super) fn new(script: &config::Script, is_guarded: bool) -> Result<Self, UserError> {
        let (program, arguments) = match script.argv.split_first() {
            Some((program, arguments)) => (program.clone(), arguments.to_vec()),
            None => (String::new(), Vec::new()),
        };
        Ok(Self {
            identity: Identity::of(&program, script)?,
            program,
            arguments,
            is_guarded,
        })
    }

    /// Says at the start what every run would say.
    pub(super) fn check(&self, instance: &str) {
        match self.security_flaw(geteuid()) {
            None => {}
            Some(flaw) if self.is_guarded => tracing::error!("({instance}) {flaw}"),
            Some(flaw) => tracing::warn!("({instance}) {flaw}"),
        }
    }

    /// What a node, which is run as root, would say of it, as far as files tell. An ordinary user may be unable to look
    /// at them.
    pub(super) fn flaws(&self) -> Vec<String> {
        let file = security::located(&self.program).ok_or_else(|| io::Error::from(Errno::ENOENT));
        let found = file.and_then(|file| file.metadata().map(|_| file));
        let obstacle = match found {
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied && !geteuid().is_root() =>
            {
                return Vec::new();
            }
            Err(error) => Some(error),
            Ok(file) => {
                let is_denied = |identity: &Identity| identity.is_denied(&file);
                let may = security::is_executable(&file)
                    && !self.identity.as_ref().is_some_and(is_denied);
                (!may).then(|| Errno::EACCES.into())
            }
        };
        let security = self.security_flaw(Uid::from_raw(0));
        if self.is_guarded && security.is_some() {
            return Vec::from_iter(security);
        }
        let obstacle = obstacle.map(|error| self.cannot_run(&error));
        Vec::from_iter(security.into_iter().chain(obstacle))
    }

    /// What `enable_script_security` refuses or would refuse, to a node that is run as this user.
    fn security_flaw(&self, node: Uid) -> Option<String> {
        let program = &self.program;
        match self.security(node) {
            Ok(()) => None,
            Err(error) if self.is_guarded => Some(format!(
                "{program} will not be run as root: {error} (enable_script_security)"
            )),
            // A script that is missing is told of when it is to run.
            Err(security::Unsafe::Unknown { .. }) => None,
            Err(error) => Some(format!(
                "SECURITY VIOLATION - {program} runs as root, and {error}; enable_script_security would refuse it"
            )),
        }
    }

    fn cannot_run(&self, error: &io::Error) -> String {
        format!("cannot run {}: {error}", self.program)
    }

    fn security(&self, node: Uid) -> Result<(), security::Unsafe> {
        let identity = self.identity.as_ref();
        if identity
            .map_or(node, |identity| identity.user(node))
            .is_root()
        {
            security::check(&self.program)
        } else {
            Ok(())
        }
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
        let (child, output) = match self.start(appended).await {
            Ok(started) => started,
            Err(error) => {
                tracing::error!("({instance}) {}", self.cannot_run(&error));
                return;
            }
        };
        let collector = tokio::spawn(output::collect(
            output,
            instance.to_owned(),
            program.clone(),
        ));
        let status = self.watch(child, instance, limits, newer_waits).await;
        // A collector that has not ended is left to itself.
        drop(timeout(LAST_WORDS, collector).await);
        match status {
            Ok(status) if status.success() => tracing::debug!("({instance}) {program} succeeded"),
            Ok(status) => tracing::warn!("({instance}) {program} failed: {status}"),
            Err(error) => tracing::error!("({instance}) {program}: {error}"),
        }
    }

    /// Beside the control plane, which a file system that does not answer must not hold up.
    async fn start(&self, appended: &[String]) -> io::Result<(Child, PipeReader)> {
        let (script, appended) = (self.clone(), appended.to_vec());
        let start = move || {
            if script.is_guarded {
                script.security(geteuid()).map_err(|error| {
                    io::Error::other(format!("as root: {error} (enable_script_security)"))
                })?;
            }
            script.spawn(&appended)
        };
        spawn_blocking(start).await?
    }

    fn spawn(&self, appended: &[String]) -> io::Result<(Child, PipeReader)> {
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
        if let Some(identity) = &self.identity {
            identity.apply(&mut command);
        }
        let child = command.spawn()?;
        Ok((child, reader))
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

async fn kill(mut child: Child, group: Pid) -> io::Result<ExitStatus> {
    signal(group, Signal::SIGTERM)?;
    if let Ok(status) = timeout(MERCY, child.wait()).await {
        return status;
    }
    signal(group, Signal::SIGKILL)?;
    child.wait().await
}

fn signal(group: Pid, signal: Signal) -> io::Result<()> {
    match killpg(group, signal) {
        // It has just ended by itself.
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
