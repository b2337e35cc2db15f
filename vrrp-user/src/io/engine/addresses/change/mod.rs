//! Routers that come and go while the node runs, and get other virtual IPs. What is equal before and after is not
//! touched.

use std::collections::BTreeSet;

use netlink_packet_route::address::AddressMessage;
use vrrp_ebpf::abi::vip_state;

use super::{
    AddressSet, AddressWorker, Operation, Order, Refusal,
    set::{Difference, Renewal, takes_others_along},
};
use crate::{
    ids::{RouterId, VipId},
    io::netlink::present,
};

impl AddressWorker {
    /// Goes on with this set of virtual IPs. Returns the one before.
    pub(super) fn change(
        &mut self,
        order: Order,
        mut set: Box<AddressSet>,
    ) -> Option<Box<AddressSet>> {
        let Order {
            router, operation, ..
        } = order;
        let Some(before) = self.sets.remove(&router) else {
            self.stand(order);
            self.insert(router, set);
            self.carry_out(order);
            return None;
        };
        let difference = set.take_over(&before);
        if !set.is_owners() {
            self.virtual_ips.extend(set.places());
        }
        let stood = self.standing.get(&router).map(|order| order.operation);
        self.stand(order);
        self.forget_others(router, &set);
        let in_part = operation == Operation::Install && stood == Some(operation);
        if self.is_in_force(order) {
            self.give_up(order, &difference);
            if in_part {
                self.install_differences(order, &mut set, difference);
                self.judge(order, &set);
            } else {
                self.give_up_options(order, &mut set, &difference.renewals);
            }
        }
        self.insert(router, set);
        if !in_part {
            // Nothing of the set is on an interface, or that is not known.
            self.carry_out(order);
        }
        Some(before)
    }

    /// The router is gone. Returns its set.
    pub(super) fn forget(&mut self, router: RouterId) -> Option<Box<AddressSet>> {
        self.retries.forget(router);
        self.standing.remove(&router);
        self.refusals.remove(&router);
        self.told.retain(|(other, ..), _| *other != router);
        let set = self.sets.remove(&router)?;
        for (_, id) in set.ids() {
            self.states.set(id.state(), 0);
        }
        self.note_virtual_ips();
        Some(set)
    }

    pub(super) fn note_virtual_ips(&mut self) {
        let not_owners = self.sets.values().filter(|set| !set.is_owners());
        self.virtual_ips = not_owners.flat_map(|set| set.places()).collect();
    }

    /// What was told and is known of virtual IPs that the router has no longer.
    fn forget_others(&mut self, router: RouterId, set: &AddressSet) {
        let is_kept = |vip: &VipId| set.position(*vip).is_some();
        self.told
            .retain(|(other, vip, _), _| *other != router || vip.as_ref().is_none_or(is_kept));
        if let Some(Refusal::Standing { vips, told }) = self.refusals.get_mut(&router) {
            vips.retain(|vip| set.is_needed(*vip));
            match vips.first() {
                None => self.accept(router),
                Some(first) if !vips.contains(told) => *told = *first,
                Some(_) => {}
            }
        }
    }

    /// Takes off what the set has no longer, and is not the host's own.
    fn give_up(&mut self, order: Order, difference: &Difference) {
        let order = Order {
            operation: Operation::Remove,
            lost: None,
            ..order
        };
        let gone = &difference.gone;
        let inherited = self.leave_to_others(gone);
        let mut removed = gone.part(|vip, _| !gone.is_hosts(vip) && !inherited.contains(&vip));
        for (_, id) in removed.ids() {
            self.states.set(id.state(), vip_state::INSTALLED);
        }
        if removed.count() > 0 {
            if removed.is_owners() {
                self.remove_as_owner(order, &mut removed);
            } else {
                self.remove_all(order, &mut removed);
            }
        }
        self.renumber(difference);
    }

    /// Takes off what the set has with other options now.
    fn give_up_options(&mut self, order: Order, set: &mut AddressSet, renewals: &[(u32, Renewal)]) {
        for (vip, renewal) in renewals {
            if let Some(message) = renewal.removed() {
                self.take_off_one(order, set.id(*vip), message);
                set.removed(*vip);
            }
        }
    }

    fn take_off_one(&mut self, order: Order, vip: VipId, message: &AddressMessage) {
        if let Err(error) = present::remove(message.clone())
            && !present::is_gone(&error)
        {
            self.fail(order.router, Some(vip), &error);
        }
    }

