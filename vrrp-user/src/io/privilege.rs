//! Gives up every capability that is not needed once the node runs.
//!
//! Capabilities belong to threads. Threads inherit them from their creator, so
//! [`drop_capabilities`] is called in every thread that exists at that moment, after it made itself
//! real-time and locked its memory; what it starts later has no more.
//!
//! The bounding set stays as it is: notify scripts of root get the full set again when they are
//! executed, as they do from keepalived. A unit that wants to limit them sets
//! `CapabilityBoundingSet=`.

use caps::{CapSet, Capability, CapsHashSet};
use nix::unistd::geteuid;
use thiserror::Error;

/// What the running node needs.
const KEPT: [Capability; 8] = [
    // Maps, links and pins: kernels before 5.19 ask for it when unprivileged BPF is off. Programs are loaded before, which
    // takes CAP_PERFMON as well.
    Capability::CAP_BPF,
    // A reload reads the file again, and looks at scripts: both may be in places that are another user's alone.
    Capability::CAP_DAC_READ_SEARCH,
    // After MCL_FUTURE every allocation counts against RLIMIT_MEMLOCK without it.
    Capability::CAP_IPC_LOCK,
    // Scripts of other users that have to be stopped.
    Capability::CAP_KILL,
    // Addresses; programs on one more interface.
    Capability::CAP_NET_ADMIN,
    // Packet sockets.
    Capability::CAP_NET_RAW,
    // `notify "…" user group`.
    Capability::CAP_SETGID,
    Capability::CAP_SETUID,
];

/// Why they could not be read or dropped.
#[derive(Debug, Error)]
#[error("cannot read or drop capabilities")]
pub struct PrivilegeError(#[from] caps::errors::CapsError);

/// What a start needs and the calling thread does not have. CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as it does
/// for the kernel.
///
/// # Errors
/// When the kernel does not tell.
pub fn lacking() -> Result<Vec<Capability>, PrivilegeError> {
    let have = caps::read(None, CapSet::Effective)?;
    let has = |capability| match capability {
        Capability::CAP_BPF | Capability::CAP_PERFMON => {
            have.contains(&capability) || have.contains(&Capability::CAP_SYS_ADMIN)
        }
        other => have.contains(&other),
    };
    let needed = [
        Capability::CAP_BPF,
        Capability::CAP_NET_ADMIN,
        Capability::CAP_NET_RAW,
        Capability::CAP_PERFMON,
    ];
    Ok(needed.into_iter().filter(|one| !has(*one)).collect())
}

/// Reduces the calling thread's effective, permitted, inheritable and ambient sets to what the
/// running node needs and has. `will_unmount` keeps CAP_SYS_ADMIN, for the thread that is going to
/// take away a BPF file system that we mounted.
///
/// # Errors
/// When the kernel refuses.
pub fn drop_capabilities(will_unmount: bool) -> Result<(), PrivilegeError> {
    let have = caps::read(None, CapSet::Permitted)?;
    let mut keep: CapsHashSet = KEPT.into_iter().collect();
    if will_unmount {
        keep.insert(Capability::CAP_SYS_ADMIN);
    }
    keep.retain(|capability| have.contains(capability));
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &keep)?;
    caps::set(None, CapSet::Permitted, &keep)?;
    Ok(())
}

/// Says that `what` has to be run as root: the first thing that an ordinary user is refused is no help to them.
pub fn with_hint(
    error: impl std::error::Error + Send + Sync + 'static,
    what: &str,
) -> anyhow::Error {
    let error = anyhow::Error::new(error);
    if geteuid().is_root() {
        error
    } else {
        error.context(format!("{what} has to be run as root"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn what_a_start_lacks_is_known() {
        if !geteuid().is_root() {
            eprintln!("skipped: only root has capabilities to lose");
            return;
        }
        let without = |gone: &[Capability]| {
            let gone = gone.to_vec();
            let thread = std::thread::spawn(move || {
                for capability in gone {
                    caps::drop(None, CapSet::Effective, capability).unwrap();
                }
                lacking().unwrap()
            });
            thread.join().unwrap()
        };
        use Capability::{CAP_BPF, CAP_NET_RAW, CAP_PERFMON, CAP_SYS_ADMIN};
        assert_eq!(without(&[]), []);
        assert_eq!(without(&[CAP_NET_RAW]), [CAP_NET_RAW]);
        assert_eq!(without(&[CAP_BPF, CAP_PERFMON]), []);
        let gone = [CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN];
        assert_eq!(without(&gone), [CAP_BPF, CAP_PERFMON]);
    }

    #[test]
    fn a_thread_keeps_no_more_than_it_needs() {
        let before = caps::read(None, CapSet::Permitted).unwrap();
        let after = std::thread::spawn(|| {
            drop_capabilities(false).unwrap();
            (
                caps::read(None, CapSet::Permitted).unwrap(),
                caps::read(None, CapSet::Effective).unwrap(),
            )
        });
        let (permitted, effective) = after.join().unwrap();
        assert!(
            permitted
                .iter()
                .all(|c| KEPT.contains(c) && before.contains(c))
        );
        assert_eq!(permitted, effective);
        assert_eq!(
            caps::read(None, CapSet::Permitted).unwrap(),
            before,
            "per thread"
        );
    }
}
