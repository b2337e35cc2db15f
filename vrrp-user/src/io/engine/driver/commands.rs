//! Carries out what the control plane wants.

use super::{Driver, Stage};
use crate::{
    io::engine::{
        addition::Addition,
        machine::{Machine, Superseded},
        member::Turn,
        message::{Command, Event},
    },
    proto::Input,
};

impl Driver {
    pub(super) fn command(&mut self, machine: &mut impl Machine) -> Result<Stage, Superseded> {
        let Some(command) = machine.next_command() else {
            return Ok(Stage::Announcing {
                first: true,
                from: 0,
            });
        };
        let woken = self.woken;
        match command {
            Command::Open(socket) => machine.open(socket),
            Command::Close(interface) => machine.close(interface),
            Command::Add(addition) => self.add(addition, machine)?,
            Command::Parts { router, parts } => match self.member(router) {
                Some(member) => member.take_parts(parts, &mut Turn { machine, woken }),
                None => machine.retire(parts.into()),
            },
            Command::Remove(router) => {
                if let Some(member) = self.member(router) {
                    member.remove(&mut Turn { machine, woken });
                }
            }
            Command::LinkUp(router) => {
                if let Some(member) = self.member(router) {
                    member.link_up(&mut Turn { machine, woken });
                }
            }
            Command::Fault { router, reasons } => {
                if let Some(member) = self.member(router) {
                    member.feed(Input::Fault(reasons), woken);
                }
            }
            Command::AddressLost { router, vip } => {
                if let Some(member) = self.member(router) {
                    member.address_lost(vip, woken);
                }
            }
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
                if let Some(member) = self.member(router) {
                    let snapshot = member.snapshot(woken);
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
        let router = addition.id();
        if self.stopping || self.at(router.slot() as usize).is_some() {
            machine.retire(addition.into());
            machine.tell(Event::Removed { router });
            return Ok(());
        }
        let Addition {
            mut member,
            addresses,
        } = addition;
        member.take_slot(machine)?;
        member.begin_with(addresses, machine);
        self.seat(member);
        Ok(())
    }

    /// Feeds the first member from this slot on, then the next.
    pub(super) fn for_all(&mut self, input: Input, from: usize) -> Stage {
        let woken = self.woken;
        let Some((slot, one)) = self.first_from(from, |_| true) else {
            return Stage::Commands;
        };
        one.feed(input, woken);
        let from = slot + 1;
        Stage::ForAll { input, from }
    }

    /// Forgets the members that were to be removed and have stopped.
    pub(super) fn unseat_removed(&mut self, machine: &mut impl Machine) {
        for seat in &mut self.members {
            if let Some(mut member) = seat.take_if(|member| member.is_over()) {
                member.clear(machine);
                let router = member.id();
                machine.retire(member.into());
                machine.tell(Event::Removed { router });
            }
        }
        while let Some(None) = self.members.last() {
            self.members.pop();
        }
    }
}

fn for_all(input: Input) -> Stage {
    Stage::ForAll { input, from: 0 }
}
