//! Reading a configuration file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::{
    Parsed,
    diag::{Diagnostics, Place},
};

/// Largest file: some 10,000 instances.
const MAX_FILE: u64 = 4 << 20;

/// Reads and parses the file at `path`. That it cannot be read is an error among the diagnostics.
pub fn load(path: &Path) -> Parsed {
    let file = path.display().to_string();
    let problem = match read(path) {
        Ok(text) if text.len() as u64 <= MAX_FILE => return super::parse(&file, &text),
        Ok(_) => format!("the file is larger than {} MiB", MAX_FILE >> 20),
        Err(error) => format!("cannot read the configuration: {error}"),
    };
    let mut report = Diagnostics::default();
    report.error(&Place::new(&file, 0), problem);
    Parsed {
        config: None,
        diagnostics: report.finish(),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    open(path)?.take(MAX_FILE + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Opens a file that is there as a whole. The open itself does not wait either: that of a pipe would, until
/// somebody writes into it.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other(
        "it is no regular file; a pipe can be read only once, and SIGHUP reads it again: write it into a file",
    ))
}
