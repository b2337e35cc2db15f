//! Which network namespace we are in, and whether another one still exists.

use std::{fs, io, os::unix::fs::MetadataExt as _};

/// Inode of our network namespace, which names it as long as it exists.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn current() -> io::Result<u64> {
    Ok(fs::metadata("/proc/thread-self/ns/net")?.ino())
}

/// Whether a network namespace still exists: as some process's, or bind-mounted as `ip netns` does
/// in our mount namespace. One that is held by a descriptor alone, or by a process that we may not
/// look at, is not found.
#[must_use]
pub fn exists(inode: u64) -> bool {
    let name = format!("net:[{inode}]");
    let mounted = fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| {
        mounts
            .lines()
            .any(|line| line.split(' ').nth(3) == Some(&name))
    });
    mounted || in_use(inode)
}

fn in_use(inode: u64) -> bool {
    processes().any(|process| of(process).is_ok_and(|found| found == inode))
}

/// The network namespace of a process.
///
/// # Errors
/// When it has ended, or we may not look at it.
pub(super) fn of(process: u32) -> io::Result<u64> {
    Ok(fs::metadata(format!("/proc/{process}/ns/net"))?.ino())
}

/// Every process that `/proc` shows.
pub(super) fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_exists_and_nonsense_does_not() {
        assert!(exists(current().unwrap()));
        assert!(!exists(1));
    }
}
