//! Judges whether the configured source addresses are on the interfaces that the adverts leave by. Pure.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    router::{Change, WatchedRouter},
    table::Table,
};
use crate::{
    ids::{InterfaceId, RouterId},
    io::control::warnings::Warning,
};

/// Routers that were last said to have their source address somewhere else.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeSet<RouterId>);

impl Sources {
    /// Forgets the other routers.
    pub(super) fn retain(&mut self, keep: impl Fn(RouterId) -> bool) {
        self.0.retain(|router| keep(*router));
    }

    /// What changed since the last call.
    pub(super) fn judge(
        &mut self,
        routers: &[WatchedRouter],
        table: &Table,
        changes: &mut Vec<Change>,
    ) {
        let elsewhere = routers.iter().filter(|router| {
            let interface = router.interface();
            let mut source = router.source.into_iter();
            source.any(|source| is_elsewhere(source, interface, table))
        });
        let found: BTreeSet<RouterId> = elsewhere.map(|router| router.id).collect();
        for &router in self.0.symmetric_difference(&found) {
            changes.push(Change {
                warning: Some((router, Warning::SourceElsewhere, found.contains(&router))),
                ..Change::default()
            });
        }
        self.0 = found;
    }
}

/// An address that nobody here has is a fault, or meant to be so (`mcast_src_ip` without `track_src_ip`): that is
/// told as well, as answers to it do not come here.
pub(super) fn is_elsewhere(
    (source, needed): (IpAddr, bool),
    interface: Option<InterfaceId>,
    table: &Table,
) -> bool {
    let mut places = table.places_of(source).peekable();
    let is_nowhere = places.peek().is_none();
    table.link(interface).is_some()
        && !places.any(|place| Some(place) == interface)
        && !(is_nowhere && needed)
}
