//! What stays in the kernel when the node dies, found again through its pins.

use std::{
    fs::{self, DirBuilder, DirEntry},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use aya::{
    maps::MapData,
    programs::{
        TcAttachType,
        tc::{self, TcError},
    },
};
use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::statfs::{BPF_FS_MAGIC, statfs},
    unistd::geteuid,
};
use vrrp_ebpf::{
    abi,
    ownership::{Ownership, Standing, State},
};

use super::{
    BpfError,
    attach::{EGRESS_PROGRAM, MARK_PROGRAM, RECEIVE_PROGRAM},
    shared::Slots,
};
use crate::io::clock;

/// Where the BPF file system is mounted, by convention.
pub const BPFFS: &str = "/sys/fs/bpf";
const PARENT: &str = "/sys/fs/bpf/xvrrp";
/// File name of the pinned `SLOTS` map.
pub(super) const SLOTS: &str = "slots";

/// What a cleanup needs of what is pinned.
pub trait Pins {
    /// Makes every pinned ownership word Idle under a new epoch; returns the routers that were in service.
    ///
    /// # Errors
    /// When pinned words exist but cannot be written.
    fn fence(&self) -> io::Result<Vec<Fenced>>;

    /// Removes our filters from the clsact qdisc of an interface; one that is not there is no error.
    ///
    /// # Errors
    /// errno of the kernel.
    fn detach_filters(&self, interface: &str) -> io::Result<()>;

    /// Removes the pins, and the BPF file system's mount if `bpffs_mounted` says that it is ours.
    /// Returns whether there was something to remove.
    ///
    /// # Errors
    /// When a pin cannot be removed.
    fn remove(&self, bpffs_mounted: bool) -> io::Result<bool>;
}

/// A virtual router that was taken out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// Its slot.
    pub slot: u32,
    /// It was the Active, and nobody has been told that it is no more.
    pub was_active: bool,
}

/// What an instance of the node has pinned.
#[derive(Clone, Debug)]
pub struct InstancePins(PathBuf);

impl InstancePins {
    /// The pins of the instance with this name.
    #[must_use]
    pub fn new(instance: &str) -> Self {
        Self(directory(instance))
    }

    /// Their directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0
    }
}

impl Pins for InstancePins {
    fn fence(&self) -> io::Result<Vec<Fenced>> {
        fence(&self.0).map_err(io::Error::other)
    }

    fn detach_filters(&self, interface: &str) -> io::Result<()> {
        let mark = detach(interface, TcAttachType::Ingress, MARK_PROGRAM);
        let receive = detach(interface, TcAttachType::Ingress, RECEIVE_PROGRAM);
        let egress = detach(interface, TcAttachType::Egress, EGRESS_PROGRAM);
        egress.and(receive).and(mark)
    }

    fn remove(&self, bpffs_mounted: bool) -> io::Result<bool> {
        remove(&self.0, bpffs_mounted).map_err(io::Error::other)
    }
}

