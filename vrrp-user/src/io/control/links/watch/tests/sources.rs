//! The source address of adverts (RFC 9568 section 7.2).

use super::*;

//= C4: proof
#[test]
fn source_is_the_first_global_address_that_is_no_virtual_ip() {
    let scoped = added(2, "169.254.1.1/16", LINK);
    let mut secondary = address(2, "10.0.0.9/24", GLOBAL);
    secondary.header.flags = AddressHeaderFlags::Secondary;
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    let messages = [
        up(2, "ens33"),
        add("192.168.1.254/32"),
        scoped,
        RouteNetlinkMessage::NewAddress(secondary),
        add("192.168.1.1/24"),
        add("192.168.1.7/24"),
    ];
    assert_eq!(world.see(&messages), [link_up("192.168.1.1")]);
    assert_eq!(
        world.see(&[remove("192.168.1.1/24")]),
        [link_up("192.168.1.7")]
    );
    assert_eq!(
        world.see(&[remove("192.168.1.7/24")]),
        [link_up("10.0.0.9")]
    );
    assert_eq!(
        world.see(&[remove("10.0.0.9/24")]),
        [link_up("169.254.1.1")]
    );
}

#[test]
fn the_owners_source_may_be_the_virtual_ip() {
    let mut owner = router(&["192.168.1.1"]);
    owner.owner = true;
    let mut world = World::new(vec![owner]);
    assert_eq!(
        world.see(&[up(2, "ens33"), add("192.168.1.1/24")]),
        [link_up("192.168.1.1")]
    );
}

//= C4: refusal
#[test]
fn no_routers_virtual_ip_is_the_source_of_another() {
    let mut world = World::new(vec![router(&["192.168.1.254"]), router(&["192.168.1.253"])]);
    world.see(&[
        up(2, "ens33"),
        add("192.168.1.254/24"),
        add("192.168.1.1/24"),
    ]);
    let commands = world.see(&[remove("192.168.1.1/24")]);
    assert_eq!(
        commands,
        [
            NO_ADDRESS,
            News::Fault {
                router: RouterId::first(1),
                reasons: FaultReason::NoAddress.into()
            }
        ]
    );
}

#[test]
fn an_owners_address_is_the_source_of_a_router_beside_it_for_want_of_another() {
    let mut owner = router(&["192.168.1.1"]);
    owner.owner = true;
    let mut world = World::new(vec![router(&["192.168.1.254"]), owner]);
    let commands = world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    assert_eq!(commands[0], link_up("192.168.1.1"));
    let commands = world.see(&[add("192.168.1.2/24")]);
    assert_eq!(commands[0], link_up("192.168.1.2"));
}

#[test]
fn a_virtual_ip_of_another_interface_is_no_obstacle() {
    let mut elsewhere = router(&["192.168.1.1"]);
    elsewhere.vips[0].2 = Some(device(1, "lo"));
    let mut world = World::new(vec![router(&["192.168.1.254"]), elsewhere]);
    let commands = world.see(&[up(1, "lo"), up(2, "ens33"), add("192.168.1.1/24")]);
    assert!(commands.contains(&link_up("192.168.1.1")), "{commands:?}");
}

//= C4: proof
#[test]
fn ipv6_sends_from_the_link_local_address() {
    let mut world = World::new(vec![router(&["fe80::fe"])]);
    let mut tentative = address(2, "fe80::1/64", LINK);
    tentative.header.flags = AddressHeaderFlags::Tentative;
    let messages = [
        up(2, "ens33"),
        add("192.168.1.1/24"),
        add("2001:db8::1/64"),
        added(2, "fe80::fe/64", LINK),
        RouteNetlinkMessage::NewAddress(tentative),
    ];
    assert_eq!(world.see(&messages), [NO_ADDRESS]);
    let settled = added(2, "fe80::1/64", LINK);
    assert_eq!(world.see(&[settled]), [link_up("fe80::1")]);
}

