//! Which virtual IPs the node may put on interfaces, and has to take off: they are in the journal before the engine has
//! them, and until they are off.

use std::net::IpAddr;

use super::{
    Plane,
    apply::{Applying, tell},
};
use crate::{
    ids::InterfaceId,
    io::{
        control::{Inventory, host::Refused},
        journal::{AddressRecord, Undo},
    },
    plan::DesiredRouter,
};

impl Plane<'_> {
    /// A virtual router is going to be `to`. The address of an owner that is there already is the host's.
    pub(super) fn claim(
        &self,
        before: Option<&DesiredRouter>,
        to: &DesiredRouter,
        inventory: &Inventory,
    ) -> Result<(), Refused> {
        let known = Vec::from_iter(before.into_iter().flat_map(records));
        let journal = self.setup.journal.journal();
        let mut undos = Vec::new();
        for record in records(to) {
            let is_owed = match known.iter().find(|one| place(one) == place(&record)) {
                // What is the host's since then stays so under another name.
                Some(known) => journal.addresses().any(|one| one == known),
                None => self.is_to_be_taken_off(to, &record, inventory),
            };
            if is_owed {
                undos.push(Undo::Address(record));
            }
        }
        drop(journal);
        Ok(self.setup.journal.owe(undos)?)
    }

    fn is_to_be_taken_off(
        &self,
        router: &DesiredRouter,
        record: &AddressRecord,
        inventory: &Inventory,
    ) -> bool {
        let (instance, address) = (&router.instance, record.address);
        let (name, interface) = (&instance.name, InterfaceId(record.index));
        // What the node has put there may be there still, or seem so.
        let before = self.applying.as_ref().map(Applying::before);
        if before.is_some_and(|before| before.held().contains(&(interface, address))) {
            return true;
        }
        let is_usable = inventory.is_usable(interface, address);
        let is_present = inventory.is_present(interface, address);
        if is_present && !instance.is_owner() {
            tracing::warn!(
                "({name}) {address} is on its interface already: taken for what a killed node left, and removed; if \
                 keepalived runs here, stop it"
            );
        } else if is_present && !is_usable {
            tracing::warn!(
                "({name}) duplicate address detection of {address} is under way or has failed: xvrrp puts it back \
                 without; configure it with `nodad`"
            );
        }
        !(is_present && instance.is_owner())
    }

    /// A virtual router has become `after`, or nothing: what it had `before` beside that is on no interface any more.
    pub(super) fn release(&mut self, before: &DesiredRouter, after: Option<&DesiredRouter>) {
        let kept = Vec::from_iter(after.into_iter().flat_map(records));
        let gone = records(before).filter(|record| !kept.contains(record));
        self.released.extend(gone.map(Undo::Address));
    }

    /// Strikes out of the journal what was released, all at once.
    pub(super) fn settle_journal(&mut self) {
        let released = std::mem::take(&mut self.released);
        tell(self.setup.journal.strike(released).map_err(Refused::from));
    }
}

/// The virtual IPs whose interface exists.
fn records(router: &DesiredRouter) -> impl Iterator<Item = AddressRecord> {
    router.vips.iter().filter_map(|placed| {
        Some(AddressRecord {
            instance: router.instance.name.clone(),
            index: placed.interface?.0,
            address: placed.vip.address,
            prefix: placed.vip.prefix,
        })
    })
}

fn place(record: &AddressRecord) -> (u32, IpAddr, u8) {
    (record.index, record.address, record.prefix)
}
