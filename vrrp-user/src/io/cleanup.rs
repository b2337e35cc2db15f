//! Takes out of the system what a node left behind that did not stop cleanly.
//!
//! Order, the same as in a demotion (`docs/architecture.md`): the ownership words first, so that
//! the programs that are still attached stop answering at once; then priority 0 for every router that was Active, so
//! that its Backups take over after their Skew_Time; then the addresses, while egress
//! still holds back what the kernel sends from them; then the virtual MACs; then filters and pins, which
//! detaches the programs; then the journal and the directory. Every step tolerates that there is nothing to do,
//! so an interrupted run is simply repeated. As long as a step fails the journal stays. Nothing is done from another
//! network namespace than the node's, where its Backups could not be told.
//!
//! A lock that can be taken means that the node is dead, however it died. While it is held:
//!
//! * `cleanup` refuses: a running node cleans up after itself when it is stopped.
//! * `cleanup --fence` is for a node that hangs. It takes the ownership words from it under a new
//!   epoch, which the node cannot win back, and gives it a moment to notice and to end. If it does
//!   not, its addresses are removed, but the programs stay: they are what keeps it quiet. The
//!   answer then is an error that names the process, to be killed and cleaned up after.

use std::{
    fmt, io,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;

use super::{
    bpf::pinned::Pins,
    engine::resignation::{self, Resignation},
    journal::{AddressRecord, EgressRecord, Journal, JournalError, MacRecord},
    netns,
    runtime_dir::{InstanceName, JOURNAL, Lock, RESIGNATIONS, RuntimeDir, RuntimeDirError},
    unicast_filter,
};

mod kernel;

/// How long a fenced node may take to notice and to end.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// Why not everything was removed.
#[derive(Debug, Error)]
pub enum CleanupError {
    /// The runtime directory cannot be used, or the node is alive.
    #[error(transparent)]
    Directory(#[from] RuntimeDirError),
    /// The journal cannot be understood.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What the journal is about is in a network namespace that is not ours.
    #[error("the node ran in network namespace net:[{0}], which still exists: run this in there")]
    OtherNamespace(u64),
    /// Some steps failed; the journal was kept.
    #[error("{}", .0.join("; "))]
    Incomplete(Vec<String>),
    /// A node holds the lock that is not the one of the unit that ended.
    #[error("{0}, which the service that ended did not start: not fenced")]
    NotTheServices(RuntimeDirError),
    /// The node was fenced, and is still there.
    #[error("fenced{}, but {node}: kill it and run this again", told(removed))]
    StillAlive {
        /// Who holds the lock.
        node: RuntimeDirError,
        /// What was removed all the same.
        removed: Box<Removed>,
    },
    /// Nobody knows what the node put into the system.
    #[error(
        "{}, and {} does not tell either what the node put on interfaces: remove its virtual IPs (`ip address del`) and \
         virtual MACs (`bridge fdb del`) by hand, then {}, and run this again; until then its programs stay, and keep \
         this machine from answering for the virtual IPs",
        with_causes(damaged.as_ref()), copy.display(), journal.display()
    )]
    Unknown {
        /// What is wrong with the journal.
        damaged: Box<JournalError>,
        /// The journal.
        journal: PathBuf,
        /// What should have its copy.
        copy: PathBuf,
    },
}

fn told(removed: &Removed) -> String {
    if removed.is_empty() {
        String::new()
    } else {
        format!(" ({removed})")
    }
}

/// Which node a cleanup may take out of service while its process still exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// None.
    Never,
    /// Whichever holds the lock.
    Anyone,
    /// The main process of the systemd service that ended, if it has one left. A start that failed
    /// because a node runs already must not end that node.
    MainProcess(Option<u32>),
}

