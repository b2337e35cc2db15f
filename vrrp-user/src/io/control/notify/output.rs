//! What scripts write, logged within limits.

use std::{
    io::{self, PipeReader},
    os::fd::OwnedFd,
    time::Duration,
};

use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe::Receiver,
    time::{MissedTickBehavior, interval},
};

/// Output beyond this is thrown away.
const LINES: usize = 64;
const BYTES: usize = 64 << 10;
const LINE_BYTES: usize = 512;

/// What is thrown away is read so much at a time, and so often: 3 MB a second. A script that never stops
/// writing then waits for us nearly all the time. Closing the pipe would kill it, and with it a
/// service that it has started and that goes on writing there.
const SCRAP: usize = 64 << 10;
const PACE: Duration = Duration::from_millis(20);

/// Logs what a script writes, until everybody has closed the pipe.
pub(super) async fn collect(output: PipeReader, instance: String, program: String) {
    let read = async {
        let mut output = Receiver::from_owned_fd(OwnedFd::from(output))?;
        log(&mut output, |line| {
            tracing::info!("({instance}) {program}: {line}");
        })
        .await?;
        discard(&mut output).await
    };
    if let Err(error) = read.await {
        tracing::error!("({instance}) {program}: its output cannot be read: {error}");
    }
}

/// Until the end or a limit.
async fn log(output: &mut Receiver, mut tell: impl FnMut(&str)) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut buffer = [0; 4096];
    loop {
        let length = output.read(&mut buffer).await?;
        let chunk = buffer.get(..length).unwrap_or_default();
        for line in lines.feed(chunk) {
            tell(&line);
        }
        if length == 0 || lines.over {
            return Ok(());
        }
    }
}

async fn discard(output: &mut Receiver) -> io::Result<()> {
    let mut scrap = vec![0; SCRAP];
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        if output.read(&mut scrap).await? == 0 {
            return Ok(());
        }
    }
}

/// Cuts hostile output into few, short, harmless lines.
#[derive(Debug, Default)]
struct Lines {
    partial: Vec<u8>,
    cut: bool,
    logged: usize,
    /// Read so far.
    bytes: usize,
    /// A limit is reached, and nothing more is logged.
    over: bool,
}

impl Lines {
    /// The lines that `chunk` completes; an empty chunk is the end and completes the last.
    fn feed(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        if self.over {
            return lines;
        }
        self.bytes += chunk.len();
        for byte in chunk {
            if *byte == b'\n' {
                lines.extend(self.complete());
            } else if self.partial.len() < LINE_BYTES {
                self.partial.push(*byte);
            } else {
                self.cut = true;
            }
        }
        let is_end = chunk.is_empty() || self.bytes > BYTES;
        if is_end && !self.partial.is_empty() {
            lines.extend(self.complete());
        }
        if self.bytes > BYTES {
            lines.extend(self.end());
        }
        lines
    }

    fn complete(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.partial);
        let cut = std::mem::take(&mut self.cut);
        if self.logged == LINES {
            return self.end();
        }
        self.logged += 1;
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

    /// Says once that there is more.
    fn end(&mut self) -> Option<String> {
        let first = !std::mem::replace(&mut self.over, true);
        first.then(|| "(further output is not logged)".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::io::clock;

    #[test]
    fn chunks_are_put_together() {
        let mut lines = Lines::default();
        assert_eq!(lines.feed(b"one\ntw"), ["one"]);
        assert_eq!(lines.feed(b"o\r\nthree"), ["two"]);
        assert_eq!(lines.feed(b""), ["three"]);
        assert!(lines.feed(b"").is_empty());
    }

    #[test]
    fn hostile_output_is_harmless() {
        let mut lines = Lines::default();
        assert_eq!(
            lines.feed(b"\x1b[2Jgone\0\r(VI_2)\n"),
            ["\\u{1b}[2Jgone\\u{0}\\r(VI_2)"]
        );
        assert_eq!(lines.feed(b"\xff\xfe\n"), ["\u{fffd}\u{fffd}"]);
        let long = lines.feed(&[&[b'x'; 50_000][..], b"\n"].concat());
        assert_eq!(long, [format!("{}…", "x".repeat(LINE_BYTES))]);
        assert_eq!(lines.partial.capacity(), 0, "nothing is kept of it");
    }

    #[test]
    fn a_line_without_an_end_has_one() {
        let mut lines = Lines::default();
        let chunk = [0xff; 4096];
        let all: Vec<_> = (0..100).flat_map(|_| lines.feed(&chunk)).collect();
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[0].ends_with('…'));
        assert_eq!(all[1], "(further output is not logged)");
        assert!(lines.over);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn endless_output_is_read_a_little_at_a_time_until_its_end() {
        // As much as could be read in a second at this pace, if nothing else needed time.
        const LIMIT: usize = SCRAP * 50;
        let (reader, mut writer) = io::pipe().unwrap();
        let writer = std::thread::spawn(move || {
            let mut written = 0;
            let end = clock::now() + Duration::from_secs(1);
            while clock::now() < end {
                io::Write::write_all(&mut writer, &[b'x'; 4096]).unwrap();
                written += 4096;
            }
            written
        });
        let collected = collect(reader, "VI_1".to_owned(), "endless".to_owned());
        let whole = timeout(Duration::from_secs(20), collected).await;
        whole.expect("the output is read until its end");
        let written = writer.join().unwrap();
        // Before it is slowed down, beside what fills the pipe.
        assert!(written <= LIMIT + BYTES + 2 * SCRAP, "{written}");
    }

    #[test]
    fn output_ends_after_so_many_lines() {
        let mut lines = Lines::default();
        let all = lines.feed(&b"x\n".repeat(LINES + 1000));
        assert_eq!(all.len(), LINES + 1);
        assert_eq!(all[LINES], "(further output is not logged)");
    }
}
