mod elsewhere;
mod graces;
mod peers;
mod room;
mod set;
mod sources;

use std::time::Duration;

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::AddressHeaderFlags,
    link::{LinkAttribute, LinkFlags, LinkMessage},
};

use super::*;
use crate::{
    io::{
        control::{
            links::{
                router::Device,
                verdict::{GLOBAL, LINK},
            },
            warnings::Warning,
        },
        netlink::address::message as address,
    },
    proto::{Reasons, Version},
};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn link(index: u32, name: &str, flags: LinkFlags) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = flags;
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Address(MAC.to_vec()),
    ];
    message
}

fn up(index: u32, name: &str) -> RouteNetlinkMessage {
    let flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp;
    RouteNetlinkMessage::NewLink(link(index, name, flags))
}

fn up_with(index: u32, name: &str, mac: [u8; 6]) -> RouteNetlinkMessage {
    let flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp;
    let mut message = link(index, name, flags);
    message.attributes.pop();
    message
        .attributes
        .push(LinkAttribute::Address(mac.to_vec()));
    RouteNetlinkMessage::NewLink(message)
}

fn without(index: u32, name: &str, missing: LinkFlags) -> RouteNetlinkMessage {
    let flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp;
    RouteNetlinkMessage::NewLink(link(index, name, flags - missing))
}

fn added(index: u32, text: &str, scope: u8) -> RouteNetlinkMessage {
    RouteNetlinkMessage::NewAddress(address(index, text, scope))
}

fn gone(index: u32, text: &str, scope: u8) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelAddress(address(index, text, scope))
}

fn add(text: &str) -> RouteNetlinkMessage {
    added(2, text, GLOBAL)
}

fn remove(text: &str) -> RouteNetlinkMessage {
    gone(2, text, GLOBAL)
}

fn device(index: u32, name: &str) -> Device {
    let name = name.to_owned();
    let id = Some(InterfaceId(index));
    Device { name, id }
}

fn router(vips: &[&str]) -> WatchedRouter {
    WatchedRouter {
        id: RouterId::first(0),
        name: "VI_1".to_owned(),
        interface: device(2, "ens33"),
        owner: false,
        source: None,
        peers: Vec::new(),
        vips: (0..)
            .map(VipId)
            .zip(vips)
            .map(|(id, vip)| (id, vip.parse().unwrap(), None))
            .collect(),
        tracked: Vec::new(),
        version: Version::V3,
        listed: vips.len(),
        grace: Duration::ZERO,
    }
}

/// The table and what is watched, driven message by message.
struct World {
    table: Table,
    watched: Watched,
    now: Instant,
    sees_room: bool,
}

impl World {
    fn new(mut routers: Vec<WatchedRouter>) -> Self {
        for (slot, router) in (0..).zip(&mut routers) {
            router.id = RouterId::first(slot);
            for (vip, ..) in &mut router.vips {
                *vip = VipId(100 * u32::from(slot) + vip.0);
            }
        }
        Self {
            table: Table::default(),
            watched: Watched::new(routers),
            now: Instant::now(),
            sees_room: false,
        }
    }

    /// One router, which works.
    fn running() -> Self {
        let mut world = Self::new(vec![router(&["192.168.1.254"])]);
        let commands = world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
        assert_eq!(commands, [link_up("192.168.1.1")]);
        world
    }

    /// What is said when these are watched instead.
    fn set(&mut self, routers: Vec<WatchedRouter>) -> Vec<News> {
        self.watched.set(routers);
        self.see(&[])
    }

    /// Commands, but for those on the length of adverts.
    fn see(&mut self, messages: &[RouteNetlinkMessage]) -> Vec<News> {
        self.changes(messages)
            .into_iter()
            .filter_map(|change| change.news)
            .collect()
    }

    fn lines(&mut self, messages: &[RouteNetlinkMessage]) -> Vec<String> {
        let changes = self.changes(messages).into_iter();
        changes
            .filter_map(|change| change.line)
            .map(|(_, line)| line)
            .collect()
    }

    fn changes(&mut self, messages: &[RouteNetlinkMessage]) -> Vec<Change> {
        for message in messages {
            self.table.apply(message);
        }
        let mut changes = self.watched.judge(&mut self.table, self.now);
        if !self.sees_room {
            changes.retain(|change| !matches!(change.news, Some(News::Fit { .. })));
        }
        changes
    }
}

fn link_up(primary: &str) -> News {
    News::LinkUp {
        router: RouterId::first(0),
        primary: primary.parse().unwrap(),
        mac: MAC,
    }
}

