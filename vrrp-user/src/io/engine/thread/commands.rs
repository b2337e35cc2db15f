//! Carries out what the control plane wants.

use vrrp_ebpf::types::Mac;

use super::Engine;
use crate::{
    io::engine::{
        machine::{Machine as _, Superseded},
        message::{Command, Event},
    },
    proto::{Input, Instant},
};

impl Engine {
    pub(super) fn drain_commands(&mut self, woken: Instant) -> Result<(), Superseded> {
        while let Some(command) = self.machine.next_command() {
            match command {
                Command::LinkUp {
                    router,
                    primary,
                    mac,
                } => {
                    let machine = &mut self.machine;
                    let Some(member) = self.members.get_mut(router as usize) else {
                        continue;
                    };
                    if let Err(error) = member.set_interface(machine, primary, mac) {
                        self.machine.tell(Event::InterfaceFailed { router, error });
                        continue;
                    }
                    if let Some((member, mut turn)) = self.member(router, woken) {
                        member.link_up(primary, &mut turn)?;
                    }
                }
                Command::Fit { router, advertised } => {
                    let machine = &mut self.machine;
                    let Some(member) = self.members.get_mut(router as usize) else {
                        continue;
                    };
                    if let Err(error) = member.fit(machine, advertised) {
                        self.machine.tell(Event::InterfaceFailed { router, error });
                    }
                }
                Command::MacElsewhere { ifindex, mac } => {
                    self.set_mac_elsewhere(ifindex, mac, woken)?;
                }
                Command::PeerOnLink {
                    router,
                    peer,
                    on_link,
                } => {
                    let machine = &mut self.machine;
                    let Some(member) = self.members.get_mut(router as usize) else {
                        continue;
                    };
                    if let Err(error) = member.set_peer_on_link(machine, peer, on_link) {
                        self.machine.tell(Event::InterfaceFailed { router, error });
                    }
                }
                Command::PeerIsOurs { router, peer, ours } => {
                    self.machine.set_peer_is_ours(router, peer, ours);
                }
                Command::Fault { router, reason } => {
                    self.feed(router, Input::Fault(reason), woken)?;
                }
                Command::AddressLost { router, vip } => {
                    if let Some((member, mut turn)) = self.member(router, woken) {
                        member.address_lost(vip, &mut turn)?;
                    }
                }
                Command::Stop => {
                    self.stopping = true;
                    self.feed_all(Input::Shutdown, woken)?;
                }
                Command::StopNow => {
                    self.stopping = true;
                    self.feed_all(Input::ShutdownNow, woken)?;
                }
                Command::Snapshot { router } => {
                    if let Some(member) = self.members.get(router as usize) {
                        let snapshot = member.snapshot(woken);
                        self.machine.tell(Event::Snapshot { router, snapshot });
                    }
                }
            }
        }
        Ok(())
    }

    fn set_mac_elsewhere(
        &mut self,
        ifindex: u32,
        mac: Mac,
        woken: Instant,
    ) -> Result<(), Superseded> {
        for (router, index) in (0..).zip(0..self.members.len()) {
            let Some(member) = self.members.get_mut(index) else {
                continue;
            };
            match member.set_mac_elsewhere(&mut self.machine, ifindex, mac) {
                Ok(false) => {}
                Ok(true) => {
                    if let Some((member, mut turn)) = self.member_at(index, woken) {
                        member.announce_anew(&mut turn)?;
                    }
                }
                Err(error) => self.machine.tell(Event::InterfaceFailed { router, error }),
            }
        }
        Ok(())
    }

    fn feed(&mut self, router: u32, input: Input, woken: Instant) -> Result<(), Superseded> {
        match self.member(router, woken) {
            Some((member, mut turn)) => member.feed(input, &mut turn),
            None => Ok(()),
        }
    }

    fn feed_all(&mut self, input: Input, woken: Instant) -> Result<(), Superseded> {
        for index in 0..self.members.len() {
            if let Some((member, mut turn)) = self.member_at(index, woken) {
                member.feed(input, &mut turn)?;
            }
        }
        Ok(())
    }
}
