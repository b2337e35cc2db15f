//! What is on an interface already when a node comes: an address that is not the node's may be served by
//! nobody else, and one that is the host's own stays.

use std::time::Duration;

use vrrp_tests::{
    config::Settings,
    lab::{Host, LINK_LOCAL_VIP, VIP, VIP_V6},
    node::Node as _,
};

use crate::scene::{LIMIT, Scene, eventually, shared};

const WATCHED: Duration = Duration::from_millis(300);

fn ip(host: &Host, arguments: &str) -> String {
    host.netns.ip(arguments).unwrap()
}

/// Has a client take a router for whom it asks, whatever that one says.
fn misdirect(scene: &Scene, number: u8) {
    let [a, b, c, d, e, f] = scene.router(number).mac;
    let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    let neighbour = format!(
        "neigh replace {} lladdr {mac} dev eth0 nud permanent",
        scene.vip
    );
    ip(&scene.lab.client, &neighbour);
}

//= C50: refusal
#[test]
fn a_backup_does_not_serve_what_was_left_with_another_prefix_length() {
    not_served(Scene::new(shared(), [254, 253].map(Settings::fast)));
}

//= C50: refusal
#[test]
fn a_backup_does_not_serve_what_was_left_with_another_prefix_length_of_ipv6() {
    not_served(Scene::new_v6(shared(), [254, 253].map(Settings::fast_v6)));
}

#[track_caller]
fn not_served(mut scene: Scene) {
    let prefix = if scene.vip.is_ipv4() { 24 } else { 64 };
    let add = format!("addr add {}/{prefix} dev ens33 nodad", scene.vip);
    ip(scene.router(2), &add);
    for number in [1, 2] {
        scene.node(number).start().unwrap();
    }
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    assert!(!scene.has_address(2), "its kernel takes it for its own");
    // So that it forwards what comes to it by mistake.
    misdirect(&scene, 2);
    let (probes, _) = scene.watch(WATCHED);
    assert!(!probes.answers.is_empty());
    assert!(probes.answers.iter().all(|answer| answer.router == 1));
}

/// A second address of the subnet is for the kernel a part of the virtual IP that came first.
#[test]
fn an_address_of_the_host_stays_when_a_virtual_ip_goes() {
    let config = Settings {
        more_vips: "10.7.7.7/24".to_owned(),
        ..Settings::fast(254).every(100)
    };
    let mut scene = Scene::serving(shared(), [config]);
    let owner = scene.router(1);
    eventually("the virtual IP is there", || {
        ip(owner, "-4 addr show dev ens33").contains("10.7.7.7/24")
    });
    ip(owner, "addr add 10.7.7.1/24 brd + dev ens33 label ens33:1");
    assert!(ip(owner, "addr show dev ens33").contains("secondary"));
    let before = ip(owner, "-4 -o addr show dev ens33 label ens33:1");
    scene.node(1).stop().unwrap();
    let owner = scene.router(1);
    let listed = ip(owner, "-4 addr show dev ens33");
    assert!(!listed.contains("10.7.7.7"), "{listed}");
    let after = ip(owner, "-4 -o addr show dev ens33 label ens33:1");
    assert_eq!(after, before.replace(" secondary", ""));
    // So that it routes as before, too.
    assert!(ip(owner, "route show dev ens33").contains("10.7.7.0/24"));
}

#[test]
fn what_another_node_left_beside_a_real_address_is_removed() {
    let left = [
        (
            Scene::new(shared(), [Settings::fast(100)]),
            "192.168.1.254/32",
        ),
        (
            Scene::new(shared(), [Settings::fast(100)]),
            "192.168.1.254/24",
        ),
        (
            Scene::new_v6(shared(), [Settings::fast_v6(100)]),
            "2001:db8:1::fe/128",
        ),
    ];
    for (mut scene, address) in left {
        let router = scene.router(1);
        let vip = scene.vip;
        assert!(address.starts_with(&format!("{vip}/")), "{vip}");
        ip(router, &format!("addr add {address} dev ens33 nodad"));
        router.port.cut().unwrap();
        scene.node(1).start().unwrap();
        scene.await_state(1, "FAULT");
        scene.await_no_address(1);
    }
}

/// Takes every address but these off a router's interface.
fn keep_only(host: &Host, kept: &[&str]) {
    ip(host, "addr flush dev ens33");
    for address in kept {
        ip(host, &format!("addr add {address} dev ens33"));
    }
}

//= C65: proof
#[test]
fn an_owner_is_cured_of_a_detection_that_a_backup_answered() {
    let scene = Scene::new_v6(shared(), [255, 100].map(Settings::fast_v6));
    owner_returns(scene);
}

//= C65: proof
#[test]
fn an_owner_is_cured_that_has_no_other_link_local_address() {
    let scene = Scene::new_v6(shared(), [255, 100].map(Settings::fast_v6));
    keep_only(scene.router(1), &[]);
    owner_returns(scene);
}