const DOWN: News = fault(FaultReason::LinkDown);
const NO_ADDRESS: News = fault(FaultReason::NoAddress);

/// Several things at once.
fn faults(reasons: &[FaultReason]) -> News {
    News::Fault {
        router: RouterId::first(0),
        reasons: reasons.iter().copied().collect(),
    }
}

const fn fault(reason: FaultReason) -> News {
    News::Fault {
        router: RouterId::first(0),
        reasons: Reasons::only(reason),
    }
}

#[test]
fn usable_interface_starts_the_router_once() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    assert_eq!(
        world.see(&[up(2, "ens33"), add("192.168.1.1/24")]),
        [link_up("192.168.1.1")]
    );
    assert_eq!(
        world.see(&[up(2, "ens33"), add("192.168.1.1/24"), up(3, "other")]),
        []
    );
}

#[test]
fn each_missing_flag_is_a_fault_and_reported() {
    for missing in [LinkFlags::Up, LinkFlags::Running, LinkFlags::LowerUp] {
        let mut world = World::running();
        assert_eq!(
            world.see(&[without(2, "ens33", missing)]),
            [DOWN],
            "{missing:?}"
        );
        assert_eq!(world.see(&[up(2, "ens33")]), [link_up("192.168.1.1")]);
        assert_eq!(
            world.lines(&[without(2, "ens33", missing)]),
            ["Netlink reports ens33 down"]
        );
        assert_eq!(
            world.lines(&[up(2, "ens33")])[0],
            "Netlink reports ens33 up"
        );
    }
}

#[test]
fn a_flap_within_one_batch_is_none() {
    let mut world = World::running();
    assert_eq!(
        world.see(&[without(2, "ens33", LinkFlags::LowerUp), up(2, "ens33")]),
        []
    );
}

//= C4: refusal
#[test]
fn no_source_address_is_a_fault() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    assert_eq!(
        world.see(&[up(2, "ens33"), add("192.168.1.254/32")]),
        [NO_ADDRESS]
    );
    assert_eq!(
        world.see(&[add("192.168.1.1/24")]),
        [link_up("192.168.1.1")]
    );
    assert_eq!(world.see(&[remove("192.168.1.1/24")]), [NO_ADDRESS]);
    // Down as well.
    let both = faults(&[FaultReason::LinkDown, FaultReason::NoAddress]);
    assert_eq!(world.see(&[without(2, "ens33", LinkFlags::Up)]), [both]);
    assert_eq!(world.see(&[without(2, "ens33", LinkFlags::Up)]), []);
    assert_eq!(world.see(&[add("192.168.1.1/24")]), [DOWN]);
}

#[test]
fn changed_mac_is_told() {
    let mut world = World::running();
    let commands = world.see(&[up_with(2, "ens33", OTHER_MAC)]);
    assert!(matches!(
        commands[..],
        [News::LinkUp { mac: OTHER_MAC, .. }]
    ));
}

#[test]
fn interface_without_an_ethernet_address_is_no_good() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    let flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp;
    let mut tunnel = link(2, "ens33", flags);
    tunnel.attributes.pop();
    let tunnel = RouteNetlinkMessage::NewLink(tunnel);
    assert_eq!(
        world.see(&[tunnel, add("192.168.1.1/24")]),
        [fault(FaultReason::NoMac)]
    );
}

#[test]
fn an_interface_that_was_made_again_is_another_one() {
    let mut world = World::running();
    let deleted = RouteNetlinkMessage::DelLink(link(2, "ens33", LinkFlags::empty()));
    assert_eq!(world.see(&[deleted]), [fault(FaultReason::NoInterface)]);
    // It has no programs yet.
    let again = [up(7, "ens33"), added(7, "192.168.1.1/24", GLOBAL)];
    assert_eq!(world.see(&again), []);
    let mut router = router(&["192.168.1.254"]);
    router.interface.id = Some(InterfaceId(7));
    assert_eq!(world.set(vec![router]), [link_up("192.168.1.1")]);
}

#[test]
fn leaving_a_bridge_is_not_a_deletion() {
    let mut world = World::running();
    let mut port = link(2, "ens33", LinkFlags::empty());
    port.header.interface_family = AddressFamily::Bridge;
    assert_eq!(world.see(&[RouteNetlinkMessage::DelLink(port)]), []);
}

