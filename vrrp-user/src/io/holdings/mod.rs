//! What a running node has in the kernel beside addresses, each thing on its own: it comes and goes one interface, MAC or
//! group at a time. Whatever outlives the process is in the journal before it is made, and struck out after it is gone.
//!
//! Dropping this takes nothing out: a node that ends, however it does, is cleaned up after by its journal.

use std::{collections::BTreeMap, io, net::IpAddr};

use thiserror::Error;
use vrrp_ebpf::types::Mac;

use super::{
    bpf::{
        Attachment, BpfError, Dataplane, EgressHook, Place, Wishes,
        pinned::{self, InstancePins},
    },
    cleanup,
    journal::{InterfaceRecord, JournalError, Ledger, MacRecord, Undo},
    membership::Memberships,
    rivals,
    unicast_filter::{Receives, UnicastFilters},
};
use crate::ids::InterfaceId;

/// Why something cannot be put into the kernel, or taken out.
#[derive(Debug, Error)]
pub enum HoldingError {
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The kernel half.
    #[error(transparent)]
    Bpf(#[from] BpfError),
    /// Nothing was loaded before.
    #[error("no BPF programs are loaded")]
    NotLoaded,
    /// A unicast filter.
    #[error("cannot receive frames to virtual MACs")]
    Receive(#[source] io::Error),
    /// A group that is wanted.
    #[error("cannot join a multicast group")]
    Join(#[source] io::Error),
    /// A group that is not wanted any more.
    #[error("cannot leave a multicast group")]
    Leave(#[source] io::Error),
    /// A virtual IP that no router has any more.
    #[error("cannot take a virtual IP off its interface: the programs stay there")]
    Address(#[source] io::Error),
    /// A qdisc of ours.
    #[error("cannot remove the clsact qdisc")]
    Qdisc(#[source] io::Error),
}

/// See the module.
#[derive(Debug)]
pub struct Holdings<'a> {
    ledger: &'a Ledger<'a>,
    pins: &'a InstancePins,
    dataplane: Option<Dataplane>,
    attachments: BTreeMap<InterfaceId, Attachment>,
    filters: UnicastFilters,
    memberships: Memberships,
}

impl<'a> Holdings<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new(ledger: &'a Ledger<'a>, pins: &'a InstancePins) -> Self {
        Self {
            ledger,
            pins,
            dataplane: None,
            attachments: BTreeMap::new(),
            filters: UnicastFilters::default(),
            memberships: Memberships::default(),
        }
    }

    /// Says in the journal that interfaces are going to have programs, and makes sure that no other node has said so.
    ///
    /// # Errors
    /// [`BpfError::Ours`] names the interface and the other instances; then nothing is claimed that was not before.
    pub fn claim(&self, places: &[Place]) -> Result<(), HoldingError> {
        let news = places.iter().filter(|place| !self.has(place.id));
        let news = Vec::from_iter(news.map(programs));
        self.ledger.owe(news.iter().cloned())?;
        let alone = rivals::check(self.ledger.directory(), &self.ledger.journal());
        if let Err(rivals) = alone {
            self.ledger.strike(news)?;
            return Err(rivals.into());
        }
        Ok(())
    }

    /// Makes the directory for pins, and what it takes.
    ///
    /// # Errors
    /// As [`pinned::prepare`].
    pub fn prepare_pins(&self) -> Result<(), HoldingError> {
        if !pinned::is_mounted() {
            self.ledger.owe([Undo::BpfFileSystem])?;
        }
        Ok(pinned::prepare(self.pins.directory())?)
    }

    /// Loads the programs.
    ///
    /// # Errors
    /// As [`Dataplane::load`].
    pub fn load(&mut self, wishes: Wishes) -> Result<&mut Dataplane, HoldingError> {
        let dataplane = Dataplane::load(self.pins.directory(), wishes)?;
        Ok(self.dataplane.insert(dataplane))
    }

    /// Loads what later interfaces may need, beside what else is going on.
    ///
    /// # Errors
    /// As [`Dataplane::load_rest`].
    pub fn load_rest(&self) -> io::Result<()> {
        self.dataplane
            .as_ref()
            .map_or(Ok(()), |dataplane| dataplane.load_rest().map(drop))
    }

    /// Attaches the programs to interfaces that have none of ours yet, and [claims](Self::claim) them first.
    ///
    /// # Errors
    /// As [`Dataplane::attach`]; those before the first that is refused have their programs, the others are claimed no
    /// more.
    pub fn attach(&mut self, places: &[Place]) -> Result<(), HoldingError> {
        let places = places.iter().filter(|place| !self.has(place.id));
        let places = Vec::from_iter(places.cloned());
        self.claim(&places)?;
        // How they will be attached is not known yet: filters are looked for, a qdisc is left alone.
        let filters = |place: &Place| Undo::Filters(place.id.0);
        self.ledger.owe(places.iter().map(filters))?;
        let dataplane = self.dataplane.as_mut().ok_or(HoldingError::NotLoaded)?;
        let attached = dataplane.attach(&places);
        let qdisc = attached.qdisc_of_refused.map(|id| Undo::Clsact(id.0));
        let (mut owed, mut struck) = (Vec::from_iter(qdisc), Vec::new());
        for attachment in attached.attachments {
            match attachment.egress {
                EgressHook::Tcx => struck.push(Undo::Filters(attachment.id.0)),
                EgressHook::Clsact { added: true } => owed.push(Undo::Clsact(attachment.id.0)),
                EgressHook::Clsact { added: false } => {}
            }
            self.attachments.insert(attachment.id, attachment);
        }
        // Filters stay listed: to look for them once more costs nothing.
        let refused = places.iter().filter(|place| !self.has(place.id));
        struck.extend(refused.map(programs));
        self.ledger.replace(owed, struck)?;
        Ok(attached.result?)
    }

    /// How the programs are attached.
    pub fn attachments(&self) -> impl Iterator<Item = &Attachment> {
        self.attachments.values()
    }

    fn has(&self, id: InterfaceId) -> bool {
        self.attachments.contains_key(&id)
    }

    /// Detaches the programs from an interface that no virtual router is on any more, or that is gone. One without is
    /// claimed no more. A virtual IP that is owed there is taken off before: the programs are what keeps the kernel from
    /// answering for it.
    ///
    /// # Errors
    /// When a virtual IP cannot be taken off: the programs stay, and the journal keeps both. As [`Dataplane::detach`]; then
    /// the journal keeps what there may be to remove.
    pub async fn detach(&mut self, id: InterfaceId) -> Result<(), HoldingError> {
        self.take_off_addresses(id).await?;
        if let Some(attachment) = self.attachments.remove(&id) {
            let dataplane = self.dataplane.as_mut().ok_or(HoldingError::NotLoaded)?;
            dataplane.detach(attachment)?;
        }
        let has_clsact = self.ledger.journal().has_clsact(id.0);
        if has_clsact {
            let removed = cleanup::remove_unused_clsact(id.0).await;
            removed.map_err(HoldingError::Qdisc)?;
        }
        let claimed = self.claimed(id);
        let undone = [Undo::Filters(id.0), Undo::Clsact(id.0)];
        Ok(self.ledger.strike(undone.into_iter().chain(claimed))?)
    }

    async fn take_off_addresses(&self, id: InterfaceId) -> Result<(), HoldingError> {
        let owed = {
            let journal = self.ledger.journal();
            let here = journal.addresses().filter(|record| record.index == id.0);
            Vec::from_iter(here.cloned())
        };
        let taken_off = cleanup::remove_addresses(&owed).await;
        taken_off.map_err(HoldingError::Address)?;
        Ok(self.ledger.strike(owed.into_iter().map(Undo::Address))?)
    }

    fn claimed(&self, id: InterfaceId) -> Option<Undo> {
        let journal = self.ledger.journal();
        let record = journal.interfaces().find(|one| one.index == id.0)?;
        Some(Undo::Programs(record.clone()))
    }

    /// Has frames to virtual MACs taken on an interface with programs, from now on or no more.
    ///
    /// # Errors
    /// As [`Dataplane::set_marked`].
    pub fn set_marked(&mut self, id: InterfaceId, is_marked: bool) -> Result<(), HoldingError> {
        let dataplane = self.dataplane.as_mut().ok_or(HoldingError::NotLoaded)?;
        match self.attachments.get_mut(&id) {
            Some(attachment) => Ok(dataplane.set_marked(attachment, is_marked)?),
            None => Ok(()),
        }
    }

    /// Has an interface receive frames to a virtual MAC. What was there before is not ours to remove, not even if this
    /// fails.
    ///
    /// # Errors
    /// When the interface takes neither the entry nor promiscuous mode.
    //= C59: RFC 9568 section 8.1.2
    pub fn receive(&mut self, interface: InterfaceId, mac: Mac) -> Result<(), HoldingError> {
        let record = record(interface, mac);
        self.ledger.owe([Undo::Mac(record)])?;
        let received = self.filters.add(record);
        if !matches!(received, Ok(Receives::ByOurEntry)) {
            self.ledger.strike([Undo::Mac(record)])?;
        }
        received.map(drop).map_err(HoldingError::Receive)
    }

    /// The interface need not receive frames to this virtual MAC any more.
    ///
    /// # Errors
    /// When the kernel refuses; then the journal keeps what there may be to remove.
    pub fn stop_receiving(&mut self, interface: InterfaceId, mac: Mac) -> Result<(), HoldingError> {
        let record = record(interface, mac);
        self.filters.remove(record).map_err(HoldingError::Receive)?;
        Ok(self.ledger.strike([Undo::Mac(record)])?)
    }

    /// Whether an interface receives every frame.
    #[must_use]
    pub fn is_promiscuous(&self, id: InterfaceId) -> bool {
        self.filters.is_promiscuous(id.0)
    }

    /// Joins a multicast group on an interface. That ends with the process, and needs no undo.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn join(&mut self, interface: InterfaceId, group: IpAddr) -> Result<(), HoldingError> {
        let joined = self.memberships.add(interface.0, group);
        joined.map_err(HoldingError::Join)
    }

    /// Leaves a multicast group.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn leave(&mut self, interface: InterfaceId, group: IpAddr) -> Result<(), HoldingError> {
        let left = self.memberships.remove(interface.0, group);
        left.map_err(HoldingError::Leave)
    }
}

fn programs(place: &Place) -> Undo {
    Undo::Programs(InterfaceRecord {
        index: place.id.0,
        name: place.interface.clone(),
    })
}

fn record(interface: InterfaceId, mac: Mac) -> MacRecord {
    MacRecord {
        index: interface.0,
        mac,
    }
}

#[cfg(test)]
mod tests;
