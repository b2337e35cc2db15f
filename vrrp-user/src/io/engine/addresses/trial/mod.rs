//! What the kernel refuses is asked of it again. A router that serves for a virtual IP that it does not get
//! leads its clients nowhere: after a second refusal it is to leave that to another router (FAULT), and comes
//! back when the kernel would take the address.

use std::collections::BTreeSet;

use vrrp_ebpf::abi::vip_state;

use super::{AddressSet, AddressWorker, Operation, Order};
use crate::{
    ids::{RouterId, VipId},
    io::{clock, engine::message::Event},
};

/// How many looks (one a second) repeat that the kernel takes everything: a router that does not hear it stays in
/// FAULT, and word is lost where the queues are full.
const REPEATS: u32 = 10;

/// The virtual IPs of a router that the kernel refused, without which it is not to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It does so still.
    Standing {
        vips: BTreeSet<VipId>,
        /// The one of which was told.
        told: VipId,
    },
    /// It would take them now, which is told so many times more.
    Over { repeats: u32 },
}

impl AddressWorker {
    /// Puts on its interface what was refused, and takes it off again. The programs neither answer for it nor
    /// let anything through meanwhile, since the router is not the owner.
    pub(super) fn try_again(&mut self, order: Order, set: &mut AddressSet) {
        let router = order.router;
        let refused = match self.refusals.get(&router) {
            Some(Refusal::Standing { vips, .. }) => vips.clone(),
            _ => BTreeSet::new(),
        };
        let positions: BTreeSet<u32> = refused
            .iter()
            .filter_map(|vip| set.position(*vip))
            .collect();
        let wanted: Vec<_> = positions.iter().map(|vip| (*vip, None)).collect();
        let requests = set.renewals(&wanted);
        self.send(order, set, requests, |vip| positions.contains(&vip));
        let missing = self.without_acknowledgement(set);
        let still: BTreeSet<VipId> = refused.intersection(&missing).copied().collect();
        if still.is_empty() {
            self.accept(router);
        } else {
            self.refuse(router, refused, &still);
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
                let missing = self.without_acknowledgement(set);
                if missing.is_empty() {
                    self.retries.forget(router);
                } else {
                    self.retries.postpone(order, clock::now());
                }
                let is_needed = |vip: &VipId| set.is_needed(*vip);
                let needed: BTreeSet<VipId> = missing.into_iter().filter(is_needed).collect();
                if needed.is_empty() {
                    self.accept(router);
                } else if is_again {
                    self.refuse(router, needed.clone(), &needed);
                }
            }
            Operation::Remove | Operation::Try => {
                if let Some(Refusal::Standing { .. }) = self.refusals.get(&router) {
                    let order = Order {
                        operation: Operation::Try,
                        ..order
                    };
                    self.retries.postpone(order, clock::now());
                } else {
                    self.retries.forget(router);
                }
            }
        }
    }

    /// These are not to be served without. Told of is one of those that are refused now, the same as long as it is
    /// one of them, and each time: word may be lost.
    fn refuse(&mut self, router: RouterId, vips: BTreeSet<VipId>, now: &BTreeSet<VipId>) {
        let before = match self.refusals.get(&router) {
            Some(Refusal::Standing { told, .. }) if now.contains(told) => Some(*told),
            _ => None,
        };
        if let Some(told) = before.or_else(|| now.first().copied()) {
            self.tell(Event::AddressRefused { router, vip: told });
            self.refusals
                .insert(router, Refusal::Standing { vips, told });
        }
    }

    pub(super) fn accept(&mut self, router: RouterId) {
        if let Some(refusal @ Refusal::Standing { .. }) = self.refusals.get_mut(&router) {
            *refusal = Refusal::Over { repeats: REPEATS };
            self.told.retain(|(other, ..), _| *other != router);
            self.tell(Event::AddressesAccepted { router });
        }
    }

    pub(super) fn repeat_acceptances(&mut self) {
        let mut over = Vec::new();
        self.refusals.retain(|router, refusal| match refusal {
            Refusal::Standing { .. } => true,
            Refusal::Over { repeats } => {
                over.push(*router);
                *repeats = repeats.saturating_sub(1);
                *repeats > 0
            }
        });
        for router in over {
            self.tell(Event::AddressesAccepted { router });
        }
    }

    /// But for those whose interface is gone, which the kernel cannot take.
    fn without_acknowledgement(&self, set: &AddressSet) -> BTreeSet<VipId> {
        let is_missing = |vip: &VipId| self.states.get(vip.state()) & vip_state::READY == 0;
        let there = set
            .by_place()
            .filter(|((index, _), _)| !self.absent.contains(index));
        there
            .map(|(_, vip)| set.id(vip))
            .filter(is_missing)
            .collect()
    }
}

#[cfg(test)]
mod tests;
