//! Proxy ARP: the client takes the server behind the routers for a neighbour, and the kernels answer for
//! it (C62).

use std::collections::BTreeSet;

use vrrp_tests::{
    config::Settings,
    echo::Echo,
    lab::{INNER_INTERFACE, INNER_VIP, ROUTER_INTERFACE, SERVER},
    node::Node as _,
    prober::PORT,
    sightings::{Kind, Sightings},
};

use crate::{
    scene::{Scene, shared},
    virtual_mac::{BEHIND, VIRTUAL, is_forwarded_once, neighbour, start_both},
};

/// Two routers whose kernels answer the client for the server. `outer` and `inner` are said of the
/// virtual router and of its address towards the server.
fn scene(outer: &str, inner: &str) -> (Scene, Echo) {
    let configs = [254, 253].map(|priority| Settings {
        instance: outer.to_owned(),
        more_vips: format!("{INNER_VIP} dev {INNER_INTERFACE} {inner}"),
        ..Settings::fast(priority)
    });
    let scene = Scene::routed(shared(), configs);
    for number in [1, 2] {
        let netns = &scene.router(number).netns;
        for (table, key) in [("conf", "proxy_arp=1"), ("neigh", "proxy_delay=0")] {
            let (key, value) = key.split_once('=').unwrap();
            let key = format!("net/ipv4/{table}/{ROUTER_INTERFACE}/{key}");
            netns.sysctl(&key, value).unwrap();
        }
    }
    let client = &scene.lab.client;
    let route = format!("route replace {SERVER} dev {}", client.interface);
    client.netns.ip(&route).unwrap();
    let server = &scene.lab.behind.as_ref().unwrap().server;
    let echo = Echo::start(&server.netns, SERVER, PORT, BEHIND).unwrap();
    (scene, echo)
}

/// Which router answered for the server, and with which MAC.
fn answers(sightings: Sightings) -> BTreeSet<(u8, [u8; 6])> {
    let seen = sightings.stop().unwrap();
    assert_eq!(seen.lost, 0);
    let answers = seen.sightings.iter().filter(|one| one.kind == Kind::Arp);
    answers.map(|one| (one.router, one.mac)).collect()
}

/// The client forgets the server and asks for it anew.
fn ask_again(scene: &Scene) {
    let client = &scene.lab.client;
    let forget = format!("neigh flush dev {}", client.interface);
    client.netns.ip(&forget).unwrap();
    is_forwarded_once(scene);
}

//= C62: proof
//= C62: refusal
#[test]
fn the_owner_answers_with_the_virtual_mac_and_nobody_else() {
    let (mut scene, _echo) = scene("use_vmac", "use_vmac");
    let sightings = Sightings::start(&scene.lab.switch, &[SERVER]).unwrap();
    start_both(&mut scene);
    ask_again(&scene);
    assert_eq!(neighbour(&scene.lab.client, SERVER), Some(VIRTUAL));
    assert_eq!(answers(sightings), BTreeSet::from([(1, VIRTUAL)]));
    assert!(scene.status(1).counter("proxy_arp_written") > 0);
    // It was asked too, and its kernel answered.
    assert!(scene.status(2).counter("egress_proxy_arp") > 0);

    let sightings = Sightings::start(&scene.lab.switch, &[SERVER]).unwrap();
    scene.node(1).stop().unwrap();
    scene.await_owner(2);
    // What the client has learned still holds.
    assert_eq!(neighbour(&scene.lab.client, SERVER), Some(VIRTUAL));
    is_forwarded_once(&scene);
    // The program of a stopped node is gone, and its kernel answers whom it likes.
    let interface = format!("net/ipv4/conf/{ROUTER_INTERFACE}/proxy_arp");
    scene.router(1).netns.sysctl(&interface, "0").unwrap();
    ask_again(&scene);
    assert_eq!(neighbour(&scene.lab.client, SERVER), Some(VIRTUAL));
    assert_eq!(answers(sightings), BTreeSet::from([(2, VIRTUAL)]));
}

#[test]
fn without_a_virtual_mac_every_kernel_answers_as_ever() {
    let (mut scene, _echo) = scene("", "");
    start_both(&mut scene);
    let sightings = Sightings::start(&scene.lab.switch, &[SERVER]).unwrap();
    ask_again(&scene);
    let own = [1, 2].map(|number| (number, scene.router(number).mac));
    assert_eq!(answers(sightings), BTreeSet::from(own));
}
