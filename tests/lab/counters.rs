//! `xvrrp status --json` in the words of RFC 8347 (C72), and our own counters beside them: each bad
//! advert moves the counters of its reason and no others.

use std::collections::BTreeMap;

use serde_json::Value;
use vrrp_ebpf::abi::Counter;
use vrrp_tests::{
    config::Settings,
    frames::{Advert, Checksum, PEER},
    node::Node as _,
};

use crate::scene::{Scene, eventually, shared};

/// A virtual router of version 3 and one of version 2 with a password, both better than the adverts
/// of [`v3`] and [`v2`].
const CONFIG: &str = "\
vrrp_instance VI_51 {
    state MASTER
    interface ens33
    virtual_router_id 51
    priority 200
    version 3
    advert_int 1
    virtual_ipaddress {
        192.168.1.251
    }
}
vrrp_instance VI_52 {
    state MASTER
    interface ens33
    virtual_router_id 52
    priority 200
    version 2
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.168.1.252
    }
}
vrrp_instance VI_54 {
    state MASTER
    interface ens33
    virtual_router_id 54
    priority 200
    version 3
    advert_int 1
    check_unicast_src
    unicast_peer {
        192.168.1.77
    }
    virtual_ipaddress {
        192.168.1.250
    }
}
";

const OTHER: [u8; 4] = [192, 168, 1, 253];

/// An advert, and which counters it moves by one: a VRID, or `node`, and a name.
struct Case {
    advert: Advert,
    moves: &'static [&'static str],
}

fn v3() -> Advert {
    Advert::v3(51, &[[192, 168, 1, 251]])
}

fn v2() -> Advert {
    Advert {
        timing: [1, 1],
        tail: b"1111\0\0\0\0".to_vec(),
        ..Advert::v2(52, &[[192, 168, 1, 252]])
    }
}

fn case(advert: Advert, moves: &'static [&'static str]) -> Case {
    Case { advert, moves }
}

fn accepted() -> Vec<Case> {
    vec![
        case(
            v3(),
            &[
                "51 advert_accepted",
                "51 advertisement-rcvd",
                "51 checksum_pseudo",
            ],
        ),
        case(
            Advert {
                checksum: Checksum::Plain,
                ..v3()
            },
            &[
                "51 advert_accepted",
                "51 advertisement-rcvd",
                "51 checksum_plain",
            ],
        ),
        case(v2(), &["52 advert_accepted", "52 advertisement-rcvd"]),
        case(
            Advert {
                priority: 0,
                ..v2()
            },
            &[
                "52 advert_accepted",
                "52 advert_priority_zero",
                "52 advertisement-rcvd",
                "52 priority-zero-pkts-rcvd",
            ],
        ),
        case(
            Advert {
                timing: [0, 200],
                ..v3()
            },
            &[
                "51 advert_accepted",
                "51 advertisement-rcvd",
                "51 checksum_pseudo",
                "51 interval_differs",
                "51 interval-errors",
            ],
        ),
        case(
            Advert {
                addresses: vec![OTHER],
                ..v3()
            },
            &[
                "51 advert_accepted",
                "51 advertisement-rcvd",
                "51 checksum_pseudo",
                "51 address_list_differs",
                "51 address-list-errors",
            ],
        ),
    ]
}

