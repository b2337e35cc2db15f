//! Who answers for an address, by ARP or Neighbour Discovery.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use vrrp_tests::{arp_prober::ArpProber, lab::Host};

use crate::scene::{Scene, eventually};

/// How often, and with what time between, a client asks who has an address.
const QUESTIONS: usize = 20;
const PERIOD: Duration = Duration::from_millis(10);

/// The MACs that a host is told for an address.
pub(crate) fn macs(host: &Host, address: IpAddr) -> BTreeSet<[u8; 6]> {
    let prober = ArpProber::start(host, address, PERIOD).unwrap();
    eventually("a client asks", || prober.asked() >= QUESTIONS);
    let answers = prober.stop().unwrap().answers.into_iter();
    answers.map(|answer| answer.mac).collect()
}

/// The routers that say they have an address.
pub(crate) fn owners(scene: &Scene, address: IpAddr) -> BTreeSet<u8> {
    let number = |mac| {
        let routers = (1..).zip(&scene.lab.routers);
        let mut matching = routers.filter(|(_, router)| router.mac == mac);
        matching.next().map_or(0, |(number, _)| number)
    };
    let macs = macs(&scene.lab.client, address);
    macs.into_iter().map(number).collect()
}

/// Waits until one router, and no other, says that it has these addresses.
#[track_caller]
pub(crate) fn await_owner(scene: &Scene, number: u8, addresses: &[IpAddr]) {
    for address in addresses {
        eventually(&format!("r{number} alone has {address}"), || {
            owners(scene, *address) == BTreeSet::from([number])
        });
    }
}
