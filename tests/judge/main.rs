//! Are the judges blind? Failovers made by hand, whose length is known, and owners that are two. No
//! daemon takes part. Needs root.

#![allow(
    clippy::unwrap_used,
    reason = "clippy knows a test by its attribute, not what tests call"
)]

use std::time::Duration;

use vrrp_tests::{
    arp_prober::ArpProber,
    clock,
    echo::Echo,
    lab::{Host, Lab, VIP},
    prober::{PORT, Prober},
};

const PERIOD: Duration = Duration::from_micros(500);

fn own(router: &Host) {
    let change = format!("addr add {VIP}/32 dev {}", router.interface);
    router.netns.ip(&change).unwrap();
}

fn disown(router: &Host) {
    let change = format!("addr del {VIP}/32 dev {}", router.interface);
    router.netns.ip(&change).unwrap();
}

/// Tells the client where the VIP is, as a router's announcement would.
fn point_client_to(lab: &Lab, router: &Host) {
    let mac = router.mac.map(|byte| format!("{byte:02x}")).join(":");
    let change = format!("neigh replace {VIP} lladdr {mac} dev eth0 nud reachable");
    lab.client.netns.ip(&change).unwrap();
}

#[test]
fn the_prober_measures_a_gap_of_known_length() {
    // A forwarding router would keep the probes for the next owner, which makes them late, not lost.
    let lab = Lab::builder().forwarding(false).build().unwrap();
    let [r1, r2] = &lab.routers[..] else {
        panic!("not a pair");
    };
    let _echos = [(r1, 1), (r2, 2)].map(|(r, n)| Echo::start(&r.netns, VIP, PORT, n).unwrap());
    own(r1);
    point_client_to(&lab, r1);

    let prober = Prober::start(&lab.client.netns, VIP, PERIOD).unwrap();
    clock::sleep(Duration::from_millis(100));
    let before = clock::now();
    disown(r1);
    let down = clock::now();
    clock::sleep(Duration::from_millis(60));
    own(r2);
    point_client_to(&lab, r2);
    let up = clock::now();
    clock::sleep(Duration::from_millis(100));
    let recording = prober.stop().unwrap();

    let failover = recording.failover(1, 2).unwrap();
    let slack = 2_000_000 + recording.worst_lateness;
    assert!(failover.last_old + slack > before, "{failover:?}");
    assert!(failover.last_old < down + slack, "{failover:?}");
    assert!(failover.first_new < up + slack, "{failover:?}");
    assert!(failover.gap() > 60_000_000, "{failover:?}");
    assert!(failover.gap() < up - before + slack, "{failover:?}");
    assert!(failover.lost >= 100, "{failover:?}");
    assert_eq!(failover.twice, 0, "{failover:?}");
}

#[test]
fn the_arp_prober_sees_one_owner_two_and_none() {
    let lab = Lab::pair().unwrap();
    let [r1, r2] = &lab.routers[..] else {
        panic!("not a pair");
    };
    let prober = ArpProber::start(&lab.client, VIP, Duration::from_millis(1)).unwrap();
    let pause = || clock::sleep(Duration::from_millis(100));
    pause();
    own(r1);
    pause();
    own(r2);
    let both = clock::now();
    pause();
    disown(r2);
    let one = clock::now();
    pause();
    let recording = prober.stop().unwrap();

    let twice = recording.answered_twice();
    assert!(recording.answered(0) >= 50, "{}", recording.answered(0));
    assert!(recording.answered(1) >= 100, "{}", recording.answered(1));
    assert!(twice.len() >= 50, "{}", twice.len());
    let slack = 20_000_000;
    for (asked, mut macs) in twice {
        assert!(asked + slack > both && asked < one + slack);
        macs.sort_unstable();
        let mut owners = [r1.mac, r2.mac];
        owners.sort_unstable();
        assert_eq!(macs, owners);
    }
}
