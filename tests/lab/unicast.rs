//! Adverts to peers instead of to the group: on the link, behind a router, and with keepalived.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use vrrp_tests::{
    capture::{Capture, Seen},
    config::Settings,
    lab::{Host, VIP_V6},
    node::{Keepalived, MASTER, Node as _},
    run,
    wire::Frame,
};

use crate::{
    beside::{keepalived, stays_backup},
    scene::{LIMIT, Scene, eventually, shared},
};

const R1: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const R2: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 2);
/// Where r2 is when it is behind a router.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

/// The link-local addresses of the first two, which nobody routes.
const R1_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const R2_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
/// Source and peer of each of them.
const AT_R1: [Ipv6Addr; 2] = [R1_LOCAL, R2_LOCAL];
const AT_R2: [Ipv6Addr; 2] = [R2_LOCAL, R1_LOCAL];

fn config(priority: u8, ours: Ipv4Addr, peer: &str) -> Settings {
    Settings {
        instance: peers(ours.into(), peer),
        ..Settings::fast(priority).every(100)
    }
}

/// The same over IPv6, with more lines for the instance.
fn config_v6(priority: u8, [ours, peer]: [Ipv6Addr; 2], more: &str) -> Settings {
    Settings {
        instance: format!("{}\n{more}", peers(ours.into(), &peer.to_string())),
        ..Settings::fast_v6(priority).every(100)
    }
}

fn peers(ours: IpAddr, peer: &str) -> String {
    format!("unicast_src_ip {ours}\nunicast_peer {{\n {peer}\n}}")
}

/// From whom to whom adverts went.
fn ways(seen: &[Seen]) -> BTreeSet<(IpAddr, IpAddr)> {
    let adverts = seen.iter().filter_map(|seen| match &seen.frame {
        Frame::Advert(advert) => Some((advert.source, advert.destination)),
        Frame::Arp(_) | Frame::Neighbour(_) => None,
    });
    adverts.collect()
}

/// How many ICMP "destination unreachable" a host has sent.
fn unreachables(host: &Host) -> u64 {
    let text = host
        .netns
        .run(|| Ok(fs::read_to_string("/proc/thread-self/net/snmp")?))
        .unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Icmp: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names
        .split(' ')
        .position(|name| name == "OutDestUnreachs")
        .unwrap();
    values.split(' ').nth(at).unwrap().parse().unwrap()
}

#[track_caller]
fn await_adverts(scene: &Scene, number: u8, count: u64) {
    eventually(&format!("r{number} hears {count} adverts"), || {
        scene.status(number).counter("advert_accepted") >= count
    });
}

#[test]
fn peers_on_the_link_elect_without_multicast() {
    let configs = [
        config(254, R1, &R2.to_string()),
        config(253, R2, &R1.to_string()),
    ];
    let mut scene = Scene::new(shared(), configs);
    let capture = Capture::start(&scene.lab.switch).unwrap();
    for number in [1, 2] {
        scene.node(number).start().unwrap();
    }
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    // The kernel has the adverts as well, and does not complain to their sender any more.
    let complaints = unreachables(scene.router(2));
    let heard = scene.status(2).counter("advert_accepted");
    await_adverts(&scene, 2, heard + 10);
    assert_eq!(scene.status(2).text("active"), R1.to_string());
    assert_eq!(unreachables(scene.router(2)), complaints);

    stop_and_start(&mut scene);
    scene.node(1).kill().unwrap();
    scene.await_owner(2);
    assert_eq!(scene.status(2).last_cause(), "active_down");

    let seen = capture.stop().unwrap();
    assert_eq!(
        ways(&seen),
        BTreeSet::from([(R1.into(), R2.into()), (R2.into(), R1.into())])
    );
    assert!(
        seen.iter()
            .any(|seen| seen.port == "to-r1" && seen.announces(R1))
    );
}

/// r1 hands over to r2 and comes back.
#[track_caller]
fn stop_and_start(scene: &mut Scene) {
    scene.node(1).stop().unwrap();
    scene.await_owner(2);
    assert_eq!(scene.status(2).last_cause(), "priority_zero");
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
}

