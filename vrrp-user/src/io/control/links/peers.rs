//! Judges which unicast peers are on a network of their router's interface: those have more to prove. Pure.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    table::{Address, Table},
    watch::{Change, Router, Vips},
};
use crate::io::engine::Command;

/// (router, peer) that were last said to be there.
#[derive(Debug, Default)]
pub(super) struct OnLink(BTreeSet<(u32, u32)>);

impl OnLink {
    /// What changed since the last call.
    pub(super) fn judge(
        &mut self,
        routers: &[Router],
        table: &Table,
        vips: &Vips,
        changes: &mut Vec<Change>,
    ) {
        let mut found = BTreeSet::new();
        for (number, router) in (0..).zip(routers) {
            let networks = networks(router, table, vips);
            for (peer, address) in (0..).zip(&router.peers) {
                if is_on_link(*address, &networks) {
                    found.insert((number, peer));
                }
            }
        }
        for &(router, peer) in self.0.symmetric_difference(&found) {
            changes.push(Change {
                command: Some(Command::PeerOnLink {
                    router,
                    peer,
                    on_link: found.contains(&(router, peer)),
                }),
                line: None,
                recreated: None,
            });
        }
        self.0 = found;
    }
}

/// The addresses of a router's interface that are its own. What a peer has to prove must not change with
/// who is Active, even if virtual IPs are given with a network.
fn networks<'table>(router: &Router, table: &'table Table, vips: &Vips) -> Vec<&'table Address> {
    if router.peers.is_empty() {
        return Vec::new();
    }
    let index = router.interface.index;
    let addresses = table.addresses(index).iter();
    addresses
        .filter(|found| vips.get(&(index, found.address)) != Some(&true))
        .collect()
}

/// A link-local address can be nowhere else.
fn is_on_link(peer: IpAddr, networks: &[&Address]) -> bool {
    let is_local = matches!(peer, IpAddr::V6(peer) if peer.is_unicast_link_local());
    is_local || networks.iter().any(|found| found.is_neighbour(peer))
}