#[test]
fn lost_virtual_ips_are_told_once() {
    let mut world = World::new(vec![router(&["192.168.1.253", "192.168.1.254"])]);
    let lost = News::AddressLost {
        router: RouterId::first(0),
        vip: VipId(1),
    };
    world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    assert_eq!(
        world.see(&[add("192.168.1.253/32"), add("192.168.1.254/24")]),
        []
    );
    assert_eq!(world.see(&[remove("192.168.1.254/24")]), [lost]);
    assert_eq!(world.see(&[remove("192.168.1.254/24")]), []);
    // Removed and put back before we looked: nothing to do.
    world.see(&[add("192.168.1.254/24")]);
    assert_eq!(
        world.see(&[remove("192.168.1.254/24"), add("192.168.1.254/24")]),
        []
    );
}

#[test]
fn an_interface_that_goes_down_with_its_addresses_is_one_fault() {
    let mut world = World::new(vec![router(&["fe80::fe"])]);
    let vip = address(2, "fe80::fe/128", LINK);
    world.see(&[
        up(2, "ens33"),
        added(2, "fe80::1/64", LINK),
        RouteNetlinkMessage::NewAddress(vip.clone()),
    ]);
    let gone = RouteNetlinkMessage::DelAddress(vip);
    assert_eq!(
        world.see(&[without(2, "ens33", LinkFlags::Up), gone]),
        [DOWN]
    );
}

/// Also if the kernel tells nothing of it.
#[test]
fn a_router_that_is_held_back_is_in_fault_until_that_ends() {
    let refused = FaultReason::VipRefused { vip: VipId(0) };
    let mut world = World::running();
    world.watched.hold(RouterId::first(0), Some(refused));
    assert_eq!(world.see(&[]), [fault(refused)]);
    assert_eq!(world.see(&[add("192.168.1.7/24")]), []);
    let both = faults(&[refused, FaultReason::LinkDown]);
    assert_eq!(world.see(&[without(2, "ens33", LinkFlags::Up)]), [both]);
    assert_eq!(world.see(&[up(2, "ens33")]), [fault(refused)]);
    world.watched.hold(RouterId::first(0), None);
    assert_eq!(world.see(&[]), [link_up("192.168.1.1")]);
}

#[test]
fn an_address_that_comes_and_goes_between_two_looks_is_lost_each_time() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    let vip = "192.168.1.254/32";
    world.see(&[up(2, "ens33"), add("192.168.1.1/24"), add(vip)]);
    let lost = [News::AddressLost {
        router: RouterId::first(0),
        vip: VipId(0),
    }];
    assert_eq!(world.see(&[remove(vip)]), lost);
    // Put back, and removed again before anybody looked.
    assert_eq!(world.see(&[add(vip), remove(vip)]), lost);
    assert_eq!(world.see(&[add(vip), remove(vip), add(vip)]), []);
    assert_eq!(world.see(&[]), []);
    // Nothing is put back where nothing is.
    let down = [add(vip), remove(vip), without(2, "ens33", LinkFlags::Up)];
    assert_eq!(world.see(&down), [DOWN]);
}

#[test]
fn a_renamed_interface_is_followed_and_said_once() {
    let mut world = World::running();
    let changes = world.changes(&[up(2, "old10")]);
    let [Change { news, line, .. }] = &changes[..] else {
        panic!("{changes:?}");
    };
    let (level, line) = line.clone().unwrap();
    assert_eq!(news, &None);
    assert_eq!(level, tracing::Level::WARN);
    assert!(
        line.contains("interface ens33 is called old10 now"),
        "{line}"
    );
    assert_eq!(world.changes(&[up(2, "old10"), add("192.168.1.7/24")]), []);
    assert_eq!(
        world.lines(&[up(2, "ens33")]),
        ["interface ens33 has its name back"]
    );
}

/// A reload goes by the name.
#[test]
fn another_interface_with_the_configured_name_is_said() {
    let mut elsewhere = router(&["192.168.1.254"]);
    elsewhere.vips[0].2 = Some(device(3, "ens34"));
    for (router, index, name) in [
        (router(&["192.168.1.254"]), 2, "ens33"),
        (elsewhere, 3, "ens34"),
    ] {
        let mut world = World::new(vec![router]);
        world.see(&[up(2, "ens33"), up(3, "ens34"), add("192.168.1.1/24")]);
        assert_eq!(world.changes(&[up(index, "old10")]).len(), 1);
        let changes = world.changes(&[up(7, name)]);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(changes[0].news, None);
        let (_, line) = changes[0].line.clone().unwrap();
        assert!(line.contains("is called old10"), "{line}");
        assert_eq!(world.changes(&[up(7, name)]), []);
    }
}
