//! The interfaces of a node: which need programs, what adverts have room for there, and what is told of them.

use std::collections::BTreeMap;

use vrrp_user::{
    config::Config,
    ids::InterfaceId,
    io::{
        bpf::{Attachment, VlanTags},
        control::{self, Assigned, Interface, Inventory},
        engine::Plan,
        unicast_filter::UnicastFilters,
    },
};

/// Every interface that needs programs, once, by name and index.
pub(super) fn with_programs(plan: &Plan, inventory: &Inventory) -> Vec<(String, u32)> {
    let all = plan.routers.iter().flat_map(|router| router.interfaces());
    let named = all.filter_map(|one| Some((one, inventory.name(one)?.to_owned())));
    let unique: BTreeMap<InterfaceId, String> = named.collect();
    unique
        .into_iter()
        .map(|(interface, name)| (name, interface.0))
        .collect()
}

/// Leaves out of the adverts what has no room in them on their interface, as keepalived does.
pub(super) fn fit(config: &Config, plan: &mut Plan, inventory: &Inventory) {
    for (instance, router) in config.instances.iter().zip(&mut plan.routers) {
        let Some(mtu) = inventory.mtu(&instance.interface) else {
            continue;
        };
        let (listed, room) = (instance.advertised().count(), instance.fitting(mtu));
        router.fit(room);
        if room < listed {
            tracing::warn!(
                "{}: warning: ({}) {}; list them in `virtual_ipaddress_excluded`, on every router",
                instance.place,
                instance.name,
                control::excess(listed, room)
            );
        }
    }
}

/// Says where received frames are judged, and whether their VLAN tags are seen there.
pub(super) fn tell_reception(attachment: &Attachment) {
    let Attachment {
        interface,
        reception,
        egress,
    } = attachment;
    match &reception.reason {
        None => tracing::info!("{interface}: XDP {}, egress by {egress}", reception.mode),
        Some(reason) => tracing::info!(
            "{interface}: {} instead of XDP ({reason}), egress by {egress}",
            reception.mode
        ),
    }
    let VlanTags::Hidden { remedy, vlans } = &reception.vlan_tags else {
        return;
    };
    let hidden = "XDP does not see the VLAN tags that were taken off";
    if vlans.is_empty() {
        tracing::info!(
            "{interface}: {hidden}: where tagged frames may arrive, use {remedy}, or --xdp-mode tc"
        );
    } else {
        tracing::warn!(
            "{interface}: {hidden}, so that adverts of {} count here if the VRID is the same: use {remedy}, \
             or --xdp-mode tc",
            vlans.join(" and ")
        );
    }
}

/// The virtual routers with the ids that the plan gives them.
pub(super) fn assigned(config: &Config, plan: &Plan) -> Vec<Assigned> {
    let routers = config.instances.iter().zip(&plan.routers);
    routers
        .map(|(instance, router)| Assigned {
            id: router.id,
            instance: instance.clone(),
            vips: router.vips.iter().map(|(vip, _)| *vip).collect(),
        })
        .collect()
}

/// What the control plane is to know of them.
pub(super) fn attached(
    interfaces: &[(String, u32)],
    attachments: &[Attachment],
    filters: &UnicastFilters,
) -> Vec<Interface> {
    let pairs = interfaces.iter().zip(attachments);
    pairs
        .map(|((name, index), attachment)| Interface {
            name: name.clone(),
            renamed_to: None,
            id: InterfaceId(*index),
            reception: attachment.reception.clone(),
            promiscuous: filters.is_promiscuous(*index),
        })
        .collect()
}
