//! The leaves of RFC 8347 (C72), and which counter of ours each of its counters is.

use std::{net::IpAddr, time::Duration};

use serde_json::{Value, json};

use super::*;
use crate::{
    io::{control::tests::instance as instance_of, engine::Stats},
    proto::{History, Instant, Intervals},
};

const SINCE: &str = "2026-11-22T17:32:17.102344Z";
const UP: &str = "2026-11-22T17:32:18.711947Z";

fn snapshot() -> RouterSnapshot {
    RouterSnapshot {
        state: State::Active,
        intervals: Intervals::new(Version::V3, 100, Duration::from_millis(10)),
        stats: Stats {
            adverts_sent: 1000,
            priority_zero_sent: 3,
            became_active: 2,
            worst_lag_ns: 0,
        },
        history: History {
            last_event: LastEvent::LowerPriorityMaster,
            new_master_reason: NewMasterReason::Preempted,
            up_since: Some(Instant(5)),
            last_source: Some(IpAddr::from([192, 168, 1, 2])),
        },
        ..RouterSnapshot::default()
    }
}

//= C72: proof
#[test]
fn c72_an_instance_has_every_leaf_of_the_module_in_its_units() {
    let counts = Counts::from_iter([
        (Counter::AdvertAccepted, 50),
        (Counter::AdvertPriorityZero, 4),
        (Counter::IntervalDiffers, 5),
        (Counter::BadInterval, 60),
        (Counter::BadType, 7),
        (Counter::AddressListDiffers, 8),
        (Counter::BadAddressList, 90),
        (Counter::BadLength, 11),
    ]);
    let mut instance = instance_of("VI_1");
    instance.settings.vrid = 51;
    instance.settings.version = Version::V3;
    let shown = super::instance(&instance, &snapshot(), &counts, Some(UP.to_owned()), SINCE);
    assert_eq!(
        serde_json::to_value(&shown).unwrap(),
        json!({
            "vrid": 51,
            "version": "vrrp-v3",
            "state": "master",
            "is-owner": false,
            "last-adv-source": "192.168.1.2",
            "up-datetime": UP,
            "master-down-interval": 3,
            "skew-time": 6093,
            "last-event": "vrrp-event-lower-priority-master",
            "new-master-reason": "preempted",
            "statistics": {
                "discontinuity-datetime": SINCE,
                "master-transitions": 2,
                "advertisement-rcvd": 50,
                "advertisement-sent": 1000,
                "interval-errors": 65,
                "priority-zero-pkts-rcvd": 4,
                "priority-zero-pkts-sent": 3,
                "invalid-type-pkts-rcvd": 7,
                "address-list-errors": 98,
                "packet-length-errors": 11,
            },
        })
    );
}

#[test]
fn c72_what_is_not_known_is_left_out() {
    let mut instance = instance_of("VI_1");
    instance.settings = instance.settings.with_priority(255);
    let nothing = (RouterSnapshot::default(), Counts::default());
    let shown = super::instance(&instance, &nothing.0, &nothing.1, None, SINCE);
    let value = serde_json::to_value(&shown).unwrap();
    assert_eq!(
        (&value["state"], &value["is-owner"]),
        (&json!("initialize"), &json!(true))
    );
    assert_eq!(value["last-event"], "vrrp-event-none");
    assert_eq!(value["new-master-reason"], "not-master");
    let leaves = value.as_object().unwrap();
    assert!(!leaves.contains_key("last-adv-source"), "{value}");
    assert!(!leaves.contains_key("up-datetime"), "{value}");
    let read: VrrpInstance = serde_json::from_value(value).unwrap();
    assert_eq!(read, shown);
}

#[test]
fn c72_the_node_adds_its_routers_up() {
    let mut instances = ["VI_1", "VI_2", "VI_3"].map(instance_of);
    instances[2].interface = "ens34".to_owned();
    let routers = [1, 10, 100].map(|count| {
        Counts::from_iter([
            (Counter::BadChecksum, count),
            (Counter::BadVersion, 2 * count),
            (Counter::BadTtl, 3 * count),
            // Of a router it would mean nothing.
            (Counter::UnknownVrid, count),
        ])
    });
    let others = Counts::from_iter([(Counter::UnknownVrid, 7)]);
    let shown = node(&instances.each_ref(), &routers, &others, SINCE);
    assert_eq!(
        serde_json::to_value(shown).unwrap(),
        json!({
            "virtual-routers": 3,
            "interfaces": 2,
            "statistics": {
                "discontinuity-datetime": SINCE,
                "checksum-errors": 111,
                "version-errors": 222,
                "vrid-errors": 7,
                "ip-ttl-errors": 333,
            },
        })
    );
}

/// Names of the numbers above 0 in a `statistics`.
fn moved(statistics: &Value) -> Vec<&str> {
    let statistics = statistics.as_object().unwrap().iter();
    statistics
        .filter(|(_, value)| value.as_u64().is_some_and(|count| count > 0))
        .map(|(name, _)| name.as_str())
        .collect()
}

//= C72: refusal
#[test]
fn c72_every_reason_to_refuse_moves_the_counter_that_the_module_has_for_it_or_none() {
    for (counter, _) in Counter::ALL {
        let counts = Counts::from_iter([(counter, 1)]);
        let silent = RouterSnapshot::default();
        let router = instance(&instance_of("VI_1"), &silent, &counts, None, SINCE);
        let of_node = node(&[], &[counts], &Counts::default(), SINCE);
        let router = serde_json::to_value(router.statistics).unwrap();
        let node = serde_json::to_value(of_node.statistics).unwrap();
        let expected: (&[&str], &[&str]) = match counter {
            Counter::AdvertAccepted => (&["advertisement-rcvd"], &[]),
            Counter::AdvertPriorityZero => (&["priority-zero-pkts-rcvd"], &[]),
            Counter::AddressListDiffers | Counter::BadAddressList => {
                (&["address-list-errors"], &[])
            }
            Counter::IntervalDiffers | Counter::BadInterval => (&["interval-errors"], &[]),
            Counter::BadLength => (&["packet-length-errors"], &[]),
            Counter::BadType => (&["invalid-type-pkts-rcvd"], &[]),
            Counter::BadTtl => (&[], &["ip-ttl-errors"]),
            Counter::BadVersion => (&[], &["version-errors"]),
            Counter::BadChecksum => (&[], &["checksum-errors"]),
            // Ours alone.
            _ => (&[], &[]),
        };
        let moved = (&moved(&router)[..], &moved(&node)[..]);
        assert_eq!(moved, expected, "{counter:?}");
    }
}

#[test]
fn c72_our_states_are_the_modules_three() {
    for (ours, shown) in [
        (State::Initialize, "initialize"),
        (State::Fault, "initialize"),
        (State::Backup, "backup"),
        (State::Rising, "backup"),
        (State::Active, "master"),
        (State::Retiring, "master"),
    ] {
        assert_eq!(state(ours), shown);
    }
}
