//! The MTU, and how many virtual IPs adverts have room for.

use super::*;

const VIPS: [&str; 3] = ["fe80::fe", "2001:db8::fe", "2001:db8::fd"];
/// What keepalived counts for an advert of IPv6 without any address.
const HEADERS: u32 = 14 + 40 + 8;

fn with_mtu(mtu: u32) -> RouteNetlinkMessage {
    let flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp;
    let mut message = link(2, "ens33", flags);
    message.attributes.push(LinkAttribute::Mtu(mtu));
    RouteNetlinkMessage::NewLink(message)
}

fn running() -> World {
    let mut world = World::new(vec![router(&VIPS)]);
    world.sees_room = true;
    let local = added(2, "fe80::1/64", LINK);
    assert_eq!(
        world.see(&[with_mtu(HEADERS + 3 * 16), local]),
        [fit(3), link_up("fe80::1")]
    );
    world
}

const fn fit(advertised: usize) -> News {
    News::Fit {
        router: RouterId::first(0),
        advertised,
    }
}

#[test]
fn adverts_are_fitted_to_a_new_mtu_both_ways() {
    let mut world = running();
    assert_eq!(world.see(&[with_mtu(HEADERS + 3 * 16)]), []);
    assert_eq!(world.see(&[with_mtu(9000)]), []);
    assert_eq!(world.see(&[with_mtu(HEADERS + 3 * 16 - 1)]), [fit(2)]);
    assert_eq!(world.see(&[with_mtu(HEADERS + 16)]), [fit(1)]);
    assert_eq!(world.see(&[with_mtu(9000)]), [fit(3)]);
}

#[test]
fn it_is_said_in_keepaliveds_words() {
    let mut world = running();
    let changes = world.changes(&[with_mtu(HEADERS + 2 * 16)]);
    assert_eq!(
        changes[0].line,
        Some((
            tracing::Level::WARN,
            "(VI_1) MTU of ens33 is now 94: Number of VIPs (3) exceeds maximum/space available in packet (max 2 \
             addresses) - excess moved to eVIPs: served, but not advertised"
                .to_owned()
        ))
    );
    assert_eq!(
        world.lines(&[with_mtu(1500)]),
        ["(VI_1) MTU of ens33 is now 1500: adverts carry all 3 virtual IPs"]
    );
}

#[test]
fn no_room_for_any_is_a_fault() {
    let mut world = running();
    let mtu = HEADERS + 15;
    assert_eq!(
        world.see(&[with_mtu(mtu)]),
        [fault(FaultReason::NoRoom { mtu })]
    );
    assert_eq!(world.see(&[with_mtu(1500)]), [link_up("fe80::1")]);
}