/// r2 moves into a network of its own. The client is the router between it and r1.
fn move_away(scene: &Scene) {
    let (client, far) = (&scene.lab.client.netns, &scene.router(2).netns);
    for (netns, change) in [
        (client, "addr add 10.9.0.100/24 dev eth0".to_owned()),
        (far, format!("addr del {R2}/24 dev ens33")),
        (far, format!("addr add {FAR}/24 dev ens33")),
        (far, "route add 192.168.1.0/24 via 10.9.0.100".to_owned()),
        (
            &scene.router(1).netns,
            "route add 10.9.0.0/24 via 192.168.1.100".to_owned(),
        ),
    ] {
        netns.ip(&change).unwrap();
    }
    for (key, value) in [
        ("net/ipv4/ip_forward", "1"),
        ("net/ipv4/conf/all/send_redirects", "0"),
    ] {
        client.sysctl(key, value).unwrap();
    }
}

#[test]
fn peers_behind_a_router_elect() {
    let configs = [
        config(254, R1, &format!("{FAR} min_ttl 254 max_ttl 254")),
        // Its peer is on no network of its interface, so that the TTL says nothing.
        config(253, FAR, &R1.to_string()),
    ];
    let mut scene = Scene::new(shared(), configs);
    move_away(&scene);
    for number in [1, 2] {
        scene.node(number).start().unwrap();
    }
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    await_adverts(&scene, 2, 10);
    assert_eq!(scene.status(2).text("active"), R1.to_string());

    stop_and_start(&mut scene);
    // r1 was told by r2 who was Active, and by how far away.
    await_adverts(&scene, 1, 1);
    for number in [1, 2] {
        for refused in ["bad_ttl", "bad_source", "bad_checksum"] {
            assert_eq!(scene.status(number).counter(refused), 0, "{refused}");
        }
    }
}

#[test]
fn a_source_that_is_not_there_is_waited_for() {
    let mut scene = Scene::new(shared(), [config(100, FAR, &R2.to_string())]);
    scene.node(1).start().unwrap();
    scene.await_state(1, "FAULT");
    scene
        .router(1)
        .netns
        .ip(&format!("addr add {FAR}/32 dev lo"))
        .unwrap();
    scene.await_owner(1);
    scene
        .router(1)
        .netns
        .ip(&format!("addr del {FAR}/32 dev lo"))
        .unwrap();
    scene.await_state(1, "FAULT");
}

//= C9: refusal
/// What a peer has to prove does not depend on which came first at boot, the node or its address.
#[test]
fn a_peer_on_a_network_that_comes_after_the_start_has_to_prove_it() {
    let mut farther = config(254, R2, &R1.to_string());
    farther.instance += "\nunicast_ttl 64";
    let configs = [config(100, R1, &R2.to_string()), farther];
    let mut scene = Scene::new(shared(), configs);
    let change = |scene: &Scene, how: &str| {
        let change = format!("addr {how} {R1}/24 dev ens33");
        scene.router(1).netns.ip(&change).unwrap();
    };
    change(&scene, "del");
    scene.node(1).start().unwrap();
    scene.await_state(1, "FAULT");
    change(&scene, "add");
    scene.await_owner(1);
    scene.node(2).start().unwrap();
    eventually("r1 has refused an advert", || {
        scene.status(1).counter("bad_ttl") > 0
    });
    assert_eq!(scene.status(1).counter("advert_accepted"), 0);
}

#[test]
fn multicast_can_come_from_another_address() {
    let hidden = Ipv4Addr::new(10, 1, 2, 3);
    let configs = [254, 253].map(|priority| Settings::fast(priority).every(100));
    let [mut first, second] = configs;
    first.instance = format!("mcast_src_ip {hidden}");
    let mut scene = Scene::new(shared(), [first, second]);
    let capture = Capture::start(&scene.lab.switch).unwrap();
    for number in [1, 2] {
        scene.node(number).start().unwrap();
    }
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    assert_eq!(scene.status(2).text("active"), hidden.to_string());
    let seen = capture.stop().unwrap();
    let group = [224, 0, 0, 18].into();
    assert!(ways(&seen).contains(&(hidden.into(), group)));
    assert!(!seen.iter().any(|seen| seen.is_advert_of(R1)));
}

