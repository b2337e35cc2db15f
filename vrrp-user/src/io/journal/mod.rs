//! What the node put into the system, and so what there is to take out of it again: the list of outstanding undos,
//! from which a running node strikes what it has undone itself, and which `cleanup` works off after a crash.
//!
//! The rule: an undo is written *before* the change that it is of, and struck out after it was carried out, so that no
//! crash leaves something that the journal does not know. Undoing what is not there is harmless.

mod layout1;
mod ledger;

use std::{collections::BTreeSet, net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vrrp_ebpf::types::Mac;

use super::runtime_dir::{JOURNAL, JOURNAL_COPY, RESIGNATIONS, RuntimeDir, RuntimeDirError};

pub use ledger::Ledger;

/// Layout of the file that we write; [`layout1`] is read as well, others are refused rather than guessed at.
const LAYOUT: u32 = 2;

/// One thing to take out of the system. The order is that in which a clean-up works.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// A virtual IP is removed from its interface.
    Address(AddressRecord),
    /// A virtual MAC is removed from the unicast filter of an interface.
    Mac(MacRecord),
    /// Filters of ours are removed from the clsact qdisc of the interface with this index.
    Filters(u32),
    /// The clsact qdisc of the interface with this index is removed, unless others use it: we added it.
    Clsact(u32),
    /// Programs are detached from an interface. What is pinned of them goes with all pins.
    Programs(InterfaceRecord),
    /// The BPF file system is unmounted, unless others use it: we mounted it.
    BpfFileSystem,
}

/// An interface that programs are attached to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InterfaceRecord {
    /// Its index at that time.
    pub index: u32,
    /// Its name at that time.
    pub name: String,
}

/// A virtual IP that the node may put on an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressRecord {
    /// Name of the `vrrp_instance`.
    pub instance: String,
    /// Interface that carries it.
    pub index: u32,
    /// The virtual IP.
    pub address: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
}

/// A virtual MAC in the unicast filter of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MacRecord {
    /// The interface.
    pub index: u32,
    /// The MAC.
    pub mac: Mac,
}

/// Everything that one run of the node may leave behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    layout: u32,
    /// Inode of the network namespace that the rest is about.
    pub netns: u64,
    undos: BTreeSet<Undo>,
}

/// What every layout has.
#[derive(Deserialize)]
struct Head {
    layout: u32,
}

/// Why the journal cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] RuntimeDirError),
    /// It is not what we write.
    #[error("the journal {} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another version of the node wrote it.
    #[error("the journal {} has layout {layout}, this xvrrp knows {LAYOUT}: clean up with the one that wrote it", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What it says.
        layout: u32,
    },
    /// It cannot be put into words, which nothing of ours causes.
    #[error("the journal cannot be written")]
    Format(#[source] serde_json::Error),
}

impl Journal {
    /// An empty journal for our own network namespace.
    #[must_use]
    pub fn new(netns: u64) -> Self {
        Self {
            layout: LAYOUT,
            netns,
            undos: BTreeSet::new(),
        }
    }

    /// Something is about to be put into the system. Returns whether that is news.
    pub fn owe(&mut self, undo: Undo) -> bool {
        self.undos.insert(undo)
    }

    /// It has been taken out again, or never was there. Returns whether that is news.
    pub fn strike(&mut self, undo: &Undo) -> bool {
        self.undos.remove(undo)
    }

    /// A virtual IP is not the node's to remove. Returns whether that is news.
    pub fn spare(&mut self, instance: &str, address: IpAddr) -> bool {
        let count = self.undos.len();
        self.undos.retain(|undo| match undo {
            Undo::Address(one) => one.instance != instance || one.address != address,
            _ => true,
        });
        self.undos.len() != count
    }

    /// Whether this is outstanding.
    #[must_use]
    pub fn owes(&self, undo: &Undo) -> bool {
        self.undos.contains(undo)
    }

    /// Virtual IPs to be removed.
    pub fn addresses(&self) -> impl Iterator<Item = &AddressRecord> {
        self.undos.iter().filter_map(|undo| match undo {
            Undo::Address(record) => Some(record),
            _ => None,
        })
    }

    /// Virtual MACs to be removed.
    pub fn macs(&self) -> impl Iterator<Item = &MacRecord> {
        self.undos.iter().filter_map(|undo| match undo {
            Undo::Mac(record) => Some(record),
            _ => None,
        })
    }

    /// Indices of the interfaces with filters to be removed.
    pub fn filters(&self) -> impl Iterator<Item = u32> {
        self.undos.iter().filter_map(|undo| match undo {
            Undo::Filters(index) => Some(*index),
            _ => None,
        })
    }

    /// Whether the clsact qdisc of this interface is to be removed.
    #[must_use]
    pub fn has_clsact(&self, index: u32) -> bool {
        self.undos.contains(&Undo::Clsact(index))
    }

    /// Interfaces with programs, or that are going to have some.
    pub fn interfaces(&self) -> impl Iterator<Item = &InterfaceRecord> {
        self.undos.iter().filter_map(|undo| match undo {
            Undo::Programs(record) => Some(record),
            _ => None,
        })
    }

    /// Whether the BPF file system is to be unmounted.
    #[must_use]
    pub fn has_bpf_file_system(&self) -> bool {
        self.undos.contains(&Undo::BpfFileSystem)
    }

    /// Reads the journal; `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn load(directory: &RuntimeDir) -> Result<Option<Self>, JournalError> {
        Self::load_file(directory, JOURNAL)
    }

    /// Reads the copy, for who finds the journal damaged; `None` if there is none.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_copy(directory: &RuntimeDir) -> Result<Option<Self>, JournalError> {
        match Self::load_file(directory, JOURNAL_COPY)? {
            Some(copy) => Ok(Some(copy)),
            None => layout1::load_copy(directory),
        }
    }

    fn load_file(directory: &RuntimeDir, name: &str) -> Result<Option<Self>, JournalError> {
        let Some(content) = directory.read(name)? else {
            return Ok(None);
        };
        let path = || directory.path(name);
        let damaged = |source| JournalError::Damaged {
            path: path(),
            source,
        };
        let Head { layout } = serde_json::from_slice(&content).map_err(damaged)?;
        let journal = match layout {
            LAYOUT => serde_json::from_slice(&content),
            layout1::LAYOUT => serde_json::from_slice::<layout1::Journal>(&content).map(Self::from),
            layout => {
                return Err(JournalError::Layout {
                    path: path(),
                    layout,
                });
            }
        };
        Ok(Some(journal.map_err(damaged)?))
    }

    /// Writes it and its copy, replacing each file as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn store(&self, directory: &RuntimeDir) -> Result<(), JournalError> {
        let content = serde_json::to_vec_pretty(self).map_err(JournalError::Format)?;
        for name in [JOURNAL, JOURNAL_COPY] {
            directory.replace(name, &content)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
