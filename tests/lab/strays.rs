//! What somebody does by hand to a router that runs: adds a virtual IP to a Backup, or gives its interface
//! another name.

use vrrp_tests::{config::Settings, lab::VIP, node::Node as _};

use crate::scene::{LIMIT, Scene, eventually, shared};

fn ip(scene: &Scene, number: u8, arguments: &str) -> String {
    scene.router(number).netns.ip(arguments).unwrap()
}

#[track_caller]
fn taken_off(mut scene: Scene, addresses: [&str; 2]) {
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    for address in addresses {
        ip(&scene, 2, &format!("addr add {address} dev ens33 nodad"));
        eventually(&format!("{address} is taken off"), || !scene.has_address(2));
    }
    let told = format!(
        "(VI_1) somebody put virtual IP {} on ens33, which this router does not serve now: removed",
        addresses[0]
    );
    scene.log(2).wait(&told, LIMIT).unwrap();
    scene.node(1).stop().unwrap();
    scene.await_owner(2);
}

#[test]
fn what_somebody_adds_to_a_backup_is_taken_off() {
    let scene = Scene::started(shared(), [254, 253].map(Settings::fast));
    taken_off(scene, ["192.168.1.254/32", "192.168.1.254/24"]);
}

#[test]
fn what_somebody_adds_to_a_backup_is_taken_off_of_ipv6() {
    let scene = Scene::started_v6(shared(), [254, 253].map(Settings::fast_v6));
    taken_off(scene, ["2001:db8:1::fe/128", "2001:db8:1::fe/64"]);
}

/// As DHCP gives it: no VRRP node left that.
#[test]
fn what_becomes_the_hosts_own_address_stays_and_is_said() {
    let mut scene = Scene::serving(shared(), [254, 253].map(Settings::fast));
    scene.await_state(2, "BACKUP");
    let add = format!("addr add {VIP}/24 dev ens33 valid_lft 600 preferred_lft 600");
    ip(&scene, 2, &add);
    let told = "(VI_1) virtual IP 192.168.1.254/24 has become ens33's own address";
    scene.log(2).wait(told, LIMIT).unwrap();
    scene.node(1).stop().unwrap();
    scene.await_owner(2);
    scene.node(2).stop().unwrap();
    let listed = ip(&scene, 2, "-4 addr show dev ens33");
    assert!(listed.contains("192.168.1.254/24"), "{listed}");
    assert!(!listed.contains("192.168.1.254/32"), "{listed}");
}

#[test]
fn a_renamed_interface_is_followed_until_another_has_its_name() {
    let configs = [254, 253].map(|priority| Settings::fast(priority).every(100));
    let mut scene = Scene::serving(shared(), configs);
    // Older kernels rename only what is down.
    for change in ["ens33 down", "ens33 name old10", "old10 up"] {
        ip(&scene, 1, &format!("link set {change}"));
    }
    scene.await_state(1, "MASTER");
    let told = "interface ens33 is called old10 now";
    scene.log(1).wait(told, LIMIT).unwrap();
    eventually("it serves under the new name", || {
        ip(&scene, 1, "addr show dev old10").contains("192.168.1.254/32")
    });
    assert_eq!(scene.status(1).text("interface"), "ens33");
    assert_eq!(scene.status(1).text("renamed_to"), "old10");
    let text = scene.node(1).subcommand("status").unwrap();
    assert!(text.contains("ens33 (called old10 now)"), "{text}");
    let log = scene.log(1).tail(usize::MAX);
    assert_eq!(log.matches(told).count(), 1, "{log}");

    ip(&scene, 1, "link add ens33 type veth peer name ens35");
    // It has no link.
    scene.await_state(1, "FAULT");
    let told = "interface ens33 is another one now";
    scene.log(1).wait(told, LIMIT).unwrap();
    scene.await_owner(2);
    assert!(!ip(&scene, 1, "addr show dev old10").contains("192.168.1.254"));
}
