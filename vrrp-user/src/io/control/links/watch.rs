//! Judges what the kernel told: which virtual routers can work, and which lost an address. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use tokio::time::Instant;
use vrrp_ebpf::wire::encode;

use super::{
    elsewhere::Elsewhere,
    names::Names,
    peers::Peers,
    sources::Sources,
    table::{Address, Table},
};
use crate::{
    io::{control::warnings::Warning, engine::Command},
    proto::{Family, FaultReason, Version},
};

/// Scope of an address that is valid everywhere, and on the link only.
const GLOBAL: u8 = 0;
const LINK: u8 = 253;

/// What is to be told about one change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::io::control) struct Change {
    /// For the engine, if it has to know.
    pub(in crate::io::control) command: Option<Command>,
    /// For the log.
    pub(in crate::io::control) line: Option<(tracing::Level, String)>,
    /// This interface was created anew, without our programs: only a new start attaches them.
    pub(in crate::io::control) recreated: Option<String>,
    /// The router, what is wrong with it though it works, and whether that begins or is over.
    pub(in crate::io::control) warning: Option<(u32, Warning, bool)>,
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
    /// Virtual IPs on another interface without which the router cannot work, by index.
    pub(in crate::io::control) tracked: Vec<(u32, Device)>,
    /// The version whose adverts have the least room, and how many virtual IPs they are to carry.
    pub(in crate::io::control) version: Version,
    pub(in crate::io::control) listed: usize,
    /// How long it goes on from a source address that is gone.
    pub(in crate::io::control) grace: Duration,
}

impl Router {
    /// Index of the interface of its adverts.
    fn index(&self) -> u32 {
        self.interface.index
    }

    fn is_ipv4(&self) -> bool {
        let first = self.vips.first();
        first.is_none_or(|(address, _)| address.is_ipv4())
    }

