//! The ownership word: who serves a virtual router, as of which writer, and until when.
//!
//! One `u64` per virtual router, written by compare-and-swap by one process at a time and read by
//! the BPF programs with one volatile load, because separate fields tear under a tight writer.
//!
//! ```text
//! 63    60 59          48 47                                      0
//! [ state ][    epoch    ][ expiry, CLOCK_MONOTONIC ns >> 10       ]
//! ```

/// Nanoseconds are kept in units of 2^10 ns (1.024 µs): 48 bits last for nine years of uptime.
const EXPIRY_SHIFT: u32 = 10;
const EXPIRY_BITS: u32 = 48;
const EPOCH_BITS: u32 = 12;
const EXPIRY_MASK: u64 = (1 << EXPIRY_BITS) - 1;
const EPOCH_MASK: u64 = (1 << EPOCH_BITS) - 1;

/// What this node does for a virtual router at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Not the owner: answers nothing, sends nothing from a virtual IP.
    Idle = 0,
    /// Not yet the owner: addresses are being installed, egress still holds their packets back.
    Rising = 1,
    /// The owner: answers ARP/ND, serves and forwards.
    Active = 2,
    /// Leaving after a priority 0 advert: serves what arrives, answers ARP/ND until a successor
    /// has been heard.
    Retiring = 3,
}

/// The ownership word of one virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership(pub u64);

impl Ownership {
    /// Nobody's: what a fresh map holds.
    pub const NONE: Self = Self(0);
    /// The expiry of a lease that never ends (`lease off`).
    pub const FOREVER: u64 = u64::MAX;

    /// Packs a word. `expiry` is in nanoseconds of CLOCK_MONOTONIC and rounded down; `epoch` wraps
    /// at 4096.
    #[must_use]
    #[inline(always)]
    pub const fn new(state: State, epoch: u16, expiry: u64) -> Self {
        Self(
            (state as u64) << (EPOCH_BITS + EXPIRY_BITS)
                | ((epoch as u64) & EPOCH_MASK) << EXPIRY_BITS
                | (expiry >> EXPIRY_SHIFT) & EXPIRY_MASK,
        )
    }

    /// The state written, whether or not the lease still runs.
    #[must_use]
    #[inline(always)]
    pub const fn state(self) -> State {
        match self.0 >> (EPOCH_BITS + EXPIRY_BITS) {
            1 => State::Rising,
            2 => State::Active,
            3 => State::Retiring,
            _ => State::Idle,
        }
    }

    /// The writer's epoch, 0-4095.
    #[must_use]
    #[inline(always)]
    pub const fn epoch(self) -> u16 {
        ((self.0 >> EXPIRY_BITS) & EPOCH_MASK) as u16
    }

    /// When the lease ends, in nanoseconds of CLOCK_MONOTONIC rounded down to 1.024 µs.
    #[must_use]
    #[inline(always)]
    pub const fn expiry(self) -> u64 {
        (self.0 & EXPIRY_MASK) << EXPIRY_SHIFT
    }

    /// Whether the lease still runs at `now` (nanoseconds of CLOCK_MONOTONIC).
    #[must_use]
    #[inline(always)]
    pub const fn is_live(self, now: u64) -> bool {
        now >> EXPIRY_SHIFT < self.0 & EXPIRY_MASK
    }

    /// Whether traffic of the virtual IPs is served at `now`: as Active or Retiring, under a lease.
    #[must_use]
    #[inline(always)]
    pub const fn serves(self, now: u64) -> bool {
        matches!(self.state(), State::Active | State::Retiring) && self.is_live(now)
    }

    /// Whether ARP and Neighbour Solicitations are answered at `now`. A Retiring node answers only
    /// as long as no successor was heard (`last_seen` of its [`Slot`](crate::abi::Slot) is 0).
    #[must_use]
    #[inline(always)]
    pub const fn answers(self, now: u64, last_seen: u64) -> bool {
        match self.state() {
            State::Active => self.is_live(now),
            State::Retiring => last_seen == 0 && self.is_live(now),
            State::Idle | State::Rising => false,
        }
    }
}

/// What the words of a [`Slot`](crate::abi::Slot) make us.
///
/// An Active gives way to the first advert of a better router: that one is Active, too. Its engine may
/// come to know of it late: it stands still, or a full ring has lost the record. So the programs do
/// not wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The word as the node wrote it.
    pub word: Ownership,
    /// [`Slot::considered_until`](crate::abi::Slot::considered_until).
    pub considered_until: u64,
    /// [`Slot::better_seen`](crate::abi::Slot::better_seen).
    pub better_seen: u64,
    /// [`Slot::last_seen`](crate::abi::Slot::last_seen).
    pub last_seen: u64,
}

impl Standing {
    /// Nobody's.
    pub const NONE: Self = Self {
        word: Ownership::NONE,
        considered_until: 0,
        better_seen: 0,
        last_seen: 0,
    };

    /// The word as it counts.
    #[must_use]
    #[inline(always)]
    pub const fn ownership(self) -> Ownership {
        match self.word.state() {
            State::Active if self.better_seen > self.considered_until => Ownership::NONE,
            _ => self.word,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_survive_packing() {
        let word = Ownership::new(State::Retiring, 4095, 123_456_789_012_345);
        assert_eq!(word.state(), State::Retiring);
        assert_eq!(word.epoch(), 4095);
        assert!(123_456_789_012_345 - word.expiry() < 1024);
        assert_eq!(Ownership::new(State::Idle, 4096, 0), Ownership::NONE);
        for state in [State::Idle, State::Rising, State::Active, State::Retiring] {
            assert_eq!(Ownership::new(state, 1, 1024).state(), state);
        }
    }

    #[test]
    fn lease_ends_when_it_says() {
        let word = Ownership::new(State::Active, 1, 10_240);
        assert!(word.serves(9 * 1024));
        assert!(word.serves(10_239));
        assert!(!word.serves(10_240));
        assert!(!Ownership::NONE.serves(0));
        assert!(Ownership::new(State::Active, 1, Ownership::FOREVER).serves(u64::MAX >> 7));
    }

    #[test]
    fn retiring_stops_answering_at_the_successors_advert() {
        let word = Ownership::new(State::Retiring, 1, 10_240);
        assert!(word.answers(0, 0));
        assert!(!word.answers(0, 5));
        assert!(word.serves(0));
        let rising = Ownership::new(State::Rising, 1, 10_240);
        assert!(!rising.answers(0, 0) && !rising.serves(0));
    }

    #[test]
    fn better_router_ends_what_it_was_not_known_before() {
        let standing = |state, better_seen| Standing {
            word: Ownership::new(state, 1, 10_240),
            considered_until: 5,
            better_seen,
            last_seen: 0,
        };
        for history in [0, 4, 5] {
            let ours = standing(State::Active, history);
            assert_eq!(ours.ownership(), ours.word);
        }
        let deposed = standing(State::Active, 6).ownership();
        assert!(!deposed.serves(0) && !deposed.answers(0, 0));
        // A Retiring router has a rule of its own, the others own nothing.
        for state in [State::Idle, State::Rising, State::Retiring] {
            assert_eq!(standing(state, 6).ownership().state(), state);
        }
    }
}
