//! Somebody else uses the address, takes it away, or changes what it is known under.

use std::{net::Ipv4Addr, time::Duration};

use vrrp_tests::{
    capture::{Capture, Seen},
    clock,
    config::Settings,
    lab::{Host, VIP},
    link,
    packet::{ONLY_ARP, PacketSocket},
    wire::{self, Arp, Frame},
};

use crate::scene::{LIMIT, Scene, eventually, shared};

fn configs() -> [Settings; 2] {
    [254, 253].map(|priority| Settings {
        // The second block of announcements would be mistaken for an answer.
        instance: "garp_master_delay 0".to_owned(),
        ..Settings::fast(priority).every(100)
    })
}

fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// The client announces that the VIP is its own.
fn claim_address(client: &Host) -> Arp {
    let claim = Arp::announcing(client.mac, VIP);
    client
        .netns
        .run(|| {
            let socket = PacketSocket::open(Some(client.interface), ONLY_ARP)?;
            Ok(socket.send(&wire::encode_arp([0xff; 6], &claim))?)
        })
        .unwrap();
    claim
}

/// Whether a capture has an announcement of the VIP by router 1 under this MAC.
fn announced(seen: &[Seen], mac: [u8; 6]) -> bool {
    seen.iter().any(|seen| {
        seen.port == "to-r1"
            && seen.announces(VIP)
            && matches!(&seen.frame, Frame::Arp(arp) if arp.sender_mac == mac)
    })
}

#[test]
fn a_stranger_that_announces_the_address_is_told_off() {
    let mut scene = Scene::pair(shared(), configs());
    let client = &scene.lab.client;
    let backup = scene.router(2);
    let at_backup = backup
        .netns
        .run(|| PacketSocket::open(Some(backup.interface), ONLY_ARP))
        .unwrap();
    let capture = Capture::start(&scene.lab.switch).unwrap();
    let claim = claim_address(client);

    eventually("the Active announces the address anew", || {
        announced(&capture.seen(), scene.router(1).mac)
    });
    let mac = mac_text(client.mac);
    let complaint = format!(
        "(VI_1) address conflict: {mac} (192.168.1.254) announces our virtual IP 192.168.1.254 on ens33"
    );
    eventually("a Backup's kernel hears the stranger", || {
        let mut heard = false;
        at_backup
            .drain(|received| heard |= wire::decode(received.frame) == Some(Frame::Arp(claim)))
            .unwrap();
        heard
    });
    assert_eq!(scene.status(1).counter("arp_conflict"), 1);
    assert_eq!(scene.status(2).counter("arp_conflict"), 0);
    scene.log(1).wait(&complaint, LIMIT).unwrap();
    assert!(!scene.log(2).tail(usize::MAX).contains("conflict"));
    assert_eq!(scene.status(1).text("state"), "MASTER");
}

/// A claim that may not be answered yet is answered when it may, though its sender is silent by then.
#[test]
fn a_stranger_that_announces_the_address_twice_is_told_off_in_the_end() {
    const DEFEND_INTERVAL: u64 = 10_000_000_000;
    let scene = Scene::pair(shared(), configs());
    let capture = Capture::start(&scene.lab.switch).unwrap();
    let defences = || -> Vec<u64> {
        let seen = capture.seen();
        let defends = |seen: &&Seen| seen.port == "to-r1" && seen.announces(VIP);
        seen.iter().filter(defends).map(|seen| seen.at).collect()
    };
    claim_address(&scene.lab.client);
    eventually("the first claim is answered", || !defences().is_empty());
    claim_address(&scene.lab.client);
    eventually("both claims are seen", || {
        scene.status(1).counter("arp_conflict") == 2
    });
    // Of the start's announcements, a busy machine may send the last ones only now.
    let early = |all: &[u64]| {
        let within = |at: &&u64| **at < all[0] + DEFEND_INTERVAL;
        all.iter().filter(within).count()
    };
    eventually("the second claim is answered after the interval", || {
        let all = defences();
        early(&all) < all.len()
    });
    let all = defences();
    assert_eq!(all.len() - early(&all), 1, "{all:?}");
}

