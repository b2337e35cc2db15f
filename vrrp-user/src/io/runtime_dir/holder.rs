//! The process that holds a lock, by its pid: whether it is ending.
//!
//! A process that was killed keeps its files, and with them the lock, until the kernel has taken it apart. With BPF
//! programs among them that takes some tenths of a second.

use std::{fs, io};

/// `PF_EXITING` of the kernel's `include/linux/sched.h`.
const EXITING: u64 = 0x4;
/// SIGKILL in a set of signals.
const KILLED: u64 = 1 << (libc::SIGKILL - 1);

/// Whether the process is gone, or will be soon whatever it does. One that cannot be looked at is not.
pub(super) fn is_ending(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => says_ending(&stat).unwrap_or(false),
        Err(error) => {
            error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
        }
    }
}

/// Reads proc_pid_stat(5). The first thread may be a zombie while others still have the files.
fn says_ending(stat: &str) -> Option<bool> {
    // The name in parentheses may have spaces and parentheses in it.
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // Numbers of the manual page; the first after the name is 3.
    let field = |number: usize| fields.get(number - 3).copied();
    let bits = |number| field(number)?.parse::<u64>().ok();
    let is_dead = matches!(field(3)?, "Z" | "X");
    let (flags, pending) = (bits(9)?, bits(31)?);
    Some(is_dead || flags & EXITING != 0 || pending & KILLED != 0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn stat(name: &str, state: char, flags: u64, pending: u64) -> String {
        format!(
            "2257 ({name}) {state} 1 2257 2257 0 -1 {flags} 5120 0 0 0 1 2 0 0 20 0 4 0 81142 1039788032 18000 \
             18446744073709551615 1 1 0 0 0 {pending} 0 4096 17920 0 0 0 17 1 51 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        )
    }

    #[test]
    fn what_ends_is_told_from_what_lives() {
        const LIVES: u64 = 0x0040_0100;
        for (text, ending) in [
            (stat("xvrrp", 'S', LIVES, 0), Some(false)),
            (stat("a) Z (b", 'S', LIVES, 0), Some(false)),
            (
                stat("xvrrp", 'T', LIVES, 1 << (libc::SIGTERM - 1)),
                Some(false),
            ),
            (stat("xvrrp", 'Z', LIVES, 0), Some(true)),
            (stat("xvrrp", 'D', LIVES | EXITING, 0), Some(true)),
            (stat("xvrrp", 'R', LIVES, KILLED), Some(true)),
            ("2257 (xvrrp) S 1".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(says_ending(&text), ending, "{text}");
        }
    }

    #[test]
    fn a_process_is_looked_at() {
        assert!(!is_ending(std::process::id()));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!is_ending(child.id()));
        child.kill().unwrap();
        // Between the signal's delivery and the end nothing shows.
        let mut looks = 0..100_000;
        assert!(looks.any(|_| is_ending(child.id())));
        child.wait().unwrap();
        assert!(is_ending(child.id()), "gone");
    }
}
