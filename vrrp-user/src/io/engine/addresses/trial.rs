//! What the kernel refuses is asked of it again. A router that serves for a virtual IP that it does not get
//! leads its clients nowhere: after a second refusal it is to leave that to another router (FAULT), and comes
//! back when the kernel would take the address.

use std::collections::BTreeSet;

use vrrp_ebpf::abi::vip_state;

use super::{AddressSet, AddressWorker, Operation, Order};
use crate::io::{clock, engine::message::Event};

impl AddressWorker {
    /// Puts on its interface what was refused, and takes it off again. The programs neither answer for it nor
    /// let anything through meanwhile, since the router is not the owner.
    pub(super) fn try_again(&mut self, order: Order, set: &mut AddressSet) {
        let refused = self.refused.get(&order.router).cloned();
        let refused = refused.unwrap_or_default();
        let wanted: Vec<_> = refused.iter().map(|vip| (*vip, None)).collect();
        let requests = set.renewals(&wanted);
        self.send(order, set, requests, |vip| refused.contains(&vip));
        let still = self.without_acknowledgement(set);
        if refused.is_disjoint(&still) {
            self.accept(order.router);
        }
        let order = Order {
            operation: Operation::Remove,
            ..order
        };
        if set.is_owners() {
            self.remove_as_owner(order, set);
        } else {
            self.remove_all(order, set);
        }
    }

    /// Decides what is to become of virtual IPs that an order did not get.
    pub(super) fn judge(&mut self, order: Order, set: &AddressSet) {
        let Order {
            router, operation, ..
        } = order;
        let is_again = self.retries.is_waiting(router);
        match operation {
            Operation::Install => {
                let refused = self.without_acknowledgement(set);
                if refused.is_empty() {
                    self.retries.forget(router);
                    self.accept(router);
                    return;
                }
                self.retries.postpone(order, clock::now());
                if is_again && !self.refused.contains_key(&router) {
                    for &vip in &refused {
                        self.tell(Event::AddressRefused { router, vip });
                    }
                    self.refused.insert(router, refused);
                }
            }
            Operation::Remove | Operation::Try if self.refused.contains_key(&router) => {
                let order = Order {
                    operation: Operation::Try,
                    ..order
                };
                self.retries.postpone(order, clock::now());
            }
            Operation::Remove | Operation::Try => self.retries.forget(router),
        }
    }

    fn accept(&mut self, router: u32) {
        if self.refused.remove(&router).is_some() {
            self.told.retain(|(other, ..), _| *other != router);
            self.tell(Event::AddressesAccepted { router });
        }
    }

    fn without_acknowledgement(&self, set: &AddressSet) -> BTreeSet<u32> {
        let is_missing = |vip: &u32| self.states.get(set.first_state + vip) & vip_state::READY == 0;
        (0..set.count()).filter(is_missing).collect()
    }
}
