//! What the control plane knows of each virtual router.

use std::collections::BTreeSet;

use super::{Plane, apply::UnderWay};
use crate::{
    ids::{RouterId, VipId},
    io::{
        control::{Assigned, record::Record, refusals::Refusals, unserved::Unserved},
        engine::Blueprint,
    },
};

/// What is known of one virtual router.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) assigned: Assigned,
    /// What the engine's parts are made of.
    pub(super) blueprint: Blueprint,
    /// The step of a reload that it takes part in.
    pub(super) under_way: Option<UnderWay>,
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
            assigned: Assigned::new(blueprint.id(), blueprint.router()),
            blueprint,
            under_way: None,
            record: Record::default(),
            refusals: Refusals::default(),
            unserved: Unserved::default(),
            misplaced: false,
            held: false,
            removed: BTreeSet::new(),
        }
    }
}

impl Plane<'_> {
    /// The virtual routers in the order of the configuration file.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Known> {
        self.order.iter().filter_map(|id| self.routers.get(id))
    }

    pub(super) fn router(&mut self, id: RouterId) -> Option<&mut Known> {
        self.routers.get_mut(&id)
    }
}