    /// Virtual IPs that another router has got from this one, and wants where they are.
    fn leave_to_others(&mut self, gone: &AddressSet) -> BTreeSet<u32> {
        let mut left = BTreeSet::new();
        for (place, vip) in gone.by_place() {
            let wants = |router: &RouterId| {
                let standing = self.standing.get(router);
                standing.is_some_and(|order| order.operation == Operation::Install)
            };
            let mut others = self.sets.iter_mut().filter(|(router, _)| wants(router));
            if let Some((_, heir)) = others.find(|(_, set)| set.at(place.0, place.1).is_some()) {
                left.insert(vip);
                if gone.is_nodes(vip) {
                    heir.inherit(place);
                }
            }
        }
        left
    }

    /// Whoever gets an id of one that is gone begins anew; what has another id is what it was.
    fn renumber(&mut self, difference: &Difference) {
        let renumbered = difference.renumbered.iter();
        let renumbered: Vec<_> = renumbered
            .map(|(before, after)| (*after, self.states.get(before.state())))
            .collect();
        let before = difference.renumbered.iter().map(|(before, _)| *before);
        let gone = difference.gone.ids().map(|(_, id)| id);
        for id in gone.chain(before) {
            self.states.set(id.state(), 0);
        }
        for (id, bits) in renumbered {
            self.states.set(id.state(), bits);
        }
    }

    /// The router serves: what is new comes, and what has other options gets them.
    fn install_differences(&mut self, order: Order, set: &mut AddressSet, difference: Difference) {
        let Difference {
            gone,
            new,
            renewals,
            ..
        } = difference;
        let removes = gone.count() > 0 || renewals.iter().any(|(_, one)| one.removed().is_some());
        self.renew(order, set, &renewals);
        if set.is_owners() {
            return self.install_as_owner(order, set);
        }
        let mut wanted = BTreeSet::from_iter(new);
        if removes && (gone.shares_subnets() || set.shares_subnets()) {
            wanted.extend(self.went_along(order, set));
        }
        for vip in &wanted {
            self.states.set(set.state(*vip), vip_state::INSTALLED);
        }
        let vips: Vec<_> = wanted.iter().map(|vip| (*vip, None)).collect();
        let requests = set.renewals(&vips);
        self.send(order, set, requests, |vip| wanted.contains(&vip));
    }

    /// Gives the kernel other options of what it has.
    fn renew(&mut self, order: Order, set: &mut AddressSet, renewals: &[(u32, Renewal)]) {
        let removed = renewals.iter().filter_map(|(_, one)| one.removed());
        let before = if removed.clone().any(takes_others_along) {
            set.on_interfaces().unwrap_or_default()
        } else {
            Vec::new()
        };
        for (vip, renewal) in renewals {
            if matches!(renewal, Renewal::Anew(_)) {
                self.states.set(set.state(*vip), vip_state::INSTALLED);
            }
        }
        let requests = set.exchanges(renewals);
        let wanted: BTreeSet<u32> = renewals.iter().map(|(vip, _)| *vip).collect();
        self.send(order, set, requests, |vip| wanted.contains(&vip));
        for (vip, renewal) in renewals {
            // If the new one has not come, the other one is better than nothing.
            let is_there = self.states.get(set.state(*vip)) & vip_state::READY != 0;
            if let Renewal::Beside(message) = renewal
                && is_there
            {
                self.take_off_one(order, set.id(*vip), message);
            }
        }
        if !before.is_empty() {
            match set.on_interfaces() {
                Ok(after) => self.put_back_secondaries(order, &before, &after),
                Err(error) => self.fail(order.router, None, &error),
            }
        }
    }

    /// Virtual IPs that the kernel took off together with another one of their subnet.
    fn went_along(&mut self, order: Order, set: &AddressSet) -> Vec<u32> {
        let present = match set.present() {
            Ok(present) => present,
            Err(error) => {
                self.fail(order.router, None, &error);
                return Vec::new();
            }
        };
        let present: BTreeSet<u32> = present.into_iter().map(|(vip, _)| vip).collect();
        let missing = set.by_place().filter(|((ifindex, _), vip)| {
            let is_acknowledged = self.states.get(set.state(*vip)) & vip_state::READY != 0;
            is_acknowledged && !present.contains(vip) && !self.absent.contains(ifindex)
        });
        missing.map(|(_, vip)| vip).collect()
    }
}

#[cfg(test)]
mod tests;
