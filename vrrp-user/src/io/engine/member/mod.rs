//! What the engine has of a virtual router beside its core: it makes inputs for the core of what it learns, and
//! carries out what the core wants.

mod announcing;
mod outputs;
mod parts;

use std::net::IpAddr;

use nix::errno::Errno;
use vrrp_ebpf::{
    abi::Follow,
    ownership::{self, Ownership},
    types::{Family, Mac},
};

use self::announcing::Announcing;
use super::{
    RouterSnapshot, Stats, Timeline,
    addresses::{Operation, Order},
    machine::{Machine, Superseded},
    message::{Event, Lapse, Notice, Successor},
    notices::{self, Notices, Pairing},
    parts::Parts,
    work::{Then, Work},
};
use crate::{
    ids::{RouterId, VipId},
    proto::{Advert, Input, Instant, Router, State},
};

/// What a member is lent for one step.
pub(super) struct Turn<'step, M> {
    pub(super) machine: &'step mut M,
    /// Its core.
    pub(super) router: &'step Router,
    pub(super) work: &'step mut Work,
    /// When the engine woke up for this turn.
    pub(super) woken: Instant,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Member {
    id: RouterId,
    /// Nothing before its interface is known.
    parts: Option<Box<Parts>>,
    /// Earlier parts, the latest first, of which something is still to be undone.
    leaving: Option<Box<Parts>>,
    /// It is to be forgotten when it has stopped.
    is_removed: bool,
    /// The word as we wrote it last.
    word: Ownership,
    epoch: u16,
    /// Of the last order to the address worker.
    generation: u32,
    /// What the last order wanted.
    wanted: Operation,
    /// The order of the last change of the virtual IPs, until the address worker has carried it out.
    changing: Option<u32>,
    notices: Notices,
    pairing: Pairing,
    timeline: Timeline,
    /// The promotion is complete when the addresses are.
    promoting: bool,
    /// When the address worker had installed everything, since the last order.
    installed: Option<Instant>,
    /// Arrival of the last conflict that the core was told of.
    conflict_told: Instant,
    send_errno: Option<Errno>,
    /// It was told that the lease ended because adverts do not leave.
    unheard: bool,
    stats: Stats,
    /// The follow word as we wrote it last.
    followed: Option<Follow>,
    announcing: Announcing,
    /// An advert that waits for room in the driver.
    waiting: Option<Instant>,
    /// The last time in which we did not serve as the Active.
    lapse: Option<Lapse>,
    /// Who last said that it owns the addresses, as we do, and when.
    other_owner: Option<(IpAddr, Instant)>,
}

impl Member {
    /// Of a router without a slot and without parts.
    pub(super) fn new(id: RouterId) -> Self {
        Self {
            id,
            parts: None,
            leaving: None,
            is_removed: false,
            word: Ownership::NONE,
            epoch: 0,
            generation: 0,
            wanted: Operation::Remove,
            changing: None,
            notices: Notices::default(),
            pairing: Pairing::default(),
            timeline: Timeline::default(),
            promoting: false,
            installed: None,
            conflict_told: Instant(0),
            send_errno: None,
            unheard: false,
            stats: Stats::default(),
            followed: None,
            announcing: Announcing::default(),
            waiting: None,
            lapse: None,
            other_owner: None,
        }
    }

    /// Takes the slot over: from now on only we write its ownership word.
    pub(super) fn take_slot(&mut self, machine: &mut impl Machine) -> Result<(), Superseded> {
        let slot = self.slot();
        let found = machine.ownership(slot);
        self.epoch = found.epoch() + 1;
        self.word = Ownership::new(ownership::State::Idle, self.epoch, 0);
        // Of an earlier tenant.
        machine.clear_seen(slot);
        machine.replace(slot, found, self.word)
    }

    pub(super) fn id(&self) -> RouterId {
        self.id
    }

    fn slot(&self) -> u32 {
        self.id.slot()
    }

    /// Family of a virtual IP, which an excluded one does not share with the adverts.
    pub(super) fn vip_family(&self, vip: VipId) -> Option<Family> {
        self.parts.as_ref()?.vip_family(vip)
    }

