//! What the kernel refuses a program with, and how that is told.

use aya::programs::ProgramError;
use nix::errno::Errno;

use super::choice::Mode;

pub(super) fn errno_of(error: &ProgramError) -> Option<Errno> {
    let raw = match error {
        ProgramError::SyscallError(syscall) => syscall.io_error.raw_os_error(),
        ProgramError::LoadError { io_error, .. } => io_error.raw_os_error(),
        _ => None,
    };
    raw.map(Errno::from_raw)
}

/// One line for people: the errno, and what it usually means here.
pub(super) fn explain(error: &ProgramError) -> String {
    match errno_of(error) {
        Some(Errno::EOPNOTSUPP) => "the driver has no native XDP".to_owned(),
        Some(Errno::ERANGE) => "the MTU is too large for one buffer".to_owned(),
        Some(Errno::EPERM) => {
            "not permitted (CAP_BPF and CAP_NET_ADMIN, or root, are needed)".to_owned()
        }
        Some(errno) => errno.desc().to_owned(),
        None => error.to_string(),
    }
}

/// What the modes were refused with: once, if all were with the same.
pub(super) fn told(refusals: &[(Mode, String)]) -> String {
    match refusals {
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => first.clone(),
        _ => {
            let each = refusals.iter().map(|(mode, why)| format!("{mode}: {why}"));
            each.collect::<Vec<_>>().join("; ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_refusals_are_told_once() {
        let both = |first: &str, second: &str| {
            told(&[
                (Mode::NativeFrags, first.to_owned()),
                (Mode::Native, second.to_owned()),
            ])
        };
        assert_eq!(both("no XDP", "no XDP"), "no XDP");
        assert_eq!(both("no XDP", "MTU"), "native+frags: no XDP; native: MTU");
    }
}
