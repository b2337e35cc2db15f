//! What every case begins with: a lab, a node per router, and the questions that are asked of them.

mod make;
mod nodes;
mod questions;
mod status;
mod turn;
mod wait;

use std::net::IpAddr;

use vrrp_tests::{
    echo::Echo,
    frames::Advert,
    lab::{Host, Lab, VIP},
    node::{Node as _, Xvrrp},
};

pub(crate) use self::{
    status::RouterStatus,
    turn::{Turn, alone, shared},
    wait::{LIMIT, await_lines, eventually},
};

/// Routers with a node each. A case that fails shows what the nodes have to say.
pub(crate) struct Scene {
    // Dropped in this order: nodes end before their network goes, and the turn ends last.
    pub(crate) nodes: Vec<Xvrrp>,
    _echos: Vec<Echo>,
    pub(crate) lab: Lab,
    /// The virtual IP that clients ask for.
    pub(crate) vip: IpAddr,
    _turn: Turn,
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (number, node) in (1..).zip(&mut self.nodes) {
            match node.status() {
                Ok(status) => eprintln!("r{number} says: {}", status.unwrap_or_default()),
                Err(error) => eprintln!("r{number} says nothing: {error:#}"),
            }
            if let Ok(process) = node.process() {
                eprintln!("r{number} logged:\n{}", process.log().tail(40));
            }
        }
    }
}

/// A host says that it is a router of this priority, which sends an advert every 40 s.
#[track_caller]
pub(crate) fn claim(host: &Host, priority: u8) {
    let advert = Advert {
        priority,
        timing: [0x0f, 0xa0],
        ..Advert::v3(51, &[VIP.octets()])
    };
    host.advertise(advert).unwrap();
}
