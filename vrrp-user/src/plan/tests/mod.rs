//! What is said of [`Desired`] and [`diff`], by example and of whatever comes.

mod ids;
mod needs;
mod order;
mod progress;
mod property;
mod words;
mod world;

use std::collections::BTreeMap;

use super::*;
use crate::{
    config::{self, Config},
    ids::{InterfaceId, RouterId, VipId},
};

/// The interfaces that examples are about.
const ETH: [(&str, u32); 3] = [("eth0", 2), ("eth1", 3), ("eth2", 4)];

fn interfaces(all: &[(&str, u32)]) -> BTreeMap<String, InterfaceId> {
    let all = all.iter();
    all.map(|(name, index)| ((*name).to_owned(), InterfaceId(*index)))
        .collect()
}

fn parse(text: &str) -> Config {
    let parsed = config::parse("k.conf", text.as_bytes());
    let shown = format!("{:#?}\n{text}", parsed.diagnostics);
    parsed.config.unwrap_or_else(|| panic!("{shown}"))
}

/// A file with these instances: a name, lines, and its virtual IPs as one line.
fn file(instances: &[(&str, &str, &str)]) -> String {
    let mut text = String::new();
    for (name, body, vips) in instances {
        let vips = vips.replace(", ", "\n ");
        text +=
            &format!("vrrp_instance {name} {{\n {body}\n virtual_ipaddress {{\n {vips}\n }}\n}}\n");
    }
    text
}

/// What a file is for a node that has `before`.
fn desired_from(before: &Desired, text: &str, found: &[(&str, u32)]) -> Desired {
    Desired::new(&parse(text), &interfaces(found), before).unwrap()
}

fn desired(text: &str) -> Desired {
    desired_from(&Desired::default(), text, &ETH)
}

/// One instance on eth0 with this VRID and these lines.
fn one(name: &str, vrid: u8, body: &str) -> String {
    let body = format!("interface eth0\n virtual_router_id {vrid}\n {body}");
    file(&[(name, &body, "10.0.0.1")])
}

/// The id of the router of this name.
fn id(desired: &Desired, name: &str) -> RouterId {
    let mut routers = desired.routers();
    let found = routers.find(|(_, router)| router.instance.name == name);
    found.unwrap_or_else(|| panic!("no {name}")).0
}

/// What people are told of a difference.
fn told(steps: &[Step]) -> Vec<String> {
    summary(steps).iter().map(ToString::to_string).collect()
}
