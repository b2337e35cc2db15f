//! `/run/xvrrp/NAME`: the lock, the journal and the control socket of one instance of the node.
//!
//! The directory is opened once without following links, its owner and mode are checked, and
//! everything in it is then reached through its descriptor. (keepalived's CVE-2018-19044 to -19046
//! were files with predictable names that followed links.)

use std::{
    fmt,
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, Flock, FlockArg, OFlag, openat, renameat},
    sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat},
    unistd::{UnlinkatFlags, geteuid, unlinkat},
};
use thiserror::Error;

mod holder;

/// Parent of every instance's directory.
pub const BASE: &str = "/run/xvrrp";
/// File name of the control socket.
pub const CONTROL_SOCKET: &str = "control.sock";
/// File name of the journal.
pub const JOURNAL: &str = "journal";
/// File name of its copy, for a cleanup that finds it damaged.
pub const JOURNAL_COPY: &str = "journal.copy";
/// File name of the priority 0 adverts of the running node.
pub const RESIGNATIONS: &str = "resignations";
/// File name of the lock.
pub const LOCK: &str = "lock";
/// The largest file of ours has the adverts for thousands of unicast peers; a larger one is not ours.
const MAX_FILE: u64 = 32 << 20;
/// How long the kernel may take to release the lock of a process that was killed, and how often it is asked.
const RELEASE: Duration = Duration::from_secs(1);
const RELEASE_POLL: Duration = Duration::from_millis(5);

/// Name of an instance of the node, keepalived's `instance`: 1-32 of `A-Z a-z 0-9 _ . -`, not
/// starting with a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceName(String);

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 1-32 of A-Z, a-z, 0-9, '_', '.', '-' and not start with '.'")]
pub struct InvalidName;

impl InstanceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for InstanceName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for InstanceName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let valid =
            (1..=32).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('.');
        valid.then(|| Self(name.to_owned())).ok_or(InvalidName)
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why the directory cannot be used.
#[derive(Debug, Error)]
pub enum RuntimeDirError {
    /// A system call failed.
    #[error("cannot use {}", path.display())]
    Io {
        /// What it was about.
        path: PathBuf,
        /// errno.
        source: io::Error,
    },
    /// Somebody else could have prepared it.
    #[error("{}: {reason}; refusing to use it", path.display())]
    Unsafe {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another process holds the lock.
    #[error("instance {instance} is already running{}", holder(*.pid))]
    Locked {
        /// The instance.
        instance: InstanceName,
        /// The holder, if it has written its pid.
        pid: Option<u32>,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// An instance's directory, opened and checked.
#[derive(Debug)]
pub struct RuntimeDir {
    base: PathBuf,
    instance: InstanceName,
    directory: OwnedFd,
}

/// Held for the life of the node. The kernel releases it at the end of the process, however that
/// comes about, so a lock that can be taken means that the node is dead.
#[derive(Debug)]
pub struct Lock {
    file: Flock<File>,
}

impl RuntimeDir {
    /// Opens the directory of `instance` below `base` ([`BASE`] but in tests), making both if they
    /// are not there.
    ///
    /// # Errors
    /// When a directory is a link, belongs to somebody else, is writable by others, or a system
    /// call fails.
    pub fn create(base: &Path, instance: &InstanceName) -> Result<Self, RuntimeDirError> {
        make_directory(AT_FDCWD, base, Mode::from_bits_truncate(0o755), base)?;
        let missing = |path: &Path| failed(path, Errno::ENOENT);
        let parent = open_directory(AT_FDCWD, base, base)?.ok_or_else(|| missing(base))?;
        let path = base.join(instance.as_str());
        // Below the checked directory, so that a link in place of the base leads nowhere.
        make_directory(&parent, Path::new(instance.as_str()), Mode::S_IRWXU, &path)?;
        Self::open_existing(base, instance)?.ok_or_else(|| missing(&path))
    }

    /// Opens the directory of `instance`, if there is one.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn open_existing(
        base: &Path,
        instance: &InstanceName,
    ) -> Result<Option<Self>, RuntimeDirError> {
        let Some(parent) = open_directory(AT_FDCWD, base, base)? else {
            return Ok(None);
        };
        let path = base.join(instance.as_str());
        let Some(directory) = open_directory(&parent, Path::new(instance.as_str()), &path)? else {
            return Ok(None);
        };
        fchmod(&directory, Mode::S_IRWXU).map_err(|errno| failed(&path, errno))?;
        Ok(Some(Self {
            base: base.to_owned(),
            instance: instance.clone(),
            directory,
        }))
    }

    /// The instance's name.
    #[must_use]
    pub fn instance(&self) -> &InstanceName {
        &self.instance
    }

    /// Its path.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.base.join(self.instance.as_str())
    }

    /// Path of a file in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Takes the lock and writes our pid into it. The end of a process that was killed is waited for, but not long.
    ///
    /// To be called on a tokio runtime with time enabled.
    ///
    /// # Errors
    /// [`RuntimeDirError::Locked`] while another process holds it.
    pub async fn lock_after_end(&self) -> Result<Lock, RuntimeDirError> {
        let mut poll = tokio::time::interval(RELEASE_POLL);
        let ending = async {
            let mut seen_alive = false;
            loop {
                poll.tick().await;
                match self.lock() {
                    Err(RuntimeDirError::Locked { pid: Some(pid), .. })
                        if holder::is_ending(pid) =>
                    {
                        seen_alive = false;
                    }
                    // For a moment after a signal was taken nothing shows that the process ends.
                    Err(RuntimeDirError::Locked { .. }) if !seen_alive => seen_alive = true,
                    other => break other,
                }
            }
        };
        match tokio::time::timeout(RELEASE, ending).await {
            Ok(lock) => lock,
            Err(_) => self.lock(),
        }
    }

    /// Takes the lock and writes our pid into it.
    ///
    /// # Errors
    /// [`RuntimeDirError::Locked`] while another process holds it.
    pub fn lock(&self) -> Result<Lock, RuntimeDirError> {
        let failed = |errno: Errno| failed(&self.path(LOCK), errno);
        loop {
            let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let mode = Mode::S_IRUSR | Mode::S_IWUSR;
            let file = File::from(openat(&self.directory, LOCK, flags, mode).map_err(failed)?);
            let mut file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(file) => file,
                Err((mut file, Errno::EWOULDBLOCK)) => {
                    return Err(RuntimeDirError::Locked {
                        instance: self.instance.clone(),
                        pid: read_pid(&mut file),
                    });
                }
                Err((_, errno)) => return Err(failed(errno)),
            };
            // `cleanup` removes the file while it holds the lock: what we locked may be nobody's
            // lock any more.
            if !self.is_current(&file).map_err(failed)? {
                continue;
            }
            write_pid(&mut file).map_err(|source| RuntimeDirError::Io {
                path: self.path(LOCK),
                source,
            })?;
            return Ok(Lock { file });
        }
    }

