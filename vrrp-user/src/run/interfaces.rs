//! The interfaces of a node: which need programs, what adverts have room for there, and what is told of them.

use std::collections::BTreeSet;

use vrrp_user::{
    config::Config,
    io::{
        bpf::{Attachment, Place, VlanTags},
        control::{self, Assigned, Interface, Inventory},
        engine::Plan,
        holdings::Holdings,
    },
};

/// Every interface that needs programs, once.
pub(super) fn with_programs(plan: &Plan, inventory: &Inventory) -> Vec<Place> {
    let marked = BTreeSet::from_iter(plan.virtual_macs().map(|(index, _)| index));
    let indices = plan.routers.iter().flat_map(|router| router.interfaces());
    let places = BTreeSet::from_iter(indices).into_iter().filter_map(|id| {
        Some(Place {
            interface: inventory.name(id)?.to_owned(),
            id,
            is_marked: marked.contains(&id),
        })
    });
    places.collect()
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
        ..
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
pub(super) fn attached(holdings: &Holdings<'_>) -> Vec<Interface> {
    let interfaces = holdings.attachments().map(|attachment| Interface {
        name: attachment.interface.clone(),
        renamed_to: None,
        id: attachment.id,
        reception: attachment.reception.clone(),
        promiscuous: holdings.is_promiscuous(attachment.id),
    });
    interfaces.collect()
}
