//! Containers: a veth whose other end runs no XDP program. Frames are judged in tc there, and who has to
//! ask gets an answer.

use vrrp_tests::{
    config::Settings,
    frames::{Advert, Arp, Ethernet},
    lab::{Host, VIP},
    node::Node as _,
    run,
    xdp_pass::XdpPass,
};

use crate::{
    elect, neighbours,
    scene::{LIMIT, Scene, await_lines, eventually, shared},
    virtual_mac,
};

/// TPID and TCI of VLAN 10.
const VLAN_10: (u16, u16) = (0x8100, 10);
/// TPID of 802.1Q and no VLAN, but a priority: not a tagged frame to VRRP.
const PRIORITY_TAG: (u16, u16) = (0x8100, 5 << 13);

//= C36, C46, C50: proof
#[test]
fn the_best_router_alive_has_the_address() {
    let scene = Scene::bare(shared(), elect::configs(Settings::fast));
    elect::the_best_router_alive_serves(scene.start());
}

//= C36, C47, C50, C52: proof
#[test]
fn the_best_router_alive_has_the_address_of_ipv6() {
    let scene = Scene::bare_v6(shared(), elect::configs(Settings::fast_v6));
    elect::the_best_router_alive_serves(scene.start());
}

//= C47, C52: proof
#[test]
fn only_the_owner_answers_who_has_the_address() {
    let scene = Scene::bare_v6(shared(), neighbours::quiet_configs());
    neighbours::who_has_is_answered_by_the_owner(scene.start());
}

//= C53: proof
//= C47: refusal
#[test]
fn duplicate_address_detection_is_answered_to_everybody() {
    let scene = Scene::bare_v6(shared(), neighbours::quiet_configs());
    neighbours::detection_is_answered_to_everybody(scene.start());
}

//= C3, C51, C60, C61: proof
//= C60, C61: refusal
#[test]
fn the_virtual_mac_goes_with_the_address() {
    let configs = [254, 253].map(virtual_mac::config);
    virtual_mac::mac_and_address_move_together(Scene::bare(shared(), configs));
}

//= C49, C55: proof
//= C49: refusal
#[test]
fn the_owner_alone_forwards_what_is_sent_to_the_virtual_mac() {
    let configs = virtual_mac::routed_configs();
    virtual_mac::the_owner_alone_forwards(Scene::bare_routed(shared(), configs));
}

#[test]
fn an_ordinary_client_reaches_the_address() {
    let scene = Scene::bare_v6(shared(), [mixed(254), mixed(253)]).start();
    scene.await_state(1, "MASTER");
    let client = &scene.lab.client.netns;
    // The client's kernel has to ask, by ARP and by Neighbour Discovery, before it can send.
    for address in [VIP.to_string(), scene.vip.to_string()] {
        client.ip("neigh flush dev eth0").unwrap();
        eventually(&format!("{address} answers a ping"), || {
            let arguments = ["-c", "1", "-W", "1", address.as_str()];
            run::run(client.command("ping").args(arguments)).is_ok()
        });
    }
    let status = scene.status(1);
    assert!(status.counter("arp_answered") > 0);
    assert!(status.counter("nd_answered") > 0);
}

/// One virtual router with addresses of both families.
fn mixed(priority: u8) -> Settings {
    Settings {
        instance: format!("virtual_ipaddress_excluded {{\n {VIP}\n }}"),
        ..Settings::fast_v6(priority)
    }
}

#[test]
fn log_and_status_say_that_it_is_tc_and_why() {
    let mut scene = Scene::bare(shared(), [Settings::fast(254)]).start();
    scene.await_owner(1);
    let why = "a veth, whose other end gets what XDP sends only if it runs XDP itself";
    await_lines(
        scene.log(1),
        0,
        &[&format!("ens33: tc instead of XDP ({why})")],
    );
    let status = scene.status(1);
    assert_eq!(status.text("xdp_mode"), "tc");
    assert_eq!(status.text("xdp_mode_reason"), why);
    assert_eq!(status.text("vlan_tags"), "visible");
    let shown = scene.node(1).subcommand("status").unwrap();
    assert!(
        shown.contains(&format!("VRRPv3, tc instead of XDP: {why}\n")),
        "{shown}"
    );
}

