//! What the control plane has done to the system, by [`Host`].

use std::net::IpAddr;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use vrrp_ebpf::types::Mac;

use crate::{
    ids::InterfaceId,
    io::{
        bpf::{Attachment, Place, Reception, VlanTags},
        control::{Host, Refused},
        engine::realtime::BoostedPriority,
        holdings::Holdings,
        journal::Ledger,
        privilege,
    },
};

/// See the module.
pub(super) struct System<'node, 'holdings, 'journal> {
    pub(super) holdings: &'node mut Holdings<'holdings>,
    pub(super) journal: &'node Ledger<'journal>,
    /// For the start, which a busy machine must not hold up.
    pub(super) boost: Option<BoostedPriority>,
}

impl Host for System<'_, '_, '_> {
    fn started(&mut self) -> Result<(), Refused> {
        drop(self.boost.take());
        // While it may. The engine and its routers do not wait for it.
        self.holdings.load_rest()?;
        let will_unmount = self.journal.journal().has_bpf_file_system();
        Ok(privilege::drop_capabilities(will_unmount)?)
    }

    fn attach(&mut self, interface: InterfaceId, name: &str) -> Result<Reception, Refused> {
        let place = Place {
            interface: name.to_owned(),
            id: interface,
            is_marked: false,
        };
        self.holdings.attach(&[place])?;
        let mut attachments = self.holdings.attachments();
        let attached = attachments.find(|one| one.id == interface);
        let attachment = attached.ok_or("no programs")?;
        tell_reception(attachment);
        Ok(attachment.reception.clone())
    }

    fn detach(&mut self, interface: InterfaceId) -> LocalBoxFuture<'_, Result<(), Refused>> {
        async move { Ok(self.holdings.detach(interface).await?) }.boxed_local()
    }

    fn set_marked(&mut self, interface: InterfaceId, is_marked: bool) -> Result<(), Refused> {
        Ok(self.holdings.set_marked(interface, is_marked)?)
    }

    fn join(&mut self, interface: InterfaceId, group: IpAddr) -> Result<(), Refused> {
        Ok(self.holdings.join(interface, group)?)
    }

    fn leave(&mut self, interface: InterfaceId, group: IpAddr) -> Result<(), Refused> {
        Ok(self.holdings.leave(interface, group)?)
    }

    fn receive(&mut self, interface: InterfaceId, mac: Mac) -> Result<bool, Refused> {
        self.holdings.receive(interface, mac)?;
        Ok(self.holdings.is_promiscuous(interface))
    }

    fn refuse(&mut self, interface: InterfaceId, mac: Mac) -> Result<bool, Refused> {
        self.holdings.stop_receiving(interface, mac)?;
        Ok(self.holdings.is_promiscuous(interface))
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
