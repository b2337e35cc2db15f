//! `docs/status.md` describes what there is, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::{
    io::control::tests::{instance, transition},
    proto::History,
};

const PAGE: &str = include_str!("../../../../docs/status.md");

/// A status in which nothing is left out.
fn status() -> Status {
    let mut record = Record::default();
    record.remember(transition(State::Backup, State::Active, Cause::ActiveDown));
    record.promoted(Timeline::default());
    record.take_snapshot(RouterSnapshot {
        history: History {
            up_since: Some(Instant(1)),
            last_source: Some(IpAddr::from([192, 168, 1, 1])),
            ..History::default()
        },
        ..RouterSnapshot::default()
    });
    let (instance, counts) = (instance("VI_1"), Counts::default());
    Status {
        version: String::new(),
        instance: String::new(),
        pid: 0,
        now_ns: 0,
        events_lost: 0,
        counters: counts.of_no_router(),
        routers: vec![record.status(&instance, &counts, None, "")],
        ietf_vrrp: Vrrp::new(&[instance], &[counts], &counts, ""),
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
