//! The journal's own protocol: a datagram of fields per line
//! (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).

use std::{io, os::unix::net::UnixDatagram, path::Path};

use tracing::{Level, Metadata};

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// Whether journald is there.
pub(super) fn is_there() -> bool {
    UnixDatagram::unbound().is_ok_and(|socket| socket.connect(SOCKET).is_ok())
}

/// Sends one entry. Waits as long as journald does not read; each time to the path, so that it
/// reaches a journald that was started anew.
pub(super) fn send(path: &Path, entry: &[u8]) -> io::Result<()> {
    UnixDatagram::unbound()?.send_to(entry, path).map(drop)
}

/// What precedes the message: syslog's priority (0-7).
pub(super) fn head(priority: u8) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    field(&mut head, "PRIORITY", &[b'0' + priority]);
    field(&mut head, "SYSLOG_IDENTIFIER", b"xvrrp");
    head
}

/// The same, with where the line comes from.
pub(super) fn head_of(metadata: &Metadata<'_>) -> Vec<u8> {
    let mut head = head(priority(*metadata.level()));
    field(&mut head, "TARGET", metadata.target().as_bytes());
    if let Some(file) = metadata.file() {
        field(&mut head, "CODE_FILE", file.as_bytes());
    }
    if let Some(line) = metadata.line() {
        field(&mut head, "CODE_LINE", line.to_string().as_bytes());
    }
    head
}

/// The whole entry.
pub(super) fn entry(mut head: Vec<u8>, message: &[u8]) -> Vec<u8> {
    field(&mut head, "MESSAGE", message.trim_ascii_end());
    head
}

/// syslog's priority: LOG_ERR for errors.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 5,
        Level::DEBUG => 6,
        _ => 7,
    }
}

/// With the length before the value, so that the value may have more than one line.
fn field(entry: &mut Vec<u8>, name: &str, value: &[u8]) {
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'\n');
    entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    entry.extend_from_slice(value);
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::log::LINE_BYTES;

    #[test]
    fn entries_have_their_length_before_the_value() {
        let mut expected = b"PRIORITY\n\x01\0\0\0\0\0\0\x003\nSYSLOG_IDENTIFIER\n".to_vec();
        expected.extend(b"\x05\0\0\0\0\0\0\0xvrrp\nMESSAGE\n\x07\0\0\0\0\0\0\0one\ntwo\n");
        assert_eq!(entry(head(3), b"one\ntwo\n"), expected);
    }

    #[test]
    fn the_longest_entry_can_be_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        send(&path, &entry(head(3), &vec![b'x'; LINE_BYTES + 4])).unwrap();
        let mut received = vec![0; 1 << 20];
        let length = journal.recv(&mut received).unwrap();
        assert!(received[..length].ends_with(b"xxx\n"));
    }
}
