//! What the engine has of a virtual router beside its core, ready to be used: frames, and what the programs are to
//! know. The control plane makes it ([`Blueprint`](super::blueprint::Blueprint)), hands it over, and gets back what it
//! replaces.

use std::net::IpAddr;

use vrrp_ebpf::{
    abi::{PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry, VipKey},
    types::Family,
};

use super::{addresses::AddressSet, frames::Frames};
use crate::{
    ids::{InterfaceId, VipId},
    proto::Settings,
};

/// See the module.
#[derive(Debug)]
pub struct Parts {
    /// Counts what the router was made of: [`Event::Changed`](super::Event::Changed) names it.
    pub revision: u32,
    /// Settings of the core, with the source address.
    pub settings: Settings,
    /// The priority that checks make of the configured one.
    pub priority: u8,
    /// Interface of the adverts.
    pub interface: InterfaceId,
    /// What it sends.
    pub frames: Frames,
    /// What the programs are to know.
    pub entries: Entries,
    /// For the address worker, if its virtual IPs are others than before.
    pub addresses: Option<Box<AddressSet>>,
    /// Parts that these have replaced, of which something is still to be undone. The engine's own.
    pub(super) before: Option<Box<Self>>,
}

impl Parts {
    /// Family of a virtual IP, which an excluded one does not share with the adverts.
    pub(super) fn vip_family(&self, vip: VipId) -> Option<Family> {
        let mut vips = self.entries.vips.iter();
        let found = vips.find(|(_, entry)| entry.vip == vip.state());
        found.map(|(key, _)| key.family())
    }

    /// Where packets to unicast peers go, in turn; none for multicast.
    pub(super) fn peers(&self) -> Option<&[IpAddr]> {
        self.frames.peers()
    }
}

/// What the programs are to know of a virtual router, by map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    /// In `ROUTERS`.
    pub router: (RouterKey, RouterEntry),
    /// Where it uses its Virtual Router MAC.
    pub macs: Table<RouterKey, ()>,
    /// Its unicast peers.
    pub peers: Table<PeerKey, PeerEntry>,
    /// Interfaces where it answers by proxy ARP.
    pub proxies: Table<InterfaceId, ProxyEntry>,
    /// Its virtual IPs.
    pub vips: Table<VipKey, VipEntry>,
}

/// Entries of a map in the order of their keys, each key once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<Key, Entry>(Vec<(Key, Entry)>);

impl<Key: Ord + Copy, Entry: PartialEq + Copy> Table<Key, Entry> {
    /// Of equal keys the first counts.
    pub fn new(entries: impl IntoIterator<Item = (Key, Entry)>) -> Self {
        let mut entries = Vec::from_iter(entries);
        entries.sort_by_key(|(key, _)| *key);
        entries.dedup_by_key(|(key, _)| *key);
        Self(entries)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(Key, Entry)> {
        self.0.iter()
    }

    fn get(&self, wanted: &Key) -> Option<&Entry> {
        let position = self.0.binary_search_by_key(wanted, |(key, _)| *key).ok()?;
        self.0.get(position).map(|(_, entry)| entry)
    }

    /// Those that `before` lacks or has otherwise.
    pub(super) fn news<'table>(
        &'table self,
        before: Option<&'table Self>,
    ) -> impl Iterator<Item = (Key, Entry)> {
        let is_new = move |(key, entry): &&(Key, Entry)| {
            before.and_then(|before| before.get(key)) != Some(entry)
        };
        self.0.iter().filter(is_new).copied()
    }

    /// Keys that `after` lacks.
    pub(super) fn gone<'table>(
        &'table self,
        after: Option<&'table Self>,
    ) -> impl Iterator<Item = Key> {
        let keys = self.0.iter().map(|(key, _)| *key);
        keys.filter(move |key| after.and_then(|after| after.get(key)).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differences_are_news() {
        let before = Table::new([(3, 'c'), (1, 'a'), (2, 'b')]);
        let after = Table::new([(2, 'B'), (3, 'c'), (4, 'd')]);
        let all = |table: &Table<i32, char>| Vec::from_iter(table.news(None));
        assert_eq!(all(&before), [(1, 'a'), (2, 'b'), (3, 'c')]);
        assert!(after.news(Some(&before)).eq([(2, 'B'), (4, 'd')]));
        assert!(before.gone(Some(&after)).eq([1]));
        assert!(before.gone(None).eq([1, 2, 3]));
        assert_eq!(before.news(Some(&before)).count(), 0);
        assert_eq!(before.gone(Some(&before)).count(), 0);
    }
}
