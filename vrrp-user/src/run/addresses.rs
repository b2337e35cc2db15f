//! The virtual IPs that a start is going to put on interfaces, and what of them is there already.

use vrrp_user::{
    config::Config,
    io::{
        control::Inventory,
        engine::Plan,
        journal::{AddressRecord, Undo},
    },
};

/// What there will be to take off interfaces. The address of an owner that is there already is the host's.
pub(super) fn addresses(config: &Config, plan: &Plan, inventory: &Inventory) -> Vec<Undo> {
    let mut undos = Vec::new();
    for (instance, router) in config.instances.iter().zip(&plan.routers) {
        for vip in &instance.vips {
            let elsewhere = vip.device.as_ref().and_then(|name| inventory.find(name));
            let interface = elsewhere.map_or(router.interface, |(interface, _)| interface);
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
