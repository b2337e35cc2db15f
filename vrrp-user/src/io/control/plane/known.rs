//! What the control plane knows of each virtual router.

use std::collections::BTreeSet;

use super::{Plane, steps::UnderWay};
use crate::{
    ids::{RouterId, VipId},
    io::{
        bpf::counters::Counts,
        clock,
        control::{record::Record, refusals::Refusals, unserved::Unserved},
        engine::Blueprint,
    },
    plan::DesiredRouter,
    proto::Instant,
};

/// What is known of one virtual router.
#[derive(Debug)]
pub(super) struct Known {
    /// What it is, of which the engine's parts are made.
    pub(super) blueprint: Blueprint,
    /// The step of a reload that it takes part in.
    pub(super) under_way: Option<UnderWay>,
    /// What the programs had counted for earlier tenants of its slot.
    pub(super) counted: Counts,
    /// When it was added.
    pub(super) since: Instant,
    pub(super) record: Record,
    pub(super) refusals: Refusals,
    pub(super) unserved: Unserved,
    /// Its VRID was heard where it is not, and that was told.
    pub(super) misplaced: bool,
    /// The kernel refuses virtual IPs of it.
    pub(super) held: bool,
    /// Virtual IPs that the kernel reported removed; whether that is news depends on the state, which the next
    /// snapshot tells.
    pub(super) removed: BTreeSet<VipId>,
}

impl Known {
    pub(super) fn new(blueprint: Blueprint) -> Self {
        Self {
            blueprint,
            under_way: None,
            counted: Counts::default(),
            since: clock::now(),
            record: Record::default(),
            refusals: Refusals::default(),
            unserved: Unserved::default(),
            misplaced: false,
            held: false,
            removed: BTreeSet::new(),
        }
    }

    /// What it is, or is becoming.
    pub(super) fn router(&self) -> &DesiredRouter {
        self.blueprint.router()
    }
}

impl Plane<'_> {
    /// What the programs counted for a virtual router.
    pub(super) fn counts(&self, known: &Known) -> Counts {
        let counts = self.setup.counters.counters(known.blueprint.id().slot());
        counts.since(&known.counted)
    }

    /// The virtual routers in the order of the configuration file, then those that are leaving.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Known> {
        let listed = self.order.iter().filter_map(|id| self.routers.get(id));
        let others = self.routers.iter();
        let others = others.filter(|(id, _)| !self.order.contains(id));
        listed.chain(others.map(|(_, known)| known))
    }

    pub(super) fn router(&mut self, id: RouterId) -> Option<&mut Known> {
        self.routers.get_mut(&id)
    }
}
