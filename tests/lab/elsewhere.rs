//! Virtual IPs on another interface than the adverts' (`dev`): what becomes of that interface concerns
//! them alone.

use vrrp_tests::{
    config::Settings,
    lab::{INNER_INTERFACE, INNER_VIP},
    node::Node as _,
};

use crate::scene::{LIMIT, Scene, eventually, shared};

/// A router with a virtual IP on either side, started and serving.
fn scene() -> Scene {
    let config = Settings {
        advert_int_ms: 100,
        more_vips: format!("{INNER_VIP} dev {INNER_INTERFACE}"),
        ..Settings::fast(254)
    };
    let mut scene = Scene::routed(shared(), [config]);
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene
}

#[test]
fn a_router_whose_interface_there_is_made_anew_ends_to_be_started_again() {
    let mut scene = scene();
    let mark = scene.log(1).mark();
    let netns = &scene.router(1).netns;
    netns.ip(&format!("link del {INNER_INTERFACE}")).unwrap();
    scene
        .log(1)
        .wait_after(mark, "interface ens34 deleted", LIMIT)
        .unwrap();
    assert_eq!(scene.status(1).text("state"), "MASTER");
    let netns = &scene.router(1).netns;
    let again = format!("link add {INNER_INTERFACE} type veth peer name inner");
    netns.ip(&again).unwrap();
    let process = scene.node(1).process().unwrap();
    let ended = process.wait(LIMIT).unwrap();
    let log = process.log().tail(usize::MAX);
    assert_eq!(ended.code(), Some(1), "{log}");
    assert!(log.contains("ens34 was created anew"), "{log}");
    // Nobody could have put it back, and nobody tried.
    assert!(!log.contains("putting it back"), "{log}");
    assert!(!log.contains("refused virtual IP"), "{log}");
}

#[test]
fn a_new_name_there_changes_nothing() {
    let mut scene = scene();
    let netns = &scene.router(1).netns;
    // Older kernels rename only what is down.
    for change in ["down", "name lan0", "up"] {
        let subject = if change == "up" {
            "lan0"
        } else {
            INNER_INTERFACE
        };
        netns.ip(&format!("link set {subject} {change}")).unwrap();
    }
    let mark = scene.log(1).mark();
    let netns = &scene.router(1).netns;
    netns
        .ip(&format!("addr del {INNER_VIP}/32 dev lan0"))
        .unwrap();
    let lost = "Netlink reflector reports IP 10.77.0.254 removed from";
    scene.log(1).wait_after(mark, lost, LIMIT).unwrap();
    eventually("the address is put back", || {
        let netns = &scene.router(1).netns;
        let addresses = netns.ip("-4 addr show dev lan0").unwrap();
        addresses.contains("10.77.0.254/32")
    });
    let log = scene.log(1).tail(usize::MAX);
    assert_eq!(log.matches("removed from").count(), 1, "{log}");
}
