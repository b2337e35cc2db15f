//! Why a cleanup did not remove everything.

use std::path::PathBuf;

use thiserror::Error;

use super::Removed;
use crate::io::{causes::with_causes, journal::JournalError, runtime_dir::RuntimeDirError};

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
