//! A system that does nothing.

use std::{cell::RefCell, collections::BTreeSet, net::IpAddr, rc::Rc};

use futures_util::future::LocalBoxFuture;
use vrrp_ebpf::types::{Mac, mac_text};

use crate::{
    ids::InterfaceId,
    io::{
        bpf::{Mode, Reception, VlanTags},
        control::{Host, host::Refused},
    },
};

/// Lets everything be done but what it is told to refuse, and remembers what it was asked for. Its clones are the same
/// system.
#[derive(Clone, Default)]
pub(super) struct Idle(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    attached: BTreeSet<InterfaceId>,
    refused: Option<String>,
    asked: Vec<String>,
}

impl Idle {
    /// Refuses this from now on, and nothing else.
    pub(super) fn refuse(&self, what: Option<&str>) {
        self.0.borrow_mut().refused = what.map(str::to_owned);
    }

    /// What it was asked for so far, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        self.0.borrow().asked.clone()
    }

    /// Interfaces that were attached and not detached.
    pub(super) fn attached(&self) -> BTreeSet<InterfaceId> {
        self.0.borrow().attached.clone()
    }

    fn ask(&self, what: String) -> Result<(), Refused> {
        let mut state = self.0.borrow_mut();
        let is_refused = state.refused.as_ref() == Some(&what);
        state.asked.push(what.clone());
        if is_refused {
            return Err(format!("no {what}").into());
        }
        Ok(())
    }
}

impl Host for Idle {
    fn started(&mut self) -> Result<(), Refused> {
        Ok(())
    }

    fn attach(&mut self, interface: InterfaceId, name: &str) -> Result<Reception, Refused> {
        self.ask(format!("attach {} {name}", interface.0))?;
        self.0.borrow_mut().attached.insert(interface);
        Ok(Reception {
            mode: Mode::Tc,
            reason: Some("it has no driver".to_owned()),
            vlan_tags: VlanTags::Visible,
        })
    }

    fn detach(&mut self, interface: InterfaceId) -> LocalBoxFuture<'_, Result<(), Refused>> {
        let done = self.ask(format!("detach {}", interface.0));
        assert!(self.0.borrow_mut().attached.remove(&interface));
        Box::pin(async { done })
    }

    fn set_marked(&mut self, interface: InterfaceId, is_marked: bool) -> Result<(), Refused> {
        let what = if is_marked { "mark" } else { "unmark" };
        self.ask(format!("{what} {}", interface.0))
    }

    fn join(&mut self, interface: InterfaceId, group: IpAddr) -> Result<(), Refused> {
        self.ask(format!("join {} {group}", interface.0))
    }

    fn leave(&mut self, interface: InterfaceId, group: IpAddr) -> Result<(), Refused> {
        self.ask(format!("leave {} {group}", interface.0))
    }

    fn receive(&mut self, interface: InterfaceId, mac: Mac) -> Result<bool, Refused> {
        self.ask(format!("receive {} {}", interface.0, mac_text(mac)))?;
        Ok(false)
    }

    fn refuse(&mut self, interface: InterfaceId, mac: Mac) -> Result<bool, Refused> {
        self.ask(format!("refuse {} {}", interface.0, mac_text(mac)))?;
        Ok(false)
    }
}
