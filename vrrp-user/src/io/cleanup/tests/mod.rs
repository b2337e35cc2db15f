//! Cleaning up after nodes that left something, on a kernel of its own and with pins that take notes.

mod fencing;
mod journal;
mod leftovers;
mod resignation;

use std::{
    cell::{Cell, RefCell},
    io,
    net::IpAddr,
    path::PathBuf,
};

use super::*;
use crate::io::{
    bpf::pinned::Fenced,
    journal::{AddressRecord, Undo},
    testing::{is_isolated, run as ip},
};

/// Pins that only take notes. `detach_filters` does what the real one does, with iproute2.
#[derive(Default)]
struct Notes {
    calls: RefCell<Vec<String>>,
    pinned: Cell<bool>,
    /// Slot 0 was in service as the Active.
    active: Cell<bool>,
    failing: Cell<bool>,
}

impl Notes {
    fn note(&self, call: &str) -> io::Result<()> {
        self.calls.borrow_mut().push(call.to_owned());
        if self.failing.get() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(())
    }
}

impl Pins for Notes {
    fn fence(&self) -> io::Result<Vec<Fenced>> {
        self.note("fence")?;
        let served = Fenced {
            slot: 0,
            was_active: self.active.get(),
        };
        Ok(Vec::from_iter(self.pinned.get().then_some(served)))
    }

    fn detach_filters(&self, interface: &str) -> io::Result<()> {
        self.note("detach")?;
        ip(&format!("tc filter del dev {interface} egress pref 77"));
        Ok(())
    }

    fn remove(&self, _: bool) -> io::Result<bool> {
        self.note("unpin")?;
        Ok(self.pinned.replace(false))
    }
}

/// What a node left behind: its directory, with the journal once it is stored, and its pins.
struct Left {
    temporary: tempfile::TempDir,
    directory: RuntimeDir,
    journal: Journal,
    pins: Notes,
}

impl Left {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let base = temporary.path().join("base");
        Self {
            directory: RuntimeDir::create(&base, &InstanceName::default()).unwrap(),
            journal: Journal::new(netns::current().unwrap()),
            pins: Notes::default(),
            temporary,
        }
    }

    fn base(&self) -> PathBuf {
        self.temporary.path().join("base")
    }

    fn store(&self) {
        self.journal.store(&self.directory).unwrap();
    }

    /// With a clsact qdisc of the node's own on an interface.
    fn with_clsact(mut self, index: u32) -> Self {
        self.journal.owe(Undo::Filters(index));
        self.journal.owe(Undo::Clsact(index));
        self
    }

    fn with_addresses<const N: usize>(mut self, addresses: [AddressRecord; N]) -> Self {
        for address in addresses {
            self.journal.owe(Undo::Address(address));
        }
        self
    }

    async fn clean(&self, fence: Fence) -> Result<Removed, CleanupError> {
        run(&self.base(), &InstanceName::default(), &self.pins, fence).await
    }

    /// A cleanup has removed 192.168.1.254 and the directory, and left 192.168.1.253 alone.
    fn is_gone_but_for_253(&self, removed: &Removed) {
        assert_eq!(removed.addresses, [IpAddr::from([192, 168, 1, 254])]);
        assert!(addresses().contains("192.168.1.253/32"));
        assert!(!self.base().exists());
    }

    /// What a cleanup removes that goes by the journal as it is now.
    async fn removed(&self) -> Removed {
        self.store();
        self.clean(Fence::Never).await.unwrap()
    }

    async fn refused(&self, fence: Fence) -> CleanupError {
        self.clean(fence).await.unwrap_err()
    }
}

fn address(index: u32, text: &str) -> AddressRecord {
    AddressRecord {
        instance: "VI_1".to_owned(),
        index,
        address: text.parse().unwrap(),
        prefix: 32,
    }
}

fn addresses() -> String {
    assert!(is_isolated());
    ip("ip -o addr show")
}
