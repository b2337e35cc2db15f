//! The words that the BPF programs and the node share, mapped into our memory.

use std::{
    marker::PhantomData,
    num::NonZeroUsize,
    os::fd::AsFd as _,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use aya::{
    Ebpf,
    maps::{Map, MapData},
};
#[cfg(test)]
use nix::sys::mman::mmap_anonymous;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use vrrp_ebpf::{
    abi::{self, Follow, Slot, VipKey},
    ownership::{Ownership, Standing},
};

use super::BpfError;

/// A `BPF_F_MMAPABLE` array of `u64` words, shared with the kernel.
#[derive(Debug)]
struct Words<const COUNT: usize> {
    start: NonNull<AtomicU64>,
    _owned: PhantomData<[AtomicU64; COUNT]>,
}

// SAFETY: the memory is a shared mapping that lives as long as the value, and is only accessed
// through atomics.
unsafe impl<const COUNT: usize> Send for Words<COUNT> {}
// SAFETY: as above.
unsafe impl<const COUNT: usize> Sync for Words<COUNT> {}

impl<const COUNT: usize> Words<COUNT> {
    const BYTES: usize = COUNT * size_of::<u64>();

    fn map(map: &MapData) -> Result<Self, BpfError> {
        let length = NonZeroUsize::new(Self::BYTES).ok_or(BpfError::Object("empty map"))?;
        let fd = map.fd().as_fd();
        // SAFETY: a new mapping at an address of the kernel's choice; its length is that of the
        // map's values, which the kernel checks.
        let start = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                fd,
                0,
            )
        }
        .map_err(|errno| BpfError::Map {
            name: "shared words",
            source: errno.into(),
        })?;
        Ok(Self {
            start: start.cast(),
            _owned: PhantomData,
        })
    }

    /// Words that no program reads.
    #[cfg(test)]
    fn unshared() -> Self {
        let length = NonZeroUsize::new(Self::BYTES).unwrap();
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap_anonymous(None, length, access, MapFlags::MAP_PRIVATE) };
        Self {
            start: start.unwrap().cast(),
            _owned: PhantomData,
        }
    }

    fn word(&self, index: usize) -> Option<&AtomicU64> {
        // SAFETY: in bounds of the mapping, aligned (the mapping is page-aligned), and alive as
        // long as `self`; the kernel side writes whole words only.
        (index < COUNT).then(|| unsafe { self.start.add(index).as_ref() })
    }
}

impl<const COUNT: usize> Drop for Words<COUNT> {
    fn drop(&mut self) {
        // SAFETY: unmaps exactly what `map` mapped; no reference outlives `self`.
        let unmapped = unsafe { munmap(self.start.cast(), Self::BYTES) };
        debug_assert!(unmapped.is_ok(), "munmap of our own mapping");
    }
}

const SLOT_WORDS: usize = size_of::<Slot>() / size_of::<u64>();
const OWNERSHIP: usize = 0;
const LAST_SEEN: usize = 1;
const FOLLOW: usize = 2;
const BETTER_SEEN: usize = 3;
const CONSIDERED_UNTIL: usize = 4;
const CONFLICT_SEEN: usize = 5;

/// `SLOTS`: the words of every virtual router.
#[derive(Debug)]
pub struct Slots(Words<{ SLOT_WORDS * abi::MAX_ROUTERS as usize }>);

impl Slots {
    /// Maps the `SLOTS` map.
    ///
    /// # Errors
    /// When the map cannot be mapped (not `BPF_F_MMAPABLE`, no memory).
    pub fn map(map: &MapData) -> Result<Self, BpfError> {
        Words::map(map).map(Self)
    }

    /// For the tests of what reads and writes them.
    #[cfg(test)]
    pub(in crate::io) fn unshared() -> Self {
        Self(Words::unshared())
    }

    fn word(&self, slot: u32, word: usize) -> Option<&AtomicU64> {
        self.0.word(slot as usize * SLOT_WORDS + word)
    }

    /// The ownership word; [`Ownership::NONE`] for a slot that does not exist.
    #[must_use]
    pub fn ownership(&self, slot: u32) -> Ownership {
        let word = self.word(slot, OWNERSHIP);
        word.map_or(Ownership::NONE, |word| {
            Ownership(word.load(Ordering::Acquire))
        })
    }

