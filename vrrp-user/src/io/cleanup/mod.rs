//! Takes out of the system what a node left behind that did not stop cleanly.
//!
//! The journal lists the undos that are outstanding, and their order (`Undo`) is that of the steps, the same as in a
//! demotion (`docs/architecture.md`): the ownership words first, so that
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

mod error;
mod fence;
mod kernel;
mod remove;
mod removed;
mod steps;

use std::{path::Path, time::Duration};

use self::{fence::fence, steps::Steps};
use super::{
    bpf::pinned::Pins,
    causes::with_causes,
    journal::{Journal, JournalError},
    netns,
    runtime_dir::{
        InstanceName, JOURNAL, JOURNAL_COPY, Lock, RESIGNATIONS, RuntimeDir, RuntimeDirError,
    },
};

pub use error::CleanupError;
pub use fence::Fence;
pub(super) use kernel::{remove_addresses, remove_unused_clsact};
pub use removed::Removed;

/// How long a fenced node may take to notice and to end.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

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
    let (lock, before) = match directory.lock_after_end().await {
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
        removed.addresses = remove::addresses(journal, &mut steps).await;
        removed.macs = remove::macs(journal, &mut steps);
        removed.qdiscs = remove::filters(journal, pins, &mut steps).await;
    }
    // With an address still there the programs are what keeps the kernel from answering for it.
    steps.check()?;
    let bpffs_mounted = journal.is_some_and(|journal| journal.has_bpf_file_system());
    removed.pins = steps
        .record("remove the pins", pins.remove(bpffs_mounted))
        .unwrap_or_default();
    steps.finish()?;
    for file in [RESIGNATIONS, JOURNAL_COPY, JOURNAL] {
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
    let copy = directory.path(JOURNAL_COPY);
    if let Ok(Some(journal)) = Journal::load_copy(directory) {
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
        removed.addresses = remove::addresses(&journal, &mut steps).await;
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

#[cfg(test)]
mod tests;
