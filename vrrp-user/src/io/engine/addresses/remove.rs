//! Taking virtual IPs off their interfaces, and nothing that is the host's own.

use std::collections::BTreeSet;

use netlink_packet_route::address::AddressMessage;
use vrrp_ebpf::abi::vip_state;

use super::{AddressSet, AddressWorker, Order, Report, present};
use crate::io::ifaddr::Address;

impl AddressWorker {
    /// What the node has installed goes, and the same addresses with another prefix length or label,
    /// as keepalived or another configuration may have left them. The interface's own address stays.
    //= C50: RFC 9568 section 6.4.2
    pub(super) fn remove_all(&mut self, order: Order, set: &mut AddressSet) {
        let before = if set.shares_subnets() {
            set.on_interfaces().unwrap_or_default()
        } else {
            Vec::new()
        };
        let requests = set.removals();
        let ours: BTreeSet<u32> = (0..set.count()).filter(|vip| set.is_nodes(*vip)).collect();
        self.send(order, set, requests, |vip| ours.contains(&vip));
        match set.on_interfaces() {
            Ok(after) => {
                self.remove_strays(order, set, &after);
                self.put_back(order, &before, &after);
            }
            Err(error) => self.fail(order.router, 0, &error),
        }
    }

    fn remove_strays(&self, order: Order, set: &mut AddressSet, all: &[AddressMessage]) {
        let found = set.matching(all);
        let there: BTreeSet<u32> = found.iter().map(|(vip, _)| *vip).collect();
        for vip in (0..set.count()).filter(|vip| !there.contains(vip)) {
            self.states.set(set.first_state + vip, 0);
        }
        for (vip, stray) in found {
            if self.is_own(&stray, all) {
                self.states.set(set.first_state + vip, vip_state::INSTALLED);
                self.note_found(order, set, vip, &stray);
            } else {
                self.remove_found(order, set, vip, stray);
            }
        }
    }

    /// Whether an address is the interface's own.
    fn is_own(&self, found: &AddressMessage, all: &[AddressMessage]) -> bool {
        let index = found.header.index;
        let beside = all.iter().filter(|one| one.header.index == index);
        let beside: Vec<Address> = beside.filter_map(Address::told).collect();
        let is_virtual = |address| self.virtual_ips.contains(&(index, address));
        Address::told(found).is_some_and(|found| found.is_own(&beside, is_virtual))
    }

    /// An address of the host that shares a subnet with a virtual IP, and came after it, goes with it: the
    /// kernel takes it for a part of the other.
    fn put_back(&self, order: Order, before: &[AddressMessage], after: &[AddressMessage]) {
        for lost in gone_along(before, after) {
            let address = present::address(lost);
            let virtual_ip =
                address.is_some_and(|one| self.virtual_ips.contains(&(lost.header.index, one)));
            if !virtual_ip && let Err(error) = present::add(lost.clone()) {
                self.fail(order.router, 0, &error);
            }
        }
    }

    pub(super) fn remove_found(
        &self,
        order: Order,
        set: &AddressSet,
        vip: u32,
        found: AddressMessage,
    ) {
        let state = set.first_state + vip;
        self.states.set(state, vip_state::INSTALLED);
        match present::remove(found) {
            Err(error) if !present::is_gone(&error) => self.fail(order.router, vip, &error),
            _ => self.states.set(state, 0),
        }
    }

    /// One is the host's own.
    pub(super) fn note_found(
        &self,
        order: Order,
        set: &mut AddressSet,
        vip: u32,
        found: &AddressMessage,
    ) {
        if set.found(vip, found) {
            self.report(Report::Found {
                router: order.router,
                vip,
                prefix: found.header.prefix_len,
            });
        }
    }
}

/// Secondary addresses that were there before and are not any more.
fn gone_along<'before>(
    before: &'before [AddressMessage],
    after: &[AddressMessage],
) -> impl Iterator<Item = &'before AddressMessage> {
    let told = |message: &AddressMessage| Some((message.header.index, Address::told(message)?));
    let left: Vec<_> = after.iter().filter_map(told).collect();
    before.iter().filter(move |message| {
        told(message).is_some_and(|(index, one)| {
            one.secondary
                && !left
                    .iter()
                    .any(|(on, two)| *on == index && one.is_same(two))
        })
    })
}
