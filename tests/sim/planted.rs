//! Faults planted around the driver: wrong settings, and lies of its machine about what it is told and about
//! what became of what it asks for. Each must break the invariant that stands beside it, or the invariants see nothing.

use std::time::Duration;

use vrrp_ebpf::{
    abi::{Event, EventKind},
    ownership::{self, Ownership},
};
use vrrp_user::proto::{Instant, Lease, Router, Settings, State};

use crate::{engine::advert, faults, rules::Invariant};

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// 6 intervals instead of 3.
    LeaseTooLong,
    /// `lease off` although the configuration says otherwise.
    LeaseForever,
    /// The lease counts from when the engine gets round to it, not from before the send.
    LeaseFromTheEnd,
    /// The lease is renewed for an advert that the kernel refused.
    LeaseForUnsent,
    /// The lease is renewed for an advert that waits in the queueing discipline.
    LeaseForWaiting,
    /// Deadlines count from when an advert is looked at, not from its arrival.
    DeadlineFromProcessing,
    /// A deadline is believed before the ring and `last_seen` are read.
    TimersFirst,
    /// A Backup rises after 3 intervals.
    SkewIgnored,
    /// Every Backup waits as long as the worst one.
    SkewOfTheWorst,
    /// Nobody is told of priority 0.
    PriorityZeroIgnored,
    /// `nopreempt` is not obeyed.
    PreemptsThough,
    /// Preemption is forgotten.
    NeverPreempts,
    /// Of equal priorities the lower address wins.
    TieBreakInverted,
    /// An Active does not look at better adverts.
    ActiveIsDeaf,
    /// A Backup does not restart its timer.
    BackupIsDeaf,
    /// Nobody is told when an Active takes over.
    NoFirstAdvert,
    /// The timer goes by the own interval, not by the Active's.
    OwnIntervalOnly,
    /// An Active that comes into FAULT tells nobody.
    FaultUnsaid,
    /// Ownership goes when priority 0 is sent.
    RetiringDropsOwnership,
    /// Who retires serves on although priority 0 has not left.
    RetiresUnsaid,
    /// XDP does not stamp the successor's advert.
    NoStamps,
    /// A Rising router does not wait for its addresses.
    FlipsUnready,
    /// XDP does not silence an Active at a better router's advert.
    NoFence,
    /// XDP goes by stamps that were taken into account before a promotion.
    FenceOutlivesDemotion,
    /// The ring loses the adverts of better routers while Active: their stamp makes up for it.
    BetterRecordsLost,
    /// A demotion leaves the word as it is, and there is no fence to make up for it.
    DemotionKeepsOwnership,
    /// An Active does not answer the adverts of worse routers, and its own do not silence them.
    WorseIsNotAnswered,
    /// Announcements leave whether or not the lease still runs.
    AnnouncesUnleased,
    /// A router that gives way to a better one says nothing.
    GivesWaySilently,
    /// A conflict that may not be answered at once is forgotten.
    ConflictsForgotten,
    /// A writer goes on after another one took the word.
    OtherWritersIgnored,
    /// The lease goes by a longer interval before the Backups may know of it.
    LeaseAhead,
    /// A lease by a longer interval goes on when adverts say a shorter one.
    LeaseStaysLong,
    /// The core is told nothing of another priority.
    PriorityUntold,
    /// The programs are told nothing of other settings.
    ProgramsUntold,
    /// A virtual IP is announced by whoever becomes Active, and by nobody who is.
    AddedUnannounced,
    /// The address worker is told nothing of other virtual IPs.
    ListUntold,
    /// A router that is removed says nothing.
    RemovedUnsaid,
    /// A router that is removed leaves its addresses where they are.
    RemovedKeepsAddresses,
    /// A router that is added does not look at what is on its interfaces.
    LeftoversOverlooked,
}

