//! A virtual router that the engine is to have, ready to be given its slot.

use super::{addresses::AddressSet, blueprint::Blueprint, member::Member};
use crate::ids::RouterId;

/// See the module.
#[derive(Debug)]
pub struct Addition {
    pub(super) member: Box<Member>,
    /// Its virtual IPs, for the address worker.
    pub(super) addresses: Box<AddressSet>,
}

impl Addition {
    /// Makes a router by a plan of which the engine has seen nothing.
    #[must_use]
    pub fn new(blueprint: &mut Blueprint) -> Self {
        Self {
            member: Box::new(Member::new(blueprint.id(), blueprint.settings().clone())),
            addresses: blueprint.take_addresses(),
        }
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> RouterId {
        self.member.id()
    }
}
