use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressHeaderFlags, AddressMessage},
    link::{LinkAttribute, LinkFlags, LinkMessage},
};

use super::*;

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

fn address(index: u32, text: &str, scope: u8) -> AddressMessage {
    let (address, prefix) = text.split_once('/').unwrap();
    let address: IpAddr = address.parse().unwrap();
    let mut message = AddressMessage::default();
    message.header.family = if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    message.header.index = index;
    message.header.prefix_len = prefix.parse().unwrap();
    message.header.scope = scope.into();
    message.attributes = vec![AddressAttribute::Address(address)];
    message
}

fn add(text: &str) -> RouteNetlinkMessage {
    RouteNetlinkMessage::NewAddress(address(2, text, GLOBAL))
}

fn remove(text: &str) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelAddress(address(2, text, GLOBAL))
}

fn device(index: u32, name: &str) -> Device {
    let name = name.to_owned();
    Device { name, index }
}

fn router(vips: &[&str]) -> Router {
    Router {
        name: "VI_1".to_owned(),
        interface: device(2, "ens33"),
        owner: false,
        source: None,
        peers: Vec::new(),
        vips: vips
            .iter()
            .map(|vip| (vip.parse().unwrap(), None))
            .collect(),
    }
}

/// The table and what is watched, driven message by message.
struct World {
    table: Table,
    watched: Watched,
}

impl World {
    fn new(routers: Vec<Router>) -> Self {
        Self {
            table: Table::default(),
            watched: Watched::new(routers),
        }
    }

    fn see(&mut self, messages: &[RouteNetlinkMessage]) -> Vec<Command> {
        self.changes(messages)
            .into_iter()
            .filter_map(|change| change.command)
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
        self.watched.judge(&self.table)
    }
}

fn link_up(primary: &str) -> Command {
    Command::LinkUp {
        router: 0,
        primary: primary.parse().unwrap(),
        mac: MAC,
    }
}

const DOWN: Command = Command::LinkDown { router: 0 };

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
fn each_missing_flag_is_a_fault_and_reported_in_keepaliveds_words() {
    for missing in [LinkFlags::Up, LinkFlags::Running, LinkFlags::LowerUp] {
        let mut world = World::new(vec![router(&["192.168.1.254"])]);
        world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
        assert_eq!(
            world.see(&[without(2, "ens33", missing)]),
            [DOWN],
            "{missing:?}"
        );
        assert_eq!(world.see(&[up(2, "ens33")]), [link_up("192.168.1.1")]);
        assert_eq!(
            world.lines(&[without(2, "ens33", missing)]),
            [
                "Netlink reports ens33 down",
                "(VI_1): entering FAULT state (interface ens33 down)"
            ]
        );
        assert_eq!(
            world.lines(&[up(2, "ens33")])[0],
            "Netlink reports ens33 up"
        );
    }
}

#[test]
fn a_flap_within_one_batch_is_none() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
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
        [DOWN]
    );
    assert_eq!(
        world.see(&[add("192.168.1.1/24")]),
        [link_up("192.168.1.1")]
    );
    assert_eq!(
        world.lines(&[remove("192.168.1.1/24")]),
        ["(VI_1): entering FAULT state (no IPv4 address for interface ens33)"]
    );
    // Down as well: the engine knows already that it is unusable.
    assert_eq!(world.see(&[without(2, "ens33", LinkFlags::Up)]), []);
}

//= C4: proof
#[test]
fn source_is_the_first_global_address_that_is_no_virtual_ip() {
    let scoped = RouteNetlinkMessage::NewAddress(address(2, "169.254.1.1/16", LINK));
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
    assert_eq!(commands, [DOWN, Command::LinkDown { router: 1 }]);
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
    elsewhere.vips[0].1 = Some(device(1, "lo"));
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
        RouteNetlinkMessage::NewAddress(address(2, "fe80::fe/64", LINK)),
        RouteNetlinkMessage::NewAddress(tentative),
    ];
    assert_eq!(world.see(&messages), [DOWN]);
    let settled = RouteNetlinkMessage::NewAddress(address(2, "fe80::1/64", LINK));
    assert_eq!(world.see(&[settled]), [link_up("fe80::1")]);
}

//= C4: refusal
#[test]
fn an_excluded_or_deprecated_link_local_address_is_no_source() {
    let mut mixed = router(&["192.168.1.254", "fe80::fd"]);
    mixed.name = "VI_4".to_owned();
    let mut world = World::new(vec![router(&["fe80::fe", "2001:db8::fe"]), mixed]);
    let local = |text: &str| RouteNetlinkMessage::NewAddress(address(2, text, LINK));
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
    let local = |index| RouteNetlinkMessage::NewAddress(address(index, "fe80::1/64", LINK));
    assert_eq!(
        world.see(&[up(2, "ens33"), up(3, "ens34"), local(3)]),
        [DOWN]
    );
    assert_eq!(world.see(&[local(2)]), [link_up("fe80::1")]);
}

