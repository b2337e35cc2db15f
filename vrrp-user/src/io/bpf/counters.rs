//! Counters of the BPF programs.

use std::collections::BTreeMap;

use aya::maps::{Array, MapData, PerCpuArray};
use vrrp_ebpf::abi::{self, Counter, Counters, Sample};

use super::{BpfError, map_error};

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

    /// What was counted since it was this.
    #[must_use]
    pub fn since(mut self, before: &Self) -> Self {
        for (now, before) in self.0.iter_mut().zip(&before.0) {
            *now = now.saturating_sub(*before);
        }
        self
    }

    /// All that a virtual router can have, by name.
    pub(in crate::io) fn by_name(&self) -> BTreeMap<String, u64> {
        self.named(|counter| !NO_ROUTERS.contains(&counter))
    }

    /// All that belongs to no virtual router, by name.
    pub(in crate::io) fn of_no_router(&self) -> BTreeMap<String, u64> {
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

/// The counters of every virtual router, summed over CPUs when they are read, and the last frame of
/// each kind that says something about its sender.
#[expect(missing_debug_implementations, reason = "aya's PerCpuArray has none")]
pub struct CounterTable {
    pub(super) counters: PerCpuArray<MapData, Counters>,
    pub(super) samples: Array<MapData, Sample>,
}

impl CounterTable {
    /// Every counter of a slot.
    ///
    /// # Errors
    /// When the kernel refuses the look-up.
    pub fn read(&self, slot: u32) -> Result<Counts, BpfError> {
        let per_cpu = self.counters.get(&slot, 0).map_err(map_error("COUNTERS"))?;
        let mut counts = Counts::default();
        for values in per_cpu.iter() {
            for (sum, value) in counts.0.iter_mut().zip(values) {
                *sum = sum.wrapping_add(*value);
            }
        }
        Ok(counts)
    }
}

impl CounterSource for CounterTable {
    fn counters(&self, slot: u32) -> Counts {
        self.read(slot).unwrap_or_else(|error| {
            tracing::warn!("counters: {error}");
            Counts::default()
        })
    }

    fn sample(&self, slot: u32, counter: Counter) -> Option<Sample> {
        let index = abi::sample_index(slot, counter as usize)?;
        self.samples.get(&index, 0).ok()
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