impl Fence {
    /// What `--fence` means here; `variable` reads the environment, where systemd tells
    /// `ExecStopPost=` how its service ended (systemd.exec(5)).
    #[must_use]
    pub fn requested(variable: impl Fn(&str) -> Option<String>) -> Self {
        let main = variable("MAINPID");
        if main.is_none() && variable("SERVICE_RESULT").is_none() {
            return Self::Anyone;
        }
        Self::MainProcess(main.and_then(|pid| pid.parse().ok()))
    }

    fn allows(self, holder: Option<u32>) -> bool {
        match self {
            Self::Never => false,
            Self::Anyone => true,
            Self::MainProcess(main) => main.is_some() && main == holder,
        }
    }
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Virtual routers that were in service, by slot.
    pub fenced: Vec<u32>,
    /// Those of them that were Active, and for which priority 0 was sent.
    pub resigned: Vec<u32>,
    /// Virtual IPs.
    pub addresses: Vec<IpAddr>,
    /// How many virtual MACs.
    pub macs: usize,
    /// Interfaces whose clsact qdisc we had added.
    pub qdiscs: Vec<String>,
    /// There were pins.
    pub pins: bool,
}

impl Removed {
    /// Nothing was there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.fenced.is_empty() {
            parts.push(format!(
                "{} virtual routers taken out of service",
                self.fenced.len()
            ));
        }
        if !self.resigned.is_empty() {
            parts.push(format!("priority 0 sent for {}", self.resigned.len()));
        }
        parts.extend(
            self.addresses
                .iter()
                .map(|address| format!("address {address}")),
        );
        if self.macs > 0 {
            parts.push(format!("{} virtual MACs", self.macs));
        }
        parts.extend(
            self.qdiscs
                .iter()
                .map(|name| format!("clsact qdisc of {name}")),
        );
        if self.pins {
            parts.push("BPF programs".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}

/// `xvrrp cleanup`: everything of `instance`, its directory included. Nothing there is success.
///
/// # Errors
/// See [`CleanupError`].
pub async fn run(
    base: &Path,
    instance: &InstanceName,
    pins: &impl Pins,
    fence: Fence,
) -> Result<Removed, CleanupError> {
    let Some(directory) = RuntimeDir::open_existing(base, instance)? else {
        return without_journal(pins);
    };
    let (lock, before) = match directory.lock() {
        Err(RuntimeDirError::Locked { pid, .. }) if fence.allows(pid) => {
            fence_alive(&directory, pins).await?
        }
        Err(error @ RuntimeDirError::Locked { .. }) if fence != Fence::Never => {
            return Err(CleanupError::NotTheServices(error));
        }
        other => (other?, Removed::default()),
    };
    let mut removed = leftovers(&directory, &lock, pins).await?;
    removed.fenced.splice(..0, before.fenced);
    removed.resigned.splice(..0, before.resigned);
    directory.remove_all(lock)?;
    Ok(removed)
}

/// What an unclean stop left, for `run` at its start and for `cleanup`. The lock witnesses that
/// nobody is using it.
///
/// # Errors
/// See [`CleanupError`].
pub async fn leftovers(
    directory: &RuntimeDir,
    _lock: &Lock,
    pins: &impl Pins,
) -> Result<Removed, CleanupError> {
    let journal = load_journal(directory);
    let is_here = match &journal {
        Ok(Some(journal)) => is_here(journal)?,
        _ => false,
    };
    let mut steps = Steps::default();
    let mut removed = Removed::default();
    fence(directory, pins, &mut steps, &mut removed);
    let journal = journal?;
    if let (Some(journal), true) = (&journal, is_here) {
        removed.addresses = remove_addresses(&journal.addresses, &mut steps).await;
        removed.macs = remove_macs(&journal.macs, &mut steps);
        removed.qdiscs = remove_filters(journal, pins, &mut steps).await;
    }
    // With an address still there the programs are what keeps the kernel from answering for it.
    steps.check()?;
    let bpffs_mounted = journal.is_some_and(|journal| journal.bpffs_mounted);
    removed.pins = steps
        .record("remove the pins", pins.remove(bpffs_mounted))
        .unwrap_or_default();
    steps.finish()?;
    for file in [RESIGNATIONS, JOURNAL] {
        directory.remove(file)?;
    }
    Ok(removed)
}

/// The journal, or its copy if it is damaged.
fn load_journal(directory: &RuntimeDir) -> Result<Option<Journal>, CleanupError> {
    let damaged = match Journal::load(directory) {
        Err(damaged @ JournalError::Damaged { .. }) => damaged,
        other => return Ok(other?),
    };
    let copy = directory.path(RESIGNATIONS);
    if let Ok(Some(journal)) = resignation::load_journal(directory) {
        tracing::warn!(
            "{}: going by the copy in {}",
            with_causes(&damaged),
            copy.display()
        );
        return Ok(Some(journal));
    }
    Err(CleanupError::Unknown {
        damaged: Box::new(damaged),
        journal: directory.path(JOURNAL),
        copy,
    })
}

/// What comes first whenever a node has ended in a way in which nobody could be told: takes its ownership words, and
/// says priority 0 for every router that was Active. Waits for nobody.
///
/// # Errors
/// When the words cannot be taken.
pub fn resign(directory: &RuntimeDir, pins: &impl Pins) -> Result<Removed, CleanupError> {
    let mut steps = Steps::default();
    let mut removed = Removed::default();
    fence(directory, pins, &mut steps, &mut removed);
    steps.finish()?;
    Ok(removed)
}

fn fence(directory: &RuntimeDir, pins: &impl Pins, steps: &mut Steps, removed: &mut Removed) {
    let fenced = steps.record("fence", pins.fence()).unwrap_or_default();
    removed.fenced = fenced.iter().map(|router| router.slot).collect();
    let active = fenced.iter().filter(|router| router.was_active);
    let active = Vec::from_iter(active.map(|router| router.slot));
    if active.is_empty() {
        return;
    }
    removed.resigned = match resignation::load(directory) {
        // Elsewhere its interfaces are others, and its Backups not there.
        Ok(Some(left)) if netns::current().is_ok_and(|here| here == left.netns) => {
            let ours = |resignation: &&Resignation| active.contains(&resignation.slot);
            left.routers.iter().filter(ours).filter_map(send).collect()
        }
        Ok(_) => Vec::new(),
        Err(error) => {
            tracing::warn!("no priority 0: {}", with_causes(&error));
            Vec::new()
        }
    };
}

/// Returns whose it was. One that cannot be sent is no reason to leave anything behind: the Backups take over
/// after their Active_Down_Interval.
fn send(resignation: &Resignation) -> Option<u32> {
    match resignation.send() {
        Ok(()) => Some(resignation.slot),
        Err(error) => {
            tracing::warn!(
                "no priority 0 on interface {}: {error}",
                resignation.ifindex
            );
            None
        }
    }
}

/// Whether the journal is about our network namespace; if it is about one that has gone, addresses
/// and qdiscs went with it.
fn is_here(journal: &Journal) -> Result<bool, CleanupError> {
    let here =
        netns::current().map_err(|error| CleanupError::Incomplete(vec![error.to_string()]))?;
    if journal.netns == here {
        Ok(true)
    } else if netns::exists(journal.netns) {
        Err(CleanupError::OtherNamespace(journal.netns))
    } else {
        Ok(false)
    }
}

/// Fences a node that holds its lock. Returns the lock if the node ends.
async fn fence_alive(
    directory: &RuntimeDir,
    pins: &impl Pins,
) -> Result<(Lock, Removed), CleanupError> {
    let journal = load_journal(directory);
    let is_here = match &journal {
        Ok(Some(journal)) => is_here(journal)?,
        _ => false,
    };
    let mut steps = Steps::default();
    let mut removed = resign(directory, pins)?;
    let mut poll = tokio::time::interval(POLL);
    let waiting = async {
        loop {
            poll.tick().await;
            match directory.lock() {
                Err(RuntimeDirError::Locked { .. }) => {}
                other => break other,
            }
        }
    };
    if let Ok(lock) = tokio::time::timeout(PATIENCE, waiting).await {
        return Ok((lock?, removed));
    }
    if let (Some(journal), true) = (journal?, is_here) {
        removed.addresses = remove_addresses(&journal.addresses, &mut steps).await;
    }
    steps.finish()?;
    match directory.lock() {
        Ok(lock) => Ok((lock, removed)),
        Err(node @ RuntimeDirError::Locked { .. }) => Err(CleanupError::StillAlive {
            node,
            removed: Box::new(removed),
        }),
        Err(error) => Err(error.into()),
    }
}

/// Without a directory nothing ran since the last boot or the last cleanup; pins are looked for all
/// the same.
fn without_journal(pins: &impl Pins) -> Result<Removed, CleanupError> {
    let mut steps = Steps::default();
    let fenced = steps.record("fence", pins.fence()).unwrap_or_default();
    let pins = steps
        .record("remove the pins", pins.remove(false))
        .unwrap_or_default();
    steps.finish()?;
    Ok(Removed {
        fenced: fenced.iter().map(|router| router.slot).collect(),
        pins,
        ..Removed::default()
    })
}

async fn remove_addresses(records: &[AddressRecord], steps: &mut Steps) -> Vec<IpAddr> {
    let mut removed = Vec::new();
    let addresses = steps.record("read the addresses", kernel::Addresses::read().await);
    let Some(addresses) = addresses else {
        return removed;
    };
    for record in records.iter().filter(|record| !record.preexisting) {
        let result = addresses
            .remove(record.index, record.address, record.prefix)
            .await;
        if steps.record(format_args!("remove {}", record.address), result) == Some(true) {
            removed.push(record.address);
        }
    }
    let is_virtual = |index, address| {
        let mut ours = records.iter().filter(|record| !record.preexisting);
        ours.any(|one| (one.index, one.address) == (index, address))
    };
    steps.record("give back addresses", addresses.put_back(is_virtual).await);
    removed
}

fn remove_macs(records: &[MacRecord], steps: &mut Steps) -> usize {
    let mut removed = 0;
    for record in records {
        let result = unicast_filter::remove(record);
        let found = steps.record(
            format_args!("remove a virtual MAC from interface {}", record.index),
            result,
        );
        removed += usize::from(found == Some(true));
    }
    removed
}

async fn remove_filters(journal: &Journal, pins: &impl Pins, steps: &mut Steps) -> Vec<String> {
    let mut removed = Vec::new();
    let records = journal.interfaces.iter();
    for interface in records.filter(|one| one.egress != EgressRecord::Link) {
        // It may have been renamed since.
        let Some(name) = kernel::link_name(interface.index).await else {
            continue;
        };
        steps.record(
            format_args!("detach from {name}"),
            pins.detach_filters(&name),
        );
        if interface.egress == EgressRecord::OwnClsact {
            let result = kernel::remove_unused_clsact(interface.index).await;
            if steps.record(format_args!("remove clsact of {name}"), result) == Some(true) {
                removed.push(name);
            }
        }
    }
    removed
}

/// What failed so far. A failed step does not keep the others from being tried.
#[derive(Default)]
struct Steps {
    failures: Vec<String>,
}

impl Steps {
    fn record<T>(&mut self, what: impl fmt::Display, result: io::Result<T>) -> Option<T> {
        result
            .map_err(|error| {
                self.failures
                    .push(format!("{what}: {}", with_causes(&error)))
            })
            .ok()
    }

    fn check(&mut self) -> Result<(), CleanupError> {
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(CleanupError::Incomplete(std::mem::take(&mut self.failures)))
    }

    fn finish(mut self) -> Result<(), CleanupError> {
        self.check()
    }
}

/// An error in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[path = "cleanup/tests.rs"]
mod tests;
