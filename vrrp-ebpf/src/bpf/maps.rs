//! The maps, and [`Tables`] over them. The node creates, fills and (where so noted) mmaps them;
//! their layout is `vrrp_ebpf::abi`.

use core::ptr;

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, HashMap, PerCpuArray, RingBuf},
    helpers::bpf_ktime_get_ns,
    macros::btf_map,
};
use vrrp_ebpf::{
    abi::{
        Counter, Counters, Event, FILTER_WORDS, Follow, MAX_MACS, MAX_PEERS, MAX_PROXIES,
        MAX_ROUTERS, MAX_VIPS, PeerEntry, PeerKey, ProxyEntry, RING_BYTES, RouterEntry, RouterKey,
        Slot, VipEntry, VipKey, filter_position,
    },
    ownership::{Ownership, Standing},
    pace::{self, News, Pace, Paces},
    policy::Tables,
};

use super::verifier::opaque;

const MMAPABLE: usize = BPF_F_MMAPABLE as usize;

/// Virtual routers by what an advert says. Written by the node, read per advert.
#[btf_map]
static ROUTERS: HashMap<RouterKey, RouterEntry, { MAX_ROUTERS as usize }> = HashMap::new();

/// Unicast peers by virtual router and address. Written by the node, read per unicast advert.
#[btf_map]
static PEERS: HashMap<PeerKey, PeerEntry, { MAX_PEERS as usize }> = HashMap::new();

/// Slots of the virtual routers that use their Virtual Router MAC. Written by the node, read per frame
/// to such a MAC.
#[btf_map]
static MACS: HashMap<RouterKey, u32, { MAX_MACS as usize }> = HashMap::new();

/// Who answers by proxy ARP, by interface. Written by the node, read per ARP reply to be sent.
#[btf_map]
static PROXIES: HashMap<u32, ProxyEntry, { MAX_PROXIES as usize }> = HashMap::new();

/// Whether any virtual router uses its Virtual Router MAC: all that is in the map `.data`, where the node changes it
/// while the programs run. Without any, no frame pays for them.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data")]
static mut VIRTUAL_MACS: u64 = 0;

/// The words per virtual router that change while it runs. Mapped by the node.
#[btf_map]
static SLOTS: Array<Slot, { MAX_ROUTERS as usize }, MMAPABLE> = Array::new();

/// Virtual IPs by address. Written by the node, read per frame that the filter lets through.
#[btf_map]
static VIPS: HashMap<VipKey, VipEntry, { MAX_VIPS as usize }> = HashMap::new();

/// What the kernel knows of each virtual IP. Mapped by the node.
#[btf_map]
static VIP_STATES: Array<u64, { MAX_VIPS as usize }, MMAPABLE> = Array::new();

/// Bloom filter over the virtual IPs. Mapped by the node, read per frame.
#[btf_map]
static FILTER: Array<[u64; FILTER_WORDS], 1, MMAPABLE> = Array::new();

/// Counters per virtual router and CPU. Written by the programs, summed up by the node.
#[btf_map]
static COUNTERS: PerCpuArray<Counters, { MAX_ROUTERS as usize + 1 }> = PerCpuArray::new();

/// Records for the engine thread. Written by the programs, mapped by the node.
#[btf_map]
static EVENTS: RingBuf<Event, { RING_BYTES as usize }> = RingBuf::new();

/// When the next record of each kind is due, by virtual router, and of all together at the end. Written
/// by the programs alone.
#[btf_map]
static PACES: Array<Paces, { MAX_ROUTERS as usize + 1 }> = Array::new();

/// Whether the rate of records is bounded: set when the object is loaded. Only tests and benches that
/// count records do without.
#[unsafe(no_mangle)]
static BOUNDED: u8 = 1;

/// The maps as a verdict sees them.
pub(super) struct Maps;

