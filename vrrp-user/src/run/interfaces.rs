//! The interfaces of a node: which need programs, what adverts have room for there, and what is told of them.

use vrrp_user::{
    config::Config,
    io::{
        bpf::{Attachment, Place, VlanTags},
        control::{self, Interface, Inventory},
        holdings::Holdings,
    },
    plan::Desired,
};

/// Every interface that needs programs, once.
pub(super) fn with_programs(desired: &Desired) -> Vec<Place> {
    let programs = desired.programs().into_iter();
    let places = programs.map(|(id, programs)| Place {
        interface: programs.name,
        id,
        is_marked: programs.marked,
    });
    places.collect()
}

/// Says what is left out of the adverts because it has no room in them on their interface, as keepalived does.
pub(super) fn tell_excess(config: &Config, inventory: &Inventory) {
    for instance in &config.instances {
        let Some(mtu) = inventory.mtu(&instance.interface) else {
            continue;
        };
        let (listed, room) = (instance.advertised().count(), instance.fitting(mtu));
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
