//! Gets the node from what runs to what is to run, by the steps of [`plan::diff`]. A start, a reload, an interface that
//! is made again, and a stop are the same road.

use super::Plane;
use crate::{
    ids::{InterfaceId, RouterId},
    io::{
        bpf::Reception,
        causes::with_causes,
        control::{ControlError, Interface, host::Refused, links::Monitor},
        engine::{Command, Socket},
    },
    plan::{self, Desired, Progress, Step},
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

    /// The step about this router has ended.
    pub(super) fn ended(&mut self, router: RouterId) {
        self.progress.ended(router);
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
}

/// What the system refuses is said, and the node goes on without.
pub(super) fn tell(done: Result<(), Refused>) {
    if let Err(error) = done {
        tracing::error!("{}", with_causes(&*error));
    }
}