/// Every fault and what it breaks.
const ALL: [(Plant, Invariant); 39] = [
    (Plant::LeaseTooLong, Invariant::LeaseOutlived),
    (Plant::LeaseForever, Invariant::LeaseOutlived),
    (Plant::LeaseFromTheEnd, Invariant::LeaseOutlived),
    (Plant::LeaseForUnsent, Invariant::NoActiveWithoutAdverts),
    (Plant::LeaseForWaiting, Invariant::NoActiveWithoutAdverts),
    (Plant::DeadlineFromProcessing, Invariant::InTime),
    (Plant::TimersFirst, Invariant::NotDisplaced),
    (Plant::SkewIgnored, Invariant::NotDisplaced),
    (Plant::SkewOfTheWorst, Invariant::InTime),
    (Plant::PriorityZeroIgnored, Invariant::InTime),
    (Plant::PreemptsThough, Invariant::NotDisplaced),
    (Plant::NeverPreempts, Invariant::BestWins),
    (Plant::TieBreakInverted, Invariant::NotDisplaced),
    (Plant::ActiveIsDeaf, Invariant::TwoActives),
    (Plant::BackupIsDeaf, Invariant::NotDisplaced),
    (Plant::NoFirstAdvert, Invariant::NoActiveWithoutAdverts),
    (Plant::OwnIntervalOnly, Invariant::NotDisplaced),
    (Plant::FaultUnsaid, Invariant::Resigns),
    (Plant::RetiringDropsOwnership, Invariant::NoOwner),
    (Plant::RetiresUnsaid, Invariant::LeaseOutlived),
    (Plant::NoStamps, Invariant::AnswersOverlap),
    (Plant::FlipsUnready, Invariant::NoService),
    (Plant::NoFence, Invariant::AnswersOverlap),
    (Plant::FenceOutlivesDemotion, Invariant::OneActive),
    (Plant::DemotionKeepsOwnership, Invariant::AnswersOverlap),
    (Plant::WorseIsNotAnswered, Invariant::AnswersOverlap),
    (Plant::AnnouncesUnleased, Invariant::AnnouncedByOwner),
    (Plant::GivesWaySilently, Invariant::HostsReachTheActive),
    (Plant::ConflictsForgotten, Invariant::HostsReachTheActive),
    (Plant::OtherWritersIgnored, Invariant::Superseded),
    (Plant::LeaseAhead, Invariant::NoActiveWithoutAdverts),
    (Plant::LeaseStaysLong, Invariant::NoActiveWithoutAdverts),
    (Plant::PriorityUntold, Invariant::BestWins),
    (Plant::ProgramsUntold, Invariant::NotDisplaced),
    (Plant::AddedUnannounced, Invariant::AsConfigured),
    (Plant::ListUntold, Invariant::AsConfigured),
    (Plant::RemovedUnsaid, Invariant::Resigns),
    (Plant::RemovedKeepsAddresses, Invariant::AsConfigured),
    (Plant::LeftoversOverlooked, Invariant::AsConfigured),
];

impl Plant {
    pub(crate) fn settings(self, settings: &Settings) -> Settings {
        let mut told = settings.clone();
        match self {
            Self::LeaseTooLong => told.lease = Lease::Span(settings.advert_interval * 6),
            Self::LeaseAhead if settings.lease == Lease::Auto => {
                told.lease = Lease::Span(settings.advert_interval * 3);
            }
            Self::LeaseForever => told.lease = Lease::Off,
            Self::PreemptsThough => told.preempt = true,
            Self::NeverPreempts => told.preempt = false,
            Self::GivesWaySilently => told.departures.higher_prio_send_advert = false,
            _ => {}
        }
        told
    }

    /// What is told of a record of the ring, if anything.
    pub(crate) fn record(
        self,
        state: State,
        settings: &Settings,
        now: Instant,
        mut record: Event,
    ) -> Option<Event> {
        if record.kind != EventKind::Advert as u8 {
            return Some(record);
        }
        let advert = advert(settings.family, &record);
        let worse = (advert.priority, advert.source) < (settings.priority, settings.primary);
        let kept_back = match self {
            Self::PriorityZeroIgnored => advert.priority == 0,
            Self::ActiveIsDeaf => state == State::Active && !worse,
            Self::BetterRecordsLost => state == State::Active && !worse && advert.priority > 0,
            Self::WorseIsNotAnswered => state == State::Active && worse,
            Self::BackupIsDeaf => state == State::Backup && advert.priority > 0,
            _ => false,
        };
        match self {
            Self::DeadlineFromProcessing => record.stamp = now.0,
            Self::OwnIntervalOnly => {
                record.interval_cs =
                    u16::try_from(settings.advert_interval.as_millis() / 10).unwrap();
            }
            // As if its address were the lowest of all, or the highest.
            Self::TieBreakInverted if advert.source > settings.primary => record.source = [0; 16],
            Self::TieBreakInverted => record.source = [255; 16],
            _ => {}
        }
        (!kept_back).then_some(record)
    }

    pub(crate) fn hides_seen(self, state: State) -> bool {
        self == Self::TimersFirst || self == Self::BackupIsDeaf && state == State::Backup
    }

    pub(crate) fn loses_records(self) -> bool {
        self == Self::BetterRecordsLost
    }

    pub(crate) fn hides_better(self) -> bool {
        self == Self::ActiveIsDeaf
    }

    /// An advert is not handed over. `spoken`: one was since the router rose. `leaving`: the router is being removed.
    pub(crate) fn swallows(self, state: State, spoken: bool, leaving: bool, priority: u8) -> bool {
        match self {
            Self::NoFirstAdvert => state == State::Active && !spoken && priority > 0,
            // That of a planned stop, too, of which other rules are.
            Self::FaultUnsaid => priority == 0,
            Self::RemovedUnsaid => leaving && priority == 0,
            _ => false,
        }
    }

