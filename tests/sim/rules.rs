//! What must hold. "A hears B": B's adverts of B's last interval were delivered to A's XDP, or are on
//! their way. "Answers": [`Ownership::answers`](vrrp_ebpf::ownership::Ownership::answers) at the
//! node's own clock, whether or not its engine runs.

use std::fmt;

use crate::trace::moment;

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Invariant {
    /// From the longest time that RFC 9568 section 6.4 allows after the last trouble on (a
    /// `preempt_delay`, an Active_Down_Interval, and one interval to install addresses), exactly one
    /// running router is Active, it answers, nobody else does, and that stays so.
    OneActive,
    /// Two routers that hear each other are not both Active for longer than one advert, its way and
    /// its handling; time in which one of them stands still does not count.
    TwoActives,
    /// The Active is one that nobody who preempts has a better priority than.
    BestWins,
    /// A router gives way to better adverts only: by priority, then by address. No Backup rises
    /// before its Active_Down_Interval, or Skew_Time after priority 0, has passed since the arrival of
    /// the last advert that it has to heed: any without preemption, those of at least its priority with.
    NotDisplaced,
    /// A Backup whose engine runs has risen when that time has passed.
    InTime,
    /// Who is Active and runs has handed an advert to the kernel in the last interval, or, if the interval has become
    /// longer, in the last one of before until three adverts have said so; who answers as
    /// Active under a lease has had one leave within the last 3 intervals, or was promoted within the
    /// last quarter of an interval (1 ms at least).
    NoActiveWithoutAdverts,
    /// Whoever becomes Active for want of adverts finds that the one whose adverts it heard last, to
    /// the last one, answers no more; whoever has heard nobody since it started, that nobody of its interval or a
    /// shorter one does who has sent nothing since. It does not matter for how long and where that one's engine stands
    /// still. (Once a Retiring router has sent priority 0, XDP silences it: see
    /// [`Self::AnswersOverlap`].)
    LeaseOutlived,
    /// Two routers that hear each other answer together for no longer than an advert's way there,
    /// one's way back, and a turn at either end. It does not matter for how long and where their engines
    /// stand still: XDP itself silences an Active at a better router's advert, and a Retiring router
    /// at its successor's. Who became Active is heard when it has sent an advert. Exempt are
    ///
    /// - two Retiring routers, which are no successors of each other: priority 0 silences nobody;
    /// - an Active without a lease (`lease off`) while it stands still;
    /// - an Active that stands still, until its lease ends, where no advert of it tells the other: one
    ///   that priority 0 made rise, or that had last heard a router with a shorter interval (RFC 9568
    ///   section 6.4.2 has a Backup believe either of any router); or that was Active as well, and
    ///   retires.
    AnswersOverlap,
    /// An Active that comes into FAULT with a living link, is stopped or removed, sends priority 0 in the turn in which
    /// it does, unless the kernel refuses it.
    Resigns,
    /// While nothing is lost and nothing stands still, a planned stop, a return, a change of priority
    /// leave no moment at which nobody answers. Where a full ring has lost the priority 0, the Backup that waits longest
    /// may be late by the way of an advert.
    NoOwner,
    /// Nor one at which nobody takes packets to the virtual IP: an owner whose kernel has the address.
    /// Who knows of no other router cannot install it beforehand: a full ring has lost the priority 0,
    /// or a router starts with an interval that is much shorter than the Active's. Nor does an owner, which waits for
    /// nobody, also while the kernel removes what was left.
    NoService,
    /// Announcements leave from whoever answers.
    AnnouncedByOwner,
    /// When the trouble is over, hosts that believe the last announcement reach the Active, unless nobody
    /// could tell it that they believe another one: a router that gives way sends one advert, and an
    /// Active that has heard an advert of another router after that one's last announcement announces itself.
    /// What a host that is no router claims is answered after DEFEND_INTERVAL (RFC 5227) at the latest.
    HostsReachTheActive,
    /// A process whose word was taken over writes it no more.
    Superseded,
    /// When the trouble is over, the Active has the virtual IPs of its file, and nobody has any other; nor has who runs
    /// and does not serve any but its own. One that an Active gets while it serves is announced within an interval.
    AsConfigured,
}

/// An invariant that does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) invariant: Invariant,
    pub(crate) at: u64,
    pub(crate) what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:?} is broken at {}: {}",
            self.invariant,
            moment(self.at),
            self.what
        )
    }
}
