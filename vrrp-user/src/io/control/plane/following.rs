//! Interfaces that come, go, or are made again: they change what the same file says, and its virtual routers follow.

use std::collections::{BTreeMap, BTreeSet};

use super::Plane;
use crate::{
    ids::InterfaceId,
    io::{
        causes::with_causes,
        control::{Inventory, host::Refused, links::Monitor},
    },
    plan::{self, Desired, Interfaces},
};

/// What there is to remember of interfaces.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// One of the file may have come, or be another one.
    moved: bool,
    /// They could not be followed, which is to be tried again.
    later: bool,
    /// Those of the file that cannot have our programs, as far as was tried lately.
    unusable: BTreeSet<InterfaceId>,
    /// What was said last of why: of one of them, or of the journal.
    told: BTreeMap<Option<InterfaceId>, String>,
    /// Those that went, and their programs with them, as long as what runs is about them. Another one may have the index
    /// by now: it gets programs of its own.
    went: BTreeSet<InterfaceId>,
}

impl Following {
    /// Some came, were renamed, or are these, which went. What was refused may be possible by now.
    pub(super) fn moved(&mut self, mut went: BTreeSet<InterfaceId>) {
        self.unusable.clear();
        self.went.append(&mut went);
        self.moved = true;
    }

    /// A reload is another try for all of them, and says again what it cannot do.
    pub(super) fn try_all(&mut self) {
        self.unusable.clear();
        self.told.clear();
    }

    /// Whether it is time to try again what could not be followed.
    pub(super) fn try_again(&mut self) -> bool {
        let later = std::mem::take(&mut self.later);
        self.moved |= later;
        later
    }

    /// This one has our programs.
    pub(super) fn attached(&mut self, interface: InterfaceId) {
        self.told.remove(&Some(interface));
    }

    /// What runs has given up some of those that went: what is there by now in their place can be followed.
    pub(super) fn let_go(&mut self, desired: &Desired) {
        if !self.went.is_empty() {
            let programs = desired.programs();
            self.went.retain(|id| programs.contains_key(id));
            self.moved = true;
        }
    }

    /// Whether there may be something to follow.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }
}

/// Interfaces that virtual routers can be on.
pub(super) struct Usable<'a> {
    inventory: &'a Inventory,
    following: &'a Following,
}

impl Interfaces for Usable<'_> {
    fn find(&self, name: &str) -> Option<InterfaceId> {
        let (id, _) = self.inventory.find(name)?;
        let Following { unusable, went, .. } = self.following;
        let is_usable = !unusable.contains(&id) && !went.contains(&id);
        is_usable.then_some(id)
    }

    fn exists(&self, interface: InterfaceId) -> bool {
        self.inventory.exists(interface) && !self.following.went.contains(&interface)
    }
}

impl Plane<'_> {
    /// What came cannot be used, or not written down: the others are followed without it.
    pub(super) fn go_without(&mut self, interface: Option<InterfaceId>, refused: &Refused) {
        let following = &mut self.following;
        match interface {
            Some(interface) => {
                following.unusable.insert(interface);
                following.moved = true;
            }
            None => following.later = true,
        }
        let why = with_causes(&**refused);
        if following.told.get(&interface) != Some(&why) {
            tracing::error!("{why}");
            following.told.insert(interface, why);
        }
    }

    /// Begins to attach what has come to be to the routers that are configured there. Tells whether there is something.
    pub(super) fn follow_interfaces(&mut self, inventory: &Inventory) -> bool {
        let usable = self.usable(inventory);
        let routers = self.desired.routers();
        let mut placed = routers.flat_map(|(_, router)| router.devices());
        if placed.all(|(name, id)| usable.find(name) == id) {
            return false;
        }
        let desired = Desired::new(&self.setup.config, &usable, &self.desired);
        drop(placed);
        match desired {
            Ok(desired) => {
                for effect in plan::summary(&plan::diff(&self.desired, &desired)) {
                    tracing::info!("{effect}");
                }
                self.begin(desired);
                true
            }
            Err(error) => {
                tracing::error!("{error}");
                false
            }
        }
    }

    /// Everything that is there now. An interface that a virtual router is on may be called otherwise by now, and is
    /// still meant by the name that the file has for it.
    pub(super) fn inventory(&self, monitor: &Monitor) -> Inventory {
        let programs = self.desired.programs().into_iter();
        let alive = programs.filter(|(id, _)| !self.following.went.contains(id));
        let former = alive.map(|(id, programs)| (programs.name, id));
        monitor.inventory().with_former(former.collect())
    }

    pub(super) fn usable<'a>(&'a self, inventory: &'a Inventory) -> Usable<'a> {
        Usable {
            inventory,
            following: &self.following,
        }
    }
}
