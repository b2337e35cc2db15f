//! Gets the node from what runs to what is to run, by the steps of [`plan::diff`]. A start, a reload, an interface that
//! is made again, and a stop are the same road.

use super::{Known, Plane, watched::watched};
use crate::{
    ids::{InterfaceId, RouterId},
    io::{
        bpf::Reception,
        causes::with_causes,
        control::{ControlError, Interface, host::Refused, links::Monitor},
        engine::{Addition, Blueprint, Command, Event, Socket},
    },
    plan::{self, Desired, DesiredRouter, Progress, Step},
    proto::State,
};

/// Steps that are under way.
pub(super) struct Applying {
    progress: Progress,
    /// What was done to interfaces, to be undone if more of it is refused.
    prepared: Vec<Step>,
    before: Desired,
    /// What it puts on interfaces is in the journal.
    is_claimed: bool,
}

impl Applying {
    /// What ran before.
    pub(super) fn before(&self) -> &Desired {
        &self.before
    }
}

/// What became of the steps.
#[derive(Debug)]
pub(super) enum Applied {
    /// Some wait for the engine.
    UnderWay,
    /// All are done.
    Done,
    /// Before any virtual router was touched, the system refused one about this interface, or else the journal could not
    /// be written: everything is as before.
    Refused(Option<InterfaceId>, Refused),
}

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
    /// The node is to run this from now on. [`go_on`](Self::go_on) does it.
    pub(super) fn begin(&mut self, desired: Desired) {
        let steps = plan::diff(&self.desired, &desired);
        self.applying = Some(Applying {
            progress: Progress::new(steps),
            prepared: Vec::new(),
            before: std::mem::replace(&mut self.desired, desired),
            is_claimed: false,
        });
    }

    /// The node is to run nothing any more, wherever it was going.
    pub(super) fn begin_stop(&mut self) {
        let nothing = self.desired.without_routers();
        let steps = plan::diff(&self.desired, &nothing);
        let before = std::mem::replace(&mut self.desired, nothing);
        match &mut self.applying {
            Some(applying) => {
                applying.progress.turn_to(steps);
                applying.is_claimed = true;
            }
            None => {
                self.applying = Some(Applying {
                    progress: Progress::new(steps),
                    prepared: Vec::new(),
                    before,
                    is_claimed: true,
                });
            }
        }
    }

    /// Does what can be done by now.
    pub(super) async fn go_on(&mut self, monitor: &mut Monitor) -> Result<Applied, ControlError> {
        loop {
            let Some(applying) = &mut self.applying else {
                return Ok(Applied::Done);
            };
            let next = applying.progress.begin();
            // All that leave say so in one turn of the engine.
            if !matches!(next, Some(Step::Remove { .. })) {
                self.setup.engine.wake();
            }
            if let Some(step) = next {
                // Not before the interfaces are ready: an address of somebody else is not ours for a change that is refused.
                if step.is_about_a_router()
                    && !std::mem::replace(&mut applying.is_claimed, true)
                    && let Err(refused) = self.claim(&monitor.inventory())
                {
                    self.give_up().await?;
                    return Ok(Applied::Refused(None, refused));
                }
                let Some(interface) = step.prepares() else {
                    self.carry_out(step).await?;
                    continue;
                };
                if let Err(refused) = self.prepare(step).await? {
                    self.give_up().await?;
                    return Ok(Applied::Refused(Some(interface), refused));
                }
            } else if self.watches_others {
                self.watches_others = false;
                monitor.watch(self.watched());
                self.take_changes(monitor.judge())?;
                self.end_idle_changes();
            } else if applying.progress.is_over() {
                self.applying = None;
                return Ok(Applied::Done);
            } else {
                return Ok(Applied::UnderWay);
            }
        }
    }

    /// Makes an interface ready for virtual routers.
    async fn prepare(&mut self, step: Step) -> Result<Result<(), Refused>, ControlError> {
        let prepared = match &step {
            Step::Attach { interface, name } => self.attach(*interface, name).await?,
            Step::Mark { interface, .. } => self.setup.host.set_marked(*interface, true),
            Step::Join { interface, group } => self.setup.host.join(*interface, *group),
            Step::Receive { interface, mac } => {
                let received = self.setup.host.receive(*interface, *mac);
                received.map(|all| self.note_promiscuous(*interface, all))
            }
            _ => Ok(()),
        };
        if let (Ok(()), Some(applying)) = (&prepared, &mut self.applying) {
            applying.prepared.push(step);
        }
        Ok(prepared)
    }

    /// Does what is about routers, or takes something away. What the system refuses of it is said, and the rest is done
    /// all the same.
    async fn carry_out(&mut self, step: Step) -> Result<(), ControlError> {
        let done = match step {
            Step::Globals { .. } => {
                self.tell_all_scripts();
                Ok(())
            }
            Step::Remove { router, .. } => {
                self.remove(router)?;
                Ok(())
            }
            Step::Change { router, to, .. } => {
                self.change(router, *to)?;
                Ok(())
            }
            Step::Add { router, to, .. } => {
                self.add(router, *to)?;
                Ok(())
            }
            Step::Order(order) => {
                self.order = order;
                Ok(())
            }
            Step::Refuse { interface, mac } => {
                let refused = self.setup.host.refuse(interface, mac);
                refused.map(|all| self.note_promiscuous(interface, all))
            }
            Step::Leave { interface, group } => self.setup.host.leave(interface, group),
            Step::Unmark { interface, .. } => self.setup.host.set_marked(interface, false),
            Step::Detach { interface, .. } => {
                self.interfaces.remove(&interface);
                self.has_other_pins = true;
                self.command(Command::Close(interface))?;
                self.setup.host.detach(interface).await
            }
            Step::Attach { .. } | Step::Mark { .. } | Step::Join { .. } | Step::Receive { .. } => {
                self.prepare(step).await?
            }
        };
        tell(done);
        Ok(())
    }

    fn note_interface(&mut self, id: InterfaceId, name: &str, reception: Reception) {
        self.has_other_pins = true;
        let interface = Interface {
            name: name.to_owned(),
            renamed_to: None,
            id,
            reception,
            promiscuous: false,
        };
        self.interfaces.insert(id, interface);
    }

    fn note_promiscuous(&mut self, id: InterfaceId, is_promiscuous: bool) {
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.promiscuous = is_promiscuous;
        }
    }

    async fn attach(
        &mut self,
        interface: InterfaceId,
        name: &str,
    ) -> Result<Result<(), Refused>, ControlError> {
        let reception = match self.setup.host.attach(interface, name) {
            Ok(reception) => reception,
            Err(refused) => return Ok(Err(refused)),
        };
        self.note_interface(interface, name, reception);
        self.following.attached(interface);
        match Socket::frames(interface) {
            Ok(socket) => self.command(Command::Open(socket))?,
            Err(error) => {
                self.interfaces.remove(&interface);
                tell(self.setup.host.detach(interface).await);
                return Ok(Err(error.into()));
            }
        }
        Ok(Ok(()))
    }

    /// Undoes what was prepared.
    async fn give_up(&mut self) -> Result<(), ControlError> {
        let Some(applying) = self.applying.take() else {
            return Ok(());
        };
        let refused = std::mem::replace(&mut self.desired, applying.before);
        for (_, router) in refused.routers() {
            self.release(router);
        }
        for step in applying.prepared.into_iter().rev() {
            self.carry_out(step.undo()).await?;
        }
        Ok(())
    }

    fn add(&mut self, id: RouterId, router: DesiredRouter) -> Result<(), ControlError> {
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

    fn change(&mut self, id: RouterId, to: DesiredRouter) -> Result<(), ControlError> {
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
    fn remove(&mut self, id: RouterId) -> Result<(), ControlError> {
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
    fn end_idle_changes(&mut self) {
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

    fn end_step(&mut self, router: RouterId) -> Option<UnderWay> {
        if let Some(applying) = &mut self.applying {
            applying.progress.ended(router);
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

/// What the system refuses is said, and the node goes on without.
pub(super) fn tell(done: Result<(), Refused>) {
    if let Err(error) = done {
        tracing::error!("{}", with_causes(&*error));
    }
}
