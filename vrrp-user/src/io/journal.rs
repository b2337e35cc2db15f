//! What the node put into the system, so that `cleanup` can take it out after a crash.
//!
//! The rule: an entry is written *before* the change it describes, so that no crash leaves
//! something that the journal does not know. Removing what is not there is harmless.

use std::{net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vrrp_ebpf::types::Mac;

use super::runtime_dir::{JOURNAL, RuntimeDir, RuntimeDirError};

/// Layout of the file; another one is refused rather than guessed at.
const LAYOUT: u32 = 1;

/// Everything that one run of the node may leave behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    layout: u32,
    /// Inode of the network namespace that the rest is about.
    pub netns: u64,
    /// We mounted the BPF file system.
    pub bpffs_mounted: bool,
    /// Interfaces with programs of ours.
    pub interfaces: Vec<InterfaceRecord>,
    /// Virtual IPs.
    pub addresses: Vec<AddressRecord>,
    /// Virtual MACs in the unicast filters of interfaces; a node that did not know any left none.
    #[serde(default)]
    pub macs: Vec<MacRecord>,
}

/// An interface that programs were attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceRecord {
    /// Its index at that time.
    pub index: u32,
    /// Its name at that time.
    pub name: String,
    /// How egress was attached. XDP always is a pinned link and goes with its pin.
    pub egress: EgressRecord,
}

/// How the egress gate was attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EgressRecord {
    /// By a pinned tcx link, or not known yet.
    Link,
    /// By a filter of a clsact qdisc that was there before us.
    ForeignClsact,
    /// By a filter of a clsact qdisc that we added.
    OwnClsact,
}

/// A virtual IP of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRecord {
    /// Name of the `vrrp_instance`.
    pub instance: String,
    /// Interface that carries it.
    pub index: u32,
    /// The virtual IP.
    pub address: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
    /// It was on the interface before us (a priority 255 router's own address): never removed.
    pub preexisting: bool,
}

/// A virtual MAC in the unicast filter of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MacRecord {
    /// The interface.
    pub index: u32,
    /// The MAC.
    pub mac: Mac,
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
            ..Self::default()
        }
    }

    /// The same before anything was changed: it names the interfaces, and a cleanup finds nothing in it to remove.
    #[must_use]
    pub fn claim(&self) -> Self {
        let mut claim = Self::new(self.netns);
        claim.interfaces.clone_from(&self.interfaces);
        for interface in &mut claim.interfaces {
            interface.egress = EgressRecord::Link;
        }
        claim
    }

    /// A virtual IP is not the node's to remove. Returns whether that is news.
    pub(super) fn spare(&mut self, instance: &str, address: IpAddr) -> bool {
        let mut records = self.addresses.iter_mut();
        let record = records.find(|one| one.instance == instance && one.address == address);
        record.is_some_and(|record| !std::mem::replace(&mut record.preexisting, true))
    }

    /// Reads the journal; `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn load(directory: &RuntimeDir) -> Result<Option<Self>, JournalError> {
        let Some(content) = directory.read(JOURNAL)? else {
            return Ok(None);
        };
        let path = || directory.path(JOURNAL);
        let damaged = |source| JournalError::Damaged {
            path: path(),
            source,
        };
        let journal: Self = serde_json::from_slice(&content).map_err(damaged)?;
        if journal.layout != LAYOUT {
            return Err(JournalError::Layout {
                path: path(),
                layout: journal.layout,
            });
        }
        Ok(Some(journal))
    }

    /// Writes it, replacing the file as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn store(&self, directory: &RuntimeDir) -> Result<(), JournalError> {
        let content = serde_json::to_vec_pretty(self).map_err(JournalError::Format)?;
        Ok(directory.replace(JOURNAL, &content)?)
    }
}

/// Notes that a virtual IP is not the node's to remove.
///
/// # Errors
/// When the journal cannot be read or written.
pub fn spare(directory: &RuntimeDir, instance: &str, address: IpAddr) -> Result<(), JournalError> {
    let Some(mut journal) = Journal::load(directory)? else {
        return Ok(());
    };
    if journal.spare(instance, address) {
        journal.store(directory)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::runtime_dir::InstanceName;

    fn directory(base: &tempfile::TempDir) -> RuntimeDir {
        RuntimeDir::create(&base.path().join("base"), &InstanceName::default()).unwrap()
    }

    #[test]
    fn survives_storing() {
        let base = tempfile::tempdir().unwrap();
        let directory = directory(&base);
        assert_eq!(Journal::load(&directory).unwrap(), None);
        let mut journal = Journal::new(4_026_531_840);
        journal.interfaces.push(InterfaceRecord {
            index: 2,
            name: "ens33".to_owned(),
            egress: EgressRecord::OwnClsact,
        });
        journal.addresses.push(AddressRecord {
            instance: "VI_1".to_owned(),
            index: 2,
            address: "192.168.1.254".parse().unwrap(),
            prefix: 32,
            preexisting: false,
        });
        journal.macs.push(MacRecord {
            index: 2,
            mac: [0, 0, 0x5e, 0, 1, 51],
        });
        journal.store(&directory).unwrap();
        assert_eq!(Journal::load(&directory).unwrap(), Some(journal));
    }

    #[test]
    fn nonsense_is_an_error_not_an_empty_journal() {
        let base = tempfile::tempdir().unwrap();
        let directory = directory(&base);
        for content in ["", "{", "[]", "{\"layout\":1}"] {
            directory.replace(JOURNAL, content.as_bytes()).unwrap();
            let error = Journal::load(&directory).unwrap_err();
            assert!(matches!(error, JournalError::Damaged { .. }), "{content}");
            let file = directory.path(JOURNAL).display().to_string();
            assert!(error.to_string().contains(&file), "{error}");
        }
        let mut journal = Journal::new(1);
        journal.layout = 2;
        journal.store(&directory).unwrap();
        assert!(matches!(
            Journal::load(&directory),
            Err(JournalError::Layout { layout: 2, .. })
        ));
    }
}
