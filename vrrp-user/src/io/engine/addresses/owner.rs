//! The addresses of an owner (priority 255): the host's own as a rule, which come and go as it likes, so that
//! every order begins with a look at what is there.

use netlink_packet_route::address::AddressMessage;
use vrrp_ebpf::abi::vip_state;

use super::{AddressSet, AddressWorker, Order, set::Holder};
use crate::io::netlink::address::Address;

impl AddressWorker {
    /// Of an owner's addresses, installs those that the host does not have, and anew those that it
    /// cannot use.
    pub(super) fn install_as_owner(&mut self, order: Order, set: &mut AddressSet) {
        let found = match set.present() {
            Ok(found) => found,
            Err(error) => return self.fail(order.router, None, &error),
        };
        let mut missing: Vec<_> = (0..set.count()).map(|vip| (vip, None)).collect();
        for (vip, message) in found {
            self.note_hosts(order, set, vip, &message);
            if Address::told(&message).is_some_and(|one| one.unusable) {
                missing
                    .iter_mut()
                    .filter(|(other, _)| *other == vip)
                    .for_each(|(_, unusable)| *unusable = Some(message.clone()));
            } else {
                missing.retain(|(other, _)| *other != vip);
                let bits = vip_state::INSTALLED | vip_state::READY;
                self.states.set(set.state(vip), bits);
            }
        }
        for (vip, _) in missing.iter().filter(|(_, unusable)| unusable.is_none()) {
            self.states.set(set.state(*vip), vip_state::INSTALLED);
        }
        let requests = set.renewals(&missing);
        self.send(order, set, requests, |vip| {
            missing.iter().any(|(other, _)| *other == vip)
        });
    }

    /// Removes of an owner's addresses what the node installed.
    pub(super) fn remove_as_owner(&mut self, order: Order, set: &mut AddressSet) {
        let found = match set.present() {
            Ok(found) => found,
            Err(error) => return self.fail(order.router, None, &error),
        };
        for (_, id) in set.ids() {
            self.states.set(id.state(), 0);
        }
        for (vip, message) in found {
            self.note_hosts(order, set, vip, &message);
            if set.is_hosts(vip) {
                self.states.set(set.state(vip), vip_state::INSTALLED);
            } else {
                self.remove_found(order, set, vip, message);
            }
        }
        let gone = set.holders.iter_mut();
        gone.filter(|holder| **holder == Holder::Node)
            .for_each(|holder| *holder = Holder::Nobody);
    }

    /// Takes what the node did not install for the host's own.
    fn note_hosts(&mut self, order: Order, set: &mut AddressSet, vip: u32, found: &AddressMessage) {
        let is_ours = set.is_nodes(vip) && set.is_as_requested(vip, found);
        if !is_ours {
            self.note_found(order, set, vip, found);
        }
    }
}