#[test]
fn a_foreign_xdp_program_is_told_of_and_left_alone() {
    let mut scene = Scene::bare(shared(), [Settings::fast(254)]);
    let _pass = XdpPass::attach(&scene.router(1).netns, "ens33").unwrap();
    scene.node(1).start().unwrap();
    scene.await_owner(1);
    await_lines(scene.log(1), 0, &["ens33 has an XDP program \"xv_pass\""]);
    let netns = &scene.router(1).netns;
    let attached = run::run(netns.command("bpftool").args(["net", "show"])).unwrap();
    assert!(attached.contains("xdp:\nens33"), "{attached}");
}

/// The client says in a frame with this tag that the virtual router's Active is another.
fn send_better_advert(client: &Host, tags: &[(u16, u16)]) {
    let mut advert = Advert {
        priority: 255,
        ..Advert::v3(51, &[VIP.octets()])
    };
    advert.ip.source = client.address.octets();
    advert.ethernet.source = client.mac;
    advert.ethernet.tags = tags.to_vec();
    client.send(&advert.build()).unwrap();
}

/// The client asks for the virtual IP in a frame with this tag.
fn ask(client: &Host, tags: &[(u16, u16)]) {
    let mut question = Arp::who_has(VIP.octets());
    question.ethernet = Ethernet {
        source: client.mac,
        tags: tags.to_vec(),
        ..Ethernet::to([0xff; 6])
    };
    client.send(&question.build()).unwrap();
}

/// Waits until a router has seen one more question of the client than before, so that whatever the
/// client sent earlier has been judged.
#[track_caller]
fn settle(scene: &Scene) {
    let before = scene.status(1).counter("arp_answered");
    ask(&scene.lab.client, &[]);
    eventually("a question is answered", || {
        scene.status(1).counter("arp_answered") > before
    });
}

/// Nothing of VLAN 10 is heard, and what has no VLAN is.
#[track_caller]
fn vlans_are_told_apart(scene: &Scene) {
    let client = &scene.lab.client;
    settle(scene);
    let before = scene.status(1);
    for _ in 0..3 {
        send_better_advert(client, &[VLAN_10]);
        ask(client, &[VLAN_10]);
    }
    settle(scene);
    let status = scene.status(1);
    assert_eq!(status.text("state"), "MASTER");
    assert_eq!(
        status.counter("advert_accepted"),
        before.counter("advert_accepted")
    );
    // That of `settle` alone.
    assert_eq!(
        status.counter("arp_answered"),
        before.counter("arp_answered") + 1
    );
    send_better_advert(client, &[PRIORITY_TAG]);
    scene.await_state(1, "BACKUP");
}

/// The switch takes the tag out of the frame, and the veth hands it over beside it.
#[test]
fn an_advert_of_a_vlan_is_not_ours_even_if_its_tag_was_taken_off() {
    let scene = Scene::bare(shared(), [Settings::fast(254)]).start();
    scene.await_owner(1);
    vlans_are_told_apart(&scene);
}

#[test]
fn xdp_says_that_tags_are_hidden_and_what_shows_them() {
    let mut scene = Scene::serving(shared(), [Settings::fast(254)]);
    if !scene.status(1).text("xdp_mode").starts_with("native") {
        eprintln!("skipped: about XDP in the driver, and every port is bare");
        return;
    }
    assert_eq!(scene.status(1).text("vlan_tags"), "hidden");
    let port = scene
        .lab
        .switch
        .netns()
        .ip("-o link show dev to-r1")
        .unwrap();
    let (index, _) = port.split_once(':').unwrap();
    let remedy = format!(
        "where tagged frames may arrive, use `ethtool -K INTERFACE txvlan off` at the other end of the \
         veth (interface {index} of its namespace)"
    );
    scene.log(1).wait(&remedy, LIMIT).unwrap();
    let shown = scene.node(1).subcommand("status").unwrap();
    assert!(shown.contains(", VLAN tags hidden\n"), "{shown}");

    // So it is: what is said of another VLAN deposes.
    send_better_advert(&scene.lab.client, &[VLAN_10]);
    scene.await_state(1, "BACKUP");
    scene.await_owner(1);
    let switch = scene.lab.switch.netns();
    let ethtool = switch
        .command("ethtool")
        .args(["-K", "to-r1", "txvlan", "off"])
        .status();
    match ethtool {
        Ok(status) => assert!(status.success()),
        Err(error) => {
            eprintln!("skipped: whether the remedy helps, without ethtool: {error}");
            return;
        }
    }
    vlans_are_told_apart(&scene);
}