/// Removes a filter from the clsact qdisc of an interface.
fn detach(interface: &str, place: TcAttachType, program: &str) -> io::Result<()> {
    match tc::qdisc_detach_program(interface, place, program) {
        Ok(()) => Ok(()),
        // Our filter is not there, or not even the qdisc.
        Err(TcError::IoError(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(TcError::NetlinkError(error)) if error.raw_os_error() == Some(Errno::EINVAL as i32) => {
            Ok(())
        }
        Err(error) => Err(io::Error::other(error)),
    }
}

/// The directory of the pins of one instance of the node.
#[must_use]
pub fn directory(instance: &str) -> PathBuf {
    Path::new(PARENT).join(instance)
}

/// Whether the BPF file system is where pins go.
#[must_use]
pub fn is_mounted() -> bool {
    statfs(BPFFS).is_ok_and(|fs| fs.filesystem_type() == BPF_FS_MAGIC)
}

/// Makes the directory for pins, mounting the BPF file system if nobody has.
///
/// # Errors
/// When the file system cannot be mounted, the directory cannot be made, or one that is there is
/// not safe to use.
pub fn prepare(directory: &Path) -> Result<(), BpfError> {
    let failed = |source| BpfError::Pin {
        path: directory.to_owned(),
        source,
    };
    if !is_mounted() {
        mount(
            Some("bpf"),
            BPFFS,
            Some("bpf"),
            MsFlags::empty(),
            Some("mode=0700"),
        )
        .map_err(|errno| failed(errno.into()))?;
    }
    for directory in [Path::new(PARENT), directory] {
        make(directory).map_err(failed)?;
    }
    check(directory)
}

/// Makes a directory that is only ours; one that is there is left as it is.
fn make(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Refuses pins that somebody else may have put there: the directory and the one above it must be
/// no links, ours, and writable by nobody else. One that does not exist passes.
fn check(directory: &Path) -> Result<(), BpfError> {
    for directory in directory.parent().into_iter().chain([directory]) {
        let failed = |source| BpfError::Pin {
            path: directory.to_owned(),
            source,
        };
        let found = match fs::symlink_metadata(directory) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let reason = if !found.is_dir() {
            "it is a symbolic link or not a directory"
        } else if found.uid() != geteuid().as_raw() {
            "it belongs to another user"
        } else if found.mode() & 0o022 != 0 {
            "it is writable by others"
        } else {
            continue;
        };
        return Err(failed(io::Error::other(reason)));
    }
    Ok(())
}

/// Takes every virtual router of a dead node out of service: the ownership words become Idle under
/// a new epoch, so that not even a writer that comes back can serve. Returns those that were in
/// service.
///
/// # Errors
/// When the pinned map exists but cannot be opened, or the directory is not safe to use.
pub fn fence(directory: &Path) -> Result<Vec<Fenced>, BpfError> {
    check(directory)?;
    let path = directory.join(SLOTS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let map = MapData::from_pin(&path).map_err(|error| BpfError::Pin {
        path,
        source: io::Error::other(error),
    })?;
    let slots = Slots::map(&map)?;
    let taken = (0..abi::MAX_ROUTERS).filter_map(|slot| take(&slots, slot));
    Ok(taken.collect())
}

/// Takes one; `None` if nobody ever ran it, or it was not in service.
fn take(slots: &Slots, slot: u32) -> Option<Fenced> {
    loop {
        let standing = slots.standing(slot);
        let word = standing.word;
        if word == Ownership::NONE {
            return None;
        }
        // A writer that is alive may renew its lease in between; its next attempt finds our epoch.
        let idle = Ownership::new(State::Idle, word.epoch() + 1, 0);
        if slots.replace(slot, word, idle).is_ok() {
            let in_service = word.state() != State::Idle;
            return in_service.then(|| Fenced {
                slot,
                was_active: is_active(standing, clock::now().0),
            });
        }
    }
}

/// Whether a router was the Active at `now`, and has not said that it will not be. A Retiring one has said so.
/// Once a lease has ended, or a better router was heard, somebody else may be the Active.
fn is_active(standing: Standing, now: u64) -> bool {
    let counts = standing.ownership();
    counts.state() == State::Active && counts.serves(now)
}

/// Removes the pins of an instance, and with the last references its links: the programs are
/// detached. Unmounts the BPF file system if `mounted` says that we had mounted it and nobody else
/// uses it. Nothing to remove is no error.
///
/// # Errors
/// When a pin cannot be removed, or the directory is not safe to use.
pub fn remove(directory: &Path, mounted: bool) -> Result<bool, BpfError> {
    check(directory)?;
    let failed = |source| BpfError::Pin {
        path: directory.to_owned(),
        source,
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        fs::remove_file(entry.map_err(failed)?.path()).map_err(failed)?;
    }
    fs::remove_dir(directory).map_err(failed)?;
    // Fails as long as other instances have their directories in it, as it should.
    if fs::remove_dir(PARENT).is_ok() && mounted {
        // The kernel itself puts `maps.debug` and `progs.debug` into a fresh file system.
        let is_pin = |entry: &DirEntry| !entry.file_name().as_encoded_bytes().ends_with(b".debug");
        let unused = fs::read_dir(BPFFS)
            .is_ok_and(|entries| !entries.filter_map(Result::ok).any(|entry| is_pin(&entry)));
        if unused && let Err(errno) = umount2(BPFFS, MntFlags::empty()) {
            debug_assert!(
                errno == Errno::EBUSY || errno == Errno::EINVAL,
                "umount: {errno}"
            );
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn only_an_active_under_its_lease_has_to_resign() {
        let standing = |state, better_seen| Standing {
            word: Ownership::new(state, 1, 10_240),
            considered_until: 5,
            better_seen,
            last_seen: 0,
        };
        assert!(is_active(standing(State::Active, 0), 10_239));
        assert!(is_active(standing(State::Active, 5), 0));
        // The lease has ended, or a better router was heard.
        assert!(!is_active(standing(State::Active, 0), 10_240));
        assert!(!is_active(standing(State::Active, 6), 0));
        for state in [State::Idle, State::Rising, State::Retiring] {
            assert!(!is_active(standing(state, 0), 0), "{state:?}");
        }
    }

    #[test]
    fn only_our_own_directories_are_used() {
        let temporary = tempfile::tempdir().unwrap();
        let parent = temporary.path().join("xvrrp");
        let directory = parent.join("default");
        check(&directory).unwrap();
        for made in [&parent, &directory, &directory] {
            make(made).unwrap();
            assert_eq!(fs::metadata(made).unwrap().mode() & 0o777, 0o700);
        }
        check(&directory).unwrap();

        for open in [&parent, &directory] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o770)).unwrap();
            for error in [
                check(&directory).unwrap_err(),
                fence(&directory).unwrap_err(),
                remove(&directory, false).unwrap_err(),
            ] {
                assert!(
                    matches!(&error, BpfError::Pin { path, .. } if path == open),
                    "{error}"
                );
            }
            fs::set_permissions(open, fs::Permissions::from_mode(0o700)).unwrap();
        }
        check(&directory).unwrap();

        let link = parent.join("link");
        symlink(&directory, &link).unwrap();
        check(&link).unwrap_err();
    }
}
