//! One file for keepalived and for us: what it says to both is the same, or they are two masters.

use std::fmt::Write as _;

use vrrp_tests::{node::Node as _, run};

use crate::{
    beside,
    scene::{Scene, eventually, shared},
};

/// Passwords whose reading is no matter of course, and one that is.
const PASSWORDS: [&str; 9] = [
    "auth_pass 1111",
    "auth_pass \"$PW\"",
    "auth_pass \"${PW}\"",
    "auth_pass $PW",
    "auth_pass \"\"",
    "auth_pass \"!p%Q!long4PaSs\"",
    "auth_pass long!pass",
    "auth_pass a\\b'c",
    "auth_pass £6nj7^5",
];

/// A virtual router for each password, one with its authentication in two blocks, and one whose numbers
/// have a plus.
fn file(priority: u8) -> String {
    let mut text = "$PW=topsecre\n".to_owned();
    let mut instance = |number: usize, body: &str| {
        writeln!(
            text,
            "vrrp_instance VI_{number} {{\n state BACKUP\n interface ens33\n virtual_router_id {number}\n \
             priority {priority}\n virtual_ipaddress {{\n  10.7.7.{number}/24 dev ens33\n }}\n{body}\n}}"
        )
        .unwrap();
    };
    for (number, password) in (1..).zip(PASSWORDS) {
        instance(
            number,
            &format!("authentication {{\n auth_type PASS\n {password}\n}}"),
        );
    }
    let twice =
        "authentication {\n auth_type PASS\n auth_pass abc\n}\nauthentication {\n auth_pass def\n}";
    instance(100, twice);
    instance(101, &format!("priority +{priority}\nadvert_int +1"));
    text
}

#[test]
fn a_file_says_the_same_to_keepalived() {
    let mut scene = Scene::new(shared(), [file(100)]);
    let Some(mut keepalived) = beside::of_file(scene.router(2), &file(200)) else {
        return;
    };
    keepalived.start().unwrap();
    let all = PASSWORDS.len() + 2;
    eventually("keepalived is master everywhere", || {
        let log = keepalived.process().unwrap().log().tail(usize::MAX);
        log.matches("Entering MASTER STATE").count() >= all
    });
    scene.node(1).start().unwrap();
    scene.await_state(1, "BACKUP");
    eventually("adverts of each are taken", || {
        let routers = scene.statuses(1);
        routers
            .iter()
            .all(|router| router.counter("advert_accepted") > 1)
    });
    let routers = scene.statuses(1);
    assert_eq!(routers.len(), all);
    for router in routers {
        for refused in [
            "bad_password",
            "bad_auth_type",
            "bad_interval",
            "bad_address_list",
        ] {
            assert_eq!(
                router.counter(refused),
                0,
                "{} {refused}",
                router.text("name")
            );
        }
        assert_eq!(router.number("became_master"), 0, "{}", router.text("name"));
    }
}

#[test]
fn an_address_without_a_route_to_its_network() {
    let config = "vrrp_instance VI_1 {\n state BACKUP\n interface ens33\n virtual_router_id 51\n priority 100\n \
                  virtual_ipaddress {\n  10.7.7.7/24\n  10.8.8.8/24 noprefixroute\n }\n}\n";
    let scene = Scene::started(shared(), [config]);
    scene.await_state(1, "MASTER");
    let netns = &scene.router(1).netns;
    eventually("both addresses are there", || {
        let addresses = netns.ip("addr show dev ens33").unwrap();
        addresses.contains("10.7.7.7/24") && addresses.contains("10.8.8.8/24")
    });
    let routes = run::run(netns.command("ip").args(["route", "show", "dev", "ens33"])).unwrap();
    assert!(routes.contains("10.7.7.0/24"), "{routes}");
    assert!(!routes.contains("10.8.8.0/24"), "{routes}");
}
