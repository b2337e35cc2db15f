//! Who serves: what a client gets, what a node says, and what its machine has.

use std::{net::IpAddr, time::Duration};

use vrrp_tests::{
    arp_prober::{ArpProber, ArpRecording},
    clock,
    gap::Recording,
    node::Node as _,
    prober::Prober,
};

use super::{RouterStatus, Scene, eventually};

impl Scene {
    /// Starts a client that asks the VIP every millisecond.
    pub(crate) fn prober(&self) -> Prober {
        Prober::start(&self.lab.client.netns, self.vip, Duration::from_millis(1)).unwrap()
    }

    /// Lets a client ask the VIP, by UDP and by ARP or Neighbour Discovery, for a while.
    pub(crate) fn watch(&self, span: Duration) -> (Recording, ArpRecording) {
        let prober = self.prober();
        let questions = self.arp_prober();
        clock::sleep(span);
        (prober.stop().unwrap(), questions.stop().unwrap())
    }

    /// Starts a client that asks who has the VIP, by ARP or Neighbour Discovery, every millisecond.
    pub(crate) fn arp_prober(&self) -> ArpProber {
        ArpProber::start(&self.lab.client, self.vip, Duration::from_millis(1)).unwrap()
    }

    /// Waits until one router has the address and the other one is its Backup.
    #[track_caller]
    pub(crate) fn await_roles(&self, owner: u8, backup: u8) {
        self.await_owner(owner);
        self.await_state(backup, "BACKUP");
    }

    /// What the first virtual router of a node says about itself.
    #[track_caller]
    pub(crate) fn status(&self, number: u8) -> RouterStatus {
        self.statuses(number).swap_remove(0)
    }

    /// What every virtual router of a node says about itself.
    #[track_caller]
    pub(crate) fn statuses(&self, number: u8) -> Vec<RouterStatus> {
        let status = self.nodes[usize::from(number) - 1].status();
        let mut status = status.unwrap().unwrap();
        let routers = status["routers"].as_array_mut().unwrap();
        std::mem::take(routers)
            .into_iter()
            .map(RouterStatus)
            .collect()
    }

    /// Waits until a node says that its first virtual router is in this state.
    #[track_caller]
    pub(crate) fn await_state(&self, number: u8, state: &str) {
        let node = &self.nodes[usize::from(number) - 1];
        eventually(&format!("r{number} is {state}"), || {
            // A node that starts or ends does not answer.
            matches!(node.status(), Ok(Some(status)) if status["routers"][0]["state"] == state)
        });
    }

    /// Waits until a router, and none of the others that run, serves: it says so, has the address,
    /// and answers the client.
    #[track_caller]
    pub(crate) fn await_owner(&self, number: u8) {
        self.await_state(number, "MASTER");
        let prober = self.prober();
        eventually(&format!("r{number} answers the client"), || {
            prober.answering() == number
        });
        prober.stop().unwrap();
        let owner = self.router(number);
        eventually(&format!("r{number} has the address"), || {
            owner.has_address(self.vip).unwrap()
        });
    }

    /// Waits until a router does not have the address.
    #[track_caller]
    pub(crate) fn await_no_address(&self, number: u8) {
        let router = self.router(number);
        eventually(&format!("r{number} gives the address up"), || {
            !router.has_address(self.vip).unwrap()
        });
    }

    /// Whether a router has the address.
    pub(crate) fn has_address(&self, number: u8) -> bool {
        self.router(number).has_address(self.vip).unwrap()
    }

    /// The address that a router's adverts come from.
    pub(crate) fn speaker(&self, number: u8) -> IpAddr {
        let router = self.router(number);
        match self.vip {
            IpAddr::V4(_) => router.address.into(),
            IpAddr::V6(_) => router.link_local().into(),
        }
    }
}