    /// Replaces the ownership word if it is still `current`; else returns what it is: another
    /// writer was there.
    ///
    /// # Errors
    /// The word as it is.
    pub fn replace(&self, slot: u32, current: Ownership, new: Ownership) -> Result<(), Ownership> {
        let word = self.word(slot, OWNERSHIP).ok_or(Ownership::NONE)?;
        word.compare_exchange(current.0, new.0, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
            .map_err(Ownership)
    }

    /// XDP's stamp of the last advert that counts, in nanoseconds; 0 for none.
    #[must_use]
    pub fn last_seen(&self, slot: u32) -> u64 {
        self.word(slot, LAST_SEEN)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Forgets `last_seen`.
    pub fn clear_seen(&self, slot: u32) {
        if let Some(word) = self.word(slot, LAST_SEEN) {
            word.store(0, Ordering::Release);
        }
    }

    /// XDP's stamp of the last advert of a better router, in nanoseconds; 0 for none.
    #[must_use]
    pub fn better_seen(&self, slot: u32) -> u64 {
        self.word(slot, BETTER_SEEN)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// XDP's stamp of the last conflict over a virtual IP of ours, in nanoseconds; 0 for none.
    #[must_use]
    pub fn conflict_seen(&self, slot: u32) -> u64 {
        self.word(slot, CONFLICT_SEEN)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// From now on adverts of better routers that arrived up to `moment`, in nanoseconds, depose
    /// nobody. Comes before the word that it is for.
    pub fn set_considered(&self, slot: u32, moment: u64) {
        if let Some(word) = self.word(slot, CONSIDERED_UNTIL) {
            word.store(moment, Ordering::Release);
        }
    }

    /// What the words make us.
    #[must_use]
    pub fn standing(&self, slot: u32) -> Standing {
        let considered_until = self.word(slot, CONSIDERED_UNTIL);
        Standing {
            word: self.ownership(slot),
            considered_until: considered_until.map_or(0, |word| word.load(Ordering::Acquire)),
            better_seen: self.better_seen(slot),
            last_seen: self.last_seen(slot),
        }
    }

    /// Tells XDP which advert needs no wake-up.
    pub fn follow(&self, slot: u32, follow: Follow) {
        if let Some(word) = self.word(slot, FOLLOW) {
            word.store(follow.pack(), Ordering::Release);
        }
    }
}

/// `VIP_STATES`: what the kernel has acknowledged of each virtual IP.
#[derive(Debug)]
pub struct VipStates(Words<{ abi::MAX_VIPS as usize }>);

impl VipStates {
    /// Maps the `VIP_STATES` map.
    ///
    /// # Errors
    /// When the map cannot be mapped.
    pub fn map(map: &MapData) -> Result<Self, BpfError> {
        Words::map(map).map(Self)
    }

    /// For the tests of what writes them.
    #[cfg(test)]
    pub(in crate::io) fn unshared() -> Self {
        Self(Words::unshared())
    }

    /// Stores bits of [`abi::vip_state`].
    pub fn set(&self, vip: u32, bits: u64) {
        if let Some(word) = self.0.word(vip as usize) {
            word.store(bits, Ordering::Release);
        }
    }

    /// Bits of [`abi::vip_state`].
    #[must_use]
    pub fn get(&self, vip: u32) -> u64 {
        self.0
            .word(vip as usize)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }
}

/// `FILTER`: the Bloom filter over the virtual IPs, and how many of them are behind each bit, so that bits can go.
#[derive(Debug)]
pub struct Filter {
    words: Words<{ abi::FILTER_WORDS }>,
    counts: Box<[u32]>,
}

impl Filter {
    /// Maps the `FILTER` map.
    ///
    /// # Errors
    /// When the map cannot be mapped.
    pub fn map(map: &MapData) -> Result<Self, BpfError> {
        Words::map(map).map(Self::empty)
    }

    /// For the tests of what fills it.
    #[cfg(test)]
    pub(in crate::io) fn unshared() -> Self {
        Self::empty(Words::unshared())
    }

    fn empty(words: Words<{ abi::FILTER_WORDS }>) -> Self {
        Self {
            words,
            counts: vec![0; abi::FILTER_WORDS * u64::BITS as usize].into(),
        }
    }

    /// Lets the frames of a virtual IP through, before the programs have to find it.
    pub fn open(&self, key: &VipKey) {
        let (word, bit) = key.filter_position();
        if let Some(word) = self.words.word(word) {
            word.fetch_or(1 << bit, Ordering::AcqRel);
        }
    }

    /// The programs find one virtual IP more.
    pub fn add(&mut self, key: &VipKey) {
        if let Some(count) = self.counts.get_mut(place(key)) {
            *count += 1;
        }
    }

    /// The programs find one virtual IP less. To be followed by [`settle`](Self::settle).
    pub fn remove(&mut self, key: &VipKey) {
        if let Some(count) = self.counts.get_mut(place(key)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Closes the bit of a virtual IP if none is behind it.
    pub fn settle(&self, key: &VipKey) {
        if self.counts.get(place(key)).is_none_or(|count| *count > 0) {
            return;
        }
        let (word, bit) = key.filter_position();
        if let Some(word) = self.words.word(word) {
            word.fetch_and(!(1 << bit), Ordering::AcqRel);
        }
    }

    /// Whether frames to this virtual IP are let through.
    #[cfg(test)]
    pub(super) fn is_open(&self, key: &VipKey) -> bool {
        let (word, bit) = key.filter_position();
        let word = self.words.word(word).unwrap();
        word.load(Ordering::Acquire) >> bit & 1 != 0
    }
}

/// Where the bit of a virtual IP is counted.
fn place(key: &VipKey) -> usize {
    let (word, bit) = key.filter_position();
    word * u64::BITS as usize + bit as usize
}

/// The data behind an array map.
pub(super) fn array_data<'ebpf>(
    ebpf: &'ebpf Ebpf,
    name: &'static str,
) -> Result<&'ebpf MapData, BpfError> {
    match ebpf.map(name) {
        Some(Map::Array(data)) => Ok(data),
        _ => Err(BpfError::Object(name)),
    }
}
