//! What the control plane does to the system, beside what the engine does: one thing at a time, each of which can be
//! undone.

use std::{error::Error, net::IpAddr};

use futures_util::future::LocalBoxFuture;
use vrrp_ebpf::types::Mac;

use crate::{ids::InterfaceId, io::bpf::Reception};

/// Why the system does not let us.
pub type Refused = Box<dyn Error + Send + Sync>;

/// See the module. Whatever outlives the process is in the journal as long as it may be there.
pub trait Host {
    /// Every virtual router has been started. What only a start needs is given up.
    ///
    /// # Errors
    /// When it cannot be given up, or what later interfaces need cannot be had.
    fn started(&mut self) -> Result<(), Refused>;

    /// Attaches the programs to an interface.
    ///
    /// # Errors
    /// When another node or program is on it, or the kernel refuses: then it is as it was.
    fn attach(&mut self, interface: InterfaceId, name: &str) -> Result<Reception, Refused>;

    /// Detaches the programs from an interface, which may be gone.
    ///
    /// # Errors
    /// What the kernel refuses.
    fn detach(&mut self, interface: InterfaceId) -> LocalBoxFuture<'_, Result<(), Refused>>;

    /// Has frames to virtual MACs taken there, from now on or no more.
    ///
    /// # Errors
    /// What the kernel refuses.
    fn set_marked(&mut self, interface: InterfaceId, is_marked: bool) -> Result<(), Refused>;

    /// Joins a multicast group.
    ///
    /// # Errors
    /// errno of the kernel.
    fn join(&mut self, interface: InterfaceId, group: IpAddr) -> Result<(), Refused>;

    /// Leaves a multicast group.
    ///
    /// # Errors
    /// errno of the kernel.
    fn leave(&mut self, interface: InterfaceId, group: IpAddr) -> Result<(), Refused>;

    /// Has an interface receive frames to a virtual MAC. Tells whether it receives every frame for that.
    ///
    /// # Errors
    /// When it takes neither an entry nor promiscuous mode.
    fn receive(&mut self, interface: InterfaceId, mac: Mac) -> Result<bool, Refused>;

    /// The interface need not receive frames to that MAC any more. Tells whether it receives every frame still.
    ///
    /// # Errors
    /// errno of the kernel.
    fn refuse(&mut self, interface: InterfaceId, mac: Mac) -> Result<bool, Refused>;
}
