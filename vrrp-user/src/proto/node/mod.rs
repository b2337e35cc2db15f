//! The virtual routers of a node, by id.

use super::{Input, Instant, Output, Router, Settings};
use crate::ids::RouterId;

/// Virtual routers, which come and go, each with what whoever runs the node has of it. What is said of one that has
/// gone is about nobody, also if another one has its slot by then.
///
/// Every input of a router comes by here, and so does every change of its state. What ties routers together (a group
/// whose members move in one turn, a tracker that several of them go by) belongs here.
///
/// Room for all of them is there from the start, and places come ready-made and are given back: nothing is allocated or
/// freed here later.
#[derive(Clone, Debug)]
pub struct Node<T = ()> {
    /// By slot, up to the last that is taken.
    places: Vec<Option<Box<Place<T>>>>,
    slots: usize,
}

/// A virtual router, and what whoever runs the node has of it.
#[derive(Clone, Debug)]
pub struct Place<T> {
    id: RouterId,
    router: Router,
    /// What [`Router::deadline`] says.
    due: Option<Instant>,
    /// See [`Node`].
    pub companion: T,
}

impl<T> Place<T> {
    /// For [`Node::insert`].
    #[must_use]
    pub fn new(id: RouterId, router: Router, companion: T) -> Self {
        Self {
            id,
            due: router.deadline(),
            router,
            companion,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn id(&self) -> RouterId {
        self.id
    }

    fn as_ref(&self) -> (RouterId, &Router, &T) {
        (self.id, &self.router, &self.companion)
    }
}

impl<T> Node<T> {
    /// Without routers yet; the slots of those that come are below this number.
    #[must_use]
    pub fn new(slots: u16) -> Self {
        let slots = slots.into();
        Self {
            places: Vec::with_capacity(slots),
            slots,
        }
    }

    /// A router comes. Its slot is free: whoever had it was removed.
    ///
    /// # Errors
    /// When there is no such slot, or it is not free.
    pub fn insert(&mut self, place: Box<Place<T>>) -> Result<(), Box<Place<T>>> {
        let slot = place.id.slot();
        if slot as usize >= self.slots || self.tenant(slot).is_some() {
            return Err(place);
        }
        while self.places.len() <= slot as usize {
            self.places.push(None);
        }
        if let Some(free) = self.places.get_mut(slot as usize) {
            *free = Some(place);
        }
        Ok(())
    }

    /// A router goes.
    pub fn remove(&mut self, id: RouterId) -> Option<Box<Place<T>>> {
        let place = self.places.get_mut(id.slot() as usize)?;
        let gone = place.take_if(|place| place.id == id)?;
        while let Some(None) = self.places.last() {
            self.places.pop();
        }
        Some(gone)
    }

    /// Who has this slot.
    #[must_use]
    pub fn tenant(&self, slot: u32) -> Option<RouterId> {
        let place = self.places.get(slot as usize)?.as_ref()?;
        Some(place.id)
    }

    /// The router with this id.
    #[must_use]
    pub fn router(&self, id: RouterId) -> Option<&Router> {
        self.get(id).map(|(router, _)| router)
    }

    /// The router with this id, and its companion.
    #[must_use]
    pub fn get(&self, id: RouterId) -> Option<(&Router, &T)> {
        let place = self.places.get(id.slot() as usize)?.as_ref()?;
        (place.id == id).then_some((&place.router, &place.companion))
    }

    /// The router with this id, and its companion to be changed.
    #[must_use]
    pub fn get_mut(&mut self, id: RouterId) -> Option<(&Router, &mut T)> {
        let place = self.place(id)?;
        Some((&place.router, &mut place.companion))
    }

    fn place(&mut self, id: RouterId) -> Option<&mut Place<T>> {
        let place = self.places.get_mut(id.slot() as usize)?.as_mut()?;
        (place.id == id).then_some(place)
    }

    /// Every router, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (RouterId, &Router, &T)> {
        self.behind(None).map(Place::as_ref)
    }

    /// The first router, by slot, whose companion is wanted, behind `after` if that is given.
    #[must_use]
    pub fn find(&self, after: Option<RouterId>, wanted: impl Fn(&T) -> bool) -> Option<RouterId> {
        let mut places = self.behind(after);
        let found = places.find(|place| wanted(&place.companion))?;
        Some(found.id)
    }

    fn behind(&self, after: Option<RouterId>) -> impl Iterator<Item = &Place<T>> {
        let from = after.map_or(0, |after| after.slot() as usize + 1);
        let places = self.places.iter().skip(from);
        places.flatten().map(Box::as_ref)
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
        let Some(place) = self.place(id) else {
            return false;
        };
        act(&mut place.router);
        place.due = place.router.deadline();
        true
    }

    /// When the first [`Input::Timeout`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.behind(None).filter_map(|place| place.due).min()
    }

    /// The first router, by slot, whose deadline has come, behind `after` if that is given.
    #[must_use]
    pub fn due(&self, now: Instant, after: Option<RouterId>) -> Option<RouterId> {
        let mut places = self.behind(after);
        let due = places.find(|place| place.due.is_some_and(|due| due <= now))?;
        Some(due.id)
    }
}

#[cfg(test)]
mod tests;
