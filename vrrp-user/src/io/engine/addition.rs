//! A virtual router that the engine is to have, ready to be given its slot.

use super::{addresses::AddressSet, blueprint::Blueprint, member::Member};
use crate::proto::{Instant, Router, node::Place};

/// See the module.
#[derive(Debug)]
pub struct Addition {
    pub(super) place: Box<Place<Member>>,
    /// Its virtual IPs, for the address worker.
    pub(super) addresses: Box<AddressSet>,
}

impl Addition {
    /// Makes a router by a plan of which the engine has seen nothing. If it comes later than the node, for one that started
    /// then.
    #[must_use]
    pub fn new(blueprint: &mut Blueprint, node_start: Option<Instant>) -> Self {
        let id = blueprint.id();
        let mut router = Router::new(blueprint.settings().clone());
        if let Some(start) = node_start {
            router = router.of_node_since(start);
        }
        Self {
            place: Box::new(Place::new(id, router, Member::new(id))),
            addresses: blueprint.take_addresses(),
        }
    }
}
