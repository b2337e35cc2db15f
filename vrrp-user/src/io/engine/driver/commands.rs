//! Carries out what the control plane wants.

use vrrp_ebpf::types::Mac;

use super::{Driver, Stage};
use crate::{
    ids::{InterfaceId, RouterId},
    io::engine::{
        machine::Machine,
        message::{Command, Event, InterfaceError},
    },
    proto::Input,
};

/// What every member is to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum ForAll {
    Take(Input),
    /// An interface that virtual IPs are on has this MAC.
    MacElsewhere {
        interface: InterfaceId,
        mac: Mac,
    },
}

impl Driver {
    pub(super) fn command(&mut self, machine: &mut impl Machine) -> Stage {
        let Some(command) = machine.next_command() else {
            return Stage::Announcing {
                first: true,
                from: 0,
            };
        };
        let woken = self.woken;
        match command {
            Command::LinkUp {
                router,
                primary,
                mac,
            } => {
                if let Some(member) = self.member(router) {
                    match member.set_interface(machine, primary, mac) {
                        Ok(()) => member.link_up(primary, woken, machine),
                        Err(error) => machine.tell(Event::InterfaceFailed { router, error }),
                    }
                }
            }
            Command::Fit { router, advertised } => {
                let member = self.member(router);
                let done = member.map_or(Ok(()), |member| member.fit(machine, advertised));
                tell_failure(router, done, machine);
            }
            Command::MacElsewhere { interface, mac } => {
                return for_all(ForAll::MacElsewhere { interface, mac });
            }
            Command::PeerOnLink {
                router,
                peer,
                on_link,
            } => {
                let member = self.member(router);
                let done = member.map_or(Ok(()), |member| {
                    member.set_peer_on_link(machine, peer, on_link)
                });
                tell_failure(router, done, machine);
            }
            Command::PeerIsOurs { router, peer, ours } => {
                if self.member(router).is_some() {
                    machine.set_peer_is_ours(router.slot(), peer, ours);
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
                return for_all(ForAll::Take(Input::Shutdown));
            }
            Command::StopNow => {
                self.stopping = true;
                return for_all(ForAll::Take(Input::ShutdownNow));
            }
            Command::Ping => machine.tell(Event::Alive),
            Command::Snapshot { router } => {
                if let Some(member) = self.member(router) {
                    let snapshot = member.snapshot(woken);
                    machine.tell(Event::Snapshot { router, snapshot });
                }
            }
        }
        Stage::Commands
    }

    /// Has the first member from this slot on do it, then the next.
    pub(super) fn for_all(
        &mut self,
        command: ForAll,
        from: usize,
        machine: &mut impl Machine,
    ) -> Stage {
        let woken = self.woken;
        let Some((slot, one)) = self.first_from(from, |_| true) else {
            return Stage::Commands;
        };
        let router = one.id();
        match command {
            ForAll::Take(input) => one.feed(input, woken),
            ForAll::MacElsewhere { interface, mac } => {
                match one.set_mac_elsewhere(machine, interface, mac) {
                    Ok(false) => {}
                    Ok(true) => one.announce_anew(),
                    Err(error) => machine.tell(Event::InterfaceFailed { router, error }),
                }
            }
        }
        let from = slot + 1;
        Stage::ForAll { command, from }
    }
}

fn for_all(command: ForAll) -> Stage {
    Stage::ForAll { command, from: 0 }
}

fn tell_failure(router: RouterId, done: Result<(), InterfaceError>, machine: &mut impl Machine) {
    if let Err(error) = done {
        machine.tell(Event::InterfaceFailed { router, error });
    }
}