/// Has the owner's addresses under detection while the Backup serves them.
#[track_caller]
fn owner_returns(mut scene: Scene) {
    scene.node(2).start().unwrap();
    scene.await_owner(2);
    let owner = scene.router(1);
    for setting in ["accept_dad", "dad_transmits"] {
        let key = format!("net/ipv6/conf/ens33/{setting}");
        owner.netns.sysctl(&key, "1").unwrap();
    }
    for address in [LINK_LOCAL_VIP, VIP_V6] {
        ip(owner, &format!("addr add {address}/64 dev ens33"));
        eventually("the Backup answers the detection", || {
            ip(owner, "-6 addr show dev ens33 dadfailed").contains(&address.to_string())
        });
    }
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    for trouble in ["dadfailed", "tentative"] {
        let listed = ip(
            scene.router(1),
            &format!("-6 addr show dev ens33 {trouble}"),
        );
        assert_eq!(listed, "", "{trouble}");
    }
    scene.node(1).stop().unwrap();
    let listed = ip(scene.router(1), "-6 addr show dev ens33");
    for address in [LINK_LOCAL_VIP, VIP_V6] {
        assert!(listed.contains(&format!("{address}/64")), "{listed}");
    }
}

#[test]
fn an_address_that_the_host_adds_after_the_start_stays() {
    let mut scene = Scene::new(shared(), [Settings::fast(255)]);
    let owner = scene.router(1);
    ip(owner, "link set ens33 down");
    scene.node(1).start().unwrap();
    scene.await_state(1, "FAULT");
    let owner = scene.router(1);
    ip(owner, &format!("addr add {VIP}/32 dev ens33"));
    ip(owner, "link set ens33 up");
    scene.await_owner(1);
    ip(scene.router(1), "link set ens33 down");
    scene.await_state(1, "FAULT");
    ip(scene.router(1), "link set ens33 up");
    scene.await_owner(1);
    scene.node(1).stop().unwrap();
    assert!(scene.has_address(1));
}

#[test]
fn an_owner_may_have_no_address_but_the_virtual_ip() {
    for prefix in [24, 32] {
        let mut scene = Scene::new(shared(), [Settings::fast(255)]);
        keep_only(scene.router(1), &[]);
        scene.node(1).start().unwrap();
        scene.await_state(1, "FAULT");
        let own = format!("{VIP}/{prefix}");
        keep_only(scene.router(1), &[&own]);
        // A /32 has no route to the client.
        let route = "route add 192.168.1.0/24 dev ens33 metric 9";
        ip(scene.router(1), route);
        scene.await_owner(1);
        ip(scene.router(1), "link set ens33 down");
        scene.await_state(1, "FAULT");
        ip(scene.router(1), "link set ens33 up");
        ip(scene.router(1), route);
        scene.await_owner(1);
        scene.node(1).kill().unwrap();
        scene.node(1).cleanup().unwrap();
        let listed = ip(scene.router(1), "-4 addr show dev ens33");
        assert_eq!(listed.matches("inet ").count(), 1, "{listed}");
        assert!(listed.contains(&own), "{listed}");
    }
}

/// What the node added for want of it goes with the node.
#[test]
fn an_address_that_the_owner_did_not_have_is_removed() {
    let mut scene = Scene::new(shared(), [Settings::fast(255)]);
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.node(1).stop().unwrap();
    assert!(!scene.has_address(1));
}

#[test]
fn what_the_kernel_refuses_is_asked_of_it_again() {
    let config = Settings {
        instance: format!("virtual_ipaddress_excluded {{\n {VIP_V6}\n}}"),
        ..Settings::fast(254)
    };
    let mut scene = Scene::new(shared(), [config]);
    let disable = |scene: &Scene, value| {
        let netns = &scene.router(1).netns;
        netns
            .sysctl("net/ipv6/conf/ens33/disable_ipv6", value)
            .unwrap();
    };
    disable(&scene, "1");
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    let refused = format!("the kernel refused virtual IP {VIP_V6}");
    scene.log(1).wait(&refused, LIMIT).unwrap();
    let missing = scene.status(1).object("missing_vips");
    assert_eq!(missing[0]["address"], VIP_V6.to_string(), "{missing}");
    assert_eq!(missing[0]["interface"], "ens33", "{missing}");
    assert!(
        missing[0]["reason"].to_string().contains("disable_ipv6"),
        "{missing}"
    );
    let text = scene.node(1).subcommand("status").unwrap();
    assert!(text.contains(&format!("{VIP_V6} not on ens33: ")), "{text}");
    disable(&scene, "0");
    eventually("the kernel takes the address", || {
        scene.router(1).has_address(VIP_V6).unwrap()
    });
    eventually("nothing is missing", || {
        scene.status(1).object("missing_vips") == serde_json::json!([])
    });
    // Without an excluded one the router serves the others.
    assert_eq!(scene.status(1).number("became_master"), 1);
}
