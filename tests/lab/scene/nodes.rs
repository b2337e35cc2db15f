//! The routers and their nodes, and what is done to them.

use nix::sys::signal::Signal;
use vrrp_tests::{
    lab::Host,
    node::{Node as _, Xvrrp},
    process::Log,
};

use super::Scene;

impl Scene {
    /// The router with this number, from 1.
    pub(crate) fn router(&self, number: u8) -> &Host {
        &self.lab.routers[usize::from(number) - 1]
    }

    /// The node on the router with this number.
    pub(crate) fn node(&mut self, number: u8) -> &mut Xvrrp {
        &mut self.nodes[usize::from(number) - 1]
    }

    /// Starts a router, which takes the address, and then its Backup.
    #[track_caller]
    pub(crate) fn start_in_turn(&mut self, owner: u8, backup: u8) {
        self.node(owner).start().unwrap();
        self.await_owner(owner);
        self.node(backup).start().unwrap();
        self.await_state(backup, "BACKUP");
    }

    /// Sends a signal to the node of this router.
    #[track_caller]
    pub(crate) fn signal(&mut self, number: u8, signal: Signal) {
        let process = self.node(number).process().unwrap();
        process.signal(signal).unwrap();
    }

    /// Sets an interface of router 1 up or down.
    #[track_caller]
    pub(crate) fn set_link(&self, interface: &str, how: &str) {
        let change = format!("link set {interface} {how}");
        self.router(1).netns.ip(&change).unwrap();
    }

    /// Its log.
    pub(crate) fn log(&mut self, number: u8) -> &Log {
        self.node(number).process().unwrap().log()
    }
}
