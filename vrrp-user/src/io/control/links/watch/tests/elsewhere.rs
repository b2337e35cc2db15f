//! Interfaces that virtual IPs are on and no adverts (`dev`).

use super::*;

#[test]
fn mac_of_another_interface_is_told_before_the_routers_start_and_when_it_changes() {
    let mut router = router(&["192.168.1.254", "192.168.1.253"]);
    router.vips[1].2 = Some(device(3, "ens34"));
    let mut world = World::new(vec![router]);
    let told = |mac| News::MacElsewhere {
        interface: InterfaceId(3),
        mac,
    };
    let messages = [up(2, "ens33"), up(3, "ens34"), add("192.168.1.1/24")];
    assert_eq!(world.see(&messages), [told(MAC), link_up("192.168.1.1")]);
    assert_eq!(world.see(&[up(3, "ens34")]), []);
    let changed = up_with(3, "ens34", OTHER_MAC);
    assert_eq!(world.see(&[changed]), [told(OTHER_MAC)]);
}

#[test]
fn an_interface_of_virtual_ips_that_is_gone_is_said_once() {
    let mut router = router(&["192.168.1.254"]);
    router.vips[0].2 = Some(device(3, "ens34"));
    let mut world = World::new(vec![router.clone(), router]);
    let there = address(3, "192.168.1.254/32", GLOBAL);
    world.see(&[
        up(3, "ens34"),
        up(2, "ens33"),
        add("192.168.1.1/24"),
        RouteNetlinkMessage::NewAddress(there),
    ]);
    let deleted = RouteNetlinkMessage::DelLink(link(3, "ens34", LinkFlags::empty()));
    let changes = world.changes(&[deleted]);
    let [change] = &changes[..] else {
        panic!("told once, and nothing is put back: {changes:?}");
    };
    assert_eq!(change.news, None);
    let (level, line) = change.line.clone().unwrap();
    assert_eq!(level, tracing::Level::ERROR);
    assert!(line.contains("no interface ens34"), "{line}");
    // It has no programs yet.
    assert_eq!(world.changes(&[up(8, "ens34")]), []);
}

/// The plan forgets the interface that was there, and goes on with routers that change.
#[test]
fn that_it_is_gone_is_not_said_again_while_the_routers_change() {
    let mut first = router(&["192.168.1.254"]);
    first.vips[0].2 = Some(device(3, "ens34"));
    let mut world = World::new(vec![first.clone()]);
    let said = |world: &mut World, messages: &[RouteNetlinkMessage]| {
        let lines = world.lines(messages).into_iter();
        lines
            .filter(|line| line.contains("no interface ens34"))
            .count()
    };
    let deleted = |index| RouteNetlinkMessage::DelLink(link(index, "ens34", LinkFlags::empty()));
    world.see(&[up(3, "ens34"), up(2, "ens33"), add("192.168.1.1/24")]);
    assert_eq!(said(&mut world, &[deleted(3)]), 1);

    let mut without = first.clone();
    without.vips[0].2.as_mut().unwrap().id = None;
    world.watched.set(vec![without.clone()]);
    without
        .vips
        .push((VipId(7), "192.168.1.252".parse().unwrap(), None));
    world.watched.set(vec![without]);
    assert_eq!(said(&mut world, &[]), 0);

    // It comes again, and goes again.
    first.vips[0].2 = Some(device(8, "ens34"));
    world.watched.set(vec![first]);
    assert_eq!(said(&mut world, &[up(8, "ens34")]), 0);
    assert_eq!(said(&mut world, &[deleted(8)]), 1);
}

/// Adverts on one interface, an advertised and an excluded virtual IP on others.
fn tracking(tracked: &[u32]) -> World {
    let mut router = router(&["192.168.1.254", "198.51.100.2", "203.0.113.2"]);
    router.vips[1].2 = Some(device(3, "ens34"));
    router.vips[2].2 = Some(device(4, "ens35"));
    let named = [
        (VipId(1), device(3, "ens34")),
        (VipId(2), device(4, "ens35")),
    ];
    let is_tracked = |(vip, _): &(VipId, Device)| tracked.contains(&vip.0);
    router.tracked = named.into_iter().filter(is_tracked).collect();
    World::new(vec![router])
}

