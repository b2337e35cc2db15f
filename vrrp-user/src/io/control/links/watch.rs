//! Judges what the kernel told: which virtual routers can work, and which lost an address. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    elsewhere::Elsewhere,
    peers::OnLink,
    table::{Address, Table},
};
use crate::{io::engine::Command, proto::FaultReason};

/// Scope of an address that is valid everywhere, and on the link only.
const GLOBAL: u8 = 0;
const LINK: u8 = 253;

/// What is to be told about one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io::control) struct Change {
    /// For the engine, if it has to know.
    pub(in crate::io::control) command: Option<Command>,
    /// For the log.
    pub(in crate::io::control) line: Option<(tracing::Level, String)>,
    /// This interface was created anew, without our programs: only a new start attaches them.
    pub(in crate::io::control) recreated: Option<String>,
}

/// An interface that programs are attached to. It stays the same under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io::control) struct Device {
    /// Name that it had when they were attached.
    pub(in crate::io::control) name: String,
    /// Index.
    pub(in crate::io::control) index: u32,
}

/// A virtual router as far as links matter.
#[derive(Clone, Debug)]
pub(in crate::io::control) struct Router {
    pub(in crate::io::control) name: String,
    /// Interface of its adverts.
    pub(in crate::io::control) interface: Device,
    /// Priority 255: a virtual IP may be the interface's own address.
    pub(in crate::io::control) owner: bool,
    /// Source address of its adverts if the configuration names one, and whether it cannot work
    /// without.
    pub(in crate::io::control) source: Option<(IpAddr, bool)>,
    /// Its unicast peers.
    pub(in crate::io::control) peers: Vec<IpAddr>,
    /// Virtual IPs, with their interface if it is another one.
    pub(in crate::io::control) vips: Vec<(IpAddr, Option<Device>)>,
}

impl Router {
    /// Index of the interface of its adverts.
    fn index(&self) -> u32 {
        self.interface.index
    }

    /// Virtual IPs, and the index of the interface that each is on.
    fn places(&self) -> impl Iterator<Item = (IpAddr, u32)> {
        self.vips.iter().map(|(address, elsewhere)| {
            let device = elsewhere.as_ref().unwrap_or(&self.interface);
            (*address, device.index)
        })
    }
}

/// Every router with what was last said about it.
#[derive(Debug)]
pub(in crate::io::control) struct Watched {
    routers: Vec<Router>,
    verdicts: Vec<Option<Verdict>>,
    /// What keeps each router from working although the kernel tells nothing of it.
    held: Vec<Option<FaultReason>>,
    elsewhere: Elsewhere,
    on_link: OnLink,
    /// Interfaces (by index) that were last reported up.
    up: BTreeMap<u32, bool>,
    /// (router, virtual IP) that are installed.
    installed: BTreeSet<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Usable { primary: IpAddr, mac: [u8; 6] },
    Unusable(FaultReason),
}

impl Watched {
    pub(in crate::io::control) fn new(routers: Vec<Router>) -> Self {
        Self {
            verdicts: vec![None; routers.len()],
            held: vec![None; routers.len()],
            elsewhere: Elsewhere::new(&routers),
            on_link: OnLink::default(),
            routers,
            up: BTreeMap::new(),
            installed: BTreeSet::new(),
        }
    }

    /// Keeps a router from working for a reason that the kernel does not tell, or ends that.
    pub(super) fn hold(&mut self, router: u32, reason: Option<FaultReason>) {
        if let Some(held) = self.held.get_mut(router as usize) {
            *held = reason;
        }
    }

    /// What changed since the last call. Lost addresses come before the verdicts on links, because
    /// an interface that goes takes its addresses with it.
    pub(super) fn judge(&mut self, table: &Table) -> Vec<Change> {
        let mut changes = Vec::new();
        self.judge_addresses(table, &mut changes);
        self.judge_interfaces(table, &mut changes);
        self.elsewhere.judge(table, &mut changes);
        let vips = vips(&self.routers);
        self.on_link
            .judge(&self.routers, table, &vips, &mut changes);
        let routers = self.routers.iter().zip(&self.held);
        for (number, ((router, held), last)) in (0..).zip(routers.zip(&mut self.verdicts)) {
            let verdict = match (verdict(router, table, &vips), *held) {
                (Verdict::Usable { .. }, Some(reason)) => Verdict::Unusable(reason),
                (verdict, _) => verdict,
            };
            if *last != Some(verdict) {
                changes.push(change(number, router, verdict));
                *last = Some(verdict);
            }
        }
        changes
    }

    fn judge_addresses(&mut self, table: &Table, changes: &mut Vec<Change>) {
        let mut installed = BTreeSet::new();
        for (number, router) in (0..).zip(&self.routers) {
            for (vip, (address, index)) in (0..).zip(router.places()) {
                let mut on = table.addresses(index).iter();
                // The kernel takes IPv6 addresses off an interface that is set down, and the
                // router is told of that as a fault. Nothing is put back where nothing is.
                let is_news = table
                    .link(index)
                    .is_some_and(|link| link.up || index != router.index());
                if on.any(|found| found.address == address) {
                    installed.insert((number, vip));
                } else if !is_news {
                    self.installed.remove(&(number, vip));
                }
            }
        }
        for &(router, vip) in self.installed.difference(&installed) {
            changes.push(Change {
                command: Some(Command::AddressLost { router, vip }),
                line: None,
                recreated: None,
            });
        }
        self.installed = installed;
    }

