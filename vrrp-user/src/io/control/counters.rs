//! Counters of the BPF programs, as the control plane reads them.

use std::collections::BTreeMap;

use vrrp_ebpf::abi::{Counter, Counters, Sample};

/// What belongs to no virtual router.
const NO_ROUTERS: [Counter; 2] = [Counter::UnknownVrid, Counter::EgressRedirect];

/// Where the counters come from.
pub trait CounterSource {
    /// The counters of a slot; [`NO_ROUTER`](vrrp_ebpf::abi::NO_ROUTER) is one as well.
    fn counters(&self, slot: u32) -> Counts;
    /// How the last frame began that moved a counter of a slot; nothing if none was kept.
    fn sample(&self, slot: u32, counter: Counter) -> Option<Sample>;
}

/// Counters of one slot, summed over the CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts(pub Counters);

impl Default for Counts {
    fn default() -> Self {
        Self([0; Counter::ALL.len()])
    }
}

impl Counts {
    /// One of them.
    #[must_use]
    pub fn of(&self, counter: Counter) -> u64 {
        self.0.get(counter as usize).copied().unwrap_or_default()
    }

    /// All that a virtual router can have, by name.
    pub(super) fn by_name(&self) -> BTreeMap<String, u64> {
        self.named(|counter| !NO_ROUTERS.contains(&counter))
    }

    /// All that belongs to no virtual router, by name.
    pub(super) fn of_no_router(&self) -> BTreeMap<String, u64> {
        self.named(|counter| NO_ROUTERS.contains(&counter))
    }

    fn named(&self, which: impl Fn(Counter) -> bool) -> BTreeMap<String, u64> {
        Counter::ALL
            .into_iter()
            .filter(|(counter, _)| which(*counter))
            .map(|(counter, name)| (name.to_owned(), self.of(counter)))
            .collect()
    }
}

#[cfg(test)]
impl FromIterator<(Counter, u64)> for Counts {
    fn from_iter<T: IntoIterator<Item = (Counter, u64)>>(counters: T) -> Self {
        let mut counts = Self::default();
        for (counter, value) in counters {
            if let Some(count) = counts.0.get_mut(counter as usize) {
                *count = value;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_is_found_by_its_name() {
        let counts = Counts::from_iter([(Counter::BadTtl, 3), (Counter::UnknownVrid, 4)]);
        assert_eq!(counts.of(Counter::BadTtl), 3);
        assert_eq!(counts.of(Counter::BadType), 0);
        let named = counts.by_name();
        assert_eq!(named["bad_ttl"], 3);
        let others = counts.of_no_router();
        assert_eq!(others["unknown_vrid"], 4);
        assert!(others.keys().all(|name| !named.contains_key(name)));
        assert_eq!(named.len() + others.len(), Counter::ALL.len());
    }
}
