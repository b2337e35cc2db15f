//! What is there when the node starts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    net::IpAddr,
};

use super::{
    dump,
    sources::is_elsewhere,
    table::{Address, Table},
    verdict::is_here,
};
use crate::{
    config::{Instance, Place},
    ids::InterfaceId,
    io::control::{warnings::Warning, wording},
    plan::Interfaces,
};

/// What to do about a virtual IP that is an interface's own address.
pub(in crate::io::control) const OWN_ADDRESS_REMEDY: &str = "give the virtual router an address that no machine has, or priority 255 to the router that has it";

/// The interfaces and addresses of the network namespace at one moment.
#[derive(Clone, Debug)]
pub struct Inventory {
    table: Table,
    /// Interfaces by names that they may no longer have.
    former: BTreeMap<String, InterfaceId>,
}

impl Inventory {
    pub(super) fn new(table: Table) -> Self {
        Self {
            table,
            former: BTreeMap::new(),
        }
    }

    /// Also finds these interfaces by these names. An interface that has such a name now comes before the one that had it.
    pub(in crate::io::control) fn with_former(self, former: BTreeMap<String, InterfaceId>) -> Self {
        Self { former, ..self }
    }

    /// Asks the kernel.
    ///
    /// # Errors
    /// When rtnetlink does not answer.
    pub async fn read() -> io::Result<Self> {
        Ok(Self::new(dump().await?))
    }

    /// An inventory of interfaces with these names and addresses (`192.0.2.1/24 dynamic`).
    #[cfg(test)]
    pub(in crate::io) fn of(links: &[(&str, &[&str])]) -> Self {
        Self::new(Table::of(links))
    }

    /// An interface and its MAC; zeros if it has no Ethernet address.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(InterfaceId, [u8; 6])> {
        let interface = self.interface(name)?;
        let link = self.table.link(interface)?;
        Some((interface, link.mac.unwrap_or_default()))
    }

    fn interface(&self, name: &str) -> Option<InterfaceId> {
        let former = || {
            let interface = self.former.get(name).copied();
            interface.filter(|id| self.table.link(*id).is_some())
        };
        self.table.index_of(name).or_else(former)
    }

    /// MTU of an interface.
    #[must_use]
    pub fn mtu(&self, name: &str) -> Option<u32> {
        self.table.link(self.interface(name)?)?.mtu
    }

    /// Name of an interface.
    #[must_use]
    pub fn name(&self, interface: InterfaceId) -> Option<&str> {
        Some(&self.table.link(interface)?.name)
    }

    /// Whether an interface has this address.
    #[must_use]
    pub fn is_present(&self, interface: InterfaceId, address: IpAddr) -> bool {
        self.table.is_on(interface, address)
    }

    /// Whether an interface has this address, and may use it: duplicate address detection is done.
    #[must_use]
    pub fn is_usable(&self, interface: InterfaceId, address: IpAddr) -> bool {
        let addresses = self.table.addresses(interface);
        addresses
            .iter()
            .any(|found| found.address == address && !found.unusable)
    }

    /// What `run` would say of the source address that an instance names. Of an interface that is missing nothing is
    /// said here.
    pub(in crate::io) fn source_flaw(&self, instance: &Instance) -> Option<SourceFlaw> {
        let (source, needed) = (instance.source?, instance.needs_source());
        let interface = self.interface(&instance.interface)?;
        if needed && !is_here(source, Some(interface), &self.table) {
            let text = wording::no_source(instance);
            return Some(SourceFlaw::Fault(text));
        }
        let elsewhere = is_elsewhere((source, needed), Some(interface), &self.table);
        elsewhere.then(|| SourceFlaw::Warning(Warning::SourceElsewhere.text(instance)))
    }

    /// Virtual IPs below priority 255 that are their interface's own address, and not `held` there by this node. The
    /// node would take them off it.
    pub(in crate::io) fn own_virtual_ips<'config>(
        &self,
        instances: &'config [Instance],
        held: &BTreeSet<(InterfaceId, IpAddr)>,
    ) -> Vec<OwnVirtualIp<'config>> {
        let movable = instances.iter().filter(|one| !one.is_owner());
        let placed: Vec<_> = movable
            .flat_map(|instance| instance.vips.iter().map(move |vip| (instance, vip)))
            .filter_map(|(instance, vip)| {
                let interface = vip.device.as_deref().unwrap_or(&instance.interface);
                let index = self.interface(interface)?;
                Some((instance, vip, interface, index))
            })
            .collect();
        let virtual_ips: BTreeSet<_> = placed
            .iter()
            .map(|(_, vip, _, index)| (*index, vip.address))
            .collect();
        let mut own = Vec::new();
        for (instance, vip, interface, index) in placed {
            let all = self.table.addresses(index);
            if held.contains(&(index, vip.address)) {
                continue;
            }
            let is_virtual = |address| {
                let place = (index, address);
                virtual_ips.contains(&place) || held.contains(&place)
            };
            let mut equal = all.iter().filter(|found| found.address == vip.address);
            let found = equal.find(|found| found.is_own(all, is_virtual));
            own.extend(found.map(|found| OwnVirtualIp {
                instance,
                place: &vip.place,
                interface,
                address: *found,
            }));
        }
        own
    }
}

impl Interfaces for Inventory {
    fn find(&self, name: &str) -> Option<InterfaceId> {
        self.interface(name)
    }

    fn exists(&self, interface: InterfaceId) -> bool {
        self.table.link(interface).is_some()
    }
}

/// What is wrong with a source address, without the name of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io) enum SourceFlaw {
    /// It keeps the virtual router in FAULT.
    Fault(String),
    /// The virtual router works.
    Warning(String),
}

/// A virtual IP that its interface has for its own address.
#[derive(Clone, Copy, Debug)]
pub(in crate::io) struct OwnVirtualIp<'config> {
    /// Whose virtual IP.
    instance: &'config Instance,
    /// Where it is given.
    pub(in crate::io) place: &'config Place,
    /// Where it is.
    interface: &'config str,
    /// As it is there.
    address: Address,
}

impl fmt::Display for OwnVirtualIp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, interface, address) = (&self.instance.name, self.interface, self.address);
        write!(
            f,
            "({name}) virtual IP {address} is {interface}'s own address, which a Backup would have to take off it; \
             {OWN_ADDRESS_REMEDY}; if another VRRP node left it there: ip addr del {address} dev {interface}"
        )
    }
}
