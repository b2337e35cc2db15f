//! Judges what the kernel told: which virtual routers can work, and which lost an address. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use tokio::time::Instant;

use super::{
    elsewhere::Elsewhere,
    names::Names,
    peers::Peers,
    room::Room,
    router::{Change, Router},
    sources::Sources,
    table::Table,
    verdict::{Verdict, Vips, change, verdict, vips},
};
use crate::{io::engine::Command, proto::FaultReason};

/// Every router with what was last said about it.
#[derive(Debug)]
pub(in crate::io::control) struct Watched {
    routers: Vec<Router>,
    verdicts: Vec<Option<Verdict>>,
    room: Room,
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

impl Watched {
    pub(in crate::io::control) fn new(routers: Vec<Router>) -> Self {
        Self {
            verdicts: vec![None; routers.len()],
            room: Room::new(routers.len()),
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
        self.room.judge(&self.routers, table, &mut changes);
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

#[cfg(test)]
mod tests;
