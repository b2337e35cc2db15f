//! What of a virtual router depends on its interfaces, and is made anew when they change.

use std::net::IpAddr;

use vrrp_ebpf::types::Mac;

use super::{Member, steps::Then};
use crate::{
    ids::InterfaceId,
    io::engine::{frames::Frames, machine::Machine, message::InterfaceError, peers::PeerPlan},
    proto::{Input, Instant},
};

impl Member {
    /// The interface has this source address and MAC: rebuilds what depends on them.
    pub(in crate::io::engine) fn set_interface(
        &mut self,
        machine: &mut impl Machine,
        primary: IpAddr,
        mac: Mac,
    ) -> Result<(), InterfaceError> {
        self.plan.settings.primary = primary;
        self.mac_changed = self.mac.replace(mac).is_some_and(|before| before != mac);
        self.rebuild(machine, mac)
    }

    /// Another interface that virtual IPs are on (`dev`) has this MAC: rebuilds what depends on it. Tells
    /// whether neighbours there know one under another.
    pub(in crate::io::engine) fn set_mac_elsewhere(
        &mut self,
        machine: &mut impl Machine,
        interface: InterfaceId,
        mac: Mac,
    ) -> Result<bool, InterfaceError> {
        if !self.plan.frames.set_mac_elsewhere(interface, mac) {
            return Ok(false);
        }
        // Nothing is built before the interface of the adverts is known.
        let Some(own) = self.mac else {
            return Ok(false);
        };
        self.rebuild(machine, own)?;
        Ok(true)
    }

    /// Adverts have room for so many virtual IPs: rebuilds them, and what is expected of others.
    pub(in crate::io::engine) fn fit(
        &mut self,
        machine: &mut impl Machine,
        advertised: usize,
    ) -> Result<(), InterfaceError> {
        match self.mac {
            Some(mac) if self.plan.fit(advertised) => self.rebuild(machine, mac),
            // Nothing is built before the interface of the adverts is known.
            None => {
                self.plan.fit(advertised);
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    /// A unicast peer (index in the configuration) is on a network of our interface, or it is not.
    pub(in crate::io::engine) fn set_peer_on_link(
        &mut self,
        machine: &mut impl Machine,
        peer: u32,
        on_link: bool,
    ) -> Result<(), InterfaceError> {
        let Some(peer) = self.plan.peers.get_mut(peer as usize) else {
            return Ok(());
        };
        peer.set_on_link(on_link);
        let (key, entry) = peer.entry();
        Ok(machine.set_peer(key, entry)?)
    }

    /// Frames, and what the programs know, while the interface of the adverts has this MAC.
    fn rebuild(&mut self, machine: &mut impl Machine, mac: Mac) -> Result<(), InterfaceError> {
        self.frames = Frames::build(
            &self.plan.frames,
            &self.plan.settings,
            self.plan.interface,
            mac,
        )?;
        for (key, entry) in self.plan.peers.iter().map(PeerPlan::entry) {
            machine.set_peer(key, entry)?;
        }
        let primary = self.plan.settings.primary;
        machine.set_router(self.plan.key, self.plan.entry(primary))?;
        for key in &self.plan.macs {
            machine.set_mac(*key, self.slot())?;
        }
        for (interface, entry) in self.plan.proxy_entries(mac) {
            machine.set_proxy(interface, entry)?;
        }
        for (key, entry) in self.plan.vip_entries(mac) {
            machine.set_vip(key, entry)?;
        }
        Ok(())
    }

    /// The interface is usable; [`set_interface`](Self::set_interface) was called.
    pub(in crate::io::engine) fn link_up(
        &mut self,
        primary: IpAddr,
        woken: Instant,
        machine: &mut impl Machine,
    ) {
        self.announce_source(machine);
        self.feed(Input::LinkUp { primary }, woken);
        if std::mem::take(&mut self.mac_changed) {
            self.announce_anew();
        }
    }

    /// Neighbours know virtual IPs under a MAC that is not theirs any more: the next step announces them.
    pub(in crate::io::engine) fn announce_anew(&mut self) {
        self.work.then = Then::AnnounceAnew;
    }
}
