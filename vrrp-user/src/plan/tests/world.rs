//! A model of an executor: does steps one by one, and watches over what must hold after each of them.

use std::collections::{BTreeMap, BTreeSet};

use vrrp_ebpf::types::Mac;

use super::*;
use crate::{config::Globals, plan::claims::Claim};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct World {
    globals: Globals,
    order: Vec<RouterId>,
    routers: BTreeMap<RouterId, DesiredRouter>,
    attached: BTreeSet<InterfaceId>,
    marked: BTreeSet<InterfaceId>,
    joined: BTreeSet<(InterfaceId, std::net::IpAddr)>,
    received: BTreeSet<(InterfaceId, Mac)>,
}

impl World {
    /// As `desired` says.
    pub(super) fn of(desired: &Desired) -> Self {
        let programs = desired.programs();
        let marked = programs.iter().filter(|(_, needed)| needed.marked);
        Self {
            globals: desired.globals().clone(),
            order: desired.routers().map(|(id, _)| id).collect(),
            routers: desired
                .routers()
                .map(|(id, router)| (id, router.clone()))
                .collect(),
            marked: marked.map(|(id, _)| *id).collect(),
            attached: programs.into_keys().collect(),
            joined: desired.groups(),
            received: desired.virtual_macs(),
        }
    }

    /// The same without places in files.
    pub(super) fn same(&self, other: &Self) -> bool {
        let pairs = || self.routers.iter().zip(&other.routers);
        let bare = |world: &Self| Self {
            routers: BTreeMap::new(),
            ..world.clone()
        };
        bare(self) == bare(other)
            && self.routers.len() == other.routers.len()
            && pairs().all(|((a, one), (b, other))| a == b && one.is_same(other))
    }

    /// Does a step after the other.
    pub(super) fn follow(&mut self, steps: &[Step]) {
        let mut last_given: BTreeMap<Claim, RouterId> = BTreeMap::new();
        let mut removed = Vec::new();
        for step in steps {
            let before = self.held();
            self.take(step);
            self.watch();
            let after = self.held();
            for (claim, giver) in &before {
                if after.get(claim) != Some(giver) {
                    last_given.insert(*claim, *giver);
                }
            }
            if let Step::Remove { router, .. } = step {
                removed.push(*router);
            }
            let (Step::Add {
                router,
                after: waited,
                ..
            }
            | Step::Change {
                router,
                after: waited,
                ..
            }) = step
            else {
                continue;
            };
            let mut in_its_slot = removed.iter().filter(|gone| gone.slot() == router.slot());
            assert!(in_its_slot.all(|gone| waited.contains(gone)));
            for (claim, taker) in &after {
                if taker == router
                    && !before.contains_key(claim)
                    && let Some(giver) = last_given.get(claim)
                {
                    assert!(giver == router || waited.contains(giver), "{claim:?}");
                }
            }
        }
    }

    fn take(&mut self, step: &Step) {
        match step.clone() {
            Step::Globals { globals, .. } => self.globals = globals,
            Step::Attach { interface, .. } => assert!(self.attached.insert(interface)),
            Step::Detach { interface, .. } => assert!(self.attached.remove(&interface)),
            Step::Mark { interface, .. } => assert!(self.marked.insert(interface)),
            Step::Unmark { interface, .. } => assert!(self.marked.remove(&interface)),
            Step::Join { interface, group } => assert!(self.joined.insert((interface, group))),
            Step::Leave { interface, group } => assert!(self.joined.remove(&(interface, group))),
            Step::Receive { interface, mac } => assert!(self.received.insert((interface, mac))),
            Step::Refuse { interface, mac } => assert!(self.received.remove(&(interface, mac))),
            Step::Remove { router, .. } => {
                assert!(self.routers.remove(&router).is_some());
                self.order.retain(|id| *id != router);
            }
            Step::Change { router, to, .. } => {
                let known = self.routers.get_mut(&router).unwrap();
                assert!(!known.is_same(&to), "nothing changes");
                let (was, is) = (&known.instance.settings, &to.instance.settings);
                let identity = |one: &crate::proto::Settings| {
                    (one.vrid, one.family, one.version, one.priority == 255)
                };
                assert_eq!(identity(was), identity(is));
                assert!(!known.reuses_its_ids(&to));
                *known = *to;
            }
            Step::Add { router, to, .. } => {
                let slots = self.routers.keys().map(|id| id.slot());
                assert!(!slots.collect::<Vec<_>>().contains(&router.slot()));
                self.routers.insert(router, *to);
                self.order.push(router);
            }
            Step::Order(order) => {
                assert_ne!(self.order, order);
                self.order = order;
            }
        }
    }

    fn held(&self) -> BTreeMap<Claim, RouterId> {
        let routers = self.routers.iter();
        routers
            .flat_map(|(id, router)| router.claims().map(|claim| (claim, *id)))
            .collect()
    }

    /// What must hold at every moment.
    fn watch(&self) {
        let claims = self.routers.values().flat_map(DesiredRouter::claims);
        let claims = claims.collect::<Vec<_>>();
        let once: BTreeSet<_> = claims.iter().collect();
        assert_eq!(once.len(), claims.len(), "two have the same: {claims:?}");
        for router in self.routers.values() {
            let used = router.interfaces().map(|(id, _)| id);
            assert!(self.attached.is_superset(&used.collect()));
            assert!(self.marked.is_superset(&router.macs()));
            assert!(self.joined.is_superset(&router.groups().collect()));
        }
    }
}
