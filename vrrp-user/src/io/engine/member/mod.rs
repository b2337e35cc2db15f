//! One virtual router inside the engine: the core, and what it takes to carry its outputs out.

mod announcing;
mod outputs;
mod parts;
mod steps;

use std::net::IpAddr;

use nix::errno::Errno;
use vrrp_ebpf::{
    abi::Follow,
    ownership::{self, Ownership},
    types::{Family, Mac},
};

use self::{
    announcing::Announcing,
    steps::{Then, Work},
};
use super::{
    RouterSnapshot, Stats, Timeline,
    addresses::{Operation, Order},
    machine::{Machine, Superseded},
    message::{Event, Lapse, Notice, Successor},
    notices::{self, Notices, Pairing},
    parts::Parts,
};
use crate::{
    ids::{RouterId, VipId},
    proto::{Advert, Input, Instant, Router, Settings, State},
};

/// What a member is lent for one step.
pub(super) struct Turn<'machine, M> {
    pub(super) machine: &'machine mut M,
    /// When the engine woke up for this turn.
    pub(super) woken: Instant,
}

/// One virtual router.
#[derive(Debug)]
pub(super) struct Member {
    id: RouterId,
    core: Router,
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
    /// The virtual IP that the input being handled says is gone.
    lost: Option<VipId>,
    /// Arrival of the last conflict that the core was told of.
    conflict_told: Instant,
    send_errno: Option<Errno>,
    /// It was told that the lease ended because adverts do not leave.
    unheard: bool,
    stats: Stats,
    work: Work,
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
    /// A router without a slot and without parts.
    pub(super) fn new(id: RouterId, settings: Settings) -> Self {
        Self {
            id,
            core: Router::new(settings),
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
            lost: None,
            conflict_told: Instant(0),
            send_errno: None,
            unheard: false,
            stats: Stats::default(),
            work: Work::default(),
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

    pub(super) fn core(&self) -> &Router {
        &self.core
    }

    pub(super) fn id(&self) -> RouterId {
        self.id
    }

    fn slot(&self) -> u32 {
        self.id.slot()
    }

    pub(super) fn family(&self) -> Family {
        self.core.settings().family
    }

    /// Family of a virtual IP, which an excluded one does not share with the adverts.
    pub(super) fn vip_family(&self, vip: VipId) -> Family {
        let parts = self.parts.as_ref();
        let found = parts.and_then(|parts| parts.vip_family(vip));
        found.unwrap_or_else(|| self.family())
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let both = [self.core.deadline(), self.announcing.deadline()];
        both.into_iter().flatten().min()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.core.is_finished()
    }

    /// An advert that XDP accepted.
    pub(super) fn advert(&mut self, advert: Advert, flags: u8, turn: &mut Turn<'_, impl Machine>) {
        // What XDP submits without a wake-up waits in the ring on purpose.
        if !advert.repeats(self.followed.unwrap_or_default()) {
            let lag = turn.woken.0.saturating_sub(advert.arrived.0);
            self.stats.worst_lag_ns = self.stats.worst_lag_ns.max(lag);
        }
        let odd = notices::of_advert(self.core.settings(), self.core.state(), &advert, flags);
        if odd.contains(&Some(Notice::TwoOwners)) {
            self.other_owner = Some((advert.source, advert.arrived));
        }
        if advert.priority > 0 {
            self.note_lapse(advert.arrived, Some(advert.source), turn);
        }
        let alone = self.pairing.of_advert(self.core.settings(), &advert);
        self.feed(Input::Advert(advert), turn.woken);
        let [list, interval, priority] = odd;
        let notices = [list, interval, priority, alone];
        if notices.iter().any(Option::is_some) {
            let source = advert.source;
            self.work.then = Then::Notice { notices, source };
        }
    }

    /// Another router's advert came in at this time. If our lease had ended by then, that router has served
    /// instead of us, whether or not it still does.
    fn note_lapse(
        &mut self,
        at: Instant,
        active: Option<IpAddr>,
        turn: &mut Turn<'_, impl Machine>,
    ) {
        if self.core.state() == State::Active && at.0 > self.word.expiry() {
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
    ) {
        self.conflict_told = self.conflict_told.max(arrived);
        if self.core.state() != State::Active {
            return;
        }
        self.notice(Notice::Conflict { vip, mac }, source, turn);
        self.feed(Input::Conflict, turn.woken);
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
    pub(super) fn look_at_seen(&mut self, turn: &mut Turn<'_, impl Machine>) {
        let seen = turn.machine.last_seen(self.slot());
        if seen > 0 {
            self.feed(Input::Seen(Instant(seen)), turn.woken);
        }
    }

    /// The ring may have lost what deposes us.
    pub(super) fn look_at_better_seen(&mut self, turn: &mut Turn<'_, impl Machine>) {
        let seen = Instant(turn.machine.better_seen(self.slot()));
        if seen > Instant(0) {
            self.note_lapse(seen, None, turn);
            self.feed(Input::BetterSeen(seen), turn.woken);
        }
    }

    /// In a flood of announcements XDP leaves most records out, but hosts have believed each of them.
    pub(super) fn look_at_conflict_seen(&mut self, turn: &mut Turn<'_, impl Machine>) {
        let seen = Instant(turn.machine.conflict_seen(self.slot()));
        if seen <= self.conflict_told {
            return;
        }
        self.conflict_told = seen;
        if self.core.state() == State::Active && seen >= self.core.since() {
            self.feed(Input::Conflict, turn.woken);
        }
    }

    /// The shared words were looked at: a deadline that has passed by now is believed.
    pub(super) fn timeout(&mut self, woken: Instant) {
        let deadline = self.core.deadline();
        if deadline.is_some_and(|deadline| deadline <= woken) {
            self.feed(Input::Timeout, woken);
        }
    }

    /// The address worker has carried an order out.
    pub(super) fn addresses_done(&mut self, order: Order, turn: &mut Turn<'_, impl Machine>) {
        let woken = turn.woken;
        self.addresses_changed(order.generation, turn.machine);
        if order.generation != self.generation {
            return;
        }
        match order.operation {
            Operation::Install => {
                self.installed = Some(woken);
                self.feed(Input::AddressesReady, woken);
                self.work.then = Then::ReportPromotion;
            }
            Operation::Remove => self.feed(Input::AddressesGone, woken),
            // The worker's own.
            Operation::Try => {}
        }
    }

    /// Somebody removed this virtual IP from the interface.
    pub(super) fn address_lost(&mut self, vip: VipId, woken: Instant) {
        self.feed(Input::AddressLost, woken);
        self.lost = Some(vip);
    }

    /// Until it has been silent for twice as long as an Active may be: a Backup looks at quiet adverts that late.
    fn other_owner(&self, now: Instant) -> Option<IpAddr> {
        let lately = self.core.intervals().active_down() * 2;
        let heard = self.other_owner.filter(|(_, at)| now.since(*at) < lately);
        heard.map(|(other, _)| other)
    }

    pub(super) fn snapshot(&self, now: Instant) -> RouterSnapshot {
        RouterSnapshot {
            state: self.core.state(),
            since: self.core.since(),
            now,
            active: self.core.active_source(),
            active_priority: self.core.active_priority(),
            intervals: self.core.intervals(),
            deadline: self.core.deadline(),
            ownership: self.word,
            send_errno: self.send_errno.map(|errno| errno as i32),
            stats: self.stats,
            other_owner: self.other_owner(now),
            history: self.core.history(),
        }
    }
}
