//! Looks at what is on the interfaces every second. The kernel tells who listens what comes and goes, but
//! what was told may have been lost, and an order that is under way may meet with somebody else's change.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use netlink_packet_route::address::AddressMessage;
use vrrp_ebpf::abi::vip_state;

use super::{AddressSet, AddressWorker, Operation, Order};
use crate::io::{
    engine::message::Event,
    netlink::{address::address, present},
};

/// How often. An interface is asked once, whatever number of routers it has.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// What the interfaces of all routers have.
struct Present {
    all: Vec<AddressMessage>,
    places: BTreeSet<(u32, IpAddr)>,
    /// Interfaces of which all addresses are known, those that do not exist included.
    asked: BTreeSet<u32>,
}

impl AddressWorker {
    /// Puts back what is missing, and takes off what somebody else has added.
    pub(super) fn look(&mut self) {
        let present = self.present();
        let standing: Vec<Order> = self.standing.values().copied().collect();
        for order in standing {
            if !self.is_in_force(order) {
                continue;
            }
            let mut sets = std::mem::take(&mut self.sets);
            let missing = match sets.get_mut(&order.router) {
                None => false,
                Some(set) if order.operation == Operation::Install => {
                    self.find_missing(order, set, &present)
                }
                Some(set) => {
                    self.take_off(order, set, &present);
                    false
                }
            };
            self.sets = sets;
            if missing {
                self.carry_out(order);
            }
        }
        self.repeat_acceptances();
    }

    fn present(&mut self) -> Present {
        let indices: BTreeSet<u32> = self
            .sets
            .values()
            .flat_map(|set| set.places())
            .map(|(index, _)| index)
            .collect();
        self.absent.clear();
        let mut answers: BTreeMap<u32, Vec<AddressMessage>> = BTreeMap::new();
        for index in indices {
            match present::addresses(index) {
                Ok(found) => {
                    answers.insert(index, found);
                }
                Err(error) if present::is_gone(&error) => {
                    self.absent.insert(index);
                    answers.insert(index, Vec::new());
                }
                Err(_) => {}
            }
        }
        let asked = answers.keys().copied().collect();
        let all: Vec<_> = answers.into_values().flatten().collect();
        let place = |one: &AddressMessage| Some((one.header.index, address(one)?));
        Present {
            places: all.iter().filter_map(place).collect(),
            all,
            asked,
        }
    }

    /// Virtual IPs that the kernel has acknowledged and that are not there. What it refused is asked of it
    /// again by itself.
    fn find_missing(&mut self, order: Order, set: &AddressSet, present: &Present) -> bool {
        let mut any = false;
        for (place, vip) in set.by_place() {
            let vip = set.id(vip);
            let state = vip.state();
            let is_acknowledged = self.states.get(state) & vip_state::READY != 0;
            if self.absent.contains(&place.0) {
                // Told by the control plane, and not to be put back.
                self.states.set(state, 0);
            } else if is_acknowledged
                && present.asked.contains(&place.0)
                && !present.places.contains(&place)
            {
                any = true;
                self.states.set(state, 0);
                let router = order.router;
                self.tell(Event::AddressMissing { router, vip });
            }
        }
        any
    }

    /// What somebody has put on an interface while the router does not serve. An owner's is the host's.
    fn take_off(&mut self, order: Order, set: &mut AddressSet, present: &Present) {
        let is_asked = set
            .places()
            .all(|(index, _)| present.asked.contains(&index));
        let is_there = set.places().any(|place| present.places.contains(&place));
        let is_gone = set.ids().all(|(_, id)| self.states.get(id.state()) == 0);
        if set.is_owners() || !is_asked || !is_there && is_gone {
            return;
        }
        let router = order.router;
        for (vip, prefix) in self.remove_strays(order, set, &present.all) {
            self.tell(Event::AddressStray {
                router,
                vip,
                prefix,
            });
        }
    }
}