/// xvrrp with priority 100 on r1 and keepalived on r2, neither started.
fn beside_keepalived(priority: u8, version: u8) -> Option<(Scene, Keepalived)> {
    let speak = |settings: Settings| Settings {
        version,
        advert_int_ms: if version == 2 { 1000 } else { 100 },
        ..settings
    };
    let scene = Scene::new(shared(), [speak(config(100, R1, &R2.to_string()))]);
    let theirs = speak(config(priority, R2, &R1.to_string()));
    let keepalived = keepalived(scene.router(2), &theirs)?;
    Some((scene, keepalived))
}

#[track_caller]
fn assert_understood(scene: &Scene) {
    let status = scene.status(1);
    assert!(status.counter("advert_accepted") > 0);
    for refused in ["bad_ttl", "bad_source", "bad_checksum", "bad_length"] {
        assert_eq!(status.counter(refused), 0, "{refused}");
    }
}

/// Which keepalived sends its kernel's hop limit unless it is told another.
#[test]
fn a_better_keepalived_over_ipv6_by_unicast() {
    for more in ["", "unicast_ttl 255"] {
        let configs = [config_v6(100, AT_R1, more), config_v6(200, AT_R2, more)];
        let Some((scene, keepalived)) = beside_keepalived_v6(configs) else {
            return;
        };
        succeeds(scene, keepalived, &R2_LOCAL.to_string());
    }
}

//= C9: refusal
/// All routers are to say `unicast_ttl 255`, or none; and the log says which one does not.
#[test]
fn a_keepalived_without_the_hop_limit_that_we_demand_is_told_of() {
    let demanding = config_v6(100, AT_R1, "unicast_ttl 255");
    let configs = [demanding, config_v6(200, AT_R2, "")];
    let Some((mut scene, mut keepalived)) = beside_keepalived_v6(configs) else {
        return;
    };
    keepalived.start().unwrap();
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    eventually("r1 has refused an advert", || {
        scene.status(1).counter("bad_ttl") > 0
    });
    assert_eq!(scene.status(1).counter("advert_accepted"), 0);
    let log = scene.node(1).process().unwrap().log();
    log.wait("keepalived sent it without `unicast_ttl 255`", LIMIT)
        .unwrap();
}

//= C22: proof
/// keepalived asks for a link-local virtual IP by multicast only.
#[test]
fn a_keepalived_without_a_link_local_virtual_ip() {
    let configs = [(200, AT_R1), (100, AT_R2)].map(|(priority, at)| Settings {
        vips: vec![VIP_V6.into()],
        ..config_v6(priority, at, "")
    });
    let Some((mut scene, mut keepalived)) = beside_keepalived_v6(configs) else {
        return;
    };
    keepalived.start().unwrap();
    let log = keepalived.process().unwrap().log();
    log.wait(MASTER, LIMIT).unwrap();
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    assert_eq!(scene.status(1).last_cause(), "preempt");
    assert_understood(&scene);
    keepalived.stop().unwrap();
    stays_backup(&scene, &mut keepalived, 5);
}

/// xvrrp on r1 and keepalived on r2, neither started, over IPv6.
fn beside_keepalived_v6([ours, theirs]: [Settings; 2]) -> Option<(Scene, Keepalived)> {
    let scene = Scene::new_v6(shared(), [ours]);
    let keepalived = keepalived(scene.router(2), &theirs)?;
    Some((scene, keepalived))
}

/// r1 is the Backup of a better keepalived, whose adverts come from `source`, until that is stopped.
#[track_caller]
fn succeeds(mut scene: Scene, mut keepalived: Keepalived, source: &str) {
    keepalived.start().unwrap();
    let log = keepalived.process().unwrap().log();
    log.wait(MASTER, LIMIT).unwrap();
    scene.node(1).start().unwrap();
    scene.await_state(1, "BACKUP");
    await_adverts(&scene, 1, 5);
    assert_eq!(scene.status(1).text("state"), "BACKUP");
    assert_eq!(scene.status(1).text("active"), source);
    keepalived.stop().unwrap();
    scene.await_owner(1);
    assert_eq!(scene.status(1).last_cause(), "priority_zero");
    assert_understood(&scene);
}

