//! What the terminal shows: headings, and one line per long command instead of its output.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{process, workspace};

/// How often the line of a running command is rewritten on a terminal.
const TICK: Duration = Duration::from_secs(1);
/// How often a running command gives a sign of life where lines cannot be rewritten (a CI log).
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Lines of a failed command's log that are shown.
const LOG_TAIL: usize = 40;

/// Announces the next thing xtask does.
pub(crate) fn heading(text: &str) {
    println!("==> {text}");
}

/// Prints what belongs to the last heading.
pub(crate) fn note(text: &str) {
    println!("    {text}");
}

/// A started clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "for people to read, decides nothing"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start, as people say it.
    pub(crate) fn elapsed(self) -> String {
        spoken(self.0.elapsed())
    }
}

/// Runs a talkative command behind one line that tells what is being done and for how long. Its
/// output goes to the file `log` in the log folder.
///
/// # Errors
/// When the command cannot be started or fails; the end of its output is printed then.
pub(crate) fn run(what: &str, log: &str, command: &mut Command) -> Result<()> {
    let folder = workspace::logs();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let log = folder.join(format!("{log}.log"));
    let file = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
    let errors = file.try_clone().context("cannot share the log file")?;

    let clock = Stopwatch::start();
    let mut child = command
        .stdin(Stdio::inherit())
        .stdout(file)
        .stderr(errors)
        .spawn()
        .with_context(|| format!("cannot start {}", process::shown(command)))?;
    let (ended, end) = mpsc::channel();
    let waiter = thread::spawn(move || {
        // The receiver waits until this arrives; it cannot be gone.
        drop(ended.send(child.wait()));
    });
    let status = show_until(what, clock, &end).context("lost the command")?;
    drop(waiter.join());

    if !status.success() {
        println!("    {what}: failed after {}", clock.elapsed());
        show_tail(&log)?;
        bail!(
            "{} failed: {status}; its output is in {}",
            process::shown(command),
            log.display()
        );
    }
    println!("    {what}: done in {}", clock.elapsed());
    Ok(())
}

fn show_until<T>(
    what: &str,
    clock: Stopwatch,
    end: &mpsc::Receiver<io::Result<T>>,
) -> io::Result<T> {
    let terminal = io::stdout().is_terminal();
    if !terminal {
        println!("    {what} …");
    }
    loop {
        if terminal {
            print!("\r\x1b[K    {what} … {}", clock.elapsed());
            io::stdout().flush()?;
        }
        match end.recv_timeout(if terminal { TICK } else { HEARTBEAT }) {
            Ok(result) => {
                if terminal {
                    print!("\r\x1b[K");
                }
                return result;
            }
            Err(RecvTimeoutError::Timeout) if terminal => {}
            Err(RecvTimeoutError::Timeout) => println!("    … still {what}, {}", clock.elapsed()),
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("no exit status")),
        }
    }
}

fn show_tail(log: &Path) -> Result<()> {
    let file = File::open(log).with_context(|| format!("cannot open {}", log.display()))?;
    let mut tail = VecDeque::with_capacity(LOG_TAIL);
    for line in BufReader::new(file).split(b'\n') {
        if tail.len() == LOG_TAIL {
            tail.pop_front();
        }
        tail.push_back(line.with_context(|| format!("cannot read {}", log.display()))?);
    }
    for line in tail {
        println!("    | {}", String::from_utf8_lossy(&line));
    }
    Ok(())
}

fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_do() {
        assert_eq!(spoken(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(spoken(Duration::from_secs(59)), "59 s");
        assert_eq!(spoken(Duration::from_secs(125)), "2 min 05 s");
    }
}