    /// How many virtual IPs its adverts carry with this MTU.
    fn fitting(&self, mtu: u32) -> usize {
        let family = if self.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        };
        encode::room(self.version, family, mtu).min(self.listed)
    }

    /// What to say of a new MTU that changes how many they carry.
    fn fitted(&self, mtu: Option<u32>, advertised: usize) -> (tracing::Level, String) {
        let (name, interface, listed) = (&self.name, &self.interface.name, self.listed);
        let mtu = mtu.unwrap_or_default();
        if advertised == listed {
            let line = format!(
                "({name}) MTU of {interface} is now {mtu}: adverts carry all {listed} virtual IPs"
            );
            return (tracing::Level::INFO, line);
        }
        let line = format!(
            "({name}) MTU of {interface} is now {mtu}: Number of VIPs ({listed}) exceeds maximum/space available in \
             packet (max {advertised} addresses) - excess moved to eVIPs: served, but not advertised"
        );
        (tracing::Level::WARN, line)
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
    /// How many virtual IPs the adverts of each router were last said to carry.
    advertised: Vec<Option<usize>>,
    /// Until when a router that has lost its source address goes on.
    graces: Vec<Option<Instant>>,
    /// What keeps each router from working although the kernel tells nothing of it.
    held: Vec<Option<FaultReason>>,
    elsewhere: Elsewhere,
    names: Names,
    peers: Peers,
    sources: Sources,
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

impl Verdict {
    /// Whether that is all that is wrong.
    fn lacks_source(self) -> bool {
        let Self::Unusable(reason) = self else {
            return false;
        };
        matches!(reason, FaultReason::NoAddress | FaultReason::NoSource)
    }
}

impl Watched {
    pub(in crate::io::control) fn new(routers: Vec<Router>) -> Self {
        Self {
            verdicts: vec![None; routers.len()],
            advertised: vec![None; routers.len()],
            graces: vec![None; routers.len()],
            held: vec![None; routers.len()],
            elsewhere: Elsewhere::new(&routers),
            names: Names::new(&routers),
            peers: Peers::default(),
            sources: Sources::default(),
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
    pub(super) fn judge(&mut self, table: &mut Table, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        let gone = table.take_gone();
        let table = &*table;
        let vips = vips(&self.routers);
        let mut peers = Vec::new();
        self.peers.judge(&self.routers, table, &vips, &mut peers);
        let verdicts = self.verdicts(table, &vips, now);
        self.judge_addresses(table, &gone, &verdicts, &mut changes);
        self.judge_interfaces(table, &mut changes);
        self.elsewhere.judge(table, &mut changes);
        self.names.judge(table, &mut changes);
        self.judge_room(table, &mut changes);
        changes.append(&mut peers);
        self.sources.judge(&self.routers, table, &mut changes);
        let routers = self.routers.iter().zip(verdicts);
        for (number, ((router, verdict), last)) in (0..).zip(routers.zip(&mut self.verdicts)) {
            if let Some(verdict) = verdict
                && *last != Some(verdict)
            {
                changes.push(change(number, router, verdict));
                *last = Some(verdict);
            }
        }
        changes
    }

    /// When the table is to be judged again although the kernel has told nothing.
    pub(super) fn due(&self) -> Option<Instant> {
        self.graces.iter().flatten().min().copied()
    }

    /// By router; `None` while a router that has lost its source address goes on without.
    fn verdicts(&mut self, table: &Table, vips: &Vips, now: Instant) -> Vec<Option<Verdict>> {
        let known = self.verdicts.iter().zip(&self.held);
        let routers = self.routers.iter().zip(known).zip(&mut self.graces);
        let peers = &self.peers;
        let judged = (0..)
            .zip(routers)
            .map(|(number, ((router, (last, held)), grace))| {
                let no_peer = peers
                    .are_all_ours(number, router)
                    .then_some(FaultReason::NoPeer);
                let verdict = match (verdict(router, table, vips), held.or(no_peer)) {
                    (Verdict::Usable { .. }, Some(reason)) => Verdict::Unusable(reason),
                    (verdict, _) => verdict,
                };
                let worked = matches!(last, Some(Verdict::Usable { .. }));
                if worked && verdict.lacks_source() {
                    let end = *grace.get_or_insert(now + router.grace);
                    if now < end {
                        return None;
                    }
                }
                *grace = None;
                Some(verdict)
            });
        judged.collect()
    }

    /// Nothing is put back on a router that cannot work, and as long as it is not known whether it can.
    fn judge_addresses(
        &mut self,
        table: &Table,
        gone: &BTreeSet<(u32, IpAddr)>,
        verdicts: &[Option<Verdict>],
        changes: &mut Vec<Change>,
    ) {
        for ((number, router), verdict) in (0..).zip(&self.routers).zip(verdicts) {
            for (vip, (address, index)) in (0..).zip(router.places()) {
                let mut on = table.addresses(index).iter();
                if on.any(|found| found.address == address) {
                    self.installed.insert((number, vip));
                    continue;
                }
                // It may have been put back and removed again since the last look.
                if gone.contains(&(index, address)) {
                    self.installed.insert((number, vip));
                }
                let Some(verdict) = verdict else {
                    continue;
                };
                let works = matches!(verdict, Verdict::Usable { .. });
                let is_news = self.installed.remove(&(number, vip));
                // Nor where nothing is any more.
                if is_news && works && table.link(index).is_some() {
                    changes.push(Change {
                        command: Some(Command::AddressLost {
                            router: number,
                            vip,
                        }),
                        ..Change::default()
                    });
                }
            }
        }
    }

    /// Adverts that are longer than the MTU do not leave: those virtual IPs that they have no room for are served, but
    /// not advertised, as at the start. What is in the file is advertised again when there is room.
    fn judge_room(&mut self, table: &Table, changes: &mut Vec<Change>) {
        for ((number, router), known) in (0..).zip(&self.routers).zip(&mut self.advertised) {
            let Some(link) = table.link(router.index()) else {
                continue;
            };
            let advertised = link.mtu.map_or(router.listed, |mtu| router.fitting(mtu));
            // An advert without any is none: a fault.
            if advertised == 0 || *known == Some(advertised) {
                continue;
            }
            let before = known.replace(advertised);
            changes.push(Change {
                command: Some(Command::Fit {
                    router: number,
                    advertised,
                }),
                // What it was at the start was said then.
                line: before.map(|_| router.fitted(link.mtu, advertised)),
                ..Change::default()
            });
        }
    }

    fn judge_interfaces(&mut self, table: &Table, changes: &mut Vec<Change>) {
        let places = self.routers.iter().flat_map(Router::places);
        let own = self.routers.iter().map(Router::index);
        let indices: BTreeSet<u32> = own.chain(places.map(|(_, index)| index)).collect();
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
                    ..Change::default()
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
    let primary = match router.source {
        Some((source, true)) if !is_here(source, router.index(), table) => {
            return Verdict::Unusable(FaultReason::NoSource);
        }
        Some((source, _)) => source,
        None => match primary(router, table.addresses(router.index()), vips) {
            Some(primary) => primary,
            //= C4: RFC 9568 section 7.2
            None => return Verdict::Unusable(FaultReason::NoAddress),
        },
    };
    if let Some(mtu) = link.mtu
        && router.fitting(mtu) == 0
    {
        return Verdict::Unusable(FaultReason::NoRoom { mtu });
    }
    let is_up = |device: &Device| table.link(device.index).is_some_and(|link| link.up);
    let mut tracked = router.tracked.iter();
    match tracked.find(|(_, device)| !is_up(device)) {
        Some((vip, _)) => Verdict::Unusable(FaultReason::VipInterface { vip: *vip }),
        None => Verdict::Usable { primary, mac },
    }
}

/// Whether the machine has an address. A link-local one of another interface is another one.
pub(super) fn is_here(address: IpAddr, interface: u32, table: &Table) -> bool {
    match address {
        IpAddr::V6(local) if local.is_unicast_link_local() => {
            let mut on = table.addresses(interface).iter();
            on.any(|found| found.address == address && !found.unusable)
        }
        _ => table.has_address(address),
    }
}

/// Source address of the adverts (RFC 9568 section 7.2): IPv4, the first that is not a virtual IP of
/// any router, a global one if there is one, as keepalived chooses; IPv6, link-local. With an owner
/// on the interface there may be no address that is not virtual.
fn primary(router: &Router, addresses: &[Address], vips: &Vips) -> Option<IpAddr> {
    let ipv4 = router.is_ipv4();
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
            ..Change::default()
        },
        Verdict::Unusable(reason) => Change {
            command: Some(Command::Fault {
                router: number,
                reason,
            }),
            recreated: (reason == FaultReason::Recreated).then(|| router.interface.name.clone()),
            ..Change::default()
        },
    }
}

#[cfg(test)]
#[path = "watch_tests/mod.rs"]
mod tests;