#[test]
fn a_better_keepalived_by_unicast() {
    for version in [2, 3] {
        let Some((scene, keepalived)) = beside_keepalived(200, version) else {
            return;
        };
        succeeds(scene, keepalived, &R2.to_string());
    }
}

#[test]
fn a_worse_keepalived_by_unicast() {
    for version in [2, 3] {
        let Some((mut scene, mut keepalived)) = beside_keepalived(50, version) else {
            return;
        };
        scene.node(1).start().unwrap();
        scene.await_owner(1);
        stays_backup(&scene, &mut keepalived, 5);
        scene.node(1).stop().unwrap();
        let log = keepalived.process().unwrap().log();
        log.wait(MASTER, LIMIT).unwrap();
    }
}

/// Every router has the same list, its own address in it. When its firewall lets no advert out, what the loopback
/// interface takes is no proof that it is heard: the lease ends, and the other router serves alone.
#[test]
fn a_router_that_can_only_reach_itself_is_fenced() {
    let config = |priority| Settings {
        advert_int_ms: 100,
        instance: format!("unicast_peer {{\n {R1}\n {R2}\n}}"),
        ..Settings::fast(priority)
    };
    let mut scene = Scene::serving(shared(), [254, 253].map(config));
    scene.await_state(2, "BACKUP");
    for (number, own) in [(1, R1), (2, R2)] {
        let says =
            format!("(VI_1) peer {own} is an address of this machine, no adverts are sent to it");
        scene.log(number).wait(&says, LIMIT).unwrap();
        assert_eq!(scene.status(number).warnings(), ["own_peer"]);
        assert_eq!(scene.log(number).tail(usize::MAX).matches(&says).count(), 1);
    }
    let router = &scene.router(1).netns;
    let rules = "add table ip closed; \
                 add chain ip closed out { type filter hook output priority 0; policy drop; }; \
                 add rule ip closed out oifname \"lo\" accept;";
    let mut nft = router.command("nft");
    run::run(nft.arg(rules)).unwrap();
    scene.await_state(2, "MASTER");
    let (_, questions) = scene.watch(Duration::from_millis(500));
    assert_eq!(questions.answered_twice(), []);
    let mac = scene.router(2).mac;
    assert!(!questions.answers.is_empty());
    assert!(questions.answers.iter().all(|answer| answer.mac == mac));
}

/// Neither by multicast nor at all: who has it as a peer hears nothing, so that it must not serve.
#[test]
fn a_router_whose_only_peer_is_itself_is_in_fault_until_that_changes() {
    let config = Settings {
        advert_int_ms: 100,
        instance: format!("unicast_peer {{\n {R1}\n}}"),
        ..Settings::fast(254)
    };
    let scene = Scene::new(shared(), [config]);
    let capture = Capture::start(&scene.lab.switch).unwrap();
    let mut scene = scene;
    scene.node(1).start().unwrap();
    scene.await_state(1, "FAULT");
    scene
        .log(1)
        .wait(
            "entering FAULT state (no unicast peer is left to send adverts to)",
            LIMIT,
        )
        .unwrap();
    let router = &scene.router(1).netns;
    for change in [
        "addr add 192.168.1.77/25 dev ens33",
        "addr del 192.168.1.1/24 dev ens33",
    ] {
        router.ip(change).unwrap();
    }
    scene.await_state(1, "MASTER");
    assert_eq!(scene.status(1).warnings(), [""; 0]);
    router.ip("addr add 192.168.1.1/24 dev ens33").unwrap();
    scene.await_state(1, "FAULT");
    let adverts: Vec<_> = ways(&capture.seen()).into_iter().collect();
    assert_eq!(adverts, []);
}