#[test]
fn changed_mac_is_told() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    let commands = world.see(&[up_with(2, "ens33", OTHER_MAC)]);
    assert!(matches!(
        commands[..],
        [Command::LinkUp { mac: OTHER_MAC, .. }]
    ));
}

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
fn interface_without_an_ethernet_address_is_no_good() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    let flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp;
    let mut tunnel = link(2, "ens33", flags);
    tunnel.attributes.pop();
    let tunnel = RouteNetlinkMessage::NewLink(tunnel);
    assert_eq!(
        world.lines(&[tunnel, add("192.168.1.1/24")]),
        ["(VI_1): entering FAULT state (interface ens33 has no Ethernet address)"]
    );
}

#[test]
fn recreated_interfaces_need_a_new_start() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    let deleted = RouteNetlinkMessage::DelLink(link(2, "ens33", LinkFlags::empty()));
    let changes = world.changes(&[deleted]);
    assert_eq!(changes[0].command, Some(DOWN));
    let (level, line) = changes[0].line.clone().unwrap();
    assert_eq!(level, tracing::Level::ERROR);
    assert!(line.contains("deleted"), "{line}");
    assert_eq!(changes[0].recreated, None);
    let recreated = world.changes(&[up(7, "ens33")]);
    assert_eq!(recreated.len(), 1);
    assert_eq!(recreated[0].command, None);
    assert_eq!(recreated[0].recreated.as_deref(), Some("ens33"));
    assert!(
        recreated[0]
            .line
            .as_ref()
            .unwrap()
            .1
            .contains("created anew")
    );
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
fn renaming_keeps_the_programs_and_the_router() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    assert_eq!(world.see(&[up(2, "lan0")]), []);
}

#[test]
fn leaving_a_bridge_is_not_a_deletion() {
    let mut world = World::new(vec![router(&["192.168.1.254"])]);
    world.see(&[up(2, "ens33"), add("192.168.1.1/24")]);
    let mut port = link(2, "ens33", LinkFlags::empty());
    port.header.interface_family = AddressFamily::Bridge;
    assert_eq!(world.see(&[RouteNetlinkMessage::DelLink(port)]), []);
}

#[test]
fn lost_virtual_ips_are_told_once() {
    let mut world = World::new(vec![router(&["192.168.1.253", "192.168.1.254"])]);
    let lost = Command::AddressLost { router: 0, vip: 1 };
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
        RouteNetlinkMessage::NewAddress(address(2, "fe80::1/64", LINK)),
        RouteNetlinkMessage::NewAddress(vip.clone()),
    ]);
    let gone = RouteNetlinkMessage::DelAddress(vip);
    assert_eq!(
        world.see(&[without(2, "ens33", LinkFlags::Up), gone]),
        [DOWN]
    );
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
        [DOWN]
    );
    let on_lo = address(1, "10.0.0.1/32", GLOBAL);
    let added = RouteNetlinkMessage::NewAddress(on_lo.clone());
    assert_eq!(world.see(&[added]), [link_up("10.0.0.1")]);
    assert_eq!(
        world.lines(&[RouteNetlinkMessage::DelAddress(on_lo)]),
        ["(VI_1): entering FAULT state (its source address is not on this machine)"]
    );
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
    let told = |peer, on_link| Command::PeerOnLink {
        router: 0,
        peer,
        on_link,
    };
    assert_eq!(world.see(&[up(2, "ens33")]), [DOWN]);
    // Before the router starts: it may be deposed by the first advert.
    assert_eq!(
        world.see(&[add("192.168.1.1/24")]),
        [told(0, true), link_up("192.168.1.1")]
    );
    // A virtual IP comes and goes with the state of the router.
    assert_eq!(world.see(&[add("10.0.0.254/24")]), []);
    assert_eq!(world.see(&[add("10.0.0.1/24")]), [told(1, true)]);
    assert_eq!(world.see(&[remove("10.0.0.1/24")]), [told(1, false)]);
    let elsewhere = RouteNetlinkMessage::NewAddress(address(3, "10.0.0.1/24", GLOBAL));
    assert_eq!(world.see(&[up(3, "ens34"), elsewhere]), []);
}

//= C9: proof
#[test]
fn link_local_peers_are_on_the_link() {
    let mut unicast = router(&["fe80::fe"]);
    unicast.peers = ["2001:db8::2", "fe80::2"]
        .map(|text| text.parse().unwrap())
        .into();
    let mut world = World::new(vec![unicast]);
    let told = Command::PeerOnLink {
        router: 0,
        peer: 1,
        on_link: true,
    };
    assert_eq!(world.see(&[up(2, "ens33")]), [told, DOWN]);
}
