//! `use_vmac`: the virtual router has a MAC of its own, which goes with it (C3, C49, C51, C55, C60).

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use vrrp_tests::{
    capture::Capture,
    clock,
    config::Settings,
    echo::Echo,
    fdb::{self, FdbWatch},
    lab::{Host, INNER_INTERFACE, INNER_VIP, SERVER, VIP},
    link::{Switch, parse_mac},
    node::{BACKUP, MASTER, Node as _},
    prober::{PORT, Prober},
    sightings::{Kind, Sightings},
    wire::Frame,
};

use crate::{
    beside::{keepalived, stays_backup},
    scene::{LIMIT, Scene, await_lines, eventually, shared},
};

pub(crate) const VIRTUAL: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];
const VIRTUAL_TEXT: &str = "00:00:5e:00:01:33";
/// What the echo behind the routers calls itself.
pub(crate) const BEHIND: u8 = 9;
/// How long traffic is looked at.
const WHILE: Duration = Duration::from_millis(200);

pub(crate) fn config(priority: u8) -> Settings {
    Settings::fast(priority).with_lines("use_vmac")
}

/// The MAC of an address in a host's neighbour table.
pub(crate) fn neighbour(host: &Host, address: Ipv4Addr) -> Option<[u8; 6]> {
    let arguments = format!("neigh show {address} dev {}", host.interface);
    let text = host.netns.ip(&arguments).unwrap();
    text.split_whitespace().find_map(parse_mac)
}

/// The client's kernel knows no other MAC for the virtual IP.
#[track_caller]
fn client_has_the_virtual_mac(scene: &Scene) {
    assert_eq!(neighbour(&scene.lab.client, VIP), Some(VIRTUAL));
}

/// Starts r1, and r2 when r1 serves.
pub(crate) fn start_both(scene: &mut Scene) {
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.node(2).start().unwrap();
    scene.await_state(2, "BACKUP");
}

//= C3, C51, C60, C61: proof
//= C60, C61: refusal
#[test]
fn the_mac_goes_with_the_address() {
    mac_and_address_move_together(Scene::new(shared(), [config(254), config(253)]));
}

pub(crate) fn mac_and_address_move_together(mut scene: Scene) {
    let claims = Sightings::start(&scene.lab.switch, &[VIP]).unwrap();
    let capture = Capture::start(&scene.lab.switch).unwrap();
    let table = FdbWatch::start(&scene.lab.switch).unwrap();
    start_both(&mut scene);
    client_has_the_virtual_mac(&scene);
    assert_eq!(scene.status(1).text("virtual_mac"), VIRTUAL_TEXT);

    scene.node(1).stop().unwrap();
    scene.await_owner(2);
    client_has_the_virtual_mac(&scene);
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    client_has_the_virtual_mac(&scene);
    scene.node(1).kill().unwrap();
    scene.await_owner(2);
    client_has_the_virtual_mac(&scene);

    let claims = claims.stop().unwrap();
    assert_eq!(claims.lost, 0);
    let mut kinds = BTreeSet::new();
    for claim in &claims.sightings {
        assert_eq!(claim.mac, VIRTUAL, "{claim:?}");
        kinds.insert((claim.router, format!("{:?}", claim.kind)));
    }
    for router in [1, 2] {
        for kind in [Kind::Advert, Kind::Arp, Kind::Ip] {
            assert!(kinds.contains(&(router, format!("{kind:?}"))), "{kinds:?}");
        }
    }
    for seen in capture.stop().unwrap() {
        match seen.frame {
            Frame::Advert(advert) => assert_eq!(advert.mac, VIRTUAL),
            Frame::Arp(arp) if arp.sender == VIP => {
                assert_eq!((arp.source, arp.sender_mac), (VIRTUAL, VIRTUAL));
            }
            Frame::Arp(_) | Frame::Neighbour(_) => {}
        }
    }
    // To r2, back, and to r2 again.
    let moves = table.stop().unwrap();
    assert_eq!(fdb::moves_of(&moves, VIRTUAL), 3);
}

//= C59, C64: proof
#[test]
fn the_nic_receives_the_mac_from_the_start_and_no_interface_has_it() {
    let mut scene = Scene::new(shared(), [config(254), config(253)]);
    start_both(&mut scene);
    for number in [1, 2] {
        let netns = &scene.router(number).netns;
        let filter = netns.tool("bridge", "fdb show dev ens33").unwrap();
        assert!(filter.contains(VIRTUAL_TEXT), "r{number}: {filter}");
        let links = netns.ip("link show").unwrap();
        assert!(!links.contains(VIRTUAL_TEXT), "r{number}: {links}");
        // As RFC 4291 appendix A makes one of it.
        let addresses = netns.ip("-6 addr show").unwrap();
        assert!(!addresses.contains("5eff:fe00:133"), "{addresses}");
    }
}

/// Every probe to the server behind the routers is answered, and none of them twice.
#[track_caller]
pub(crate) fn is_forwarded_once(scene: &Scene) {
    let prober = || Prober::start(&scene.lab.client.netns, SERVER, Duration::from_millis(1));
    let first = prober().unwrap();
    eventually("the server is reached", || first.answering() == BEHIND);
    first.stop().unwrap();
    let all = prober().unwrap();
    clock::sleep(WHILE);
    let recording = all.stop().unwrap();
    let answered: BTreeSet<_> = recording.answers.iter().map(|one| one.probe).collect();
    assert_eq!(answered.len(), recording.sent.len());
    assert_eq!(answered.len(), recording.answers.len(), "answered twice");
}

