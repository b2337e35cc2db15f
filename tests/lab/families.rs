//! IPv4 and IPv6 at once: virtual routers of the same number, and addresses of the other family beside
//! those that are advertised.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use vrrp_tests::{
    capture::Capture,
    config::{self, Settings},
    lab::{LINK_LOCAL_VIP, VIP, VIP_V6},
    node::Node as _,
    wire::Frame,
};

use crate::{
    owners::await_owner,
    scene::{Scene, shared},
};

/// Served, but not advertised.
const EXCLUDED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 240));
const EXCLUDED_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xf0));

fn settings(of: fn(u8) -> Settings, priority: u8) -> Settings {
    of(priority).every(100)
}

/// Both as instances of one file, `VI_1` and `VI_6`.
fn both(v4: Settings, v6: Settings) -> String {
    let v6 = Settings {
        name: "VI_6".to_owned(),
        ..v6
    };
    config::file(&[v4, v6])
}

//= C15: proof
#[test]
fn the_same_number_is_a_virtual_router_of_each_family() {
    let configs = [(254, 253), (253, 254)].map(|(v4, v6)| {
        let (v4, v6) = (
            settings(Settings::fast, v4),
            settings(Settings::fast_v6, v6),
        );
        both(v4, v6)
    });
    let mut scene = Scene::started_v6(shared(), configs);
    let (v4, v6) = ([VIP.into()], [LINK_LOCAL_VIP.into(), VIP_V6.into()]);
    await_owner(&scene, 1, &v4);
    await_owner(&scene, 2, &v6);
    for number in [1, 2] {
        let statuses = scene.statuses(number);
        let told: Vec<_> = statuses
            .iter()
            .map(|status| (status.text("name"), status.number("vrid")))
            .collect();
        assert_eq!(told, [("VI_1", 51), ("VI_6", 51)]);
        for status in &statuses {
            for refused in ["bad_checksum", "bad_address_list", "address_list_differs"] {
                assert_eq!(status.counter(refused), 0, "r{number}: {refused}");
            }
        }
    }
    scene.node(1).stop().unwrap();
    await_owner(&scene, 2, &v4);
    await_owner(&scene, 2, &v6);
    scene.node(1).start().unwrap();
    await_owner(&scene, 1, &v4);
    await_owner(&scene, 2, &v6);
    scene.node(2).kill().unwrap();
    await_owner(&scene, 1, &v6);
    await_owner(&scene, 1, &v4);
}

#[test]
fn an_address_of_ipv6_is_served_beside_a_router_of_ipv4() {
    excluded_is_served(Settings::fast, EXCLUDED_V6);
}

#[test]
fn an_address_of_ipv4_is_served_beside_a_router_of_ipv6() {
    excluded_is_served(Settings::fast_v6, EXCLUDED);
}

fn excluded_is_served(of: fn(u8) -> Settings, excluded: IpAddr) {
    let excluding = |settings: Settings| Settings {
        instance: format!("virtual_ipaddress_excluded {{\n {excluded}\n}}"),
        ..settings
    };
    let listed = of(254).vips;
    let configs = [254, 253].map(|priority| excluding(settings(of, priority)));
    let mut scene = Scene::new_v6(shared(), configs);
    let capture = Capture::start(&scene.lab.switch).unwrap();
    for number in [1, 2] {
        scene.node(number).start().unwrap();
    }
    let all: Vec<IpAddr> = listed.iter().copied().chain([excluded]).collect();
    await_owner(&scene, 1, &all);
    assert!(scene.router(1).has_address(excluded).unwrap());
    assert!(!scene.router(2).has_address(excluded).unwrap());
    scene.node(1).stop().unwrap();
    await_owner(&scene, 2, &all);
    assert!(!scene.router(1).has_address(excluded).unwrap());

    let seen = capture.stop().unwrap();
    assert!(seen.iter().any(|seen| seen.announces(excluded)));
    let lists: BTreeSet<_> = seen
        .iter()
        .filter_map(|seen| match &seen.frame {
            Frame::Advert(advert) => Some(advert.vips.clone()),
            Frame::Arp(_) | Frame::Neighbour(_) => None,
        })
        .collect();
    assert_eq!(lists, BTreeSet::from([listed]));
}
