//! The virtual IPs that a start is going to put on interfaces, and what of them is there already.

use vrrp_user::{
    io::{
        control::Inventory,
        journal::{AddressRecord, Undo},
    },
    plan::Desired,
};

/// What there will be to take off interfaces. The address of an owner that is there already is the host's.
pub(super) fn addresses(desired: &Desired, inventory: &Inventory) -> Vec<Undo> {
    let mut undos = Vec::new();
    for (_, router) in desired.routers() {
        let instance = &router.instance;
        for placed in &router.vips {
            let vip = &placed.vip;
            let Some(interface) = placed.interface else {
                continue;
            };
            let is_usable = inventory.is_usable(interface, vip.address);
            let is_present = inventory.is_present(interface, vip.address);
            if instance.is_owner() && is_present && !is_usable {
                tracing::warn!(
                    "({}) duplicate address detection of {} is under way or has failed: xvrrp puts it back \
                     without; configure it with `nodad`",
                    instance.name,
                    vip.address
                );
            }
            if is_present && !instance.is_owner() {
                tracing::warn!(
                    "({}) {} is on its interface already: taken for what a killed node left, and removed; if keepalived runs here, stop it",
                    instance.name,
                    vip.address
                );
            }
            if !(instance.is_owner() && is_present) {
                undos.push(Undo::Address(AddressRecord {
                    instance: instance.name.clone(),
                    index: interface.0,
                    address: vip.address,
                    prefix: vip.prefix,
                }));
            }
        }
    }
    undos
}
