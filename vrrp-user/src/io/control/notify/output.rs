//! What scripts write, logged within limits.

use std::{io::PipeReader, os::fd::OwnedFd};

use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver};

/// Output beyond this is read and thrown away.
const LINES: usize = 64;
const LINE_BYTES: usize = 512;

/// Logs what a script writes, until everybody has closed the pipe.
pub(super) async fn collect(output: PipeReader, instance: String, program: String) {
    let mut output = match Receiver::from_owned_fd(OwnedFd::from(output)) {
        Ok(output) => output,
        Err(error) => {
            tracing::error!("({instance}) {program}: its output cannot be read: {error}");
            return;
        }
    };
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
struct Lines {
    partial: Vec<u8>,
    cut: bool,
    logged: usize,
}

impl Lines {
    /// The lines that `chunk` completes; an empty chunk is the end and completes the last.
    fn feed(&mut self, chunk: &[u8]) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let long = lines.feed(&[&[b'x'; 100_000][..], b"\n"].concat());
        assert_eq!(long, [format!("{}…", "x".repeat(LINE_BYTES))]);
        assert_eq!(lines.partial.capacity(), 0, "nothing is kept of it");
    }

    #[test]
    fn output_ends_after_so_many_lines() {
        let mut lines = Lines::default();
        let all = lines.feed(&b"x\n".repeat(LINES + 1000));
        assert_eq!(all.len(), LINES + 1);
        assert_eq!(all[LINES], "(further output is not logged)");
    }
}
