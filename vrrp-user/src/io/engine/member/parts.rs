//! Exchanging what a virtual router has on its interfaces, and undoing what it was before.

use super::{Member, Turn};
use crate::{
    ids::RouterId,
    io::{
        bpf::TableError,
        engine::{
            addresses::{AddressSet, Operation},
            machine::Machine,
            message::{Event, InterfaceError},
            parts::{Entries, Parts},
            work::Then,
        },
    },
    proto::{Input, Router, Settings, State},
};

impl Member {
    /// Goes on with these parts. What they lack of those of before is undone when the address worker has changed the
    /// addresses: until then the programs have to know whose these are. Returns what the core is to go by.
    pub(in crate::io::engine) fn take_parts(
        &mut self,
        mut parts: Box<Parts>,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Option<(Settings, u8)> {
        let machine = &mut *turn.machine;
        let before = self.parts.as_deref().map(|parts| &parts.entries);
        if let Err(error) = write(self.id, &parts.entries, before, machine) {
            self.refuse_parts(parts, error.into(), machine);
            return None;
        }
        let addresses = parts.addresses.take();
        let (settings, priority) = (parts.settings.clone(), parts.priority);
        let before = self.parts.replace(parts);
        if let Some(before) = before {
            self.leave(before);
        }
        if let Some(addresses) = addresses {
            self.change_addresses(addresses, machine);
        }
        self.settle(machine);
        if turn.router.state() == State::Active {
            self.announcing.exchange(settings.garp.repeat);
            turn.work.then = Then::AnnounceFresh;
        } else {
            self.announcing.clear();
        }
        Some((settings, priority))
    }

    /// The maps have no room for them. The router stays as it is.
    fn refuse_parts(
        &mut self,
        parts: Box<Parts>,
        error: InterfaceError,
        machine: &mut impl Machine,
    ) {
        let router = self.id;
        machine.tell(Event::InterfaceFailed { router, error });
        if let Some(present) = &self.parts {
            // There was room for these.
            write(router, &present.entries, None, machine).ok();
        }
        self.leave(parts);
        self.settle(machine);
    }

    fn leave(&mut self, mut parts: Box<Parts>) {
        parts.before = self.leaving.take();
        self.leaving = Some(parts);
    }

    fn change_addresses(&mut self, addresses: Box<AddressSet>, machine: &mut impl Machine) {
        let operation = self.wanted;
        let order = self.next_order(operation);
        match machine.change_addresses(order, addresses) {
            Ok(()) => self.changing = Some(order.generation),
            Err(addresses) => {
                self.tell_order_failed(machine);
                machine.retire(addresses.into());
            }
        }
    }

    /// The address worker has carried out the change of this order.
    pub(super) fn addresses_changed(&mut self, generation: u32, machine: &mut impl Machine) {
        if self.changing == Some(generation) {
            self.changing = None;
            self.settle(machine);
        }
    }

    /// Undoes what is left of earlier parts, unless addresses are still under way.
    fn settle(&mut self, machine: &mut impl Machine) {
        if self.changing.is_some() {
            return;
        }
        let present = self.parts.as_deref().map(|parts| &parts.entries);
        while let Some(mut parts) = self.leaving.take() {
            self.leaving = parts.before.take();
            remove(self.id, &parts.entries, present, machine);
            machine.retire(parts.into());
        }
        if let Some(parts) = &self.parts {
            let (router, revision) = (self.id, parts.revision);
            machine.tell(Event::Changed { router, revision });
        }
    }

    /// Takes the router out of the maps and the words. It has stopped.
    pub(in crate::io::engine) fn clear(&mut self, machine: &mut impl Machine) {
        self.changing = None;
        if let Some(parts) = self.parts.take() {
            self.leave(parts);
        }
        self.settle(machine);
        let slot = self.id.slot();
        machine.clear_seen(slot);
        machine.follow(slot, vrrp_ebpf::abi::Follow::default());
        machine.close_peers(self.id);
        machine.forget_addresses(self.id);
    }

    /// The interface is usable.
    pub(in crate::io::engine) fn link_up(
        &mut self,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Option<Input> {
        let primary = self.parts.as_ref()?.settings.primary;
        self.announce_source(turn.machine);
        Some(Input::LinkUp { primary })
    }

    /// It is to stop for good, and to be forgotten then.
    pub(in crate::io::engine) fn remove(&mut self) -> Input {
        self.is_removed = true;
        Input::Shutdown
    }

    /// Whether it has stopped for good, and nothing that it asked for is under way.
    pub(in crate::io::engine) fn is_over(&self, router: &Router) -> bool {
        self.is_removed && router.is_finished() && self.changing.is_none()
    }

    /// What an earlier run, or keepalived before us, may have left on the interfaces is removed. The address worker
    /// has these virtual IPs from then on.
    pub(in crate::io::engine) fn begin_with(
        &mut self,
        addresses: Box<AddressSet>,
        machine: &mut impl Machine,
    ) {
        self.wanted = Operation::Remove;
        self.change_addresses(addresses, machine);
    }
}

/// Tells the programs what they do not know. Before an entry that names something comes what it names.
fn write(
    router: RouterId,
    entries: &Entries,
    before: Option<&Entries>,
    machine: &mut impl Machine,
) -> Result<(), TableError> {
    for (key, entry) in entries.peers.news(before.map(|before| &before.peers)) {
        machine.set_peer(key, entry)?;
    }
    if before.map(|before| &before.router) != Some(&entries.router) {
        let (key, entry) = entries.router;
        machine.set_router(key, entry)?;
    }
    for (key, ()) in entries.macs.news(before.map(|before| &before.macs)) {
        machine.set_mac(key, router.slot())?;
    }
    for (interface, entry) in entries.proxies.news(before.map(|before| &before.proxies)) {
        machine.set_proxy(interface, entry)?;
    }
    for (key, entry) in entries.vips.news(before.map(|before| &before.vips)) {
        machine.set_vip(key, entry)?;
    }
    Ok(())
}

/// Takes from the programs what `after` lacks.
fn remove(
    router: RouterId,
    entries: &Entries,
    after: Option<&Entries>,
    machine: &mut impl Machine,
) {
    let slot = router.slot();
    for key in entries.vips.gone(after.map(|after| &after.vips)) {
        machine.remove_vip(key, slot);
    }
    for interface in entries.proxies.gone(after.map(|after| &after.proxies)) {
        machine.remove_proxy(interface, slot);
    }
    for key in entries.macs.gone(after.map(|after| &after.macs)) {
        machine.remove_mac(key, slot);
    }
    let (key, _) = entries.router;
    if after.is_none_or(|after| after.router.0 != key) {
        machine.remove_router(key, slot);
    }
    for key in entries.peers.gone(after.map(|after| &after.peers)) {
        machine.remove_peer(key);
    }
}
