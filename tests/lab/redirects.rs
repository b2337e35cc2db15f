//! ICMP redirects, which a host that uses the virtual IP would hear from another address (C63).

use std::net::{Ipv4Addr, UdpSocket};

use vrrp_tests::{
    config::Settings,
    lab::{Host, VIP},
    node::Node as _,
    packet::{ONLY_REDIRECTS, PacketSocket},
};

use crate::scene::{Scene, eventually, shared};

/// An address behind r2, which is on the link that r1 hears the client on.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 9);

fn send_far(client: &Host) {
    client
        .netns
        .run(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.send_to(b"far", (FAR, 9))?;
            Ok(())
        })
        .unwrap();
}

/// Lets r1's kernel tell of the shorter way, and the client not take it.
fn prepare(owner: &Host, other: &Host, client: &Host) {
    for (host, switch, value) in [
        (owner, "all/send_redirects", "1"),
        (owner, "ens33/send_redirects", "1"),
        (client, "all/accept_redirects", "0"),
        (client, "eth0/accept_redirects", "0"),
    ] {
        let key = format!("net/ipv4/conf/{switch}");
        host.netns.sysctl(&key, value).unwrap();
    }
    let to = |host: &Host, via: Ipv4Addr| {
        let change = format!("route add {FAR} via {via}");
        host.netns.ip(&change).unwrap();
    };
    to(owner, other.address);
    to(client, owner.address);
}

fn held_back(scene: &Scene) -> u64 {
    let status = scene.nodes[0].status().unwrap().unwrap();
    status["counters"]["egress_redirect"].as_u64().unwrap()
}

//= C63: proof
//= C63: refusal
#[test]
fn what_the_kernel_sends_does_not_leave() {
    let config = Settings {
        advert_int_ms: 100,
        ..Settings::fast(254)
    };
    let mut scene = Scene::new(shared(), [config]);
    prepare(scene.router(1), scene.router(2), &scene.lab.client);
    let client = &scene.lab.client;
    let redirects = client
        .netns
        .run(|| PacketSocket::counting(client.interface, ONLY_REDIRECTS))
        .unwrap();
    eventually("r1's kernel sends a redirect", || {
        send_far(client);
        redirects.count().unwrap() > 0
    });

    scene.node(1).start().unwrap();
    scene.await_owner(1);
    let client = &scene.lab.client;
    let change = format!("route replace {FAR} via {VIP}");
    client.netns.ip(&change).unwrap();
    redirects.count().unwrap();
    eventually("one more is held back", || {
        send_far(client);
        held_back(&scene) > 0
    });
    assert_eq!(redirects.count().unwrap(), 0);
}
