//! `docs/status.md` describes what there is, and nothing else.

use std::{collections::BTreeSet, net::IpAddr};

use nix::errno::Errno;
use serde_json::Value;

use super::{words::cause_name, *};
use crate::{
    io::{
        control::tests::{desired, instance, transition},
        engine::{
            message::Successor,
            realtime::{Policy, Scheduling, Thread},
        },
    },
    proto::{Cause, FaultReason, History, Instant},
    status::{Status, ThreadStatus},
};

const PAGE: &str = include_str!("../../../../../docs/status.md");

/// A status in which nothing is left out.
fn status() -> Status {
    let mut record = Record::default();
    record.remember(transition(State::Backup, State::Active, Cause::ActiveDown));
    record.promoted(Timeline::default());
    record.faulted(FaultReason::LinkDown.into());
    record.warned(Warning::SourceElsewhere, true);
    record.lapsed(Lapse {
        began: Instant(1),
        ended: Instant(2),
        successor: Successor::Other(None),
    });
    record.take_snapshot(RouterSnapshot {
        state: State::Fault,
        history: History {
            up_since: Some(Instant(1)),
            last_source: Some(IpAddr::from([192, 168, 1, 1])),
            ..History::default()
        },
        ..RouterSnapshot::default()
    });
    let (router, counts) = (desired(instance("VI_1")), Counts::default());
    Status {
        version: String::new(),
        instance: String::new(),
        pid: 0,
        now_ns: 0,
        events_lost: 0,
        log_lines_lost: 0,
        threads: vec![ThreadStatus::from(&Scheduling {
            thread: Thread::Engine,
            policy: Policy::Fifo(51),
            no_deadline: Some(Errno::EBUSY),
            no_fifo: None,
        })],
        counters: counts.of_no_router(),
        routers: vec![record.status(&router, &counts, None, |_| false, "")],
        ietf_vrrp: ietf_vrrp::node(&[&router.instance], &[counts], &counts, ""),
    }
}

fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                found.insert(name.clone());
                names(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_page_names_everything_and_nothing_else() {
    let mut found = BTreeSet::new();
    names(&serde_json::to_value(status()).unwrap(), &mut found);
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let described: BTreeSet<String> = rows
        .filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect();
    assert_eq!(described, found);
}

/// What keeps a router from working, while it is in FAULT.
#[test]
fn a_fault_says_what_it_is_about() {
    let mut instance = instance("VI_1");
    instance.interface = "ens33".to_owned();
    instance.vips[0].device = Some("ens34".to_owned());
    let vip = instance.vips[0].address;
    let router = desired(instance);
    let mut record = Record::default();
    let told = |record: &Record| {
        record
            .status(&router, &Counts::default(), None, |_| false, "")
            .fault
            .map(|fault| (fault.reason, fault.interface, fault.address))
    };
    let fault = RouterSnapshot {
        state: State::Fault,
        ..RouterSnapshot::default()
    };
    record.faulted(FaultReason::NoAddress.into());
    assert_eq!(told(&record), None, "not yet in FAULT");
    record.take_snapshot(fault);
    let named = |reason: &str, interface: &str, address| {
        Some((reason.to_owned(), Some(interface.to_owned()), address))
    };
    assert_eq!(told(&record), named("no_address", "ens33", None));
    let before = record.faulted(FaultReason::VipInterface { vip: VipId(0) }.into());
    assert_eq!(before.first(), Some(FaultReason::NoAddress));
    assert_eq!(
        told(&record),
        named("vip_interface_down", "ens34", Some(vip))
    );
    record.faulted(Reasons::from_iter([
        FaultReason::NoPeer,
        FaultReason::LinkDown,
    ]));
    let status = record.status(&router, &Counts::default(), None, |_| false, "");
    let reasons = status.faults.iter().map(|fault| fault.reason.as_str());
    assert!(reasons.eq(["link_down", "no_unicast_peer"]));
    assert_eq!(status.fault.as_ref(), status.faults.first());
    record.take_snapshot(RouterSnapshot::default());
    let status = record.status(&router, &Counts::default(), None, |_| false, "");
    assert_eq!((status.fault, status.faults.len()), (None, 0));
}

#[test]
fn the_page_names_every_cause() {
    let row = PAGE.lines().find(|line| line.starts_with("| `cause`"));
    for reason in crate::proto::fault::tests::ALL {
        let name = cause_name(Cause::Fault(reason));
        let rows = PAGE
            .lines()
            .filter(|line| line.starts_with(&format!("| {name} |")));
        assert_eq!(rows.count(), 1, "{name}");
    }
    assert!(row.unwrap().contains("the reason of a FAULT"));
}

#[test]
fn a_master_says_which_of_its_virtual_ips_are_missing() {
    let router = desired(instance("VI_1"));
    let mut record = Record::default();
    let missing = |record: &Record, is_missing| {
        let status = record.status(&router, &Counts::default(), None, move |_| is_missing, "");
        status.missing_vips
    };
    record.refused(VipId(0), libc::EPERM);
    assert_eq!(missing(&record, true), [], "it serves nobody");
    record.take_snapshot(RouterSnapshot {
        state: State::Active,
        ..RouterSnapshot::default()
    });
    assert_eq!(missing(&record, false), []);
    let expected = MissingVip {
        address: "192.168.1.254".parse().unwrap(),
        interface: "lo".to_owned(),
        reason: Some("Operation not permitted (os error 1); xvrrp needs CAP_NET_ADMIN".to_owned()),
    };
    record.accepted(|_| false);
    assert_eq!(missing(&record, true), [expected]);
    record.accepted(|vip| vip == VipId(0));
    let mut lost = missing(&record, true);
    assert_eq!(lost.remove(0).reason, None, "it was taken since");
}

#[test]
fn warnings_last_as_long_as_what_they_are_about() {
    let other = IpAddr::from([192, 168, 1, 2]);
    let own_peer = |host| Warning::OwnPeer {
        peer: IpAddr::from([192, 168, 1, host]),
    };
    let mut record = Record::default();
    let names = |record: &Record| -> Vec<String> {
        let all = record.warnings(&instance("VI_1")).into_iter();
        all.map(|one| one.warning).collect()
    };
    record.warned(Warning::SourceElsewhere, true);
    record.warned(own_peer(1), true);
    record.take_snapshot(RouterSnapshot {
        other_owner: Some(other),
        ..RouterSnapshot::default()
    });
    assert_eq!(
        names(&record),
        ["own_peer", "source_elsewhere", "two_owners"]
    );
    record.warned(own_peer(2), false);
    record.warned(own_peer(1), false);
    record.take_snapshot(RouterSnapshot::default());
    assert_eq!(names(&record), ["source_elsewhere"]);
}
