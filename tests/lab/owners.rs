//! Who answers for an address, by ARP or Neighbour Discovery.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use vrrp_tests::{arp_prober::ArpProber, clock};

use crate::scene::{Scene, eventually};

/// For how long, and how often, a client asks who has an address.
const WATCHED: Duration = Duration::from_millis(200);
const PERIOD: Duration = Duration::from_millis(10);

/// The routers that say they have an address.
pub(crate) fn owners(scene: &Scene, address: IpAddr) -> BTreeSet<u8> {
    let prober = ArpProber::start(&scene.lab.client, address, PERIOD).unwrap();
    clock::sleep(WATCHED);
    let answers = prober.stop().unwrap().answers.into_iter();
    let number = |mac| {
        let routers = (1..).zip(&scene.lab.routers);
        let mut matching = routers.filter(|(_, router)| router.mac == mac);
        matching.next().map_or(0, |(number, _)| number)
    };
    answers.map(|answer| number(answer.mac)).collect()
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
