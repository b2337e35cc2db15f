//! The journal of a running node, which alone writes it.

use std::{
    cell::{Cell, Ref, RefCell},
    net::IpAddr,
};

use super::{Journal, JournalError, RuntimeDir, Undo};

/// The journal, and where it is kept. Each batch of changes is written once.
#[derive(Debug)]
pub struct Ledger<'a> {
    directory: &'a RuntimeDir,
    journal: RefCell<Journal>,
    /// The file says something else.
    is_stale: Cell<bool>,
}

impl<'a> Ledger<'a> {
    /// A journal that says nothing yet; nothing is written.
    #[must_use]
    pub fn new(directory: &'a RuntimeDir, netns: u64) -> Self {
        Self {
            directory,
            journal: RefCell::new(Journal::new(netns)),
            is_stale: Cell::new(false),
        }
    }

    /// Where it is kept.
    #[must_use]
    pub fn directory(&self) -> &'a RuntimeDir {
        self.directory
    }

    /// What it says.
    #[must_use]
    pub fn journal(&self) -> Ref<'_, Journal> {
        self.journal.borrow()
    }

    /// These are going to be put into the system: to be called before.
    ///
    /// # Errors
    /// When the journal cannot be written; then nothing must be put into the system.
    pub fn owe(&self, undos: impl IntoIterator<Item = Undo>) -> Result<(), JournalError> {
        self.replace(undos, [])
    }

    /// These have been taken out of the system, or never got there.
    ///
    /// # Errors
    /// When the journal cannot be written: then it says too much, until it is written again.
    pub fn strike(&self, undos: impl IntoIterator<Item = Undo>) -> Result<(), JournalError> {
        self.replace([], undos)
    }

    /// Both at once.
    ///
    /// # Errors
    /// As [`owe`](Self::owe).
    pub fn replace(
        &self,
        owed: impl IntoIterator<Item = Undo>,
        struck: impl IntoIterator<Item = Undo>,
    ) -> Result<(), JournalError> {
        self.change(|journal| {
            let mut is_news = false;
            for undo in owed {
                is_news |= journal.owe(undo);
            }
            for undo in struck {
                is_news |= journal.strike(&undo);
            }
            is_news
        })
    }

    /// A virtual IP is not the node's to remove.
    ///
    /// # Errors
    /// As [`strike`](Self::strike).
    pub fn spare(&self, instance: &str, address: IpAddr) -> Result<(), JournalError> {
        self.change(|journal| journal.spare(instance, address))
    }

    fn change(&self, change: impl FnOnce(&mut Journal) -> bool) -> Result<(), JournalError> {
        let mut journal = self.journal.borrow_mut();
        if change(&mut journal) {
            self.is_stale.set(true);
        }
        if self.is_stale.get() {
            journal.store(self.directory)?;
            self.is_stale.set(false);
        }
        Ok(())
    }
}