    /// Whether this lock still keeps others out: nobody has removed its file, or the directory.
    #[must_use]
    pub fn has(&self, lock: &Lock) -> bool {
        self.is_current(&lock.file).unwrap_or(false)
    }

    /// Whether a file is what is there as the lock.
    fn is_current(&self, file: &File) -> nix::Result<bool> {
        let opened = fstat(file)?;
        let no_follow = nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW;
        match fstatat(&self.directory, LOCK, no_follow) {
            Ok(current) => Ok(current.st_ino == opened.st_ino),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Opens the directory of another instance.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn beside(&self, instance: &InstanceName) -> Result<Option<Self>, RuntimeDirError> {
        Self::open_existing(&self.base, instance)
    }

    /// Whether a process holds the lock.
    ///
    /// # Errors
    /// When a system call fails.
    pub fn is_locked(&self) -> Result<bool, RuntimeDirError> {
        let failed = |errno: Errno| failed(&self.path(LOCK), errno);
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = match openat(&self.directory, LOCK, flags, Mode::empty()) {
            Err(Errno::ENOENT) => return Ok(false),
            other => File::from(other.map_err(failed)?),
        };
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Ok(_) => Ok(false),
            Err((_, Errno::EWOULDBLOCK)) => Ok(true),
            Err((_, errno)) => Err(failed(errno)),
        }
    }

    /// Reads a small file; `None` if there is none.
    ///
    /// # Errors
    /// When it is no regular file, somebody else's, larger than 32 MiB, or cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, RuntimeDirError> {
        // O_NONBLOCK: a FIFO in its place must not hold us up.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = match openat(&self.directory, name, flags, Mode::empty()) {
            Err(Errno::ENOENT) => return Ok(None),
            other => other.map_err(|errno| failed(&self.path(name), errno))?,
        };
        let stat = fstat(&file).map_err(|errno| failed(&self.path(name), errno))?;
        if kind(&stat) != SFlag::S_IFREG {
            return Err(self.refuse(name, "is not a regular file"));
        }
        check_owner(&self.path(name), &stat)?;
        let mut content = Vec::new();
        File::from(file)
            .take(MAX_FILE + 1)
            .read_to_end(&mut content)
            .map_err(|source| RuntimeDirError::Io {
                path: self.path(name),
                source,
            })?;
        if content.len() as u64 > MAX_FILE {
            return Err(self.refuse(name, "is too large"));
        }
        Ok(Some(content))
    }

    /// Replaces a file as a whole: readers see the old content or the new. Not synchronised to a
    /// disk, because `/run` has none.
    ///
    /// # Errors
    /// When a system call fails, or the content is larger than [`read`](Self::read) takes.
    pub fn replace(&self, name: &str, content: &[u8]) -> Result<(), RuntimeDirError> {
        let fresh = format!("{name}.new");
        let path = self.path(&fresh);
        if content.len() as u64 > MAX_FILE {
            return Err(self.refuse(name, "would be too large"));
        }
        self.remove(&fresh)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let file = openat(&self.directory, fresh.as_str(), flags, mode)
            .map_err(|errno| failed(&path, errno))?;
        File::from(file)
            .write_all(content)
            .map_err(|source| RuntimeDirError::Io { path, source })?;
        renameat(&self.directory, fresh.as_str(), &self.directory, name)
            .map_err(|errno| failed(&self.path(name), errno))
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// When a system call fails.
    pub fn remove(&self, name: &str) -> Result<(), RuntimeDirError> {
        match unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(failed(&self.path(name), errno)),
        }
    }

    /// Removes the directory with everything that we put into it, and the parent if no other
    /// instance has a directory in it. The lock goes last, while it is still held.
    ///
    /// # Errors
    /// When somebody else put something into it.
    pub fn remove_all(self, lock: Lock) -> Result<(), RuntimeDirError> {
        for name in [JOURNAL, JOURNAL_COPY, RESIGNATIONS] {
            self.remove(name)?;
            self.remove(&format!("{name}.new"))?;
        }
        for name in [CONTROL_SOCKET, LOCK] {
            self.remove(name)?;
        }
        let path = self.base.join(self.instance.as_str());
        match unlinkat(AT_FDCWD, &path, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(failed(&path, errno)),
        }
        drop(lock);
        match unlinkat(AT_FDCWD, &self.base, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT | Errno::ENOTEMPTY | Errno::EEXIST | Errno::EBUSY) => Ok(()),
            Err(errno) => Err(failed(&self.base, errno)),
        }
    }

    fn refuse(&self, name: &str, reason: &'static str) -> RuntimeDirError {
        RuntimeDirError::Unsafe {
            path: self.path(name),
            reason,
        }
    }
}

