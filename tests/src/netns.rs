//! Network namespaces: one per host of the lab. Nothing but the network is private: nodes use the
//! host's bpffs and `/run`, so a namespace is entered by `setns(CLONE_NEWNET)` alone (`ip netns
//! exec` would also replace `/sys`).

use std::{
    fs::{self, File},
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    path::Path,
    process::{self, Command},
    sync::{
        Arc, Once,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result, anyhow};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    cleanup::{self, Guard},
    run,
};

const FOLDER: &str = "/run/netns";
const PREFIX: &str = "xv-";

/// A name that no other object of any lab has: the creator's pid and a counter are in it.
#[must_use]
pub fn unique_name(label: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}-{number}-{label}", process::id())
}

/// The process that made a name of [`unique_name`].
#[must_use]
pub fn creator(name: &str) -> Option<i32> {
    name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()
}

/// A network namespace; removed with everything that runs in it when dropped.
#[derive(Debug)]
pub struct Netns {
    name: String,
    handle: Arc<File>,
    _undo: Guard,
}

impl Netns {
    /// Makes a namespace, its loopback up, with a unique name that ends in `label`.
    ///
    /// # Errors
    /// Without privilege, mostly.
    pub fn new(label: &str) -> Result<Self> {
        static LEFTOVERS: Once = Once::new();
        LEFTOVERS.call_once(remove_leftovers);

        let name = unique_name(label);
        run::tool("ip", &format!("netns add {name}"))
            .context("network namespaces need root (cargo xtask elevates by itself)")?;
        let removed = name.clone();
        let undo = cleanup::register(move || remove(&removed))?;
        let path = Path::new(FOLDER).join(&name);
        let handle = File::open(&path).with_context(|| format!("open {}", path.display()))?;
        let netns = Self {
            name,
            handle: Arc::new(handle),
            _undo: undo,
        };
        netns.ip("link set lo up")?;
        Ok(netns)
    }

    /// Its name, as `ip -n` takes it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip -n NAME …`; the arguments are split at blanks.
    ///
    /// # Errors
    /// If it fails, with its complaint.
    pub fn ip(&self, arguments: &str) -> Result<String> {
        self.tool("ip", arguments)
    }

    /// Runs a tool that knows `-n NAME` (`ip`, `bridge`, `tc`) on this namespace.
    ///
    /// # Errors
    /// If it fails, with its complaint.
    pub fn tool(&self, program: &str, arguments: &str) -> Result<String> {
        run::tool(program, &format!("-n {} {arguments}", self.name))
    }

    /// Runs a closure on a thread of its own inside the namespace and waits for it.
    ///
    /// # Errors
    /// If the namespace cannot be entered, and what the closure returns.
    pub fn run<T: Send>(&self, closure: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                enter(&self.handle)?;
                closure()
            });
            inside
                .join()
                .map_err(|_panic| anyhow!("a thread in {} panicked", self.name))?
        })
    }

    /// Starts a named thread inside the namespace.
    ///
    /// # Errors
    /// If the thread cannot be started; the thread itself returns an error if it cannot enter.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        closure: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<JoinHandle<Result<T>>> {
        let handle = Arc::clone(&self.handle);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                enter(&handle)?;
                closure()
            })
            .with_context(|| format!("start thread {name}"))
    }

    /// The way in, for those who run commands inside while the namespace is elsewhere.
    #[must_use]
    pub fn entrance(&self) -> Entrance {
        Entrance(Arc::clone(&self.handle))
    }

    /// A command that will run inside the namespace.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        self.entrance().command(program)
    }

    /// Sets a sysctl: `key` as a path below `/proc/sys`, such as `net/ipv4/ip_forward`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        // /proc/sys/net shows the namespace of the thread that opens it.
        self.run(|| {
            fs::write(Path::new("/proc/sys").join(key), value)
                .with_context(|| format!("sysctl {key}={value} in {}", self.name))
        })
    }
}

/// The way into a namespace. Keeps the namespace itself alive, without its name.
#[derive(Clone, Debug)]
pub struct Entrance(Arc<File>);

impl Entrance {
    /// A command that will run inside.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let handle = Arc::clone(&self.0);
        let mut command = Command::new(program.as_ref());
        // SAFETY: between fork and exec only setns(2) is called, which is async-signal-safe, on a
        // descriptor that the closure keeps open.
        unsafe {
            command.pre_exec(move || {
                setns(handle.as_fd(), CloneFlags::CLONE_NEWNET).map_err(std::io::Error::from)
            });
        }
        command
    }
}

/// Makes sure that bpffs is where nodes pin their objects.
///
/// # Errors
/// If it is absent and cannot be mounted.
pub fn ensure_bpffs() -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("read the mount table")?;
    let mounted = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .any(|point| point == "/sys/fs/bpf");
    if !mounted {
        run::tool("mount", "-t bpf bpf /sys/fs/bpf")?;
    }
    Ok(())
}

fn enter(handle: &File) -> Result<()> {
    setns(handle.as_fd(), CloneFlags::CLONE_NEWNET).context("enter the network namespace")
}

/// Ends what runs in a namespace and removes it. Best effort: this also runs while unwinding.
fn remove(name: &str) {
    for pid in run::tool("ip", &format!("netns pids {name}"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.trim().parse::<i32>().ok())
    {
        // Never ourselves, should a caller have moved its main thread.
        if pid != process::id().cast_signed() {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
    }
    drop(run::tool("ip", &format!("netns del {name}")));
}

/// Removes what labs left that were killed: namespaces, and pins and run folders of their nodes.
fn remove_leftovers() {
    let dead = |name: &str| {
        creator(name).is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
    };
    for folder in [FOLDER, crate::node::PINS, crate::node::RUN] {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !dead(&name) {
                continue;
            }
            if folder == FOLDER {
                remove(&name);
            } else {
                drop(fs::remove_dir_all(entry.path()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_creator() {
        let (one, other) = (unique_name("r1"), unique_name("r1"));
        assert_ne!(one, other);
        assert_eq!(creator(&one), Some(process::id().cast_signed()));
        assert_eq!(creator("xv-nobody"), None);
        assert_eq!(creator("docker0"), None);
    }
}
