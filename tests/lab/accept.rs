//! Accept_Mode: an Active that is to route and to take nothing for itself (C56).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use vrrp_tests::{
    config::Settings,
    echo::Echo,
    prober::{PORT, Prober},
};

use crate::scene::{Scene, eventually, shared};

const WATCHED: Duration = Duration::from_millis(500);
/// Addresses behind r2.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 9);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9);

/// An Active by election, without Accept_Mode.
fn deaf(of: fn(u8) -> Settings) -> Settings {
    Settings {
        advert_int_ms: 100,
        instance: "no_accept".to_owned(),
        ..of(254)
    }
}

/// r1 is to route to what lies behind r2, for a client whose next hop is the virtual IP, and to say
/// nothing for itself.
#[track_caller]
fn is_found_and_routes_and_says_nothing(
    scene: &Scene,
    far: impl Into<IpAddr>,
    other_address: impl Into<IpAddr>,
) {
    scene.await_state(1, "MASTER");
    let (far, other_address, vip) = (far.into(), other_address.into(), scene.vip);
    let (owner, other) = (scene.router(1), scene.router(2));
    eventually("r1 has the address", || owner.has_address(vip).unwrap());
    for (host, change) in [
        (owner, format!("route add {far} via {other_address}")),
        (other, format!("address add {far} dev lo")),
        (&scene.lab.client, format!("route add {far} via {vip}")),
    ] {
        host.netns.ip(&change).unwrap();
    }
    let _echo = Echo::start(&other.netns, far, PORT, 2).unwrap();
    let through = Prober::start(&scene.lab.client.netns, far, Duration::from_millis(1)).unwrap();
    eventually("r1 routes", || through.answering() == 2);
    through.stop().unwrap();

    let (probes, questions) = scene.watch(WATCHED);
    assert!(probes.answers.is_empty(), "{:?}", probes.answers);
    assert!(!questions.answers.is_empty(), "nobody says who has it");
    assert!(questions.answers.iter().all(|one| one.mac == owner.mac));
    let status = scene.status(1);
    assert!(status.counter("vip_not_accepted") > 0);
    assert_eq!(status.counter("vip_passed"), 0);
}

//= C56: proof
//= C56: refusal
#[test]
fn without_it_the_address_is_found_and_routes_and_says_nothing() {
    let scene = Scene::started(shared(), [deaf(Settings::fast)]);
    let other = scene.router(2).address;
    is_found_and_routes_and_says_nothing(&scene, FAR, other);
}

//= C56: proof
//= C56: refusal
#[test]
fn without_it_an_address_of_ipv6_is_found_and_routes_and_says_nothing() {
    let scene = Scene::started_v6(shared(), [deaf(Settings::fast_v6)]);
    let other = scene.router(2).address_v6();
    is_found_and_routes_and_says_nothing(&scene, FAR_V6, other);
}

//= C56: proof
#[test]
fn the_owner_takes_packets_whatever_strict_mode_says() {
    let config = Settings {
        global: "vrrp_strict".to_owned(),
        ..Settings::fast(255)
    };
    let scene = Scene::serving(shared(), [config]);
    assert_eq!(scene.status(1).counter("vip_not_accepted"), 0);
}
