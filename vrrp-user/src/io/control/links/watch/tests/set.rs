//! Virtual routers that come, go and change while they are watched.

use super::*;

/// Two routers that work, on one interface.
fn two() -> (World, Vec<WatchedRouter>) {
    let mut world = World::new(vec![router(&["192.168.1.254"]), router(&["192.168.1.253"])]);
    let commands = world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    assert_eq!(commands.len(), 2);
    let routers = world.watched.routers.clone();
    (world, routers)
}

#[test]
fn of_a_router_that_is_as_before_nothing_is_said_again() {
    let (mut world, mut routers) = two();
    assert_eq!(world.set(routers.clone()), []);
    routers.reverse();
    assert_eq!(world.set(routers.clone()), []);
    routers.pop();
    assert_eq!(world.set(routers), []);
}

#[test]
fn of_one_that_changed_or_came_everything_is_said() {
    let (mut world, mut routers) = two();
    routers[0]
        .vips
        .push((VipId(7), "192.168.1.252".parse().unwrap(), None));
    assert_eq!(world.set(routers.clone()), [link_up("192.168.1.1")]);
    assert_eq!(world.see(&[up(2, "ens33")]), []);

    let third = WatchedRouter {
        id: RouterId::first(0).next(),
        ..routers[0].clone()
    };
    routers[0] = third;
    let commands = world.set(routers);
    let [News::LinkUp { router, .. }] = commands[..] else {
        panic!("{commands:?}");
    };
    assert_eq!(router, RouterId::first(0).next());
}

#[test]
fn what_a_router_was_before_that_has_gone_is_forgotten() {
    let (mut world, routers) = two();
    let reason = FaultReason::VipRefused { vip: VipId(0) };
    world.watched.hold(RouterId::first(0), Some(reason));
    assert_eq!(world.see(&[]), [fault(reason)]);
    world.set(Vec::new());
    assert_eq!(world.set(routers)[0], link_up("192.168.1.1"));
}

#[test]
fn a_router_without_its_interface_waits_for_it() {
    let mut absent = router(&["192.168.1.254"]);
    absent.interface.id = None;
    let mut world = World::new(vec![absent]);
    assert_eq!(world.see(&[]), [fault(FaultReason::NoInterface)]);
    // An interface of its name has no programs yet.
    world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    assert_eq!(
        world.set(vec![router(&["192.168.1.254"])]),
        [link_up("192.168.1.1")]
    );
}

#[test]
fn the_mac_of_an_interface_elsewhere_is_said_again_for_a_router_that_changed() {
    let mut first = router(&["192.168.1.254", "198.51.100.2"]);
    first.vips[1].2 = Some(device(3, "ens34"));
    let mut world = World::new(vec![first.clone()]);
    let told = News::MacElsewhere {
        interface: InterfaceId(3),
        mac: MAC,
    };
    let messages = [up(2, "ens33"), up(3, "ens34"), add("192.168.1.1/24")];
    assert_eq!(world.see(&messages), [told, link_up("192.168.1.1")]);
    assert_eq!(world.set(vec![first.clone()]), []);
    first.listed = 2;
    first.name = "VI_2".to_owned();
    assert_eq!(world.set(vec![first]), [told, link_up("192.168.1.1")]);
}

#[test]
fn where_the_peers_are_is_said_again_when_they_change() {
    let mut first = router(&["192.168.1.254"]);
    first.peers = vec![
        "192.168.1.2".parse().unwrap(),
        "192.168.1.3".parse().unwrap(),
    ];
    let mut world = World::new(vec![first.clone()]);
    let on_link = |peer: &str| News::PeerOnLink {
        router: RouterId::first(0),
        peer: peer.parse().unwrap(),
        on_link: true,
    };
    let messages = [up(2, "ens33"), add("192.168.1.1/24")];
    assert_eq!(
        world.see(&messages),
        [
            on_link("192.168.1.2"),
            on_link("192.168.1.3"),
            link_up("192.168.1.1")
        ]
    );
    first.peers.remove(0);
    assert_eq!(
        world.set(vec![first]),
        [on_link("192.168.1.3"), link_up("192.168.1.1")]
    );
}
