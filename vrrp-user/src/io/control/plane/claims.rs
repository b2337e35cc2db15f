//! Which virtual IPs the node may put on interfaces, and has to take off: they are in the journal before the engine has
//! them, and until they are off.

use std::collections::BTreeSet;

use super::Plane;
use crate::{
    io::{
        control::{Inventory, host::Refused},
        journal::{AddressRecord, Undo},
    },
    plan::DesiredRouter,
};

impl Plane<'_> {
    /// A virtual router is going to be this. The address of an owner that is there already is the host's.
    pub(super) fn claim(
        &self,
        router: &DesiredRouter,
        inventory: &Inventory,
    ) -> Result<(), Refused> {
        let instance = &router.instance;
        let name = &instance.name;
        let held: BTreeSet<_> = {
            let journal = self.setup.journal.journal();
            let held = journal.addresses();
            held.map(|one| (one.index, one.address)).collect()
        };
        let mut undos = Vec::new();
        for record in records(router) {
            let place = (record.index, record.address);
            let interface = crate::ids::InterfaceId(record.index);
            let is_usable = inventory.is_usable(interface, record.address);
            let is_present = inventory.is_present(interface, record.address);
            if is_present && !held.contains(&place) {
                let address = record.address;
                if !instance.is_owner() {
                    tracing::warn!(
                        "({name}) {address} is on its interface already: taken for what a killed node left, and \
                         removed; if keepalived runs here, stop it"
                    );
                } else if !is_usable {
                    tracing::warn!(
                        "({name}) duplicate address detection of {address} is under way or has failed: xvrrp puts it \
                         back without; configure it with `nodad`"
                    );
                }
            }
            if !(instance.is_owner() && is_present) || held.contains(&place) {
                undos.push(Undo::Address(record));
            }
        }
        Ok(self.setup.journal.owe(undos)?)
    }

    /// A virtual router has become `after`, or nothing: what it had `before` beside that is on no interface any more.
    pub(super) fn release(
        &self,
        before: &DesiredRouter,
        after: Option<&DesiredRouter>,
    ) -> Result<(), Refused> {
        let kept = Vec::from_iter(after.into_iter().flat_map(records));
        let gone = records(before).filter(|record| !kept.contains(record));
        Ok(self.setup.journal.strike(gone.map(Undo::Address))?)
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
