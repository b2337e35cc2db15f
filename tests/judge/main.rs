//! Are the judges blind? Failovers made by hand, whose length is known, and owners that are two. No
//! daemon takes part. Needs root.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "clippy knows a test by its attribute, not what tests call"
)]

mod broken;
mod owners;
mod traffic;

use std::time::Duration;

use vrrp_tests::{
    arp_prober::ArpProber,
    capture::Capture,
    clock,
    dump::Dump,
    echo::Echo,
    lab::{Host, Lab, VIP},
    packet::{ONLY_ARP, PacketSocket},
    prober::{PORT, Prober},
    wire::{self, Arp, Frame},
    xdp_pass::XdpPass,
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

    let failover = recording.failover(1, 2, before).unwrap();
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

#[test]
fn the_capture_sees_an_announcement_at_its_port_and_time() {
    let lab = Lab::pair().unwrap();
    let router = &lab.routers[1];
    let capture = Capture::start(&lab.switch).unwrap();
    let announcement = Arp::announcing(router.mac, VIP);
    let question = Arp {
        sender: router.address,
        ..announcement
    };
    let before = clock::now();
    router
        .netns
        .run(|| {
            let socket = PacketSocket::open(Some(router.interface), ONLY_ARP)?;
            socket.send(&wire::encode_arp([0xff; 6], &question))?;
            socket.send(&wire::encode_arp([0xff; 6], &announcement))?;
            Ok(())
        })
        .unwrap();
    let after = clock::now();
    clock::sleep(Duration::from_millis(50));

    let seen = capture.stop().unwrap();
    let [seen] = &seen[..] else {
        panic!("not once: {seen:?}");
    };
    assert_eq!(seen.frame, Frame::Arp(announcement));
    assert!(seen.announces(VIP));
    assert_eq!(seen.port, "to-r2");
    let slack = 1_000_000;
    assert!(seen.at + slack > before && seen.at < after + slack);
}

#[test]
fn a_dump_tells_every_kind_of_leftover() {
    let lab = Lab::pair().unwrap();
    let router = &lab.routers[0];
    let before = Dump::take(router, "judge").unwrap();

    let ip = |arguments: &str| drop(router.netns.ip(arguments).unwrap());
    let tc = |arguments: &str| drop(router.netns.tool("tc", arguments).unwrap());
    type Change<'a> = (&'a str, &'a dyn Fn(), &'a dyn Fn());
    let changes: [Change<'_>; 5] = [
        ("addr", &|| own(router), &|| disown(router)),
        (
            "maddr",
            &|| ip("maddr add 01:00:5e:00:00:12 dev ens33"),
            &|| ip("maddr del 01:00:5e:00:00:12 dev ens33"),
        ),
        ("qdisc", &|| tc("qdisc add dev ens33 clsact"), &|| {
            tc("qdisc del dev ens33 clsact");
        }),
        (
            "sysctl",
            &|| {
                let arp_ignore = "net/ipv4/conf/ens33/arp_ignore";
                router.netns.sysctl(arp_ignore, "1").unwrap();
            },
            &|| {
                let arp_ignore = "net/ipv4/conf/ens33/arp_ignore";
                router.netns.sysctl(arp_ignore, "0").unwrap();
            },
        ),
        (
            "fdb",
            &|| {
                let add = "fdb add 00:00:5e:00:01:01 dev ens33 self permanent";
                router.netns.tool("bridge", add).unwrap();
            },
            &|| {
                let del = "fdb del 00:00:5e:00:01:01 dev ens33 self permanent";
                router.netns.tool("bridge", del).unwrap();
            },
        ),
    ];
    for (section, make, undo) in changes {
        make();
        let difference = before.diff(&Dump::take(router, "judge").unwrap());
        assert!(difference.contains(section), "{section}: {difference:?}");
        undo();
    }
    let pass = XdpPass::attach(&router.netns, router.interface).unwrap();
    let difference = before.diff(&Dump::take(router, "judge").unwrap());
    assert!(difference.contains("xdp"), "{difference:?}");
    drop(pass);
    // Programs of the other tests are on the machine, too: of those only the namespace's count.
    let kept = before.diff(&Dump::take(router, "judge").unwrap());
    assert!(!kept.contains("bpftool net"), "{kept}");
}
