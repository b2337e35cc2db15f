//! Every virtual IP is announced as often as configured, however many there are.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use vrrp_tests::{
    capture::{Capture, Seen},
    clock,
    config::Settings,
    node::Node as _,
    wire::Frame,
};

use crate::scene::{Scene, alone, eventually};

const VIPS: u16 = 600;
/// `garp_master_repeat`.
const REPEAT: usize = 5;

/// The addresses that router 1 announced, in order.
fn announced(seen: &[Seen]) -> Vec<Ipv4Addr> {
    let at_router = seen.iter().filter(|seen| seen.router() == Some(1));
    let addresses = at_router.filter_map(|seen| match seen.frame {
        Frame::Arp(arp) if arp.sender == arp.target => Some(arp.sender),
        _ => None,
    });
    addresses.collect()
}

/// How often each was announced.
fn times(announced: &[Ipv4Addr]) -> BTreeMap<Ipv4Addr, usize> {
    let mut times = BTreeMap::new();
    for address in announced {
        *times.entry(*address).or_default() += 1;
    }
    times
}

//= C34: proof
#[test]
fn hundreds_of_virtual_ips_are_each_announced_as_often_as_configured() {
    let more = (0..VIPS).map(|one| {
        let [high, low] = one.to_be_bytes();
        format!("10.50.{high}.{low}/32")
    });
    let settings = Settings {
        // The announcements are over before the second advert, for which a slow port may have no room.
        more_vips: more.collect::<Vec<_>>().join("\n"),
        instance: format!("garp_master_delay 0\ngarp_master_repeat {REPEAT}"),
        ..Settings::fast(254).every(500)
    };
    let mut scene = Scene::new(alone(), [settings]);
    let port = &scene.lab.routers[0].port;
    let slow = port.runs_xdp();
    if slow {
        port.slow().unwrap();
    }
    let capture = Capture::start(&scene.lab.switch).unwrap();
    scene.node(1).start().unwrap();
    let count = usize::from(VIPS) + 1;
    eventually(
        "every virtual IP is announced as often as configured",
        || {
            let times = times(&announced(&capture.seen()));
            times.len() == count && times.values().all(|times| *times >= REPEAT)
        },
    );
    // None of them is yet to come.
    clock::sleep(Duration::from_millis(200));
    let announced = announced(&capture.stop().unwrap());
    let often: Vec<_> = times(&announced)
        .into_iter()
        .filter(|(_, times)| *times != REPEAT)
        .collect();
    assert_eq!(often, []);
    // All of them once before any a second time.
    assert_eq!(times(&announced[..count]).len(), count);
    let log = scene.log(1).tail(usize::MAX);
    assert!(!log.contains("sending an advert failed"), "{log}");
    // Had the port refused none of them, there would have been nothing to make up for.
    assert!(!slow || log.contains("takes no more at once"), "{log}");
}
