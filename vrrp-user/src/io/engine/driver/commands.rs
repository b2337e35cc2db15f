//! Carries out what the control plane wants.

use super::{Driver, Stage};
use crate::{
    ids::RouterId,
    io::engine::{
        addition::Addition,
        machine::{Machine, Superseded},
        member::Member,
        message::{Command, Event},
        parts::Parts,
    },
    proto::Input,
};

impl Driver {
    pub(super) fn command(&mut self, machine: &mut impl Machine) -> Result<Stage, Superseded> {
        let Some(command) = machine.next_command() else {
            return Ok(Stage::Announcing {
                first: true,
                after: None,
            });
        };
        match command {
            Command::Open(socket) => machine.open(socket),
            Command::Close(interface) => machine.close(interface),
            Command::Add(addition) => self.add(addition, machine)?,
            Command::Parts { router, parts } => self.exchange(router, parts, machine),
            // Word that it has gone may have been lost.
            Command::Remove(router) if self.node.get(router).is_none() => {
                machine.tell(Event::Removed { router });
            }
            Command::Remove(router) => {
                self.take(router, machine, |member, _| Some(member.remove()))
            }
            Command::LinkUp(router) => self.take(router, machine, Member::link_up),
            Command::Fault { router, reasons } => {
                self.take(router, machine, |_, _| Some(Input::Fault(reasons)));
            }
            Command::AddressLost { router, vip } => self.take(router, machine, |_, turn| {
                turn.work.lost = Some(vip);
                Some(Input::AddressLost)
            }),
            Command::Stop => {
                self.stopping = true;
                return Ok(for_all(Input::Shutdown));
            }
            Command::StopNow => {
                self.stopping = true;
                return Ok(for_all(Input::ShutdownNow));
            }
            Command::Ping => machine.tell(Event::Alive),
            Command::Snapshot { router } => {
                if let Some((core, member)) = self.node.get(router) {
                    let snapshot = member.snapshot(core, self.woken);
                    machine.tell(Event::Snapshot { router, snapshot });
                }
            }
        }
        Ok(Stage::Commands)
    }

    /// Takes the slot of a router over, and removes what an earlier run, or keepalived before us, may have left on its
    /// interfaces. A router that comes while the engine stops has stopped.
    ///
    /// # Errors
    /// When another process takes it over as well.
    pub fn add(
        &mut self,
        addition: Addition,
        machine: &mut impl Machine,
    ) -> Result<(), Superseded> {
        let Addition {
            mut place,
            addresses,
        } = addition;
        let router = place.id();
        if self.stopping || self.node.tenant(router.slot()).is_some() {
            machine.retire(place.into());
            machine.retire(addresses.into());
            machine.tell(Event::Removed { router });
            return Ok(());
        }
        place.companion.take_slot(machine)?;
        place.companion.begin_with(addresses, machine);
        if let Err(place) = self.node.insert(place) {
            machine.retire(place.into());
        }
        Ok(())
    }

    /// What a router has on its interfaces is this from now on.
    fn exchange(&mut self, id: RouterId, parts: Box<Parts>, machine: &mut impl Machine) {
        self.work.begin(id);
        let woken = self.woken;
        let Some((member, mut turn)) = self.lend(id, machine) else {
            return machine.retire(parts.into());
        };
        if let Some((settings, priority)) = member.take_parts(parts, &mut turn) {
            let outputs = self.work.outputs();
            self.node
                .reconfigure(id, woken, &settings, priority, outputs);
        }
    }

    /// Feeds the first router behind this one, then the next.
    pub(super) fn for_all(
        &mut self,
        input: Input,
        after: Option<RouterId>,
        machine: &mut impl Machine,
    ) -> Stage {
        let Some(router) = self.node.find(after, |_| true) else {
            return Stage::Commands;
        };
        self.take(router, machine, |_, _| Some(input));
        let after = Some(router);
        Stage::ForAll { input, after }
    }

    /// Forgets the routers that were to be removed and have stopped.
    pub(super) fn remove_stopped(&mut self, machine: &mut impl Machine) {
        while let Some(router) = self.stopped() {
            if let Some(mut place) = self.node.remove(router) {
                place.companion.clear(machine);
                machine.retire(place.into());
                machine.tell(Event::Removed { router });
            }
        }
    }

    fn stopped(&self) -> Option<RouterId> {
        let mut routers = self.node.iter();
        let over = routers.find(|(_, router, member)| member.is_over(router))?;
        Some(over.0)
    }
}

const fn for_all(input: Input) -> Stage {
    let after = None;
    Stage::ForAll { input, after }
}
