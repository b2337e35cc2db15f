//! Unicast peers: whether they are on the link, and whether they are this machine.

use super::*;

fn unicast(peers: &[&str]) -> WatchedRouter {
    WatchedRouter {
        peers: peers.iter().map(|peer| peer.parse().unwrap()).collect(),
        ..router(&["192.168.1.254"])
    }
}

fn ours(peer: &str, ours: bool) -> News {
    News::PeerIsOurs {
        router: RouterId::first(0),
        peer: peer.parse().unwrap(),
        ours,
    }
}

fn near(peer: &str, on_link: bool) -> News {
    News::PeerOnLink {
        router: RouterId::first(0),
        peer: peer.parse().unwrap(),
        on_link,
    }
}

//= C9: refusal
#[test]
fn peers_come_to_the_link_with_its_network_and_go_with_it() {
    let mut unicast = router(&["192.168.1.254", "10.0.0.254"]);
    unicast.source = Some(("192.168.1.1".parse().unwrap(), true));
    unicast.peers = ["192.168.1.2", "10.0.0.3"]
        .map(|text| text.parse().unwrap())
        .into();
    let mut world = World::new(vec![unicast]);
    assert_eq!(world.see(&[up(2, "ens33")]), [fault(FaultReason::NoSource)]);
    // Before the router starts: it may be deposed by the first advert.
    assert_eq!(
        world.see(&[add("192.168.1.1/24")]),
        [near("192.168.1.2", true), link_up("192.168.1.1")]
    );
    // A virtual IP comes and goes with the state of the router.
    assert_eq!(world.see(&[add("10.0.0.254/24")]), []);
    assert_eq!(world.see(&[add("10.0.0.1/24")]), [near("10.0.0.3", true)]);
    assert_eq!(
        world.see(&[remove("10.0.0.1/24")]),
        [near("10.0.0.3", false)]
    );
    let elsewhere = added(3, "10.0.0.1/24", GLOBAL);
    assert_eq!(world.see(&[up(3, "ens34"), elsewhere]), []);
}

//= C9: proof
#[test]
fn link_local_peers_are_on_the_link() {
    let mut world = World::new(vec![WatchedRouter {
        vips: vec![(VipId(0), "fe80::fe".parse().unwrap(), None)],
        ..unicast(&["2001:db8::2", "fe80::2"])
    }]);
    assert_eq!(
        world.see(&[up(2, "ens33")]),
        [near("fe80::2", true), NO_ADDRESS]
    );
}

/// Before the router starts, and while it runs; on any interface, and before it can be used.
#[test]
fn peers_that_are_this_machine_are_told_and_warned_of() {
    let own_peer = Warning::OwnPeer {
        peer: IpAddr::from([10, 0, 0, 3]),
    };
    let mut world = World::new(vec![unicast(&["10.0.0.2", "10.0.0.3"])]);
    let elsewhere = added(3, "10.0.0.3/24", GLOBAL);
    let messages = [
        up(2, "ens33"),
        up(3, "ens34"),
        elsewhere,
        add("192.168.1.1/24"),
    ];
    let changes = world.changes(&messages);
    let commands: Vec<_> = changes.iter().filter_map(|one| one.news).collect();
    assert_eq!(commands, [ours("10.0.0.3", true), link_up("192.168.1.1")]);
    let warnings: Vec<_> = changes.iter().filter_map(|one| one.warning).collect();
    assert_eq!(warnings, [(RouterId::first(0), own_peer, true)]);
    assert_eq!(world.changes(&[]), []);

    let gone = gone(3, "10.0.0.3/24", GLOBAL);
    let changes = world.changes(&[gone]);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].news, Some(ours("10.0.0.3", false)));
    assert_eq!(
        changes[0].warning,
        Some((RouterId::first(0), own_peer, false))
    );
}

#[test]
fn a_router_whose_peers_are_all_this_machine_is_in_fault() {
    let no_peer = fault(FaultReason::NoPeer);
    let mut world = World::new(vec![unicast(&["127.0.0.1", "192.168.1.1"])]);
    assert_eq!(
        world.see(&[up(2, "ens33"), add("192.168.1.7/24")]),
        [
            near("192.168.1.1", true),
            ours("127.0.0.1", true),
            link_up("192.168.1.7")
        ]
    );
    assert_eq!(
        world.see(&[add("192.168.1.1/24")]),
        [ours("192.168.1.1", true), no_peer]
    );
    let both = faults(&[FaultReason::LinkDown, FaultReason::NoPeer]);
    assert_eq!(world.see(&[without(2, "ens33", LinkFlags::Up)]), [both]);
    assert_eq!(world.see(&[up(2, "ens33")]), [no_peer]);
    assert_eq!(
        world.see(&[remove("192.168.1.1/24")]),
        [ours("192.168.1.1", false), link_up("192.168.1.7")]
    );
}

/// The owner of the addresses is the peer: it is gone while we have them.
#[test]
fn a_virtual_ip_that_we_took_over_is_still_the_peers() {
    let mut world = World::new(vec![unicast(&["192.168.1.254"])]);
    world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    assert_eq!(world.see(&[add("192.168.1.254/32")]), []);
}

/// Every interface may have it.
#[test]
fn a_link_local_peer_is_this_machine_only_on_its_own_interface() {
    let mut world = World::new(vec![WatchedRouter {
        vips: vec![(VipId(0), "fe80::fe".parse().unwrap(), None)],
        ..unicast(&["fe80::2"])
    }]);
    let elsewhere = added(3, "fe80::2/64", LINK);
    assert_eq!(
        world.see(&[up(2, "ens33"), up(3, "ens34"), elsewhere]),
        [near("fe80::2", true), NO_ADDRESS]
    );
    let here = added(2, "fe80::2/64", LINK);
    assert!(world.see(&[here]).contains(&ours("fe80::2", true)));
}
