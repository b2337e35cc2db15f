//! Interfaces that virtual IPs are on and no adverts (`dev`).

use super::*;

#[test]
fn mac_of_another_interface_is_told_before_the_routers_start_and_when_it_changes() {
    let mut router = router(&["192.168.1.254", "192.168.1.253"]);
    router.vips[1].1 = Some(device(3, "ens34"));
    let mut world = World::new(vec![router]);
    let told = |mac| Command::MacElsewhere { ifindex: 3, mac };
    let messages = [up(2, "ens33"), up(3, "ens34"), add("192.168.1.1/24")];
    assert_eq!(world.see(&messages), [told(MAC), link_up("192.168.1.1")]);
    assert_eq!(world.see(&[up(3, "ens34")]), []);
    let changed = up_with(3, "ens34", OTHER_MAC);
    assert_eq!(world.see(&[changed]), [told(OTHER_MAC)]);
}

#[test]
fn recreated_interfaces_of_virtual_ips_need_a_new_start_too() {
    let mut router = router(&["192.168.1.254"]);
    router.vips[0].1 = Some(device(3, "ens34"));
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
    assert_eq!((&change.command, &change.recreated), (&None, &None));
    let (level, line) = change.line.clone().unwrap();
    assert_eq!(level, tracing::Level::ERROR);
    assert!(line.contains("ens34 deleted"), "{line}");
    let changes = world.changes(&[up(8, "ens34")]);
    let recreated: Vec<_> = changes.iter().map(|one| one.recreated.as_deref()).collect();
    assert_eq!(recreated, [Some("ens34")]);
    assert_eq!(world.changes(&[up(8, "ens34")]), []);
}

#[test]
fn virtual_ips_on_another_interface_are_watched_there() {
    let mut router = router(&["192.168.1.254"]);
    router.vips[0].1 = Some(device(1, "lo"));
    let mut world = World::new(vec![router]);
    let on_lo = address(1, "192.168.1.254/32", GLOBAL);
    world.see(&[
        up(1, "lo"),
        up(2, "ens33"),
        add("192.168.1.1/24"),
        RouteNetlinkMessage::NewAddress(on_lo.clone()),
    ]);
    let lost = Command::AddressLost { router: 0, vip: 0 };
    assert_eq!(world.see(&[RouteNetlinkMessage::DelAddress(on_lo)]), [lost]);
}

#[test]
fn renaming_another_interface_loses_no_virtual_ip_and_hides_no_loss() {
    let mut router = router(&["192.168.1.254"]);
    router.vips[0].1 = Some(device(3, "ens34"));
    let mut world = World::new(vec![router]);
    let there = address(3, "192.168.1.254/32", GLOBAL);
    world.see(&[
        up(3, "ens34"),
        up(2, "ens33"),
        add("192.168.1.1/24"),
        RouteNetlinkMessage::NewAddress(there.clone()),
    ]);
    assert_eq!(world.see(&[up(3, "lan0")]), []);
    let lost = Command::AddressLost { router: 0, vip: 0 };
    assert_eq!(world.see(&[RouteNetlinkMessage::DelAddress(there)]), [lost]);
}
