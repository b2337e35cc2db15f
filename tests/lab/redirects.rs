//! ICMP redirects, which a host that uses the virtual IP would hear from another address (C63).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use vrrp_tests::{
    config::Settings,
    lab::{Host, LINK_LOCAL_VIP, VIP},
    node::Node as _,
    packet::{Instruction, ONLY_REDIRECTS, ONLY_REDIRECTS_V6, PacketSocket},
};

use crate::scene::{Scene, eventually, shared};

/// Addresses behind r2, which is on the link that r1 hears the client on.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 9);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9);

fn settings(of: fn(u8) -> Settings) -> Settings {
    of(254).every(100)
}

fn send(client: &Host, far: IpAddr) {
    let any: IpAddr = if far.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    client
        .netns
        .run(|| {
            let socket = UdpSocket::bind((any, 0))?;
            socket.send_to(b"far", (far, 9))?;
            Ok(())
        })
        .unwrap();
}

/// Lets r1's kernel tell of the shorter way over IPv4, and the client not take it.
fn prepare_v4(owner: &Host, client: &Host) {
    for (host, switch, value) in [
        (owner, "all/send_redirects", "1"),
        (owner, "ens33/send_redirects", "1"),
        (client, "all/accept_redirects", "0"),
        (client, "eth0/accept_redirects", "0"),
    ] {
        let key = format!("net/ipv4/conf/{switch}");
        host.netns.sysctl(&key, value).unwrap();
    }
}

fn held_back(scene: &Scene) -> u64 {
    let status = scene.nodes[0].status().unwrap().unwrap();
    status["counters"]["egress_redirect"].as_u64().unwrap()
}

/// The next hops of a packet: of r1, of the client while r1 is a router like any other, and of the
/// client by way of the virtual router.
struct Hops {
    shorter: IpAddr,
    owner: IpAddr,
    vip: IpAddr,
}

#[track_caller]
fn does_not_leave(mut scene: Scene, far: IpAddr, hops: &Hops, filter: &[Instruction]) {
    let Hops {
        shorter,
        owner,
        vip,
    } = hops;
    let interface = scene.lab.client.interface;
    let route = |host: &Host, verb: &str, via: &IpAddr, interface: &str| {
        let change = format!("route {verb} {far} via {via} dev {interface}");
        host.netns.ip(&change).unwrap();
    };
    route(scene.router(1), "add", shorter, scene.router(1).interface);
    route(&scene.lab.client, "add", owner, interface);
    let client = &scene.lab.client;
    let redirects = client
        .netns
        .run(|| PacketSocket::counting(interface, filter))
        .unwrap();
    eventually("r1's kernel sends a redirect", || {
        send(client, far);
        redirects.count().unwrap() > 0
    });

    scene.node(1).start().unwrap();
    scene.await_owner(1);
    route(&scene.lab.client, "replace", vip, interface);
    redirects.count().unwrap();
    eventually("one more is held back", || {
        send(&scene.lab.client, far);
        held_back(&scene) > 0
    });
    assert_eq!(redirects.count().unwrap(), 0);
}

//= C63: proof
//= C63: refusal
#[test]
fn what_the_kernel_sends_does_not_leave() {
    let scene = Scene::new(shared(), [settings(Settings::fast)]);
    let (owner, other) = (scene.router(1), scene.router(2));
    prepare_v4(owner, &scene.lab.client);
    let hops = Hops {
        shorter: other.address.into(),
        owner: owner.address.into(),
        vip: VIP.into(),
    };
    does_not_leave(scene, FAR.into(), &hops, ONLY_REDIRECTS);
}

//= C63: proof
//= C63: refusal
#[test]
fn what_the_kernel_sends_over_ipv6_does_not_leave() {
    let scene = Scene::new_v6(shared(), [settings(Settings::fast_v6)]);
    let client = &scene.lab.client;
    for switch in ["all/accept_redirects", "eth0/accept_redirects"] {
        let key = format!("net/ipv6/conf/{switch}");
        client.netns.sysctl(&key, "0").unwrap();
    }
    // Between routers by link-local addresses: the redirect names them (RFC 4861 section 8).
    let hops = Hops {
        shorter: scene.router(2).link_local().into(),
        owner: scene.router(1).link_local().into(),
        vip: LINK_LOCAL_VIP.into(),
    };
    does_not_leave(scene, FAR_V6.into(), &hops, ONLY_REDIRECTS_V6);
}