/// Has a switch send what is for the virtual MAC to everybody, as one does that has forgotten it.
fn forget(switch: &Switch, port: &str) {
    let bridge = |arguments: String| switch.netns().tool("bridge", &arguments).unwrap();
    bridge(format!("link set dev {port} learning off"));
    bridge(format!("fdb del {VIRTUAL_TEXT} dev {port} master"));
}

//= C49, C55: proof
//= C49: refusal
#[test]
fn the_owner_forwards_what_is_sent_to_the_mac_and_nobody_else() {
    the_owner_alone_forwards(Scene::routed(shared(), routed_configs()));
}

pub(crate) fn routed_configs() -> [Settings; 2] {
    [254, 253].map(|priority| Settings {
        more_vips: format!("{INNER_VIP} dev {INNER_INTERFACE} use_vmac"),
        ..config(priority)
    })
}

pub(crate) fn the_owner_alone_forwards(mut scene: Scene) {
    let server = &scene.lab.behind.as_ref().unwrap().server;
    let _echo = Echo::start(&server.netns, SERVER, PORT, BEHIND).unwrap();
    start_both(&mut scene);
    is_forwarded_once(&scene);
    client_has_the_virtual_mac(&scene);
    let behind = scene.lab.behind.as_ref().unwrap();
    assert_eq!(neighbour(&behind.server, INNER_VIP), Some(VIRTUAL));
    let probes = u64::try_from(WHILE.as_millis() / 2).unwrap();
    // To the server, and back.
    assert!(scene.status(1).counter("mac_taken") > 2 * probes);
    assert_eq!(scene.status(2).counter("mac_taken"), 0);

    forget(&scene.lab.switch, "to-r1");
    let dropped = scene.status(2).counter("mac_not_owner");
    is_forwarded_once(&scene);
    assert!(scene.status(2).counter("mac_not_owner") > dropped + probes);
    assert_eq!(scene.status(2).counter("mac_taken"), 0);

    scene.node(1).stop().unwrap();
    scene.await_owner(2);
    is_forwarded_once(&scene);
    client_has_the_virtual_mac(&scene);
    assert!(scene.status(2).counter("mac_taken") > 2 * probes);
}

#[test]
fn adverts_may_leave_from_the_interfaces_own_mac() {
    let configs =
        [254, 253].map(|priority| Settings::fast(priority).with_lines("use_vmac\nvmac_xmit_base"));
    let mut scene = Scene::new(shared(), configs);
    let capture = Capture::start(&scene.lab.switch).unwrap();
    start_both(&mut scene);
    client_has_the_virtual_mac(&scene);
    scene.node(1).stop().unwrap();
    scene.await_owner(2);
    client_has_the_virtual_mac(&scene);
    let own = [1, 2].map(|number| scene.router(number).mac);
    for seen in capture.stop().unwrap() {
        match seen.frame {
            Frame::Advert(advert) => assert!(own.contains(&advert.mac), "{advert:?}"),
            Frame::Arp(arp) if arp.sender == VIP => assert_eq!(arp.sender_mac, VIRTUAL),
            Frame::Arp(_) | Frame::Neighbour(_) => {}
        }
    }
}

/// Waits until the client is answered by this router.
#[track_caller]
fn await_answers(scene: &Scene, number: u8) {
    let prober = scene.prober();
    eventually(&format!("r{number} answers the client"), || {
        prober.answering() == number
    });
    prober.stop().unwrap();
}

/// keepalived's kernel answers from the virtual MAC, but asks for the client from the interface's own,
/// and the client takes that.
#[track_caller]
fn client_has_theirs(scene: &Scene) {
    let theirs = [VIRTUAL, scene.router(2).mac].map(Some);
    let found = neighbour(&scene.lab.client, VIP);
    assert!(theirs.contains(&found), "{found:02x?}");
}

#[test]
fn it_goes_to_keepalived_and_comes_back() {
    let settings = |priority, instance: &str| Settings {
        master: false,
        instance: instance.to_owned(),
        ..Settings::fast(priority).every(100)
    };
    let mut scene = Scene::new(shared(), [settings(254, "use_vmac")]);
    let theirs = settings(253, "use_vmac vrrp.51");
    let Some(mut keepalived) = keepalived(scene.router(2), &theirs) else {
        return;
    };
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    stays_backup(&scene, &mut keepalived, 10);
    client_has_the_virtual_mac(&scene);

    let mut mark = keepalived.process().unwrap().log().mark();
    scene.node(1).stop().unwrap();
    await_lines(keepalived.process().unwrap().log(), mark, &[MASTER]);
    await_answers(&scene, 2);
    client_has_theirs(&scene);

    // Its adverts come from our virtual MAC, and are not our own.
    mark = keepalived.process().unwrap().log().mark();
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    assert!(scene.status(1).counter("advert_accepted") > 0);
    let log = keepalived.process().unwrap().log();
    log.wait_after(mark, BACKUP, LIMIT).unwrap();
    client_has_the_virtual_mac(&scene);

    scene.node(1).kill().unwrap();
    await_answers(&scene, 2);
    client_has_theirs(&scene);
    keepalived.stop().unwrap();
}
