//! Lines of a configuration, and the parts that they make.

mod adverts;
mod changes;
mod macs;
mod settings;
mod unicast;

use std::collections::BTreeMap;

use vrrp_ebpf::abi::RouterEntry;

use super::*;
use crate::{config, plan::Desired};

const MAC: Mac = [2, 0, 0, 0, 0, 1];
const OTHER: Mac = [2, 0, 0, 0, 0, 2];
const OURS: [u8; 4] = [192, 168, 1, 1];
/// The Virtual Router MAC.
const VIRTUAL: Mac = [0, 0, 0x5e, 0, 1, 51];

/// An instance with these lines.
fn plan(body: &str) -> Blueprint {
    plan_of("192.168.1.254\n  192.168.1.253", body)
}

/// The same with these virtual IPs.
fn plan_of(vips: &str, body: &str) -> Blueprint {
    Blueprint::new(RouterId::first(0), desired(vips, body))
}

/// On ens33 (2), and what has `dev` on ens34 (4) or ens35 (5).
fn desired(vips: &str, body: &str) -> DesiredRouter {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface ens33\n virtual_router_id 51\n virtual_ipaddress {{\n  \
         {vips}\n }}\n{body}\n}}\n"
    );
    let parsed = config::parse("k.conf", text.as_bytes());
    let config = parsed
        .config
        .unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics));
    let interfaces = [("ens33", 2), ("ens34", 4), ("ens35", 5)];
    let interfaces: BTreeMap<String, InterfaceId> = interfaces
        .into_iter()
        .map(|(name, index)| (name.to_owned(), InterfaceId(index)))
        .collect();
    let desired = Desired::new(&config, &interfaces, &Desired::default()).unwrap();
    desired.routers().next().unwrap().1.clone()
}

/// Its parts where adverts come from this address.
fn parts_of(mut plan: Blueprint, source: IpAddr) -> Parts {
    plan.set_interface(source, MAC);
    plan.news().unwrap().unwrap()
}

fn parts(body: &str) -> Parts {
    parts_of(plan(body), OURS.into())
}

fn entry(body: &str) -> RouterEntry {
    parts(body).entries.router.1
}

/// Its adverts, as they leave.
fn adverts(body: &str) -> Vec<Vec<u8>> {
    adverts_of(plan(body), OURS.into())
}

fn adverts_of(plan: Blueprint, source: IpAddr) -> Vec<Vec<u8>> {
    let frames = parts_of(plan, source).frames;
    let all = frames.adverts(100).chain(frames.adverts(0));
    all.map(<[u8]>::to_vec).collect()
}

/// What the programs know of its virtual IPs, in configured order.
fn vips(plan: &Blueprint, parts: &Parts) -> Vec<VipEntry> {
    let configured = plan.router.vips.iter();
    let found = configured.map(|placed| {
        let mut entries = parts.entries.vips.iter();
        entries
            .find(|(_, entry)| entry.vip == placed.id.state())
            .unwrap()
            .1
    });
    found.collect()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}
