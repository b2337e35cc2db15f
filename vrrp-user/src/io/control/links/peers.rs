//! Judges where the unicast peers of each router are: those on a network of its interface have more to prove, and
//! those that are this machine are none. Pure.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    News,
    router::{Change, WatchedRouter},
    table::{Address, Table},
    verdict::Vips,
};
use crate::{ids::RouterId, io::control::warnings::Warning};

/// (router, peer) of which that was said last.
#[derive(Debug, Default)]
pub(super) struct Peers {
    on_link: BTreeSet<(RouterId, IpAddr)>,
    ours: BTreeSet<(RouterId, IpAddr)>,
}

impl Peers {
    /// Forgets the other routers.
    pub(super) fn retain(&mut self, keep: impl Fn(RouterId) -> bool) {
        self.on_link.retain(|(router, _)| keep(*router));
        self.ours.retain(|(router, _)| keep(*router));
    }

    /// What changed since the last call.
    pub(super) fn judge(
        &mut self,
        routers: &[WatchedRouter],
        table: &Table,
        vips: &Vips,
        changes: &mut Vec<Change>,
    ) {
        let (mut on_link, mut ours) = (BTreeSet::new(), BTreeSet::new());
        for router in routers {
            let networks = networks(router, table, vips);
            for peer in &router.peers {
                if is_on_link(*peer, &networks) {
                    on_link.insert((router.id, *peer));
                }
                if is_ours(*peer, router, table, vips) {
                    ours.insert((router.id, *peer));
                }
            }
        }
        for &(router, peer) in self.on_link.symmetric_difference(&on_link) {
            let on_link = on_link.contains(&(router, peer));
            changes.push(Change {
                news: Some(News::PeerOnLink {
                    router,
                    peer,
                    on_link,
                }),
                ..Change::default()
            });
        }
        for &(router, peer) in self.ours.symmetric_difference(&ours) {
            let ours = ours.contains(&(router, peer));
            changes.push(Change {
                news: Some(News::PeerIsOurs { router, peer, ours }),
                warning: Some((router, Warning::OwnPeer { peer }, ours)),
                ..Change::default()
            });
        }
        (self.on_link, self.ours) = (on_link, ours);
    }

    /// Whether a router with unicast peers has none on another machine.
    pub(super) fn are_all_ours(&self, router: &WatchedRouter) -> bool {
        let mut peers = router.peers.iter();
        !router.peers.is_empty() && peers.all(|peer| self.ours.contains(&(router.id, *peer)))
    }
}

/// The addresses of a router's interface that are its own. What a peer has to prove must not change with
/// who is Active, even if virtual IPs are given with a network.
fn networks<'table>(
    router: &WatchedRouter,
    table: &'table Table,
    vips: &Vips,
) -> Vec<&'table Address> {
    if router.peers.is_empty() {
        return Vec::new();
    }
    let Some(interface) = router.interface() else {
        return Vec::new();
    };
    let addresses = table.addresses(interface).iter();
    addresses
        .filter(|found| vips.get(&(interface, found.address)) != Some(&true))
        .collect()
}

/// A link-local address can be nowhere else.
fn is_on_link(peer: IpAddr, networks: &[&Address]) -> bool {
    is_link_local(peer) || networks.iter().any(|found| found.is_neighbour(peer))
}

/// Whether this machine has the address, on whatever interface; a link-local one of another interface is
/// another one. A virtual IP is not ours for good: where the owner of the addresses is a peer, its address is ours
/// while we stand in for it.
fn is_ours(peer: IpAddr, router: &WatchedRouter, table: &Table, vips: &Vips) -> bool {
    peer.is_loopback()
        || table.places_of(peer).any(|interface| {
            let here = Some(interface) == router.interface() || !is_link_local(peer);
            here && vips.get(&(interface, peer)) != Some(&true)
        })
}

fn is_link_local(peer: IpAddr) -> bool {
    matches!(peer, IpAddr::V6(peer) if peer.is_unicast_link_local())
}
