//! Where log lines go: the journal under systemd, else standard error. Whoever logs never waits for
//! the reader: see `queue`.

mod journal;
mod queue;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    borrow::Cow,
    env,
    fs::File,
    io::{self, IsTerminal as _, Write},
    os::{fd::AsFd as _, unix::ffi::OsStrExt as _},
    panic,
    path::Path,
    sync::OnceLock,
    thread,
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::fstat,
};
use thiserror::Error;
use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use self::queue::{Next, Queue};
use super::privilege;
use crate::config::{Diagnostic, Severity};

/// Environment variable with filter directives as of `tracing-subscriber`'s `EnvFilter`
/// (`debug`, `vrrp_user::io::control=trace`); it overrides `-v`.
pub const VARIABLE: &str = "XVRRP_LOG";

/// How long the end of the process waits for a reader of the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);
/// A longer line is cut: one alone may not take the room of all others.
const LINE_BYTES: usize = 64 << 10;
/// The writer's stack: everything that the node has is locked in memory.
const STACK: usize = 128 << 10;

static QUEUE: Queue = Queue::new();
static DESTINATION: OnceLock<Destination> = OnceLock::new();

/// Why logging cannot be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// `XVRRP_LOG` cannot be understood.
    #[error("cannot understand {VARIABLE}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Logging was set up before.
    #[error(transparent)]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    /// No thread, or no standard error.
    #[error("cannot set up logging")]
    Io(#[from] io::Error),
}

/// Sets up logging for the whole process; `verbosity` counts `-v`: state changes, decisions, all.
///
/// # Errors
/// When the filter in the environment is invalid, or on a second call.
pub fn init(verbosity: u8) -> Result<(), LogError> {
    let filter = match env::var(VARIABLE) {
        Ok(directives) if !directives.is_empty() => EnvFilter::try_new(directives)?,
        _ => EnvFilter::try_new(default_filter(verbosity))?,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_target(false);
    let destination = if under_systemd() && journal::is_there() {
        let bare = lines.without_time().with_level(false).with_ansi(false);
        registry.with(bare.with_writer(Entries)).try_init()?;
        Destination::Journal
    } else {
        let lines = lines.with_ansi(io::stderr().is_terminal());
        registry.with(lines.with_writer(|| Line(None))).try_init()?;
        // Not by `io::stderr()`: its lock would be held for as long as nobody reads.
        Destination::Stderr(File::from(io::stderr().as_fd().try_clone_to_owned()?))
    };
    let destination = DESTINATION.get_or_init(|| destination);
    thread::Builder::new()
        .name("log".to_owned())
        .stack_size(STACK)
        .spawn(|| write_lines(destination))?;
    panic::set_hook(Box::new(tell_panic));
    Ok(())
}

/// Logs what was found in a file, each as loud as it is bad.
pub fn tell(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        match diagnostic.severity {
            Severity::Note => tracing::debug!("{diagnostic}"),
            Severity::Warning => tracing::warn!("{diagnostic}"),
            Severity::Error => tracing::error!("{diagnostic}"),
        }
    }
}

/// Log lines that were left out because whoever reads the log did not keep up.
#[must_use]
pub fn lost() -> u64 {
    QUEUE.lost()
}

/// Writes why the process ends, and waits until the log is written, for a second at most.
#[expect(clippy::print_stderr, reason = "what a command line tool does")]
pub fn last_words(text: &str) {
    match DESTINATION.get() {
        Some(Destination::Stderr(_)) => QUEUE.push(format!("{text}\n").into_bytes()),
        Some(Destination::Journal) => QUEUE.push(journal::entry(journal::head(3), text.as_bytes())),
        None => eprintln!("{text}"),
    }
    flush();
}

/// Waits until the log is written, for a second at most: at the end of the process.
pub fn flush() {
    QUEUE.flush(LAST_LINES);
}

/// The process may be about to abort, and must not be kept from it by a log that nobody reads.
fn tell_panic(info: &panic::PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("unnamed");
    let mut text = format!("thread {name} {info}");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        text += &format!("\n{trace}");
    }
    last_words(&text);
}

#[derive(Debug)]
enum Destination {
    Stderr(File),
    Journal,
}

impl Destination {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr(file) => write_all(file, line),
            Self::Journal => journal::send(Path::new(journal::SOCKET), line),
        }
    }
}

/// The body of the thread that writes.
fn write_lines(destination: &Destination) {
    // It writes to what is open, and needs no privilege for that.
    privilege::drop_capabilities(false).ok();
    loop {
        match QUEUE.next() {
            // Nobody can be told that the log cannot be written.
            Next::Line(line) => drop(destination.write(&line)),
            Next::Lost(count) => {
                tracing::warn!(
                    "{count} log lines are missing here: whoever reads the log did not keep up"
                );
            }
        }
    }
}

/// Also to a file that somebody else has made non-blocking, as terminals are now and then.
fn write_all(mut file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut room = [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
                poll(&mut room, PollTimeout::NONE)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes one line of the log, as whole lines come from `tracing-subscriber`.
#[derive(Debug)]
struct Line(
    /// Where it was logged, for the journal.
    Option<Vec<u8>>,
);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let kept = cut(line);
        QUEUE.push(match self.0.take() {
            Some(head) => journal::entry(head, &kept),
            None => kept.into_owned(),
        });
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn cut(line: &[u8]) -> Cow<'_, [u8]> {
    match line.get(..LINE_BYTES) {
        Some(start) if line.len() > LINE_BYTES => Cow::Owned([start, b"...\n"].concat()),
        _ => Cow::Borrowed(line),
    }
}

/// Makes entries for the journal.
#[derive(Debug)]
struct Entries;

impl MakeWriter<'_> for Entries {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line(Some(journal::head(5)))
    }

    fn make_writer_for(&self, metadata: &Metadata<'_>) -> Line {
        Line(Some(journal::head_of(metadata)))
    }
}

fn default_filter(verbosity: u8) -> &'static str {
    match verbosity {
        0 => "info,netlink_proto=error",
        1 => "info,netlink_proto=error,vrrp_user=debug,xvrrp=debug",
        _ => "debug,vrrp_user=trace,xvrrp=trace",
    }
}

/// `JOURNAL_STREAM` is inherited by everything below a unit; it is about us only if it names the
/// device and inode of our own standard error.
fn under_systemd() -> bool {
    let Some(stream) = env::var_os("JOURNAL_STREAM") else {
        return false;
    };
    fstat(io::stderr().as_fd()).is_ok_and(|stat| {
        stream.as_bytes() == format!("{}:{}", stat.st_dev, stat.st_ino).as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_limit() {
        let line = vec![b'x'; LINE_BYTES];
        assert_eq!(cut(&line), line);
        let long = [&line[..], b"y\n"].concat();
        assert_eq!(cut(&long), [&line[..], b"...\n"].concat());
    }

    #[test]
    fn every_default_filter_is_valid() {
        for verbosity in 0..4 {
            EnvFilter::try_new(default_filter(verbosity)).unwrap();
        }
    }
}
