//! The virtual routers of a node, by id.

use super::{Input, Instant, Output, Router, Settings};
use crate::ids::RouterId;

/// Virtual routers, which come and go. What is said of one that has gone is about nobody, also if another one has its
/// slot by then.
///
/// Room for all of them is there from the start: nothing is allocated later.
#[derive(Clone, Debug)]
pub struct Node {
    slots: Box<[Option<Member>]>,
}

#[derive(Clone, Debug)]
struct Member {
    id: RouterId,
    router: Router,
    /// What [`Router::deadline`] says.
    due: Option<Instant>,
}

impl Member {
    fn new(id: RouterId, router: Router) -> Self {
        let due = router.deadline();
        Self { id, router, due }
    }
}

/// There is no such slot, or another router has it. With the router that was to have it.
#[derive(Clone, Debug)]
pub struct NoRoom(pub Router);

impl Node {
    /// Without routers yet; the slots of those that come are below this number.
    #[must_use]
    pub fn new(slots: u16) -> Self {
        Self {
            slots: (0..slots).map(|_| None).collect(),
        }
    }

    /// A router comes. Its slot is free: whoever had it was removed.
    ///
    /// # Errors
    /// When there is no such slot, or it is not free.
    // Boxed, it would be freed in the real-time thread.
    #[expect(clippy::result_large_err, reason = "the caller has the router again")]
    pub fn insert(&mut self, id: RouterId, router: Router) -> Result<(), NoRoom> {
        match self.slots.get_mut(id.slot() as usize) {
            Some(slot @ None) => {
                *slot = Some(Member::new(id, router));
                Ok(())
            }
            _ => Err(NoRoom(router)),
        }
    }

    /// A router goes.
    pub fn remove(&mut self, id: RouterId) -> Option<Router> {
        let slot = self.slots.get_mut(id.slot() as usize)?;
        let member = slot.take_if(|member| member.id == id)?;
        Some(member.router)
    }

    /// The router with this id.
    #[must_use]
    pub fn router(&self, id: RouterId) -> Option<&Router> {
        let member = self.slots.get(id.slot() as usize)?.as_ref()?;
        (member.id == id).then_some(&member.router)
    }

    /// Every router, by slot.
    pub fn routers(&self) -> impl Iterator<Item = (RouterId, &Router)> {
        let members = self.slots.iter().flatten();
        members.map(|member| (member.id, &member.router))
    }

    /// Has a router take an event, as [`Router::handle`] does. Tells whether there is such a router.
    pub fn handle(
        &mut self,
        id: RouterId,
        now: Instant,
        input: Input,
        out: &mut Vec<Output>,
    ) -> bool {
        self.with(id, |router| router.handle(now, input, out))
    }

    /// Exchanges the settings of a router, as [`Router::reconfigure`] does. Tells whether there is such a router.
    pub fn reconfigure(
        &mut self,
        id: RouterId,
        now: Instant,
        settings: &Settings,
        priority: u8,
        out: &mut Vec<Output>,
    ) -> bool {
        self.with(id, |router| {
            router.reconfigure(now, settings, priority, out);
        })
    }

    fn with(&mut self, id: RouterId, act: impl FnOnce(&mut Router)) -> bool {
        let slot = self.slots.get_mut(id.slot() as usize);
        let Some(Some(member)) = slot else {
            return false;
        };
        if member.id != id {
            return false;
        }
        act(&mut member.router);
        member.due = member.router.deadline();
        true
    }

    /// When the first [`Input::Timeout`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let members = self.slots.iter().flatten();
        members.filter_map(|member| member.due).min()
    }

    /// The first router, by slot, whose deadline has come, behind `after` if that is given.
    #[must_use]
    pub fn due(&self, now: Instant, after: Option<RouterId>) -> Option<RouterId> {
        let from = after.map_or(0, |after| after.slot() as usize + 1);
        let mut members = self.slots.get(from..)?.iter().flatten();
        let due = members.find(|member| member.due.is_some_and(|due| due <= now))?;
        Some(due.id)
    }
}

#[cfg(test)]
mod tests;
