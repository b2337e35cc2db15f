//! The maps that describe virtual routers and virtual IPs to the programs. Entries come, change and go one at a time.
//!
//! What a router leaves is removed by its slot: under the same key there may be another router by then, whose entry
//! stays.

use std::{fmt, io};

use aya::{
    Ebpf, Pod,
    maps::{Array, HashMap, MapData, MapError},
};
use thiserror::Error;
use vrrp_ebpf::abi::{PeerEntry, PeerKey, ProxyEntry, RouterEntry, RouterKey, VipEntry, VipKey};

use super::{
    BpfError, map_error,
    shared::{self, Filter},
    take,
};

/// `BPF_NOEXIST`: an entry under this key is an error.
const NEW: u64 = 1;
/// `BPF_EXIST`: no entry under this key is an error.
const KNOWN: u64 = 2;

/// The kernel did not do what the engine asked of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("BPF map {name}: {}", io::Error::from_raw_os_error(*errno))]
pub struct TableError {
    /// Which map.
    pub name: &'static str,
    /// Why.
    pub errno: i32,
}

/// The maps that the engine writes when virtual routers or their interfaces change.
#[derive(Debug)]
pub struct Tables {
    routers: Table<RouterKey, RouterEntry>,
    peers: Table<PeerKey, PeerEntry>,
    macs: Table<RouterKey, u32>,
    proxies: Table<u32, ProxyEntry>,
    vips: Table<VipKey, VipEntry>,
    filter: Filter,
    virtual_macs: Switch,
}

/// A hash map, by its name in the object.
#[derive(Debug)]
struct Table<Key, Value> {
    name: &'static str,
    map: HashMap<MapData, Key, Value>,
}

impl<Key: Pod, Value: Pod> Table<Key, Value> {
    fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Self, BpfError> {
        let map = HashMap::try_from(take(ebpf, name)?).map_err(map_error(name))?;
        Ok(Self { name, map })
    }

    fn set(&mut self, key: Key, value: Value) -> Result<(), TableError> {
        let set = self.map.insert(key, value, 0);
        set.map_err(|error| self.refused(&error))
    }

    /// Returns whether there was no entry.
    fn set_new(&mut self, key: Key, value: Value) -> Result<bool, TableError> {
        match self.map.insert(key, value, NEW) {
            Ok(()) => Ok(true),
            Err(error) if errno(&error) == libc::EEXIST => {
                let set = self.map.insert(key, value, KNOWN);
                set.map(|()| false).map_err(|error| self.refused(&error))
            }
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// Removes the entry if it is as it should be; returns whether it was there and was so.
    fn remove_if(
        &mut self,
        key: Key,
        is_it: impl FnOnce(&Value) -> bool,
    ) -> Result<bool, TableError> {
        match self.map.get(&key, 0) {
            Ok(value) if is_it(&value) => {}
            Ok(_) | Err(MapError::KeyNotFound) => return Ok(false),
            Err(error) => return Err(self.refused(&error)),
        }
        let removed = self.map.remove(&key);
        removed.map(|()| true).map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &MapError) -> TableError {
        refused(self.name, error)
    }
}

/// `VIRTUAL_MACS`: whether the programs look for Virtual Router MACs at all.
struct Switch {
    word: Array<MapData, u64>,
    /// Entries of `MACS`, which it is on for.
    users: u32,
}

// aya's Array has none.
impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = &self.users;
        let mut told = f.debug_struct("Switch");
        told.field("users", users).finish_non_exhaustive()
    }
}

impl Switch {
    const NAME: &str = "VIRTUAL_MACS";

    fn take(ebpf: &mut Ebpf) -> Result<Self, BpfError> {
        let word = Array::try_from(take(ebpf, ".data")?).map_err(map_error(Self::NAME))?;
        Ok(Self { word, users: 0 })
    }

    fn set(&mut self, on: bool) -> Result<(), TableError> {
        let set = self.word.set(0, u64::from(on), 0);
        set.map_err(|error| refused(Self::NAME, &error))
    }

    /// To come before the first entry of `MACS`.
    fn prepare(&mut self) -> Result<(), TableError> {
        if self.users == 0 {
            self.set(true)?;
        }
        Ok(())
    }

