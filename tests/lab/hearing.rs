//! Routers that share a VRID but not the configuration: refused for a reason that is counted, or
//! taken in and told.

use std::fs;

use vrrp_tests::{
    config::Settings,
    frames::Advert,
    lab::{Host, VIP},
    node::Node as _,
};

use crate::scene::{LIMIT, Scene, await_lines, eventually, shared};

/// An instance with a VRID of its own and an address `192.168.1.VRID`.
fn instance(vrid: u8, priority: u8, lines: &str) -> String {
    let address = if lines.contains("virtual_ipaddress") {
        String::new()
    } else {
        format!("virtual_ipaddress {{\n 192.168.1.{vrid}\n }}")
    };
    format!(
        "vrrp_instance VI_{vrid} {{\n state BACKUP\n interface ens33\n virtual_router_id {vrid}\n \
         priority {priority}\n {lines}\n {address}\n}}\n"
    )
}

/// VRID, what it says on the one and on the other router, and how both count it.
const REFUSED: [(u8, &str, &str, &str); 6] = [
    (
        201,
        "authentication {\n auth_type PASS\n auth_pass 1111\n }",
        "authentication {\n auth_type PASS\n auth_pass 2222\n }",
        "bad_password",
    ),
    (
        202,
        "authentication {\n auth_type PASS\n auth_pass 1111\n }",
        "",
        "bad_auth_type",
    ),
    (203, "advert_int 1", "advert_int 2", "bad_interval"),
    (204, "version 2", "version 3", "bad_version"),
    (
        205,
        "virtual_ipaddress {\n 192.168.1.205\n }",
        "virtual_ipaddress {\n 192.168.1.206\n }",
        "bad_address_list",
    ),
    (
        207,
        "virtual_ipaddress {\n 192.168.1.207\n }",
        "virtual_ipaddress {\n 192.168.1.207\n 192.168.1.208\n }",
        "bad_address_list",
    ),
];
/// Version 3 accepts another list and another interval.
const ACCEPTED: (u8, &str, &str) = (
    210,
    "version 3\n advert_int 0.5\n virtual_ipaddress {\n 192.168.1.210\n }",
    "version 3\n advert_int 1\n virtual_ipaddress {\n 192.168.1.211\n }",
);

fn config(priority: u8, line: fn(&(u8, &'static str, &'static str)) -> &'static str) -> String {
    let refused = REFUSED
        .iter()
        .map(|(vrid, one, other, _)| (*vrid, *one, *other));
    refused
        .chain([ACCEPTED])
        .map(|all| instance(all.0, priority, line(&all)))
        .collect()
}

//= C19, C20, C27, C67: proof
//= C11, C19, C20, C21, C24: refusal
#[test]
fn a_differing_router_is_refused_by_reason() {
    let configs = [config(100, |all| all.1), config(99, |all| all.2)];
    let mut scene = Scene::started(shared(), configs);
    let accepted = REFUSED.len();
    for number in [1, 2] {
        scene.await_state(number, "MASTER");
    }
    for number in [1, 2] {
        for (index, (vrid, _, _, counter)) in REFUSED.iter().enumerate() {
            // Each hears nobody, and both send.
            eventually(&format!("r{number} refuses VRID {vrid}"), || {
                let all = scene.statuses(number);
                let status = &all[index];
                status.counter(counter) > 0 && status.text("state") == "MASTER"
            });
            let status = &scene.statuses(number)[index];
            assert_eq!(status.counter("advert_accepted"), 0, "VRID {vrid}");
            let others = REFUSED.iter().map(|(.., other)| other);
            for other in others.filter(|other| *other != counter) {
                assert_eq!(status.counter(other), 0, "VRID {vrid}: {other}");
            }
        }
    }
    eventually("VRID 210 has one Active", || {
        scene.statuses(1)[accepted].text("state") == "MASTER"
            && scene.statuses(2)[accepted].text("state") == "BACKUP"
            && scene.statuses(2)[accepted].counter("address_list_differs") > 0
    });
    await_lines(
        scene.log(2),
        0,
        &["(VI_210) received advert from 192.168.1.1 with other virtual IPs than ours"],
    );
    await_lines(
        scene.log(2),
        0,
        &["(VI_210) advertisement interval of 192.168.1.1 is 500ms, ours 1000ms"],
    );
    // The Active's interval counts.
    let follower = &scene.statuses(2)[accepted];
    assert_eq!(follower.number("advert_interval_us"), 500_000);
}

/// The better router comes back with a new list; the other one still has the old list, and knows it.
//= C20: proof
#[test]
fn a_known_master_is_heard_whatever_its_list() {
    let list = |priority, more: &str| {
        let vips = format!("version 2\n virtual_ipaddress {{\n 192.168.1.201\n {more}\n }}");
        instance(201, priority, &vips)
    };
    let mut scene = Scene::started(shared(), [list(150, ""), list(100, "")]);
    scene.await_state(1, "MASTER");
    scene.await_state(2, "BACKUP");
    eventually("r2 has heard r1", || {
        scene.status(2).counter("advert_accepted") > 0
    });
    scene.node(1).stop().unwrap();
    scene.await_state(2, "MASTER");
    fs::write(scene.node(1).config(), list(150, "192.168.1.202")).unwrap();
    scene.node(1).start().unwrap();
    scene.await_state(1, "MASTER");
    scene.await_state(2, "BACKUP");
    let line = "(VI_201) received advert from 192.168.1.1 with other virtual IPs than ours";
    await_lines(scene.log(2), 0, &[line]);
    let status = scene.status(2);
    assert!(status.counter("address_list_differs") > 0);
    assert_eq!(status.counter("bad_address_list"), 0);
    assert_eq!(status.last_cause(), "better_advert");
}

