//! Judges what the kernel told: which virtual routers can work, and which lost an address. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use tokio::time::Instant;

use super::{
    News,
    elsewhere::Elsewhere,
    names::Names,
    peers::Peers,
    room::Room,
    router::{Change, WatchedRouter},
    sources::Sources,
    table::Table,
    verdict::{Verdict, Vips, change, verdict, vips},
};
use crate::{
    ids::{InterfaceId, RouterId, VipId},
    proto::FaultReason,
};

/// Every router with what was last said about it.
#[derive(Debug, Default)]
pub(in crate::io::control) struct Watched {
    routers: Vec<WatchedRouter>,
    verdicts: BTreeMap<RouterId, Verdict>,
    room: Room,
    /// Routers of which the verdict is to be said, whatever was said last.
    again: BTreeSet<RouterId>,
    /// Until when a router that has lost its source address goes on.
    graces: BTreeMap<RouterId, Instant>,
    /// What keeps a router from working although the kernel tells nothing of it.
    held: BTreeMap<RouterId, FaultReason>,
    elsewhere: Elsewhere,
    names: Names,
    peers: Peers,
    sources: Sources,
    /// Interfaces that were last reported up.
    up: BTreeMap<InterfaceId, bool>,
    /// Those that are installed.
    installed: BTreeSet<VipId>,
}

impl Watched {
    /// Watches these routers.
    #[cfg(test)]
    pub(in crate::io::control) fn new(routers: Vec<WatchedRouter>) -> Self {
        let mut watched = Self::default();
        watched.set(routers);
        watched
    }

    /// Watches these routers from now on. Of those that are as before nothing is said again; of one that is new, or
    /// was changed, everything is.
    pub(in crate::io::control) fn set(&mut self, routers: Vec<WatchedRouter>) {
        let before = std::mem::replace(&mut self.routers, routers);
        let here: BTreeSet<RouterId> = self.routers.iter().map(|router| router.id).collect();
        let same: BTreeSet<RouterId> = self
            .routers
            .iter()
            .filter_map(|router| before.contains(router).then_some(router.id))
            .collect();
        self.again.retain(|id| here.contains(id));
        self.again.extend(here.difference(&same));
        self.verdicts.retain(|id, _| here.contains(id));
        self.graces.retain(|id, _| here.contains(id));
        self.held.retain(|id, _| here.contains(id));
        self.elsewhere
            .set(&self.routers, |router| same.contains(&router.id));
        self.names.set(&self.routers);
        self.room.retain(|id| same.contains(&id));
        self.peers.retain(|id| same.contains(&id));
        self.sources.retain(|id| same.contains(&id));
        let places = self.routers.iter().flat_map(WatchedRouter::places);
        let vips: BTreeSet<VipId> = places.map(|(vip, ..)| vip).collect();
        self.installed.retain(|vip| vips.contains(vip));
    }

    /// Keeps a router from working for a reason that the kernel does not tell, or ends that.
    pub(super) fn hold(&mut self, router: RouterId, reason: Option<FaultReason>) {
        match reason {
            Some(reason) => self.held.insert(router, reason),
            None => self.held.remove(&router),
        };
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
        self.room.judge(&self.routers, table, &mut changes);
        changes.append(&mut peers);
        self.sources.judge(&self.routers, table, &mut changes);
        for (router, verdict) in self.routers.iter().zip(verdicts) {
            if let Some(verdict) = verdict
                && (self.again.remove(&router.id)
                    || self.verdicts.get(&router.id) != Some(&verdict))
            {
                changes.push(change(router, verdict));
                self.verdicts.insert(router.id, verdict);
            }
        }
        changes
    }

    /// When the table is to be judged again although the kernel has told nothing.
    pub(super) fn due(&self) -> Option<Instant> {
        self.graces.values().min().copied()
    }

    /// In order of the routers; `None` while a router that has lost its source address goes on without.
    fn verdicts(&mut self, table: &Table, vips: &Vips, now: Instant) -> Vec<Option<Verdict>> {
        let judged = self.routers.iter().map(|router| {
            let no_peer = self.peers.are_all_ours(router);
            let no_peer = no_peer.then_some(FaultReason::NoPeer);
            let held = self.held.get(&router.id).copied();
            let reasons = held.into_iter().chain(no_peer).collect();
            let verdict = verdict(router, table, vips, reasons);
            let last = self.verdicts.get(&router.id);
            let worked = matches!(last, Some(Verdict::Usable { .. }));
            if worked && verdict.lacks_source() {
                let end = self.graces.entry(router.id);
                if now < *end.or_insert(now + router.grace) {
                    return None;
                }
            }
            self.graces.remove(&router.id);
            Some(verdict)
        });
        judged.collect()
    }

    /// Nothing is put back on a router that cannot work, and as long as it is not known whether it can.
    fn judge_addresses(
        &mut self,
        table: &Table,
        gone: &BTreeSet<(InterfaceId, IpAddr)>,
        verdicts: &[Option<Verdict>],
        changes: &mut Vec<Change>,
    ) {
        for (router, verdict) in self.routers.iter().zip(verdicts) {
            for (vip, address, interface) in router.places() {
                let mut on = table.addresses(interface).iter();
                if on.any(|found| found.address == address) {
                    self.installed.insert(vip);
                    continue;
                }
                // It may have been put back and removed again since the last look.
                if gone.contains(&(interface, address)) {
                    self.installed.insert(vip);
                }
                let Some(verdict) = verdict else {
                    continue;
                };
                let works = matches!(verdict, Verdict::Usable { .. });
                let is_news = self.installed.remove(&vip);
                // Nor where nothing is any more.
                if is_news && works && table.link(interface).is_some() {
                    changes.push(Change {
                        news: Some(News::AddressLost {
                            router: router.id,
                            vip,
                        }),
                        ..Change::default()
                    });
                }
            }
        }
    }

    fn judge_interfaces(&mut self, table: &Table, changes: &mut Vec<Change>) {
        let places = self.routers.iter().flat_map(WatchedRouter::places);
        let own = self.routers.iter().filter_map(WatchedRouter::interface);
        let all: BTreeSet<_> = own.chain(places.map(|(.., interface)| interface)).collect();
        for interface in all {
            let Some(link) = table.link(interface) else {
                continue;
            };
            let before = self.up.insert(interface, link.up);
            if before.is_some_and(|before| before != link.up) {
                let state = if link.up { "up" } else { "down" };
                changes.push(Change {
                    news: None,
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

#[cfg(test)]
mod tests;
