//! Accept_Mode: an Active that is to route and to take nothing for itself (C56).

use std::{net::Ipv4Addr, time::Duration};

use vrrp_tests::{
    config::Settings,
    echo::Echo,
    lab::VIP,
    prober::{PORT, Prober},
};

use crate::scene::{Scene, eventually, shared};

const WATCHED: Duration = Duration::from_millis(500);
/// An address behind r2.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 9);

//= C56: proof
//= C56: refusal
#[test]
fn without_it_the_address_is_found_and_routes_and_says_nothing() {
    let config = Settings {
        advert_int_ms: 100,
        instance: "no_accept".to_owned(),
        ..Settings::fast(254)
    };
    let scene = Scene::started(shared(), [config]);
    scene.await_state(1, "MASTER");
    let (owner, other) = (scene.router(1), scene.router(2));
    eventually("r1 has the address", || owner.has_address(VIP).unwrap());
    for (host, change) in [
        (owner, format!("route add {FAR} via {}", other.address)),
        (other, format!("address add {FAR} dev lo")),
        (&scene.lab.client, format!("route add {FAR} via {VIP}")),
    ] {
        host.netns.ip(&change).unwrap();
    }
    let _echo = Echo::start(&other.netns, FAR, PORT, 2).unwrap();
    let through = Prober::start(&scene.lab.client.netns, FAR, Duration::from_millis(1)).unwrap();
    eventually("r1 routes", || through.answering() == 2);
    through.stop().unwrap();

    let (probes, questions) = scene.watch(WATCHED);
    assert!(probes.answers.is_empty(), "{:?}", probes.answers);
    assert!(!questions.answers.is_empty(), "nobody answers ARP");
    assert!(questions.answers.iter().all(|one| one.mac == owner.mac));
    let status = scene.status(1);
    assert!(status.counter("vip_not_accepted") > 0);
    assert_eq!(status.counter("vip_passed"), 0);
}

//= C56: proof
#[test]
fn the_owner_takes_packets_whatever_strict_mode_says() {
    let config = Settings {
        global: "vrrp_strict".to_owned(),
        ..Settings::fast(255)
    };
    let scene = Scene::started(shared(), [config]);
    scene.await_owner(1);
    assert_eq!(scene.status(1).counter("vip_not_accepted"), 0);
}