/// A password in the configuration is told of, and neither sent nor asked for.
//= C79: proof
//= C79: refusal
#[test]
fn version_3_has_no_password() {
    let with =
        Settings::fast(253).with_lines("authentication {\n auth_type PASS\n auth_pass 1111\n }");
    for (number, configs) in [
        (2, [Settings::fast(254), with.clone()]),
        (1, [with, Settings::fast(252)]),
    ] {
        let mut scene = Scene::serving(shared(), configs);
        scene.await_state(2, "BACKUP");
        let says = "version 3 has no authentication, ignored";
        await_lines(scene.log(number), 0, &[says]);
        eventually("adverts are heard", || {
            scene.status(2).counter("advert_accepted") > 0
        });
        for refused in ["bad_auth_type", "bad_password", "bad_length"] {
            assert_eq!(scene.status(2).counter(refused), 0, "{refused}");
        }
        // The owner's departure and return: each hears the other.
        scene.node(1).stop().unwrap();
        scene.await_owner(2);
        scene.node(1).start().unwrap();
        scene.await_owner(1);
        scene.await_state(2, "BACKUP");
    }
}

//= C15: refusal
#[test]
fn other_virtual_routers_on_the_link_do_not_concern_us() {
    let config = |vrid: u8, address: &str| {
        instance(
            vrid,
            100,
            &format!("version 3\n advert_int 0.1\n virtual_ipaddress {{\n {address}\n }}"),
        )
    };
    let configs = [config(1, &VIP.to_string()), config(2, "192.168.1.253")];
    let scene = Scene::serving(shared(), configs);
    scene.await_state(2, "MASTER");
    for number in [1, 2] {
        let status = scene.status(number);
        assert_eq!(status.counter("advert_accepted"), 0);
        assert_eq!(status.transitions(), ["INIT>BACKUP", "BACKUP>MASTER"]);
    }
}

/// The client says that it owns the addresses, every 30 s.
fn claim(client: &Host, version: u8) {
    let vips = [VIP.octets()];
    let mut advert = if version == 2 {
        Advert {
            timing: [0, 30],
            ..Advert::v2(51, &vips)
        }
    } else {
        Advert {
            timing: [0x0b, 0xb8],
            ..Advert::v3(51, &vips)
        }
    };
    advert.priority = 255;
    client.advertise(advert).unwrap();
}

/// In version 3 the higher address wins, in version 2 each goes on.
//= C18: proof
//= C18: refusal
#[test]
fn another_owner_is_told_and_heeded_in_version_3_alone() {
    for (version, state) in [(2, "MASTER"), (3, "BACKUP")] {
        let owner = Settings {
            version,
            ..Settings::fast(255).every(30_000)
        };
        let mut scene = Scene::started(shared(), [owner]);
        scene.await_state(1, "MASTER");
        claim(&scene.lab.client, version);
        let told = "192.168.1.100 claims priority 255 (address owner), and so do we";
        scene.log(1).wait(told, LIMIT).unwrap();
        let status = scene.status(1);
        assert_eq!(status.text("state"), state);
        assert_eq!(status.warnings(), ["two_owners"]);
        // One more from a router that gives way.
        let sent = if state == "BACKUP" { 2 } else { 1 };
        assert_eq!(status.number("adverts_sent"), sent);
    }
}

/// Two clusters that got the same VRIDs from the same tutorial.
//= C67: proof
#[test]
fn another_cluster_with_our_vrid_is_named() {
    let cluster = |priority, ends: [u8; 2]| {
        let address = |end| format!("virtual_ipaddress {{\n 192.168.1.{end}\n }}");
        let [second, third] = ends.map(address);
        [
            instance(201, priority, &format!("version 2\n {second}")),
            instance(202, priority, &format!("version 3\n {third}")),
        ]
        .concat()
    };
    let configs = [cluster(100, [10, 11]), cluster(150, [20, 21])];
    let mut scene = Scene::started(shared(), configs);
    let mac = scene
        .router(2)
        .mac
        .map(|byte| format!("{byte:02x}"))
        .join(":");
    // Version 2 refuses its adverts, and serves.
    let line = format!(
        "(bad_address_list), the last from 192.168.1.2 ({mac}): its virtual IPs are not ours"
    );
    let lists = "(its are 192.168.1.20, ours 192.168.1.10; does another cluster use VRID 201?)";
    await_lines(scene.log(1), 0, &[&line]);
    assert!(scene.log(1).tail(usize::MAX).contains(lists));
    // Version 3 yields to it, and nobody serves.
    let line = format!(
        "ERROR (VI_202) nobody serves 192.168.1.11: the Master, 192.168.1.2 ({mac}), has other \
         virtual IPs (192.168.1.21)."
    );
    await_lines(scene.log(1), 0, &[&line]);
    eventually("the status says so", || {
        let status = &scene.statuses(1)[1];
        status.field("unserved") == &serde_json::json!(["192.168.1.11"])
    });
    let status = &scene.statuses(1)[1];
    assert_eq!(status.text("state"), "BACKUP");
    let served = &scene.statuses(2)[1];
    assert_eq!(served.field("unserved"), &serde_json::json!([]));
    // The other cluster goes, and ours serves.
    scene.node(2).stop().unwrap();
    await_lines(
        scene.log(1),
        0,
        &["(VI_202) the virtual IPs are not unserved any more"],
    );
    assert_eq!(scene.statuses(1)[1].text("state"), "MASTER");
}
