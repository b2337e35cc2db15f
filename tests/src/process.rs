//! A child process in a namespace: its log, stamped line by line, and its signals, by pidfd so that
//! they can never meet another process. Killed when dropped.

use std::{
    io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _},
    os::{
        fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    fcntl::{FcntlArg, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::Signal,
};

use crate::{
    cleanup::{self, Guard},
    clock::{self, Nanos},
};

/// A running (or ended) child.
#[derive(Debug)]
pub struct Process {
    child: Child,
    handle: Arc<OwnedFd>,
    log: Arc<Log>,
    /// Until somebody reads it.
    output: Option<PipeReader>,
    _undo: Guard,
}

/// Bytes that fit into the pipe of a log that nobody reads.
const SMALLEST_PIPE: u16 = 4096;

impl Process {
    /// Starts a command in a process group of its own (Ctrl-C reaches the harness alone), its
    /// output going to the log.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: Command) -> Result<Self> {
        let (output, input) = std::io::pipe().context("pipe")?;
        let mut process = Self::spawn(command, output, input)?;
        process.read_log()?;
        Ok(process)
    }

    /// The same with a log that is full, and that nobody reads until [`Self::read_log`].
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_unread(command: Command) -> Result<Self> {
        let (output, mut input) = std::io::pipe().context("pipe")?;
        let size = FcntlArg::F_SETPIPE_SZ(SMALLEST_PIPE.into());
        fcntl(&input, size).context("make the pipe small")?;
        input.write_all(&vec![b'\n'; SMALLEST_PIPE.into()])?;
        Self::spawn(command, output, input)
    }

    fn spawn(mut command: Command, output: PipeReader, input: PipeWriter) -> Result<Self> {
        let mut child = command
            .stdin(std::process::Stdio::null())
            .stdout(input.try_clone().context("pipe")?)
            .stderr(input)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        // The command holds the pipe's write ends: without them the log can end.
        drop(command);
        let handle = match pidfd(child.id()) {
            Ok(handle) => Arc::new(handle),
            Err(error) => {
                drop(child.kill());
                return Err(error);
            }
        };
        let killed = Arc::clone(&handle);
        let undo = cleanup::register(move || {
            drop(send(&killed, Signal::SIGKILL));
            drop(ended(&killed, Duration::from_secs(2)));
        })?;
        Ok(Self {
            child,
            handle,
            log: Arc::default(),
            output: Some(output),
            _undo: undo,
        })
    }

    /// Begins to read a log that nobody has read.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn read_log(&mut self) -> Result<()> {
        if let Some(output) = self.output.take() {
            let log = Arc::clone(&self.log);
            thread::Builder::new()
                .name("log".to_owned())
                .spawn(move || log.read(output))
                .context("start thread log")?;
        }
        Ok(())
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Sends a signal and returns the moment just before.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn signal(&self, signal: Signal) -> Result<Nanos> {
        let at = clock::now();
        send(&self.handle, signal).with_context(|| format!("send {signal} to {}", self.pid()))?;
        Ok(at)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If it does not end within `limit`: with the end of its log.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        if !ended(&self.handle, limit)? {
            bail!(
                "pid {} still runs after {limit:?}; its log ends:\n{}",
                self.pid(),
                self.log.tail(20)
            );
        }
        self.child.wait().context("wait")
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// If the kernel does not know.
    pub fn is_running(&self) -> Result<bool> {
        Ok(!ended(&self.handle, Duration::ZERO)?)
    }

    /// Its child processes.
    #[must_use]
    pub fn children(&self) -> Vec<u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.pid());
        std::fs::read_to_string(path)
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Reaps: the guard, which drops later, finds it ended. Errors mean it ended before.
        drop(send(&self.handle, Signal::SIGKILL));
        drop(self.child.wait());
    }
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it arrived here.
    pub at: Nanos,
    /// Without the line's end.
    pub text: String,
}

/// The lines a process wrote to standard output and standard error.
#[derive(Debug, Default)]
pub struct Log {
    state: Mutex<LogState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct LogState {
    lines: Vec<Line>,
    closed: bool,
}

impl Log {
    /// Every line so far.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.state().lines.clone()
    }

    /// The number of lines so far: where [`Self::wait_after`] starts to look for new ones.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.state().lines.len()
    }

    /// Waits for a line that contains `text`; one that is there already counts.
    ///
    /// # Errors
    /// As [`Self::wait_after`].
    pub fn wait(&self, text: &str, limit: Duration) -> Result<Line> {
        self.wait_after(0, text, limit)
    }

    /// Waits for a line that contains `text`, from the line numbered `mark` on.
    ///
    /// # Errors
    /// If it does not come within `limit` or the process ends: with the end of the log.
    pub fn wait_after(&self, mark: usize, text: &str, limit: Duration) -> Result<Line> {
        let found = |state: &LogState| {
            let new = state.lines.get(mark..).unwrap_or_default();
            new.iter().find(|line| line.text.contains(text)).cloned()
        };
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), limit, |state| {
                found(state).is_none() && !state.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        let line = found(&state);
        drop(state);
        line.with_context(|| {
            format!(
                "no {text:?} in the log within {limit:?}; it ends:\n{}",
                self.tail(20)
            )
        })
    }

    /// The last lines, as one text.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let state = self.state();
        let from = state.lines.len().saturating_sub(count);
        state.lines[from..]
            .iter()
            .map(|line| format!("    {}", line.text))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn read(&self, output: PipeReader) {
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        while matches!(output.read_until(b'\n', &mut bytes), Ok(length) if length > 0) {
            let line = Line {
                at: clock::now(),
                text: String::from_utf8_lossy(&bytes).trim_end().to_owned(),
            };
            bytes.clear();
            self.state().lines.push(line);
            self.changed.notify_all();
        }
        self.state().closed = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pidfd(pid: u32) -> Result<OwnedFd> {
    // SAFETY: pidfd_open(2) takes two integers and returns a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(std::io::Error::last_os_error()).context("pidfd_open");
    }
    // SAFETY: the kernel just gave this descriptor to us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn send(process: &OwnedFd, signal: Signal) -> std::io::Result<()> {
    // SAFETY: pidfd_send_signal(2) with a live pidfd and no siginfo.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal as libc::c_int,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if sent == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

/// Whether a process ends within `limit`.
fn ended(process: &OwnedFd, limit: Duration) -> Result<bool> {
    let mut fds = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    Ok(poll(&mut fds, limit).context("poll a pidfd")? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start(command).unwrap()
    }

    #[test]
    fn both_outputs_are_logged_and_waited_for() {
        let process = shell("echo one; echo two >&2; sleep 60");
        let line = process.log().wait("two", Duration::from_secs(5)).unwrap();
        assert_eq!(line.text, "two");
        let mark = process.log().mark();
        let error = process
            .log()
            .wait_after(mark, "one", Duration::from_millis(5))
            .unwrap_err();
        assert!(error.to_string().contains("two"), "{error}");
    }

    #[test]
    fn an_ended_process_ends_the_wait() {
        let mut process = shell("exit 3");
        let error = process
            .log()
            .wait("never", Duration::from_secs(60))
            .unwrap_err();
        assert!(error.to_string().contains("never"));
        assert_eq!(
            process.wait(Duration::from_secs(5)).unwrap().code(),
            Some(3)
        );
    }

    #[test]
    fn dropping_kills() {
        let process = shell("trap '' TERM; sleep 60");
        let handle = Arc::clone(&process.handle);
        drop(process);
        assert!(ended(&handle, Duration::ZERO).unwrap());
    }
}
