//! Names for what the node handles, which stay what they are while it runs. A position in a list, of the file or of
//! anything else, never crosses a boundary between modules.

use std::fmt;

/// A virtual router, from the moment that it is added to the one at which it is gone: its slot in the BPF maps, and
/// the how-manieth tenant of that slot it is.
///
/// What is said of a router that has gone is about nobody, even if another one has its slot by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterId {
    slot: u16,
    tenant: u16,
}

impl RouterId {
    /// The first tenant of a slot, below [`MAX_ROUTERS`](vrrp_ebpf::abi::MAX_ROUTERS).
    #[must_use]
    pub const fn first(slot: u16) -> Self {
        Self { slot, tenant: 0 }
    }

    /// Who has this slot afterwards.
    #[must_use]
    pub const fn next(self) -> Self {
        Self {
            slot: self.slot,
            tenant: self.tenant.wrapping_add(1),
        }
    }

    /// Its index in `SLOTS`, and wherever the programs know a virtual router by a number.
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.slot as u32
    }
}

impl fmt::Display for RouterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.tenant)
    }
}

/// One virtual IP of one virtual router, for as long as the router has it: its index in `VIP_STATES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VipId(pub u32);

impl VipId {
    /// Its index in `VIP_STATES`.
    #[must_use]
    pub const fn state(self) -> u32 {
        self.0
    }
}

/// An interface, whatever it is called: its index. One that is deleted and made again is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u32);

impl fmt::Display for InterfaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interface {}", self.0)
    }
}

/// Gives out numbers below a limit, the lowest first, and takes them back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    taken: std::collections::BTreeSet<u32>,
}

impl Numbers {
    /// These are taken.
    #[must_use]
    pub fn taken(numbers: impl IntoIterator<Item = u32>) -> Self {
        Self {
            taken: numbers.into_iter().collect(),
        }
    }

    /// The lowest that is free and below `limit`; `None` if all are taken.
    pub fn take(&mut self, limit: u32) -> Option<u32> {
        let free = (0..limit).find(|number| !self.taken.contains(number))?;
        self.taken.insert(free);
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_tenant_of_a_slot_is_another_router() {
        let first = RouterId::first(7);
        assert_eq!((first.slot(), first.next().slot()), (7, 7));
        assert_ne!(first, first.next());
        assert_eq!(first.next().to_string(), "7.1");
    }

    #[test]
    fn the_lowest_free_number_comes_first() {
        let mut numbers = Numbers::taken([0, 2]);
        assert_eq!(numbers.take(4), Some(1));
        assert_eq!(numbers.take(4), Some(3));
        assert_eq!(numbers.take(4), None);
    }
}
