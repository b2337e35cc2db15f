//! What the engine asks of the address worker, and what it is told.

use vrrp_ebpf::abi::vip_state;

use super::AddressSet;
use crate::{
    ids::{RouterId, VipId},
    io::engine::message::Event,
};

/// What the engine wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Every virtual IP of the router on its interface, or the one that was lost.
    Install,
    /// Every virtual IP of the router gone.
    Remove,
    /// Those that the kernel refused on their interface, and gone again: to find out whether it still
    /// refuses them. The worker's own idea.
    Try,
}

/// One order, tagged so that its answer can be told from that of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The router.
    pub router: RouterId,
    /// What to do.
    pub operation: Operation,
    /// Counts the orders of this router.
    pub generation: u32,
    /// The writer of the router's ownership word that gives the order.
    pub epoch: u16,
    /// A virtual IP that is known to be gone from the interface.
    pub lost: Option<VipId>,
}

/// What the worker is to do next.
#[derive(Debug)]
pub enum Job {
    /// Carry this out.
    Order(Order),
    /// The router has other virtual IPs, or it is new. What is equal in both sets is not touched.
    Change {
        /// What the router wants: the same as by its last order, if there was one.
        order: Order,
        /// All of its virtual IPs.
        set: Box<AddressSet>,
    },
    /// The router has gone, after the removal of its virtual IPs.
    Forget(RouterId),
}

/// What the worker reports.
#[derive(Debug)]
pub enum Report {
    /// The kernel has answered for every virtual IP of the order.
    Done(Order),
    /// For the control plane.
    Told(Event),
    /// It is not needed any more.
    Retired(Box<AddressSet>),
}

/// State of a virtual IP while an order is under way: it may be on the interface. What was served
/// before an Install still is, or putting one address back would interrupt the others.
pub(super) fn bits_before(order: Order, vip: VipId, is_hosts: bool, before: u64) -> u64 {
    let ready = match order.operation {
        Operation::Install if order.lost == Some(vip) => 0,
        Operation::Install if is_hosts => vip_state::READY,
        Operation::Install => before & vip_state::READY,
        Operation::Remove | Operation::Try => 0,
    };
    vip_state::INSTALLED | ready
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTALLED: u64 = vip_state::INSTALLED;
    const SERVED: u64 = vip_state::INSTALLED | vip_state::READY;

    fn order(operation: Operation, lost: Option<u32>) -> Order {
        Order {
            router: RouterId::first(0),
            operation,
            generation: 1,
            epoch: 1,
            lost: lost.map(VipId),
        }
    }

    #[test]
    fn putting_one_address_back_leaves_the_others_served() {
        let install = order(Operation::Install, Some(1));
        assert_eq!(bits_before(install, VipId(0), false, SERVED), SERVED);
        assert_eq!(bits_before(install, VipId(1), false, SERVED), INSTALLED);
        assert_eq!(bits_before(install, VipId(2), false, INSTALLED), INSTALLED);
        assert_eq!(bits_before(install, VipId(3), false, 0), INSTALLED);
        assert_eq!(bits_before(install, VipId(4), true, 0), SERVED);
    }

    #[test]
    fn nothing_is_served_from_a_remove_on() {
        let remove = order(Operation::Remove, None);
        assert_eq!(bits_before(remove, VipId(0), false, SERVED), INSTALLED);
        assert_eq!(bits_before(remove, VipId(1), true, SERVED), INSTALLED);
    }
}
