//! The steps about virtual routers: how each begins, and what the engine says when it has ended.

use super::{Known, Plane, watched::watched};
use crate::{
    ids::RouterId,
    io::{
        control::ControlError,
        engine::{Addition, Blueprint, Command, Event, Socket},
    },
    plan::DesiredRouter,
    proto::State,
};

/// The step about a virtual router that is under way.
#[derive(Debug)]
pub(super) enum UnderWay {
    /// Until it has a state.
    Adding,
    /// Until the engine is done with parts.
    Changing {
        before: Box<DesiredRouter>,
        /// Those that it was given last; nothing if it was given none.
        revision: Option<u32>,
    },
    /// Until it has stopped.
    Removing {
        /// What it was before a change that was under way.
        before: Option<Box<DesiredRouter>>,
    },
}

impl Plane<'_> {
    pub(super) fn add(&mut self, id: RouterId, router: DesiredRouter) -> Result<(), ControlError> {
        self.open_peers(id, &router)?;
        let mut blueprint = Blueprint::new(id, router);
        let addition = Addition::new(&mut blueprint, self.began);
        let mut known = Known::new(blueprint);
        known.under_way = Some(UnderWay::Adding);
        known.counted = self.setup.counters.counters(id.slot());
        self.tell_scripts(id, &known.router().instance.name);
        self.routers.insert(id, known);
        self.order.push(id);
        self.command(Command::Add(addition))?;
        self.watches_others = true;
        Ok(())
    }

    pub(super) fn change(&mut self, id: RouterId, to: DesiredRouter) -> Result<(), ControlError> {
        let Some(mut known) = self.routers.remove(&id) else {
            self.end_step(id);
            return Ok(());
        };
        let before = known.blueprint.router().clone();
        if before.interface != to.interface {
            self.open_peers(id, &to)?;
        }
        if watched(id, &before) != watched(id, &to) {
            known.blueprint.forget_links();
        }
        known.blueprint.change_to(to);
        known.under_way = Some(UnderWay::Changing {
            before: Box::new(before),
            revision: None,
        });
        self.tell_scripts(id, &known.router().instance.name);
        self.routers.insert(id, known);
        self.watches_others = true;
        Ok(())
    }

    /// [`go_on`](Self::go_on) wakes the engine for it.
    pub(super) fn remove(&mut self, id: RouterId) -> Result<(), ControlError> {
        let Some(known) = self.routers.get_mut(&id) else {
            self.end_step(id);
            return Ok(());
        };
        let before = match known.under_way.take() {
            Some(UnderWay::Changing { before, .. }) => Some(before),
            _ => None,
        };
        known.under_way = Some(UnderWay::Removing { before });
        let posted = self.setup.engine.post(Command::Remove(id));
        Ok(self.unless_stopped(posted)?)
    }

    fn open_peers(&mut self, id: RouterId, router: &DesiredRouter) -> Result<(), ControlError> {
        if let (Some(interface), true) = (router.interface, router.instance.unicast.is_some()) {
            match Socket::peers(id, interface, router.instance.family()) {
                Ok(socket) => self.command(Command::Open(socket))?,
                // The interface has just gone, which the monitor tells.
                Err(error) => tracing::error!("({}) {error}", router.instance.name),
            }
        }
        Ok(())
    }

    /// A configuration with a user that does not exist is refused before.
    fn tell_scripts(&mut self, id: RouterId, name: &str) {
        match self.setup.crew.of(name) {
            Some(Ok(scripts)) => self.notifier.set(id, scripts.clone()),
            Some(Err(error)) => tracing::error!("({name}) {error}"),
            None => {}
        }
    }

    /// The scripts of each virtual router are those of the configuration.
    pub(super) fn tell_all_scripts(&mut self) {
        let routers = self.routers.iter();
        let names = routers.map(|(id, known)| (*id, known.router().instance.name.clone()));
        for (id, name) in Vec::from_iter(names) {
            self.tell_scripts(id, &name);
        }
    }

    /// A router that was given no parts, as its interface is not known, has nothing to do to become what it is to be.
    pub(super) fn end_idle_changes(&mut self) {
        let idle = self.routers.iter().filter(|(_, known)| {
            matches!(
                known.under_way,
                Some(UnderWay::Changing { revision: None, .. })
            )
        });
        for id in Vec::from_iter(idle.map(|(id, _)| *id)) {
            self.end_change(id);
        }
    }

    /// The engine has told something of a router that may end a step.
    pub(super) fn note_step(&mut self, event: &Event) {
        let under_way = |router: RouterId| {
            let known = self.routers.get(&router);
            known.and_then(|known| known.under_way.as_ref())
        };
        match *event {
            Event::Transition { router, .. }
                if matches!(under_way(router), Some(UnderWay::Adding)) =>
            {
                self.end_step(router);
            }
            Event::Changed { router, revision } => {
                if let Some(UnderWay::Changing {
                    revision: Some(given),
                    ..
                }) = under_way(router)
                    && *given == revision
                {
                    self.end_change(router);
                }
            }
            // It stays as it was, and so does what is in the journal of it, until another try.
            Event::InterfaceFailed { router, ref error } => {
                let is_leaving = matches!(under_way(router), Some(UnderWay::Removing { .. }));
                if let Some(known) = self.router(router) {
                    known.blueprint.refused();
                }
                if !is_leaving && self.end_step(router).is_some() {
                    let name = self
                        .routers
                        .get(&router)
                        .map(|known| &*known.router().instance.name);
                    let failure = format!("{}: stays as it is: {error}", name.unwrap_or_default());
                    self.note_failure(failure);
                }
            }
            Event::Removed { router } => self.forget(router),
            _ => {}
        }
    }

    /// The engine says that a router is in this state, which may end a step of which the end was not heard.
    pub(super) fn note_state(&mut self, router: RouterId, state: State) {
        let known = self.routers.get(&router);
        let is_adding =
            known.is_some_and(|known| matches!(known.under_way, Some(UnderWay::Adding)));
        if is_adding && state != State::Initialize {
            self.end_step(router);
        }
    }

    /// The ends of steps under way may not have been heard: whoever changes is to get its parts again. Returns who is to be
    /// removed again.
    pub(super) fn give_again(&mut self) -> Vec<RouterId> {
        let mut leaving = Vec::new();
        for (id, known) in &mut self.routers {
            match known.under_way {
                Some(UnderWay::Changing { .. }) => known.blueprint.refused(),
                Some(UnderWay::Removing { .. }) => leaving.push(*id),
                Some(UnderWay::Adding) | None => {}
            }
        }
        leaving
    }

    pub(super) fn end_step(&mut self, router: RouterId) -> Option<UnderWay> {
        if let Some(applying) = &mut self.applying {
            applying.ended(router);
        }
        self.routers.get_mut(&router)?.under_way.take()
    }

    fn end_change(&mut self, router: RouterId) {
        if let Some(UnderWay::Changing { before, .. }) = self.end_step(router) {
            self.release(&before);
        }
    }

    fn forget(&mut self, router: RouterId) {
        let under_way = self.end_step(router);
        self.notifier.remove(router);
        self.setup.resignations.forget(router);
        self.order.retain(|id| *id != router);
        if let Some(known) = self.routers.remove(&router) {
            self.release(known.blueprint.router());
        }
        if let Some(UnderWay::Removing {
            before: Some(before),
        }) = under_way
        {
            self.release(&before);
        }
        if let Some(starting) = &mut self.starting {
            starting.remove(&router);
        }
        if let Some(asked) = &mut self.asked {
            asked.missing.remove(&router);
            if asked.missing.is_empty() {
                self.answer_status();
            }
        }
        self.watches_others = true;
    }
}