    /// What is written instead of a word, if anything. `late`: how long before, in nanoseconds, the time of the
    /// advert was read that renews it.
    pub(crate) fn word(self, word: Ownership, late: u64) -> Option<Ownership> {
        let with = |state, expiry| Some(Ownership::new(state, word.epoch(), expiry));
        match (self, word.state()) {
            (Self::LeaseFromTheEnd, ownership::State::Active) => {
                with(ownership::State::Active, word.expiry() + late)
            }
            (Self::RetiringDropsOwnership, ownership::State::Retiring) => {
                with(ownership::State::Idle, 0)
            }
            (Self::RetiresUnsaid, ownership::State::Retiring) => {
                with(word.state(), word.expiry() + 100_000_000_000)
            }
            (Self::DemotionKeepsOwnership, ownership::State::Idle) => None,
            _ => Some(word),
        }
    }

    /// By how much the clock that the driver is shown is fast, nanoseconds; negative: slow. So timers fire early
    /// or late.
    pub(crate) fn haste(self, core: &Router) -> i64 {
        let skew = core.intervals().skew();
        let longest = core.settings().advert_interval.mul_f64(255.0 / 256.0);
        let early = |span: Duration| i64::try_from(span.as_nanos()).unwrap();
        match (self, core.state()) {
            (Self::SkewIgnored, State::Backup) => early(skew),
            (Self::FlipsUnready, State::Rising) => early(core.settings().advert_interval),
            (Self::SkewOfTheWorst, State::Backup) => early(skew) - early(longest.max(skew)),
            _ => 0,
        }
    }

    /// Whether a shorter lease of an Active is not written.
    pub(crate) fn keeps_longer_lease(self, before: Ownership, after: Ownership) -> bool {
        let active = ownership::State::Active;
        self == Self::LeaseStaysLong
            && (before.state(), after.state()) == (active, active)
            && before.expiry() > after.expiry()
    }

    pub(crate) fn forgets_priorities(self) -> bool {
        self == Self::PriorityUntold
    }

    pub(crate) fn forgets_entries(self) -> bool {
        self == Self::ProgramsUntold
    }

    pub(crate) fn announces_none_but_the_first(self) -> bool {
        self == Self::AddedUnannounced
    }

    pub(crate) fn forgets_lists(self) -> bool {
        self == Self::ListUntold
    }

    pub(crate) fn leaves_addresses(self) -> bool {
        self == Self::RemovedKeepsAddresses
    }

    pub(crate) fn overlooks_leftovers(self) -> bool {
        self == Self::LeftoversOverlooked
    }

    pub(crate) fn believes_timers_first(self) -> bool {
        self == Self::TimersFirst
    }

    pub(crate) fn renews_unsent(self) -> bool {
        self == Self::LeaseForUnsent
    }

    pub(crate) fn renews_waiting(self) -> bool {
        self == Self::LeaseForWaiting
    }

    pub(crate) fn leaves_no_stamp(self) -> bool {
        self == Self::NoStamps
    }

    pub(crate) fn fences_nobody(self) -> bool {
        matches!(
            self,
            Self::NoFence | Self::DemotionKeepsOwnership | Self::WorseIsNotAnswered
        )
    }

    pub(crate) fn considers_nothing(self) -> bool {
        self == Self::FenceOutlivesDemotion
    }

    pub(crate) fn announces_unleased(self) -> bool {
        self == Self::AnnouncesUnleased
    }

    pub(crate) fn forgets_conflicts(self) -> bool {
        self == Self::ConflictsForgotten
    }

    pub(crate) fn ignores_other_writers(self) -> bool {
        self == Self::OtherWritersIgnored
    }
}

/// Worlds in which what is not lost has to do.
const SPARED: u64 = 100;

/// XDP's stamp of a better router's advert is as good as its record.
//= C41: proof
#[test]
fn no_decision_is_lost_with_a_better_routers_records() {
    for seed in 0..SPARED {
        let (world, result) = faults::live(seed, Some(Plant::BetterRecordsLost), None, true);
        if let Err(broken) = result {
            panic!("{}\nseed {seed}: {broken}", world.trace.text());
        }
    }
}

/// Worlds that a fault may take to show; most do in one of the first hundred.
const SEEDS: u64 = 10_000;

#[test]
fn every_planted_fault_breaks_its_invariant() {
    let mut unseen = Vec::new();
    for (plant, invariant) in ALL {
        let breaks = |seed: &u64| {
            faults::live(*seed, Some(plant), Some(invariant), false)
                .1
                .is_err()
        };
        let caught = (0..SEEDS).find(breaks);
        println!("{plant:?} breaks {invariant:?} at seed {caught:?}");
        if caught.is_none() {
            unseen.push(plant);
        }
    }
    assert!(unseen.is_empty(), "unseen: {unseen:?}");
}
