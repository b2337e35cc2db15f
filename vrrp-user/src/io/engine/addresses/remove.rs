//! Taking virtual IPs off their interfaces, and nothing that is the host's own.

use std::collections::BTreeSet;

use netlink_packet_route::address::AddressMessage;
use vrrp_ebpf::abi::vip_state;

use super::{AddressSet, AddressWorker, Order};
use crate::{
    ids::VipId,
    io::{
        engine::message::Event,
        netlink::{address::Address, present, secondaries},
    },
};

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
                self.put_back_secondaries(order, &before, &after);
            }
            Err(error) => self.fail(order.router, None, &error),
        }
    }

    /// An address of the host that came to the subnet after a virtual IP goes with it.
    pub(super) fn put_back_secondaries(
        &mut self,
        order: Order,
        before: &[AddressMessage],
        after: &[AddressMessage],
    ) {
        let is_virtual = |index, one| self.virtual_ips.contains(&(index, one));
        if let Err(error) = secondaries::put_back(before, after, is_virtual) {
            self.fail(order.router, None, &error);
        }
    }

    /// Returns what was removed, with its prefix length.
    pub(super) fn remove_strays(
        &mut self,
        order: Order,
        set: &mut AddressSet,
        all: &[AddressMessage],
    ) -> Vec<(VipId, u8)> {
        let mut removed = Vec::new();
        let found = set.matching(all);
        let there: BTreeSet<u32> = found.iter().map(|(vip, _)| *vip).collect();
        for vip in (0..set.count()).filter(|vip| !there.contains(vip)) {
            self.states.set(set.state(vip), 0);
            set.is_gone(vip);
        }
        for (vip, stray) in found {
            let prefix = stray.header.prefix_len;
            if self.is_own(&stray, all) {
                self.states.set(set.state(vip), vip_state::INSTALLED);
                self.note_found(order, set, vip, &stray);
            } else if self.remove_found(order, set, vip, stray) {
                removed.push((set.id(vip), prefix));
            }
        }
        removed
    }

    /// Whether an address is the interface's own.
    fn is_own(&self, found: &AddressMessage, all: &[AddressMessage]) -> bool {
        let index = found.header.index;
        let beside = all.iter().filter(|one| one.header.index == index);
        let beside: Vec<Address> = beside.filter_map(Address::told).collect();
        let is_virtual = |address| self.virtual_ips.contains(&(index, address));
        Address::told(found).is_some_and(|found| found.is_own(&beside, is_virtual))
    }

    /// Returns whether it is gone.
    pub(super) fn remove_found(
        &mut self,
        order: Order,
        set: &AddressSet,
        vip: u32,
        found: AddressMessage,
    ) -> bool {
        let state = set.state(vip);
        self.states.set(state, vip_state::INSTALLED);
        match present::remove(found) {
            Err(error) if !present::is_gone(&error) => {
                self.fail(order.router, Some(set.id(vip)), &error);
                false
            }
            _ => {
                self.states.set(state, 0);
                true
            }
        }
    }

    /// One is the host's own.
    pub(super) fn note_found(
        &mut self,
        order: Order,
        set: &mut AddressSet,
        vip: u32,
        found: &AddressMessage,
    ) {
        if set.found(vip, found) {
            self.tell(Event::AddressFound {
                router: order.router,
                vip: set.id(vip),
                prefix: found.header.prefix_len,
            });
        }
    }
}
