//! The journal as earlier nodes wrote it: one that was killed may have left it, or one may run beside us. Its copy
//! lies in the file of resignations.

use std::net::IpAddr;

use serde::Deserialize;

use super::{
    AddressRecord, InterfaceRecord, JournalError, MacRecord, RESIGNATIONS, RuntimeDir, Undo,
};

/// What the file says of its layout.
pub(super) const LAYOUT: u32 = 1;

#[derive(Deserialize)]
pub(super) struct Journal {
    netns: u64,
    bpffs_mounted: bool,
    interfaces: Vec<Interface>,
    addresses: Vec<Address>,
    /// A node that did not know any left none.
    #[serde(default)]
    macs: Vec<MacRecord>,
}

#[derive(Deserialize)]
struct Interface {
    index: u32,
    name: String,
    egress: Egress,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Egress {
    /// By a pinned link, or not known yet.
    Link,
    /// By a filter of a clsact qdisc that was there before.
    ForeignClsact,
    /// By a filter of a clsact qdisc that the node added.
    OwnClsact,
}

#[derive(Deserialize)]
struct Address {
    instance: String,
    index: u32,
    address: IpAddr,
    prefix: u8,
    /// It was on the interface before the node: not to be removed.
    preexisting: bool,
}

#[derive(Deserialize)]
struct Resignations {
    journal: Journal,
}

impl From<Journal> for super::Journal {
    fn from(old: Journal) -> Self {
        let mut journal = Self::new(old.netns);
        for Interface {
            index,
            name,
            egress,
        } in old.interfaces
        {
            journal.owe(Undo::Programs(InterfaceRecord { index, name }));
            if egress != Egress::Link {
                journal.owe(Undo::Filters(index));
            }
            if egress == Egress::OwnClsact {
                journal.owe(Undo::Clsact(index));
            }
        }
        let ours = old.addresses.into_iter().filter(|one| !one.preexisting);
        for one in ours {
            journal.owe(Undo::Address(AddressRecord {
                instance: one.instance,
                index: one.index,
                address: one.address,
                prefix: one.prefix,
            }));
        }
        for record in old.macs {
            journal.owe(Undo::Mac(record));
        }
        if old.bpffs_mounted {
            journal.owe(Undo::BpfFileSystem);
        }
        journal
    }
}

/// The copy beside the resignations; `None` without one.
pub(super) fn load_copy(directory: &RuntimeDir) -> Result<Option<super::Journal>, JournalError> {
    let content = directory.read(RESIGNATIONS)?;
    let copy = content.and_then(|content| serde_json::from_slice::<Resignations>(&content).ok());
    Ok(copy.map(|copy| copy.journal.into()))
}
