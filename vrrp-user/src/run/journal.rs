//! The journal of a start: what is going to be put into the system, and what of it is there already.

use anyhow::Context as _;
use vrrp_user::{
    config::Config,
    ids::InterfaceId,
    io::{
        bpf::{Attachment, EgressHook, Place},
        control::Inventory,
        engine::Plan,
        journal::{AddressRecord, EgressRecord, InterfaceRecord, Journal, MacRecord},
        netns,
        runtime_dir::RuntimeDir,
        unicast_filter::{Receives, UnicastFilters},
    },
};

/// What is going to be put into the system. How egress will be attached is not known yet: a filter
/// is looked for, a qdisc is left alone.
pub(super) fn planned(
    config: &Config,
    plan: &Plan,
    inventory: &Inventory,
    interfaces: &[Place],
) -> anyhow::Result<Journal> {
    let mut journal = Journal::new(netns::current().context("cannot name our network namespace")?);
    let record = |place: &Place| InterfaceRecord {
        index: place.id.0,
        name: place.interface.clone(),
        egress: EgressRecord::ForeignClsact,
    };
    journal.interfaces = interfaces.iter().map(record).collect();
    let macs = plan.virtual_macs();
    journal.macs = macs
        .map(|(interface, mac)| MacRecord {
            index: interface.0,
            mac,
        })
        .collect();
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
            journal.addresses.push(AddressRecord {
                instance: instance.name.clone(),
                index: interface.0,
                address: vip.address,
                prefix: vip.prefix,
                preexisting: instance.is_owner() && is_present,
            });
        }
    }
    Ok(journal)
}

/// Has the interfaces receive frames to virtual MACs. What was there before is not ours to remove, not
/// even if this fails.
//= C59: RFC 9568 section 8.1.2
pub(super) fn receive_virtual_macs(
    journal: &mut Journal,
    directory: &RuntimeDir,
) -> anyhow::Result<UnicastFilters> {
    let mut filters = UnicastFilters::default();
    if journal.macs.is_empty() {
        return Ok(filters);
    }
    let mut result = Ok(());
    journal.macs.retain(|record| match filters.add(*record) {
        Ok(how) => how == Receives::ByOurEntry,
        Err(error) => {
            result = Err(error);
            false
        }
    });
    journal.store(directory)?;
    result.context("cannot receive frames to virtual MACs")?;
    Ok(filters)
}

/// Marks every virtual IP that is on its interface as not ours to remove; returns the records as
/// they are to be once the engine runs.
pub(super) fn spare_present(journal: &mut Journal, inventory: &Inventory) -> Vec<AddressRecord> {
    let ours = journal.addresses.clone();
    for record in &mut journal.addresses {
        record.preexisting = inventory.is_present(InterfaceId(record.index), record.address);
    }
    ours
}

/// How egress came to be attached.
pub(super) fn note_attachments(journal: &mut Journal, attachments: &[Attachment]) {
    for (record, attachment) in journal.interfaces.iter_mut().zip(attachments) {
        record.egress = match attachment.egress {
            EgressHook::Tcx => EgressRecord::Link,
            EgressHook::Clsact { added: true } => EgressRecord::OwnClsact,
            EgressHook::Clsact { added: false } => EgressRecord::ForeignClsact,
        };
    }
}
