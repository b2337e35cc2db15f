//! What of a virtual router depends on its interfaces, and is made anew when they change.

use std::net::IpAddr;

use vrrp_ebpf::types::Mac;

use super::{Member, Superseded, Surroundings};
use crate::{
    io::{
        bpf::Tables,
        engine::{frames::Frames, message::InterfaceError, peers::PeerPlan},
    },
    proto::{Input, State},
};

impl Member {
    /// The interface has this source address and MAC: rebuilds what depends on them.
    pub(in crate::io::engine) fn set_interface(
        &mut self,
        tables: &mut Tables,
        primary: IpAddr,
        mac: Mac,
    ) -> Result<(), InterfaceError> {
        self.plan.settings.primary = primary;
        self.mac_changed = self.mac.replace(mac).is_some_and(|before| before != mac);
        self.rebuild(tables, mac)
    }

    /// Another interface that virtual IPs are on (`dev`) has this MAC: rebuilds what depends on it. Tells
    /// whether neighbours there know one under another.
    pub(in crate::io::engine) fn set_mac_elsewhere(
        &mut self,
        tables: &mut Tables,
        ifindex: u32,
        mac: Mac,
    ) -> Result<bool, InterfaceError> {
        if !self.plan.frames.set_mac_elsewhere(ifindex, mac) {
            return Ok(false);
        }
        // Nothing is built before the interface of the adverts is known.
        let Some(own) = self.mac else {
            return Ok(false);
        };
        self.rebuild(tables, own)?;
        Ok(true)
    }

    /// Adverts have room for so many virtual IPs: rebuilds them, and what is expected of others.
    pub(in crate::io::engine) fn fit(
        &mut self,
        tables: &mut Tables,
        advertised: usize,
    ) -> Result<(), InterfaceError> {
        match self.mac {
            Some(mac) if self.plan.fit(advertised) => self.rebuild(tables, mac),
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
        tables: &mut Tables,
        peer: u32,
        on_link: bool,
    ) -> Result<(), InterfaceError> {
        let Some(peer) = self.plan.peers.get_mut(peer as usize) else {
            return Ok(());
        };
        peer.set_on_link(on_link);
        let (key, entry) = peer.entry();
        Ok(tables.set_peer(key, entry)?)
    }

    /// A unicast peer (index in the configuration) is this machine, or it is not.
    pub(in crate::io::engine) fn set_peer_is_ours(&mut self, peer: u32, ours: bool) {
        if let Some(sender) = &mut self.unicast {
            sender.set_ours(peer, ours);
        }
    }

    /// Frames, and what the programs know, while the interface of the adverts has this MAC.
    fn rebuild(&mut self, tables: &mut Tables, mac: Mac) -> Result<(), InterfaceError> {
        self.frames = Frames::build(
            &self.plan.frames,
            &self.plan.settings,
            self.plan.ifindex,
            mac,
        )?;
        for (key, entry) in self.plan.peers.iter().map(PeerPlan::entry) {
            tables.set_peer(key, entry)?;
        }
        let primary = self.plan.settings.primary;
        tables.set_router(self.plan.key, self.plan.entry(primary))?;
        for key in &self.plan.macs {
            tables.set_mac(*key, self.index)?;
        }
        for (ifindex, entry) in self.plan.proxy_entries(mac) {
            tables.set_proxy(ifindex, entry)?;
        }
        for (key, entry) in self.plan.vip_entries(mac) {
            tables.set_vip(key, entry)?;
        }
        Ok(())
    }

    /// The interface is usable; [`set_interface`](Self::set_interface) was called.
    pub(in crate::io::engine) fn link_up(
        &mut self,
        primary: IpAddr,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        self.announce_source(around);
        self.feed(Input::LinkUp { primary }, around)?;
        if std::mem::take(&mut self.mac_changed) {
            self.announce_anew(around)?;
        }
        Ok(())
    }

    /// Neighbours know virtual IPs under a MAC that is not theirs any more.
    pub(in crate::io::engine) fn announce_anew(
        &mut self,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        if self.core.state() == State::Active {
            self.announce(self.plan.settings.garp.repeat, around)?;
        }
        Ok(())
    }
}