impl Tables for Maps {
    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: a helper without arguments.
        unsafe { bpf_ktime_get_ns() }
    }

    #[inline(always)]
    fn router(&self, key: &RouterKey) -> Option<&RouterEntry> {
        // SAFETY: the node replaces entries, it does not change them in place.
        unsafe { ROUTERS.get(key) }
    }

    #[inline(always)]
    fn peer(&self, key: &PeerKey) -> Option<&PeerEntry> {
        // SAFETY: as in `router`.
        unsafe { PEERS.get(key) }
    }

    #[inline(always)]
    fn standing(&self, slot: u32) -> Standing {
        let Some(slot) = SLOTS.get_ptr(slot) else {
            return Standing::NONE;
        };
        // SAFETY: the map's memory outlives the program's run; volatile, because the node writes
        // it at any moment and each word must be read exactly once. The ownership word comes first:
        // what it presumes was stored before it.
        unsafe {
            Standing {
                word: Ownership(ptr::read_volatile(&raw const (*slot).ownership)),
                considered_until: ptr::read_volatile(&raw const (*slot).considered_until),
                better_seen: ptr::read_volatile(&raw const (*slot).better_seen),
                last_seen: ptr::read_volatile(&raw const (*slot).last_seen),
            }
        }
    }

    #[inline(always)]
    fn follow(&self, slot: u32) -> Follow {
        let Some(slot) = SLOTS.get_ptr(slot) else {
            return Follow::default();
        };
        // SAFETY: as in `standing`.
        Follow::unpack(unsafe { ptr::read_volatile(&raw const (*slot).follow) })
    }

    #[inline(always)]
    fn may_be_vip(&self, tail: [u8; 4]) -> bool {
        let Some(words) = FILTER.get_ptr(0) else {
            return false;
        };
        let (word, bit) = filter_position(tail);
        let word = opaque(word) & (FILTER_WORDS - 1);
        // SAFETY: `word` is below FILTER_WORDS; otherwise as in `standing`.
        let word = unsafe { ptr::read_volatile(words.cast::<u64>().add(word)) };
        word >> bit & 1 != 0
    }

    #[inline(always)]
    fn vip(&self, key: &VipKey) -> Option<&VipEntry> {
        // SAFETY: as in `router`.
        unsafe { VIPS.get(key) }
    }

    #[inline(always)]
    fn vip_state(&self, vip: u32) -> u64 {
        let Some(state) = VIP_STATES.get_ptr(vip) else {
            return 0;
        };
        // SAFETY: as in `standing`.
        unsafe { ptr::read_volatile(state) }
    }

    #[inline(always)]
    fn has_virtual_macs(&self) -> bool {
        // SAFETY: a static of ours, whose memory outlives the program's run; volatile, because the node
        // writes it at any moment.
        unsafe { ptr::read_volatile(&raw const VIRTUAL_MACS) != 0 }
    }

    #[inline(always)]
    fn virtual_mac(&self, key: &RouterKey) -> Option<u32> {
        // SAFETY: as in `router`.
        unsafe { MACS.get(key) }.copied()
    }

    #[inline(always)]
    fn proxy(&self, ifindex: u32) -> Option<&ProxyEntry> {
        // SAFETY: as in `router`.
        unsafe { PROXIES.get(&ifindex) }
    }
}

/// Moves the counter with this index, of a virtual router, by one; none if there is no such counter.
#[inline(always)]
pub(super) fn count(slot: u32, counter: usize) {
    if counter >= Counter::ALL.len() {
        return;
    }
    if let Some(counters) = COUNTERS.get_ptr_mut(slot) {
        // SAFETY: this CPU's value, and nothing interrupts the program on it that writes it.
        let counters = unsafe { &mut *counters };
        if let Some(word) = counters.get_mut(opaque(counter)) {
            *word += 1;
        }
    }
}

/// Stores when a sign of life of a virtual router's Active was seen.
#[inline(always)]
pub(super) fn store_last_seen(slot: u32, stamp: u64) {
    if let Some(slot) = SLOTS.get_ptr_mut(slot) {
        // SAFETY: the map's memory outlives the program's run; an aligned word does not tear.
        unsafe { ptr::write_volatile(&raw mut (*slot).last_seen, stamp) }
    }
}

/// Stores when an advert of a better router was seen.
#[inline(always)]
pub(super) fn store_better_seen(slot: u32, stamp: u64) {
    if let Some(slot) = SLOTS.get_ptr_mut(slot) {
        // SAFETY: as in `store_last_seen`.
        unsafe { ptr::write_volatile(&raw mut (*slot).better_seen, stamp) }
    }
}

/// Stores when somebody else spoke as a virtual IP that we own.
#[inline(always)]
pub(super) fn store_conflict_seen(slot: u32, stamp: u64) {
    if let Some(slot) = SLOTS.get_ptr_mut(slot) {
        // SAFETY: as in `store_last_seen`.
        unsafe { ptr::write_volatile(&raw mut (*slot).conflict_seen, stamp) }
    }
}

/// Whether there may be a record now: as often as is good for its virtual router, and for the node.
#[inline(always)]
pub(super) fn admits(slot: u32, news: News, now: u64) -> bool {
    // SAFETY: a static of ours; volatile, because its value here is not the one that it is loaded with.
    let bounded = unsafe { ptr::read_volatile(&raw const BOUNDED) != 0 };
    if !bounded {
        return true;
    }
    take(slot, news as usize, news.pace(), now)
        && (!news.is_shared() || take(MAX_ROUTERS, 0, pace::NODE, now))
}

/// Takes one record from a bound. Two CPUs at once may both take the same one, which costs a record more.
#[inline(always)]
fn take(index: u32, word: usize, pace: Pace, now: u64) -> bool {
    let Some(words) = PACES.get_ptr_mut(index) else {
        return true;
    };
    let word = opaque(word) & (size_of::<Paces>() / size_of::<u64>() - 1);
    // SAFETY: `word` is below the number of words, and the map's memory outlives the program's run.
    unsafe {
        let word = words.cast::<u64>().add(word);
        match pace.take(ptr::read_volatile(word), now) {
            Some(due) => {
                ptr::write_volatile(word, due);
                true
            }
            None => false,
        }
    }
}

/// Puts a record into the ring; false if it is full.
#[inline(always)]
pub(super) fn submit(event: &Event, wakeup: u64) -> bool {
    let Some(mut entry) = EVENTS.reserve(0) else {
        return false;
    };
    entry.write(*event);
    entry.submit(wakeup);
    true
}