fn refused() -> Vec<Case> {
    let (mut far, mut own) = (v3(), v3());
    far.ip.ttl = 254;
    own.ip.source = [192, 168, 1, 1];
    let mut stranger = Advert::v3(54, &[[192, 168, 1, 250]]);
    stranger.ip.destination = [192, 168, 1, 1];
    let (mut to_us, mut from_nobody, mut from_virtual) = (v3(), v3(), v3());
    to_us.ip.destination = [192, 168, 1, 1];
    from_nobody.ip.source = [255; 4];
    from_virtual.ip.source = [192, 168, 1, 251];
    vec![
        case(stranger, &["54 bad_source"]),
        case(to_us, &["51 bad_destination"]),
        case(from_nobody, &["51 martian_source"]),
        case(from_virtual, &["51 martian_source"]),
        case(far, &["51 bad_ttl", "node ip-ttl-errors"]),
        case(own, &["51 own_source"]),
        case(
            Advert {
                version_type: 0x41,
                ..v3()
            },
            &["51 bad_version", "node version-errors"],
        ),
        case(
            Advert {
                version_type: 0x32,
                ..v3()
            },
            &["51 bad_type", "51 invalid-type-pkts-rcvd"],
        ),
        case(
            Advert {
                count: Some(2),
                ..v3()
            },
            &["51 bad_length", "51 packet-length-errors"],
        ),
        case(
            Advert {
                checksum: Checksum::Wrong,
                ..v3()
            },
            &["51 bad_checksum", "node checksum-errors"],
        ),
        case(
            Advert {
                addresses: Vec::new(),
                ..v3()
            },
            &["51 bad_count"],
        ),
        case(
            Advert {
                timing: [0, 0],
                ..v3()
            },
            &["51 bad_interval", "51 interval-errors"],
        ),
        case(
            Advert {
                timing: [1, 2],
                ..v2()
            },
            &["52 bad_interval", "52 interval-errors"],
        ),
        case(
            Advert {
                timing: [0, 1],
                ..v2()
            },
            &["52 bad_auth_type"],
        ),
        case(
            Advert {
                tail: b"2222\0\0\0\0".to_vec(),
                ..v2()
            },
            &["52 bad_password"],
        ),
        case(
            Advert {
                addresses: vec![OTHER],
                ..v2()
            },
            &["52 address-list-errors", "52 bad_address_list"],
        ),
        case(Advert { vrid: 53, ..v3() }, &["node vrid-errors"]),
    ]
}

/// Sends an advert from the client, as if it were a router.
fn send(scene: &Scene, advert: &Advert) {
    let client = &scene.lab.client;
    let mut advert = advert.clone();
    advert.ethernet.source = client.mac;
    if advert.ip.source == PEER {
        advert.ip.source = client.address.octets();
    }
    client.send(&advert.build()).unwrap();
}

/// Every counter of router 1 that received packets move.
fn counters(scene: &Scene) -> BTreeMap<String, u64> {
    let status = scene.nodes[0].status().unwrap().unwrap();
    let mut counters = BTreeMap::new();
    let mut take = |whose: &str, group: &Value| {
        for (name, value) in group.as_object().unwrap() {
            if let Some(count) = value.as_u64() {
                counters.insert(format!("{whose} {name}"), count);
            }
        }
    };
    take("node", &status["ietf-vrrp:vrrp"]["statistics"]);
    for router in status["routers"].as_array().unwrap() {
        let vrid = router["vrid"].to_string();
        take(&vrid, &router["counters"]);
        take(&vrid, &router["ietf-vrrp:vrrp-instance"]["statistics"]);
    }
    counters.retain(|name, _| !name.ends_with(" advertisement-sent"));
    counters
}

//= C72: proof
//= C72: refusal
#[test]
fn c72_every_advert_moves_the_counters_of_its_reason_and_no_others() {
    let scene = Scene::started(shared(), [CONFIG]);
    scene.await_state(1, "MASTER");
    eventually("all routers are MASTER", || {
        let all = scene.statuses(1);
        all.iter().all(|one| one.text("state") == "MASTER")
    });
    let cases = Vec::from_iter(accepted().into_iter().chain(refused()));
    for (_, name) in Counter::ALL {
        let moves = |case: &Case| case.moves.iter().any(|one| one.ends_with(name));
        assert!(
            !(name.starts_with("bad_") || *name == *"martian_source") || cases.iter().any(moves),
            "{name}"
        );
    }

    let mut before = counters(&scene);
    for Case { advert, moves } in &cases {
        send(&scene, advert);
        let mut after = BTreeMap::new();
        let mut moved = BTreeMap::new();
        eventually(&format!("counted: {moves:?}"), || {
            after = counters(&scene);
            moved = after.clone();
            moved.retain(|name, count| {
                *count -= before[name];
                *count > 0
            });
            moved.len() >= moves.len()
        });
        let expected = moves.iter().map(|name| ((*name).to_owned(), 1));
        assert_eq!(moved, BTreeMap::from_iter(expected), "{advert:?}");
        before = after;
    }
    for status in scene.statuses(1) {
        assert_eq!(status.transitions().last().unwrap(), "BACKUP>MASTER");
    }
}

