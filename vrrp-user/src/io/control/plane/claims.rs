//! Which virtual IPs the node may put on interfaces, and has to take off: they are in the journal before a
//! virtual router is touched for them, and until they are off.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    Plane,
    apply::{Applying, tell},
};
use crate::{
    ids::InterfaceId,
    io::{
        control::{Inventory, host::Refused, links::Monitor},
        journal::{AddressRecord, Undo},
    },
    plan::{Desired, DesiredRouter},
};

impl Plane<'_> {
    /// The node is going to run what is desired: what it may put on interfaces for that is owed from now on. The address
    /// of an owner that is there already is the host's.
    pub(super) fn claim(&self, inventory: &Inventory) -> Result<(), Refused> {
        let nothing = Desired::default();
        let before = self.applying.as_ref().map_or(&nothing, Applying::before);
        let held = before.held();
        let journal = self.setup.journal.journal();
        let mut undos = Vec::new();
        for (id, to) in self.desired.routers() {
            let known = before.get(id).into_iter().flat_map(records);
            let known: BTreeMap<_, _> = known.map(|record| (place(&record), record)).collect();
            for record in records(to) {
                let is_owed = match known.get(&place(&record)) {
                    // What is the host's since then stays so under another name.
                    Some(known) => journal.owes(&Undo::Address(known.clone())),
                    // What the node has put there may be there still, or seem so.
                    None => {
                        held.contains(&(InterfaceId(record.index), record.address))
                            || is_to_be_taken_off(to, &record, inventory)
                    }
                };
                if is_owed {
                    undos.push(Undo::Address(record));
                }
            }
        }
        drop(journal);
        Ok(self.setup.journal.owe(undos)?)
    }

    /// A virtual router is this no more.
    pub(super) fn release(&mut self, router: &DesiredRouter) {
        let journal = self.setup.journal.journal();
        let owed = records(router).filter(|record| journal.owes(&Undo::Address(record.clone())));
        self.released.extend(owed);
    }

    /// Strikes out of the journal what was released, all at once: but for what a router has again or is to have, and for
    /// what the kernel has still, because it refused to take it off or because the monitor has not heard of it yet.
    pub(super) fn settle_journal(&mut self, monitor: &Monitor) {
        if self.released.is_empty() {
            return;
        }
        let running = self.routers.values().map(|known| known.blueprint.router());
        let desired = self.desired.routers().map(|(_, router)| router);
        let wanted: BTreeSet<_> = running.chain(desired).flat_map(records).collect();
        let places: BTreeSet<_> = wanted.iter().map(place).collect();
        let mut released = std::mem::take(&mut self.released);
        released.retain(|record| !wanted.contains(record));
        // Where a router has it under another name, it is owed under that.
        let is_left = |record: &AddressRecord| {
            let interface = InterfaceId(record.index);
            !places.contains(&place(record)) && monitor.has_address(interface, record.address)
        };
        let (left, struck): (Vec<_>, Vec<_>) = released.into_iter().partition(is_left);
        self.released = left;
        let struck = struck.into_iter().map(Undo::Address);
        tell(self.setup.journal.strike(struck).map_err(Refused::from));
    }
}

fn is_to_be_taken_off(
    router: &DesiredRouter,
    record: &AddressRecord,
    inventory: &Inventory,
) -> bool {
    let (instance, address) = (&router.instance, record.address);
    let (name, interface) = (&instance.name, InterfaceId(record.index));
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
