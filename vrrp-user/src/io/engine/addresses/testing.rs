//! What the worker's tests begin with.

use std::sync::{
    Arc,
    mpsc::{Receiver, sync_channel},
};

use nix::sys::eventfd::EventFd;
use vrrp_ebpf::ownership::{Ownership, State};

use super::{AddressWorker, Placement, Report};
use crate::{
    config::Vip,
    ids::{InterfaceId, RouterId, VipId},
    io::{
        bpf::shared::{Slots, VipStates},
        engine::message::Event,
        testing::{index, run},
    },
};

/// Of the engine that gives the orders.
pub(super) const EPOCH: u16 = 7;

/// What a worker shares with others.
pub(super) struct Shared {
    pub(super) reports: Receiver<Report>,
    pub(super) slots: Arc<Slots>,
    pub(super) states: Arc<VipStates>,
}

/// A worker without routers, and interfaces with these names.
pub(super) fn worker(interfaces: &[&str]) -> (AddressWorker, Shared) {
    run("ip link set lo up");
    for name in interfaces {
        run(&format!(
            "ip link add {name} type veth peer name {name}p && ip link set {name}p up && ip link set {name} up"
        ));
    }
    let (sender, reports) = sync_channel(100);
    let wake = Arc::new(EventFd::new().unwrap());
    let (slots, states) = (Arc::new(Slots::unshared()), Arc::new(VipStates::unshared()));
    let worker = AddressWorker::new(Arc::clone(&slots), Arc::clone(&states), sender, wake);
    let shared = Shared {
        reports,
        slots,
        states,
    };
    (worker.unwrap(), shared)
}

impl Shared {
    /// A writer makes the ownership word its own.
    pub(super) fn take_word(&self, router: RouterId, epoch: u16) {
        let word = Ownership::new(State::Idle, epoch, 0);
        let before = self.slots.ownership(router.slot());
        self.slots.replace(router.slot(), before, word).unwrap();
    }

    /// What was told of refusals.
    pub(super) fn told(&self) -> Vec<Event> {
        let told = self.reports.try_iter().filter_map(|report| match report {
            Report::Told(event) => Some(event),
            Report::Done(_) | Report::Retired(_) => None,
        });
        let is_about_refusals = |event: &Event| {
            matches!(
                event,
                Event::AddressRefused { .. } | Event::AddressesAccepted { .. }
            )
        };
        told.filter(is_about_refusals).collect()
    }
}

/// Where a virtual IP of an instance on ens33 is.
pub(super) fn placement((id, vip): (VipId, &Vip)) -> Placement<'_> {
    let interface = index(vip.device.as_deref().unwrap_or("ens33"));
    Placement {
        id,
        vip,
        interface: InterfaceId(interface),
    }
}