/// The better router never hears that another one took over, and the loss ends with the better one's advert: the
/// other one gives way, and only its last advert can tell the better one that clients have to be fetched back.
//= C41, C42: proof
#[test]
fn clients_come_back_from_a_router_that_was_not_heard() {
    let configs = [254, 100].map(|priority| {
        Settings::fast(priority)
            .every(1000)
            .with_lines("garp_master_delay 0")
    });
    let mut scene = Scene::pair(shared(), configs);
    let [better, usurper] = [1, 2].map(|number| scene.router(number).address);
    let capture = Capture::start(&scene.lab.switch).unwrap();
    scene.router(2).port.lose_adverts().unwrap();
    let adverts = |of: Ipv4Addr| {
        let seen = capture.seen();
        seen.iter().filter(|seen| seen.is_advert_of(of)).count()
    };
    eventually("r2 takes over", || adverts(usurper) >= 2);
    let neighbour = || scene.lab.client.netns.ip(&format!("neigh show {VIP}"));
    let believes = |number: u8| {
        neighbour()
            .unwrap()
            .contains(&mac_text(scene.router(number).mac))
    };
    eventually("the client believes r2", || believes(2));
    // The next advert is to be of the better one.
    let before = adverts(usurper);
    eventually("r2 has just sent an advert", || adverts(usurper) > before);
    scene.router(2).port.pass_adverts().unwrap();
    capture.clear();
    scene.await_state(2, "BACKUP");
    eventually("the client believes r1", || believes(1));

    let seen = capture.stop().unwrap();
    let announced = seen
        .iter()
        .position(|seen| seen.port == "to-r1" && seen.announces(VIP));
    let before = &seen[..announced.unwrap()];
    // That before it, which deposed r2, and the answer to the last advert of r2.
    let of = |router: Ipv4Addr| {
        before
            .iter()
            .filter(|seen| seen.is_advert_of(router))
            .count()
    };
    assert_eq!((of(better), of(usurper)), (2, 1), "{seen:#?}");
    assert_eq!(scene.status(1).number("became_master"), 1);
    scene
        .log(1)
        .wait(
            "with lower priority 100, ours 254, forcing new election",
            LIMIT,
        )
        .unwrap();
}

#[test]
fn an_address_taken_away_is_put_back() {
    let mut scene = Scene::serving(shared(), configs());
    let mark = scene.log(1).mark();
    scene
        .router(1)
        .netns
        .ip(&format!("addr del {VIP}/32 dev ens33"))
        .unwrap();
    scene
        .log(1)
        .wait_after(
            mark,
            "(VI_1) Netlink reflector reports IP 192.168.1.254 removed from ens33, putting it back",
            LIMIT,
        )
        .unwrap();
    scene.await_owner(1);
    assert_eq!(scene.status(1).number("became_master"), 1);
    assert_eq!(scene.status(2).text("state"), "BACKUP");
}

//= C61: proof
#[test]
fn a_new_mac_of_the_interface_is_announced() {
    let mut scene = Scene::serving(shared(), configs());
    let (mac, text) = ([2, 0, 0, 0xaa, 0xbb, 0xcc], "02:00:00:aa:bb:cc");
    let capture = Capture::start(&scene.lab.switch).unwrap();
    let router = scene.router(1);
    router
        .netns
        .ip(&format!("link set ens33 address {text}"))
        .unwrap();
    assert_eq!(link::mac(&router.netns, "ens33").unwrap(), mac);
    eventually("the new MAC is announced", || {
        announced(&capture.seen(), mac)
    });
    eventually("ARP is answered with the new MAC", || {
        let (_, questions) = scene.watch(Duration::from_millis(50));
        !questions.answers.is_empty() && questions.answers.iter().all(|answer| answer.mac == mac)
    });
    clock::sleep(Duration::from_millis(100));
    scene.await_owner(1);
    assert_eq!(
        scene
            .log(1)
            .tail(usize::MAX)
            .matches("MASTER STATE")
            .count(),
        1
    );
}