//= C4: refusal
#[test]
fn an_excluded_or_deprecated_link_local_address_is_no_source() {
    let mut mixed = router(&["192.168.1.254", "fe80::fd"]);
    mixed.name = "VI_4".to_owned();
    let mut world = World::new(vec![router(&["fe80::fe", "2001:db8::fe"]), mixed]);
    let local = |text: &str| added(2, text, LINK);
    let mut deprecated = address(2, "fe80::9/64", LINK);
    deprecated.header.flags = AddressHeaderFlags::Deprecated;
    let commands = world.see(&[
        up(2, "ens33"),
        local("fe80::fd/64"),
        local("fe80::fe/64"),
        RouteNetlinkMessage::NewAddress(deprecated),
    ]);
    assert_eq!(commands[0], link_up("fe80::9"));
    assert_eq!(world.see(&[local("fe80::1/64")]), [link_up("fe80::1")]);
}

#[test]
fn a_link_local_source_is_waited_for_on_its_interface() {
    let mut tracked = router(&["fe80::fe"]);
    tracked.source = Some(("fe80::1".parse().unwrap(), true));
    let mut world = World::new(vec![tracked]);
    let local = |index| added(index, "fe80::1/64", LINK);
    assert_eq!(
        world.see(&[up(2, "ens33"), up(3, "ens34"), local(3)]),
        [fault(FaultReason::NoSource)]
    );
    assert_eq!(world.see(&[local(2)]), [link_up("fe80::1")]);
}

#[test]
fn a_source_that_was_asked_for_is_used() {
    let mut configured = router(&["192.168.1.254"]);
    configured.source = Some(("10.0.0.1".parse().unwrap(), false));
    let mut world = World::new(vec![configured]);
    // Not on this machine: keepalived hides routers that way.
    assert_eq!(world.see(&[up(2, "ens33")]), [link_up("10.0.0.1")]);
    assert_eq!(world.see(&[add("192.168.1.1/24")]), []);
    assert_eq!(world.see(&[without(2, "ens33", LinkFlags::Up)]), [DOWN]);
}

#[test]
fn a_source_that_is_needed_is_waited_for_on_any_interface() {
    let mut tracked = router(&["192.168.1.254"]);
    tracked.source = Some(("10.0.0.1".parse().unwrap(), true));
    let mut world = World::new(vec![tracked]);
    assert_eq!(
        world.see(&[up(1, "lo"), up(2, "ens33"), add("192.168.1.1/24")]),
        [fault(FaultReason::NoSource)]
    );
    let on_lo = address(1, "10.0.0.1/32", GLOBAL);
    let added = RouteNetlinkMessage::NewAddress(on_lo.clone());
    assert_eq!(world.see(&[added]), [link_up("10.0.0.1")]);
    assert_eq!(
        world.see(&[RouteNetlinkMessage::DelAddress(on_lo)]),
        [fault(FaultReason::NoSource)]
    );
}

#[test]
fn a_source_that_is_not_on_the_interface_is_warned_of() {
    let source = "10.0.0.1".parse().unwrap();
    let warned = |world: &mut World, messages: &[RouteNetlinkMessage]| -> Vec<bool> {
        let changes = world.changes(messages).into_iter();
        changes
            .filter_map(|change| change.warning)
            .map(|(_, warning, begins)| {
                assert_eq!(warning, Warning::SourceElsewhere);
                begins
            })
            .collect()
    };
    for needed in [true, false] {
        let mut world = World::new(vec![WatchedRouter {
            source: Some((source, needed)),
            ..router(&["192.168.1.254"])
        }]);
        // An address that nobody has is a fault where it is needed.
        let nowhere = if needed { vec![] } else { vec![true] };
        assert_eq!(warned(&mut world, &[up(2, "ens33"), up(3, "lo")]), nowhere);
        let on_lo = added(3, "10.0.0.1/32", GLOBAL);
        let elsewhere = if needed { vec![true] } else { vec![] };
        assert_eq!(warned(&mut world, &[on_lo]), elsewhere);
        assert_eq!(warned(&mut world, &[add("10.0.0.1/24")]), [false]);
    }
}