//= C72: proof
#[test]
fn c72_a_failover_is_told() {
    let configs = [254, 253].map(|priority| Settings {
        // The better one would wait so briefly that it could miss the advert of the other.
        master: false,
        ..Settings::fast(priority).every(100)
    });
    let mut scene = Scene::new(shared(), configs);
    scene.start_in_turn(1, 2);
    eventually("r2 hears r1", || {
        let status = scene.status(2);
        status.counter("advert_accepted") > 0 && status.ietf("last-adv-source").is_string()
    });

    let (first, second) = (scene.status(1), scene.status(2));
    assert_eq!(first.ietf("state"), "master");
    assert_eq!(first.ietf("is-owner"), false);
    assert_eq!(first.ietf("last-event"), "vrrp-event-master-timeout");
    assert_eq!(first.ietf("new-master-reason"), "no-response");
    assert_eq!(first.ietf("statistics/master-transitions"), 1);
    assert!(first.ietf("statistics/advertisement-sent").as_u64() > Some(0));
    assert_eq!(first.ietf("statistics/advertisement-rcvd"), 0);
    let since = first.ietf("statistics/discontinuity-datetime").as_str();
    assert!(since.is_some() && first.ietf("up-datetime").as_str() >= since);

    assert_eq!(second.ietf("state"), "backup");
    assert_eq!(second.ietf("version"), "vrrp-v3");
    assert_eq!(second.ietf("last-adv-source"), "192.168.1.1");
    assert_eq!(second.ietf("last-event"), "vrrp-event-startup");
    assert_eq!(second.ietf("new-master-reason"), "not-master");
    // 3 x 10 cs and 3/256 of 10 cs.
    assert_eq!(second.ietf("master-down-interval"), 30);
    assert_eq!(second.ietf("skew-time"), 1171);
    assert!(second.ietf("statistics/advertisement-rcvd").as_u64() > Some(0));
    assert_eq!(second.ietf("statistics/advertisement-sent"), 0);

    scene.node(1).stop().unwrap();
    scene.await_owner(2);
    let second = scene.status(2);
    assert_eq!(second.ietf("state"), "master");
    assert_eq!(second.ietf("last-event"), "vrrp-event-master-timeout");
    assert_eq!(second.ietf("new-master-reason"), "priority");
    assert_eq!(second.ietf("statistics/master-transitions"), 1);
    assert!(second.ietf("statistics/priority-zero-pkts-rcvd").as_u64() > Some(0));
    assert!(second.ietf("statistics/advertisement-sent").as_u64() > Some(0));
    assert_eq!(second.ietf("statistics/priority-zero-pkts-sent"), 0);

    scene.node(1).start().unwrap();
    scene.await_owner(1);
    scene.await_state(2, "BACKUP");
    let (first, second) = (scene.status(1), scene.status(2));
    assert_eq!(first.ietf("last-event"), "vrrp-event-lower-priority-master");
    assert_eq!(first.ietf("new-master-reason"), "preempted");
    assert_eq!(
        second.ietf("last-event"),
        "vrrp-event-higher-priority-backup"
    );
    assert_eq!(second.ietf("new-master-reason"), "priority");
}

/// Nobody takes over, so that the node goes on serving for as long as anybody might wait.
#[test]
fn c72_a_planned_stop_counts_its_priority_zero() {
    let config = Settings::fast(254).every(2000);
    let mut scene = Scene::started(shared(), [config]);
    scene.await_state(1, "MASTER");
    let before = scene.status(1);
    assert_eq!(before.ietf("statistics/priority-zero-pkts-sent"), 0);
    scene.node(1).terminate().unwrap();
    scene.await_state(1, "RETIRING");
    let retiring = scene.status(1);
    assert!(retiring.ietf("statistics/priority-zero-pkts-sent").as_u64() > Some(0));
    assert_eq!(retiring.ietf("state"), "master");
    assert_eq!(retiring.ietf("last-event"), "vrrp-event-shutdown");
    // Asked twice it does not wait.
    scene.node(1).stop().unwrap();
}
