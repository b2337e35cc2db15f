//! A virtual router that the engine is to have, ready to be given its slot.

use super::{addresses::AddressSet, blueprint::Blueprint, member::Member};
use crate::proto::{Router, node::Place};

/// See the module.
#[derive(Debug)]
pub struct Addition {
    pub(super) place: Box<Place<Member>>,
    /// Its virtual IPs, for the address worker.
    pub(super) addresses: Box<AddressSet>,
}

impl Addition {
    /// Makes a router by a plan of which the engine has seen nothing.
    #[must_use]
    pub fn new(blueprint: &mut Blueprint) -> Self {
        let id = blueprint.id();
        let router = Router::new(blueprint.settings().clone());
        Self {
            place: Box::new(Place::new(id, router, Member::new(id))),
            addresses: blueprint.take_addresses(),
        }
    }
}