    fn judge_interfaces(&mut self, table: &Table, changes: &mut Vec<Change>) {
        let indices: BTreeSet<u32> = self.routers.iter().map(Router::index).collect();
        for index in indices {
            let Some(link) = table.link(index) else {
                continue;
            };
            let before = self.up.insert(index, link.up);
            if before.is_some_and(|before| before != link.up) {
                let state = if link.up { "up" } else { "down" };
                changes.push(Change {
                    command: None,
                    line: Some((
                        tracing::Level::INFO,
                        format!("Netlink reports {} {state}", link.name),
                    )),
                    recreated: None,
                });
            }
        }
    }
}

/// Virtual IPs by interface, and whether one may go to another node. Those of an owner are the
/// interface's own addresses and stay.
pub(super) type Vips = BTreeMap<(u32, IpAddr), bool>;

fn vips(routers: &[Router]) -> Vips {
    let mut vips = Vips::new();
    for router in routers {
        for (address, index) in router.places() {
            *vips.entry((index, address)).or_default() |= !router.owner;
        }
    }
    vips
}

fn verdict(router: &Router, table: &Table, vips: &Vips) -> Verdict {
    let Some(link) = table.link(router.index()) else {
        let recreated = table.index_of(&router.interface.name).is_some();
        return Verdict::Unusable(if recreated {
            FaultReason::Recreated
        } else {
            FaultReason::Deleted
        });
    };
    if !link.up {
        return Verdict::Unusable(FaultReason::LinkDown);
    }
    let Some(mac) = link.mac else {
        return Verdict::Unusable(FaultReason::NoMac);
    };
    if let Some((source, needed)) = router.source {
        if needed && !is_here(source, router, table) {
            return Verdict::Unusable(FaultReason::NoSource);
        }
        return Verdict::Usable {
            primary: source,
            mac,
        };
    }
    match primary(router, table.addresses(router.index()), vips) {
        Some(primary) => Verdict::Usable { primary, mac },
        //= C4: RFC 9568 section 7.2
        None => Verdict::Unusable(FaultReason::NoAddress),
    }
}

/// Whether the machine has an address. A link-local one of another interface is another one.
fn is_here(address: IpAddr, router: &Router, table: &Table) -> bool {
    match address {
        IpAddr::V6(local) if local.is_unicast_link_local() => {
            let mut on = table.addresses(router.index()).iter();
            on.any(|found| found.address == address && !found.unusable)
        }
        _ => table.has_address(address),
    }
}

/// Source address of the adverts (RFC 9568 section 7.2): IPv4, the first that is not a virtual IP of
/// any router, a global one if there is one, as keepalived chooses; IPv6, link-local. With an owner
/// on the interface there may be no address that is not virtual.
fn primary(router: &Router, addresses: &[Address], vips: &Vips) -> Option<IpAddr> {
    let ipv4 = router
        .vips
        .first()
        .is_none_or(|(address, _)| address.is_ipv4());
    let vip = |found: &Address| vips.get(&(router.index(), found.address));
    let own = |found: &Address| router.vips.iter().any(|(vip, _)| *vip == found.address);
    //= C4: RFC 9568 section 7.2
    let candidates = addresses
        .iter()
        .filter(|found| found.address.is_ipv4() == ipv4 && (ipv4 || found.scope == LINK));
    //= C65: RFC 4862 section 5.4
    // What a Backup answers the detection of, the owner installs without as soon as it is Active.
    let is_usable = |found: &Address| !found.unusable || router.owner && own(found);
    let rank = |found: &&Address| {
        let foreign_scope = ipv4 && found.scope != GLOBAL;
        (
            found.unusable,
            own(found) || vip(found).is_some(),
            foreign_scope,
            found.deprecated,
            found.secondary,
        )
    };
    candidates
        .filter(|found| is_usable(found))
        .filter(|found| {
            if own(found) {
                router.owner
            } else {
                vip(found) != Some(&true)
            }
        })
        // The first of equals, so the kernel's order decides.
        .min_by_key(rank)
        .map(|found| found.address)
}

fn change(number: u32, router: &Router, verdict: Verdict) -> Change {
    match verdict {
        Verdict::Usable { primary, mac } => Change {
            command: Some(Command::LinkUp {
                router: number,
                primary,
                mac,
            }),
            line: Some((
                tracing::Level::DEBUG,
                format!(
                    "({}) {} is usable, source address {primary}",
                    router.name, router.interface.name
                ),
            )),
            recreated: None,
        },
        Verdict::Unusable(reason) => Change {
            command: Some(Command::Fault {
                router: number,
                reason,
            }),
            line: None,
            recreated: (reason == FaultReason::Recreated).then(|| router.interface.name.clone()),
        },
    }
}

#[cfg(test)]
#[path = "watch_tests/mod.rs"]
mod tests;