    /// To come after the last one.
    fn settle(&mut self) -> Result<(), TableError> {
        if self.users == 0 {
            self.set(false)?;
        }
        Ok(())
    }
}

fn refused(name: &'static str, error: &MapError) -> TableError {
    TableError {
        name,
        errno: errno(error),
    }
}

fn errno(error: &MapError) -> i32 {
    let raw = match error {
        MapError::SyscallError(error) => error.io_error.raw_os_error(),
        _ => None,
    };
    raw.unwrap_or(libc::EIO)
}

impl Tables {
    /// Takes the maps out of the object.
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, BpfError> {
        Ok(Self {
            routers: Table::take(ebpf, "ROUTERS")?,
            peers: Table::take(ebpf, "PEERS")?,
            macs: Table::take(ebpf, "MACS")?,
            proxies: Table::take(ebpf, "PROXIES")?,
            vips: Table::take(ebpf, "VIPS")?,
            filter: Filter::map(shared::array_data(ebpf, "FILTER")?)?,
            virtual_macs: Switch::take(ebpf)?,
        })
    }

    /// Tells XDP about a virtual router, or changes what it knows.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_router(&mut self, key: RouterKey, entry: RouterEntry) -> Result<(), TableError> {
        self.routers.set(key, entry)
    }

    /// The virtual router of this slot is gone: to XDP its adverts are those of an unknown one.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_router(&mut self, key: RouterKey, slot: u32) -> Result<(), TableError> {
        let removed = self.routers.remove_if(key, |entry| entry.slot == slot);
        removed.map(drop)
    }

    /// Tells XDP about a unicast peer, or changes what it knows.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_peer(&mut self, key: PeerKey, entry: PeerEntry) -> Result<(), TableError> {
        self.peers.set(key, entry)
    }

    /// The virtual router has this unicast peer no more.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_peer(&mut self, key: PeerKey) -> Result<(), TableError> {
        self.peers.remove_if(key, |_| true).map(drop)
    }

    /// Tells the programs which virtual router (its slot) uses its Virtual Router MAC there, before they are told of
    /// virtual IPs with that MAC.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_mac(&mut self, key: RouterKey, slot: u32) -> Result<(), TableError> {
        self.virtual_macs.prepare()?;
        match self.macs.set_new(key, slot) {
            Ok(is_new) => {
                self.virtual_macs.users += u32::from(is_new);
                Ok(())
            }
            Err(error) => self.virtual_macs.settle().and(Err(error)),
        }
    }

    /// The virtual router of this slot does not use its Virtual Router MAC there any more.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_mac(&mut self, key: RouterKey, slot: u32) -> Result<(), TableError> {
        if self.macs.remove_if(key, |theirs| *theirs == slot)? {
            self.virtual_macs.users -= 1;
            self.virtual_macs.settle()?;
        }
        Ok(())
    }

    /// Tells egress who answers by proxy ARP on this interface.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_proxy(&mut self, ifindex: u32, entry: ProxyEntry) -> Result<(), TableError> {
        self.proxies.set(ifindex, entry)
    }

    /// The virtual router of this slot does not answer by proxy ARP on this interface any more.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_proxy(&mut self, ifindex: u32, slot: u32) -> Result<(), TableError> {
        let removed = self.proxies.remove_if(ifindex, |entry| entry.slot == slot);
        removed.map(drop)
    }

    /// Tells XDP and egress about a virtual IP, or changes what they know.
    ///
    /// # Errors
    /// When the map is full, or memory is.
    pub fn set_vip(&mut self, key: VipKey, entry: VipEntry) -> Result<(), TableError> {
        // The filter first: a virtual IP that the filter does not know would be a transit address.
        self.filter.open(&key);
        let is_new = self.vips.set_new(key, entry);
        match is_new {
            Ok(true) => self.filter.add(&key),
            Ok(false) => {}
            Err(_) => self.filter.settle(&key),
        }
        is_new.map(drop)
    }

    /// The virtual router of this slot has this virtual IP no more: it is a transit address, unless another router
    /// has it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_vip(&mut self, key: VipKey, slot: u32) -> Result<(), TableError> {
        if self.vips.remove_if(key, |entry| entry.slot == slot)? {
            self.filter.remove(&key);
            self.filter.settle(&key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