fn make_directory(
    at: impl AsFd,
    name: &Path,
    mode: Mode,
    path: &Path,
) -> Result<(), RuntimeDirError> {
    match mkdirat(at, name, mode) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(failed(path, errno)),
    }
}

/// Opens a directory that is no link and that nobody else can write; `None` if it is not there.
fn open_directory(
    at: impl AsFd,
    name: &Path,
    path: &Path,
) -> Result<Option<OwnedFd>, RuntimeDirError> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let directory = match openat(at, name, flags, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(None),
        other => other.map_err(|errno| failed(path, errno))?,
    };
    let stat = fstat(&directory).map_err(|errno| failed(path, errno))?;
    check_owner(path, &stat)?;
    Ok(Some(directory))
}

fn check_owner(path: &Path, stat: &FileStat) -> Result<(), RuntimeDirError> {
    let unsafe_because = |reason| RuntimeDirError::Unsafe {
        path: path.to_owned(),
        reason,
    };
    if stat.st_uid != geteuid().as_raw() {
        return Err(unsafe_because("belongs to another user"));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(unsafe_because("is writable by others"));
    }
    Ok(())
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn failed(path: &Path, errno: Errno) -> RuntimeDirError {
    match errno {
        // O_NOFOLLOW | O_DIRECTORY on a link gives ENOTDIR, O_NOFOLLOW alone ELOOP.
        Errno::ELOOP | Errno::ENOTDIR => RuntimeDirError::Unsafe {
            path: path.to_owned(),
            reason: "is a symbolic link or not a directory",
        },
        errno => RuntimeDirError::Io {
            path: path.to_owned(),
            source: errno.into(),
        },
    }
}

#[cfg(test)]
mod tests;