    /// When announcements go on that had to wait.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.announcing.deadline()
    }

    /// An advert that XDP accepted.
    pub(super) fn advert(
        &mut self,
        advert: Advert,
        flags: u8,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Input {
        let settings = turn.router.settings();
        // What XDP submits without a wake-up waits in the ring on purpose.
        if !advert.repeats(self.followed.unwrap_or_default()) {
            let lag = turn.woken.0.saturating_sub(advert.arrived.0);
            self.stats.worst_lag_ns = self.stats.worst_lag_ns.max(lag);
        }
        let odd = notices::of_advert(settings, turn.router.state(), &advert, flags);
        if odd.contains(&Some(Notice::TwoOwners)) {
            self.other_owner = Some((advert.source, advert.arrived));
        }
        if advert.priority > 0 {
            self.note_lapse(advert.arrived, Some(advert.source), turn);
        }
        let alone = self.pairing.of_advert(settings, &advert);
        let [list, interval, priority] = odd;
        let notices = [list, interval, priority, alone];
        if notices.iter().any(Option::is_some) {
            let source = advert.source;
            turn.work.then = Then::Notice { notices, source };
        }
        Input::Advert(advert)
    }

    /// Another router's advert came in at this time. If our lease had ended by then, that router has served
    /// instead of us, whether or not it still does.
    fn note_lapse(
        &mut self,
        at: Instant,
        active: Option<IpAddr>,
        turn: &mut Turn<'_, impl Machine>,
    ) {
        if turn.router.state() == State::Active && at.0 > self.word.expiry() {
            self.tell_lapse(turn.woken, Successor::Other(active), turn.machine);
        }
    }

    /// Our lease is about to be renewed. If it had ended, and no advert has told of another router since, nobody has
    /// served.
    fn note_unserved(&mut self, machine: &mut impl Machine) {
        let now = machine.now();
        if self.word.state() == ownership::State::Active && now.0 > self.word.expiry() {
            self.tell_lapse(now, Successor::Nobody, machine);
        }
    }

    fn tell_lapse(&mut self, ended: Instant, successor: Successor, machine: &mut impl Machine) {
        let began = Instant(self.word.expiry());
        if self.lapse.is_some_and(|lapse| lapse.began == began) {
            return;
        }
        let lapse = Lapse {
            began,
            ended,
            successor,
        };
        self.lapse = Some(lapse);
        let router = self.id();
        machine.tell(Event::Lapsed { router, lapse });
    }

    /// Somebody else announced a virtual IP of ours. The announcement of a better router comes on
    /// the heels of its advert, and may be seen by XDP before that advert has deposed us: by the
    /// time it is looked at here, it is no conflict.
    pub(super) fn conflict(
        &mut self,
        vip: VipId,
        mac: Mac,
        source: IpAddr,
        arrived: Instant,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Option<Input> {
        self.conflict_told = self.conflict_told.max(arrived);
        if turn.router.state() != State::Active {
            return None;
        }
        self.notice(Notice::Conflict { vip, mac }, source, turn);
        Some(Input::Conflict)
    }

    fn notice(&mut self, notice: Notice, source: IpAddr, turn: &mut Turn<'_, impl Machine>) {
        if self.notices.admit(turn.woken, notice, source) {
            turn.machine.tell(Event::Notice {
                router: self.id(),
                notice,
                source,
            });
        }
    }

    /// The ring may have lost what restarts our timer.
    pub(super) fn look_at_seen(&mut self, turn: &mut Turn<'_, impl Machine>) -> Option<Input> {
        let seen = turn.machine.last_seen(self.slot());
        (seen > 0).then_some(Input::Seen(Instant(seen)))
    }

    /// The ring may have lost what deposes us.
    pub(super) fn look_at_better_seen(
        &mut self,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Option<Input> {
        let seen = Instant(turn.machine.better_seen(self.slot()));
        if seen == Instant(0) {
            return None;
        }
        self.note_lapse(seen, None, turn);
        Some(Input::BetterSeen(seen))
    }

    /// In a flood of announcements XDP leaves most records out, but hosts have believed each of them.
    pub(super) fn look_at_conflict_seen(
        &mut self,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Option<Input> {
        let seen = Instant(turn.machine.conflict_seen(self.slot()));
        if seen <= self.conflict_told {
            return None;
        }
        self.conflict_told = seen;
        let router = turn.router;
        (router.state() == State::Active && seen >= router.since()).then_some(Input::Conflict)
    }

    /// The address worker has carried an order out.
    pub(super) fn addresses_done(
        &mut self,
        order: Order,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Option<Input> {
        self.addresses_changed(order.generation, turn.machine);
        if order.generation != self.generation {
            return None;
        }
        match order.operation {
            Operation::Install => {
                self.installed = Some(turn.woken);
                turn.work.then = Then::ReportPromotion;
                Some(Input::AddressesReady)
            }
            Operation::Remove => Some(Input::AddressesGone),
            // The worker's own.
            Operation::Try => None,
        }
    }

    /// Until it has been silent for twice as long as an Active may be: a Backup looks at quiet adverts that late.
    fn other_owner(&self, router: &Router, now: Instant) -> Option<IpAddr> {
        let lately = router.intervals().active_down() * 2;
        let heard = self.other_owner.filter(|(_, at)| now.since(*at) < lately);
        heard.map(|(other, _)| other)
    }

    pub(super) fn snapshot(&self, router: &Router, now: Instant) -> RouterSnapshot {
        RouterSnapshot {
            state: router.state(),
            since: router.since(),
            now,
            active: router.active_source(),
            active_priority: router.active_priority(),
            intervals: router.intervals(),
            deadline: router.deadline(),
            ownership: self.word,
            send_errno: self.send_errno.map(|errno| errno as i32),
            stats: self.stats,
            other_owner: self.other_owner(router, now),
            history: router.history(),
        }
    }
}