fn both_up() -> [RouteNetlinkMessage; 4] {
    [
        up(2, "ens33"),
        add("192.168.1.1/24"),
        up(3, "ens34"),
        up(4, "ens35"),
    ]
}

#[test]
fn the_interface_of_a_virtual_ip_has_to_be_up() {
    let down = |vip| fault(FaultReason::VipInterface { vip: VipId(vip) });
    for missing in [LinkFlags::Up, LinkFlags::Running, LinkFlags::LowerUp] {
        let mut world = tracking(&[1, 2]);
        let commands = world.see(&both_up());
        assert_eq!(commands.last(), Some(&link_up("192.168.1.1")));
        assert_eq!(world.see(&[without(4, "ens35", missing)]), [down(2)]);
        // The first of them is named.
        assert_eq!(world.see(&[without(3, "ens34", missing)]), [down(1)]);
        assert_eq!(world.see(&[up(4, "ens35")]), []);
        assert_eq!(world.see(&[up(3, "ens34")]), [link_up("192.168.1.1")]);
    }
    let mut world = tracking(&[1, 2]);
    world.see(&both_up());
    let deleted = RouteNetlinkMessage::DelLink(link(3, "ens34", LinkFlags::empty()));
    assert_eq!(world.see(&[deleted]), [down(1)]);
}

#[test]
fn it_has_to_be_up_at_the_start_too() {
    let mut world = tracking(&[1]);
    let [first, second, _, last] = both_up();
    let messages = [first, second, without(3, "ens34", LinkFlags::LowerUp), last];
    let commands = world.see(&messages);
    assert_eq!(
        commands.last(),
        Some(&fault(FaultReason::VipInterface { vip: VipId(1) }))
    );
    assert_eq!(world.see(&[up(3, "ens34")]), [link_up("192.168.1.1")]);
}

#[test]
fn an_interface_that_is_not_tracked_may_be_down_and_that_is_said() {
    let mut world = tracking(&[2]);
    world.see(&both_up());
    let changes = world.changes(&[without(3, "ens34", LinkFlags::LowerUp)]);
    let [change] = &changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(change.news, None);
    let (_, line) = change.line.clone().unwrap();
    assert_eq!(line, "Netlink reports ens34 down");
}

/// The kernel takes IPv6 addresses off an interface that goes down.
#[test]
fn nothing_is_put_back_where_a_router_is_in_fault() {
    let mut world = tracking(&[1]);
    world.see(&both_up());
    let there = address(3, "198.51.100.2/32", GLOBAL);
    world.see(&[RouteNetlinkMessage::NewAddress(there.clone())]);
    let commands = world.see(&[
        without(3, "ens34", LinkFlags::Up),
        RouteNetlinkMessage::DelAddress(there),
    ]);
    assert_eq!(
        commands,
        [fault(FaultReason::VipInterface { vip: VipId(1) })]
    );
}

/// Also if it was renamed, which loses none and hides no loss.
#[test]
fn virtual_ips_on_another_interface_are_watched_there() {
    for renamed in [None, Some("lan0")] {
        let mut router = router(&["192.168.1.254"]);
        router.vips[0].2 = Some(device(3, "ens34"));
        let mut world = World::new(vec![router]);
        world.see(&[
            up(3, "ens34"),
            up(2, "ens33"),
            add("192.168.1.1/24"),
            added(3, "192.168.1.254/32", GLOBAL),
        ]);
        let news = Vec::from_iter(renamed.map(|name| up(3, name)));
        assert_eq!(world.see(&news), []);
        let lost = News::AddressLost {
            router: RouterId::first(0),
            vip: VipId(0),
        };
        assert_eq!(world.see(&[gone(3, "192.168.1.254/32", GLOBAL)]), [lost]);
    }
}
