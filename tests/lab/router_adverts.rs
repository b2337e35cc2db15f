//! The recipe for an IPv6 gateway (docs/recipes/ipv6-gateway.md), with the very files that it has: hosts
//! learn the virtual router by Router Advertisements, from its owner alone, and routers learn the hosts
//! that announce themselves.

use std::{fs, net::Ipv6Addr, path::Path, process::Command};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use vrrp_tests::{
    frames::v6::{Neighbour, link_layer},
    lab::{Host, LINK_LOCAL_VIP},
    node::Node as _,
    packet::{Instruction, PacketSocket, only_icmpv6},
    process::Process,
};

use crate::scene::{LIMIT, Scene, eventually, shared};

const RECIPE: &str = include_str!("../../docs/recipes/ipv6-gateway.md");

/// Lets Router Advertisements pass.
const ONLY_ROUTER_ADVERTS: &[Instruction] = &only_icmpv6(134);

/// The file of the recipe that is under this name.
fn file(name: &str) -> &'static str {
    let (_, rest) = RECIPE.split_once(&format!("`{name}`")).unwrap();
    let (_, rest) = rest.split_once("```conf\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// Two routers as the recipe has them, but for radvd.
fn gateway() -> Scene {
    let better = file("/etc/keepalived/keepalived.conf");
    let other = better.replace("priority 200", "priority 100");
    assert_ne!(better, other);
    Scene::new_v6(shared(), [better.to_owned(), other])
}

/// radvd on a router, in the foreground; ends when dropped.
struct Radvd {
    process: Process,
    _folder: TempDir,
}

impl Radvd {
    fn start(router: &Host) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("radvd.conf");
        fs::write(&config, file("/etc/radvd.conf")).unwrap();
        let mut command = router.netns.command(Path::new("radvd"));
        command.args(["-n", "-m", "stderr", "-d", "3", "-C"]);
        command.arg(&config).arg("-p");
        command.arg(folder.path().join("radvd.pid"));
        let process = Process::start(command).unwrap();
        process.log().wait("initializing privsep", LIMIT).unwrap();
        Self {
            process,
            _folder: folder,
        }
    }
}

impl Drop for Radvd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("radvd said:\n{}", self.process.log().tail(40));
        }
    }
}

/// A Router Advertisement, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RouterAdvert {
    mac: [u8; 6],
    source: Ipv6Addr,
    lifetime: u16,
}

/// What a client hears.
struct Ear(PacketSocket);

impl Ear {
    fn of(client: &Host) -> Self {
        let interface = Some(client.interface);
        let open = || PacketSocket::open(interface, ONLY_ROUTER_ADVERTS);
        Self(client.netns.run(open).unwrap())
    }

    /// Since it was asked last.
    fn heard(&self) -> Vec<RouterAdvert> {
        let mut heard = Vec::new();
        let listen = self.0.drain(|received| {
            let frame = received.frame;
            let source: [u8; 16] = frame[22..38].try_into().unwrap();
            heard.push(RouterAdvert {
                mac: frame[6..12].try_into().unwrap(),
                source: source.into(),
                lifetime: u16::from_be_bytes([frame[60], frame[61]]),
            });
        });
        listen.unwrap();
        heard
    }

    /// Waits for one; all must be of the virtual router, from this owner, and not take back what the
    /// last one said.
    #[track_caller]
    fn await_only(&self, owner: &Host) {
        let mut count = 0;
        eventually("a Router Advertisement", || {
            for advert in self.heard() {
                assert_eq!((advert.mac, advert.source), (owner.mac, LINK_LOCAL_VIP));
                assert!(advert.lifetime > 0);
                count += 1;
            }
            count > 0
        });
    }
}

/// Whether the client's default router is the virtual one, and no other.
fn is_default_router(client: &Host) -> bool {
    let routes = client.netns.ip("-6 route show default").unwrap();
    let via = format!("default via {LINK_LOCAL_VIP} ");
    routes.lines().count() == 1 && routes.starts_with(&via)
}

//= C48, C54: proof
//= C48: refusal
#[test]
fn the_owner_alone_advertises_the_virtual_router() {
    if Command::new("radvd").arg("--version").output().is_err() {
        eprintln!("skipped: radvd is not installed");
        return;
    }
    let mut scene = gateway();
    let ear = Ear::of(&scene.lab.client);
    let mut radvds = [1, 2].map(|number| Radvd::start(scene.router(number)));
    for number in [1, 2] {
        scene.node(number).start().unwrap();
    }
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    ear.heard();
    ear.await_only(scene.router(1));
    eventually("the client has a default router", || {
        is_default_router(&scene.lab.client)
    });

    // The dead router keeps the address, and its radvd goes on.
    scene.node(1).kill().unwrap();
    scene.await_owner(2);
    ear.heard();
    for _ in 0..2 {
        ear.await_only(scene.router(2));
    }
    assert!(radvds[0].process.is_running().unwrap());

    // A router that ends in this order does not take back what its successor goes on saying.
    scene.node(2).stop().unwrap();
    let last = &mut radvds[1].process;
    last.signal(Signal::SIGTERM).unwrap();
    last.wait(LIMIT).unwrap();
    assert!(ear.heard().iter().all(|advert| advert.lifetime > 0));
    assert!(is_default_router(&scene.lab.client));
}

//= C66: proof
#[test]
fn both_routers_learn_a_host_that_announces_itself() {
    let mut scene = gateway();
    let settings = file("/etc/sysctl.d/60-gateway.conf");
    for (number, line) in [1, 2].into_iter().flat_map(|number| {
        let lines = settings.lines();
        lines.map(move |line| (number, line))
    }) {
        let (key, value) = line.split_once(" = ").unwrap();
        let key = key.replace('.', "/");
        if !Path::new("/proc/sys")
            .join(key.replace("ens33", "all"))
            .exists()
        {
            eprintln!("skipped: this kernel has no {key}");
            return;
        }
        scene.router(number).netns.sysctl(&key, value).unwrap();
    }
    for number in [1, 2] {
        scene.node(number).start().unwrap();
    }
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");

    let client = &scene.lab.client;
    let host: Ipv6Addr = "2001:db8:1::77".parse().unwrap();
    let mut announcement = Neighbour::announcement(host.octets());
    announcement.ethernet.source = client.mac;
    announcement.flags = 0x20;
    announcement.options = link_layer(2, client.mac);
    let (interface, frame) = (client.interface, announcement.build());
    client
        .netns
        .run(|| {
            let socket = PacketSocket::open(Some(interface), ONLY_ROUTER_ADVERTS)?;
            Ok(socket.send(&frame)?)
        })
        .unwrap();
    let mac = client.mac.map(|byte| format!("{byte:02x}")).join(":");
    for number in [1, 2] {
        let show = format!("-6 neigh show {host} dev ens33");
        eventually(&format!("r{number} knows the host"), || {
            let known = scene.router(number).netns.ip(&show).unwrap();
            known.contains(&format!("lladdr {mac} "))
        });
    }
}
