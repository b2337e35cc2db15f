//! One virtual router inside the engine: the core, and what it takes to carry its outputs out.

use std::{net::IpAddr, sync::Arc, sync::mpsc::SyncSender};

use nix::errno::Errno;
use thiserror::Error;
use vrrp_ebpf::ownership::{self, Ownership};

use super::{
    RouterSnapshot, Timeline,
    addresses::{Operation, Order},
    frames::Frames,
    handle::EngineSide,
    message::{Event, Notice},
    notices::{self, Notices},
    plan::RouterPlan,
    sender::FrameSender,
};
use crate::{
    io::{
        bpf::{BpfError, Tables, shared::Slots},
        clock,
    },
    proto::{
        Advert, Input, Instant, Output, Router, State, Transition, advert::EncodeError, frame::Mac,
    },
};

/// More outputs than one input can cause.
const OUTPUTS: usize = 32;

/// What a member shares with the others, lent to it for one input.
pub(super) struct Surroundings<'engine> {
    pub(super) slots: &'engine Arc<Slots>,
    pub(super) senders: &'engine mut [(u32, FrameSender)],
    pub(super) orders: &'engine SyncSender<Order>,
    pub(super) control: &'engine EngineSide,
    /// When the engine woke up for this input.
    pub(super) woken: Instant,
}

/// The ownership word changed under us: another process writes it.
#[derive(Debug)]
pub(super) struct Superseded;

/// Why a virtual router cannot use its interface.
#[derive(Debug, Error)]
pub(super) enum InterfaceError {
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Tables(#[from] BpfError),
}

/// One virtual router.
#[derive(Debug)]
pub(super) struct Member {
    index: u32,
    plan: RouterPlan,
    core: Router,
    frames: Frames,
    mac: Option<Mac>,
    /// Neighbours know the virtual IPs under another MAC than the present one.
    mac_changed: bool,
    /// The word as we wrote it last.
    word: Ownership,
    epoch: u16,
    /// Of the last order to the address worker.
    generation: u32,
    notices: Notices,
    timeline: Timeline,
    /// The promotion is complete when the addresses are.
    promoting: bool,
    /// When the address worker had installed everything, since the last order.
    installed: Option<Instant>,
    send_errno: Option<Errno>,
    stats: Stats,
    outputs: Vec<Output>,
    /// An advert that left while `outputs` were carried out, not yet told to the core.
    sent: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stats {
    adverts_sent: u64,
    priority_zero_sent: u64,
    became_active: u64,
    worst_lag_ns: u64,
}

impl Member {
    /// Takes the slot over: from now on only we write its ownership word.
    pub(super) fn new(index: u32, plan: RouterPlan, slots: &Slots) -> Result<Self, Superseded> {
        let found = slots.ownership(index);
        let epoch = found.epoch() + 1;
        let word = Ownership::new(ownership::State::Idle, epoch, 0);
        slots.replace(index, found, word).map_err(|_| Superseded)?;
        Ok(Self {
            index,
            core: Router::new(plan.settings.clone()),
            plan,
            frames: Frames::default(),
            mac: None,
            mac_changed: false,
            word,
            epoch,
            generation: 0,
            notices: Notices::default(),
            timeline: Timeline::default(),
            promoting: false,
            installed: None,
            send_errno: None,
            stats: Stats::default(),
            outputs: Vec::with_capacity(OUTPUTS),
            sent: None,
        })
    }

    /// Removes what an earlier run, or keepalived before us, may have left on the interface.
    pub(super) fn remove_leftovers(&mut self, around: &Surroundings<'_>) {
        self.order(Operation::Remove, around);
    }

    /// [`abi::IPV4`](vrrp_ebpf::abi::IPV4) or [`abi::IPV6`](vrrp_ebpf::abi::IPV6).
    pub(super) fn family(&self) -> u8 {
        self.plan.key.family
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.core.deadline()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.core.is_finished()
    }

    /// The interface has this source address and MAC: rebuilds what depends on them.
    pub(super) fn set_interface(
        &mut self,
        tables: &mut Tables,
        primary: IpAddr,
        mac: Mac,
    ) -> Result<(), InterfaceError> {
        self.plan.settings.primary = primary;
        self.mac_changed = self.mac.replace(mac).is_some_and(|before| before != mac);
        self.frames = Frames::build(
            &self.plan.frames,
            &self.plan.settings,
            self.plan.ifindex,
            mac,
        )?;
        tables.set_router(self.plan.key, self.plan.entry(primary))?;
        for (key, entry) in self.plan.vip_entries(mac) {
            tables.set_vip(key, entry)?;
        }
        Ok(())
    }

    /// The interface is usable; [`set_interface`](Self::set_interface) was called.
    pub(super) fn link_up(
        &mut self,
        primary: IpAddr,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        self.feed(Input::LinkUp { primary }, around)?;
        if std::mem::take(&mut self.mac_changed) && self.core.state() == State::Active {
            self.announce(self.plan.settings.garp.repeat, around);
        }
        Ok(())
    }

    /// An advert that XDP accepted.
    pub(super) fn advert(
        &mut self,
        advert: Advert,
        flags: u8,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        let lag = around.woken.0.saturating_sub(advert.arrived.0);
        self.stats.worst_lag_ns = self.stats.worst_lag_ns.max(lag);
        let odd = notices::of_advert(&self.plan.settings, self.core.state(), &advert, flags);
        self.feed(Input::Advert(advert), around)?;
        for notice in odd.into_iter().flatten() {
            self.notice(notice, advert.source, around);
        }
        Ok(())
    }

    /// Somebody else announced a virtual IP of ours. The announcement of a better router comes on
    /// the heels of its advert, and may be seen by XDP before that advert has deposed us: by the
    /// time it is looked at here, it is no conflict.
    pub(super) fn conflict(
        &mut self,
        vip: u32,
        mac: Mac,
        source: IpAddr,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        // The announcement of a better router that deposed us a moment ago is none.
        if self.core.state() != State::Active {
            return Ok(());
        }
        let vip = vip.saturating_sub(self.plan.first_vip);
        self.notice(Notice::Conflict { vip, mac }, source, around);
        self.feed(Input::Conflict, around)
    }

    fn notice(&mut self, notice: Notice, source: IpAddr, around: &Surroundings<'_>) {
        if self.notices.admit(around.woken, notice, source) {
            around.control.send_event(Event::Notice {
                router: self.index,
                notice,
                source,
            });
        }
    }

    /// The deadline has passed: looks at the shared word before it believes so.
    pub(super) fn timeout(&mut self, around: &mut Surroundings<'_>) -> Result<(), Superseded> {
        let seen = around.slots.last_seen(self.index);
        if seen > 0 {
            self.feed(Input::Seen(Instant(seen)), around)?;
        }
        if self
            .deadline()
            .is_some_and(|deadline| deadline <= around.woken)
        {
            self.feed(Input::Timeout, around)?;
        }
        Ok(())
    }

    /// The address worker has carried an order out.
    pub(super) fn addresses_done(
        &mut self,
        order: Order,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        if order.generation != self.generation {
            return Ok(());
        }
        match order.operation {
            Operation::Install => {
                self.installed = Some(around.woken);
                self.feed(Input::AddressesReady, around)?;
                self.report_promotion(around);
                Ok(())
            }
            Operation::Remove => self.feed(Input::AddressesGone, around),
        }
    }

    /// Feeds the core and carries out what it wants.
    pub(super) fn feed(
        &mut self,
        input: Input,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        self.handle(around.woken, input, around)?;
        // Only after the whole list: a renewal must not come before the lease it renews.
        match self.sent.take() {
            Some(at) => self.handle(at, Input::AdvertSent { at }, around),
            None => Ok(()),
        }
    }

    fn handle(
        &mut self,
        now: Instant,
        input: Input,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        let mut outputs = std::mem::take(&mut self.outputs);
        let was_active = self.core.state() == State::Active;
        self.core.handle(now, input, &mut outputs);
        if !was_active && self.core.state() == State::Active {
            self.timeline = Timeline::default();
        }
        let result = outputs
            .iter()
            .try_for_each(|output| self.carry_out(*output, around));
        outputs.clear();
        self.outputs = outputs;
        result
    }

    fn carry_out(
        &mut self,
        output: Output,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        match output {
            Output::Own { state, expiry } => return self.own(state, expiry, around.slots),
            Output::Follow { follow, clear_seen } => {
                if clear_seen {
                    around.slots.clear_seen(self.index);
                }
                around.slots.follow(self.index, follow);
            }
            Output::Advertise { priority } => self.advertise(priority, around),
            Output::Announce { repeat } => self.announce(repeat, around),
            Output::Install => self.order(Operation::Install, around),
            Output::Remove => self.order(Operation::Remove, around),
            Output::Transition(transition) => self.transition(transition, around),
        }
        Ok(())
    }

    fn own(
        &mut self,
        state: ownership::State,
        expiry: u64,
        slots: &Slots,
    ) -> Result<(), Superseded> {
        let word = Ownership::new(state, self.epoch, expiry);
        slots
            .replace(self.index, self.word, word)
            .map_err(|_| Superseded)?;
        self.word = word;
        if state == ownership::State::Active {
            mark(&mut self.timeline.owned);
        }
        Ok(())
    }

    /// Sends an advert. The lease is counted from before the advert is handed over, so that it ends
    /// before any peer's Active_Down_Interval, which counts from the arrival.
    fn advertise(&mut self, priority: u8, around: &mut Surroundings<'_>) {
        let at = clock::now();
        let Some(sender) = sender(around.senders, self.plan.ifindex) else {
            return;
        };
        if let Err(errno) = sender.send([self.frames.advert(priority)]) {
            if self.send_errno.replace(errno) != Some(errno) {
                let errno = errno as i32;
                around.control.send_event(Event::SendFailed {
                    router: self.index,
                    errno,
                });
            }
            return;
        }
        self.send_errno = None;
        self.stats.adverts_sent += 1;
        self.stats.priority_zero_sent += u64::from(priority == 0);
        mark(&mut self.timeline.advert);
        self.sent = Some(at);
    }

    fn announce(&mut self, repeat: u8, around: &mut Surroundings<'_>) {
        for (ifindex, frames) in self.frames.announcements(repeat) {
            let Some(sender) = sender(around.senders, ifindex) else {
                continue;
            };
            let sent = sender.send(frames);
            mark(&mut self.timeline.announced);
            if let Err(errno) = sent {
                let (router, errno) = (self.index, errno as i32);
                around
                    .control
                    .send_event(Event::SendFailed { router, errno });
            }
        }
    }

    fn order(&mut self, operation: Operation, around: &Surroundings<'_>) {
        self.generation = self.generation.wrapping_add(1);
        self.installed = None;
        let order = Order {
            router: self.index,
            operation,
            generation: self.generation,
        };
        // The channel holds several orders per router, and each needs an answer before the next.
        if around.orders.try_send(order).is_err() {
            let (router, errno) = (self.index, Errno::EAGAIN as i32);
            around.control.send_event(Event::AddressFailed {
                router,
                vip: 0,
                errno,
            });
        }
    }

    fn transition(&mut self, transition: Transition, around: &Surroundings<'_>) {
        self.notices.reset();
        let promoted = transition.to == State::Active;
        if promoted {
            self.stats.became_active += 1;
            self.timeline.last_advert = transition.last_advert;
            self.timeline.deadline = transition.deadline;
            self.timeline.decided = around.woken;
        }
        let priority = self.plan.settings.priority;
        around.control.send_event(Event::Transition {
            router: self.index,
            transition,
            priority,
        });
        self.promoting = promoted;
        // Preemption installs the addresses before the flip.
        if self.installed.is_some() {
            self.report_promotion(around);
        }
    }

    fn report_promotion(&mut self, around: &Surroundings<'_>) {
        let Some(installed) = self.installed else {
            return;
        };
        if std::mem::take(&mut self.promoting) {
            self.timeline.ready = installed;
            let (router, timeline) = (self.index, self.timeline);
            around
                .control
                .send_event(Event::Promoted { router, timeline });
        }
    }

    pub(super) fn snapshot(&self, now: Instant) -> RouterSnapshot {
        let intervals = self.core.intervals();
        RouterSnapshot {
            state: self.core.state(),
            since: self.core.since(),
            now,
            active: self.core.active_source(),
            active_priority: self.core.active_priority(),
            active_interval_ns: nanos(intervals.active_adver()),
            skew_ns: nanos(intervals.skew()),
            down_ns: nanos(intervals.active_down()),
            deadline: self.deadline(),
            adverts_sent: self.stats.adverts_sent,
            priority_zero_sent: self.stats.priority_zero_sent,
            became_active: self.stats.became_active,
            ownership: self.word,
            worst_lag_ns: self.stats.worst_lag_ns,
        }
    }
}

/// Remembers the first moment since the timeline was begun.
fn mark(moment: &mut Instant) {
    if *moment == Instant::default() {
        *moment = clock::now();
    }
}

fn nanos(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn sender(senders: &mut [(u32, FrameSender)], ifindex: u32) -> Option<&mut FrameSender> {
    senders
        .iter_mut()
        .find(|(index, _)| *index == ifindex)
        .map(|(_, sender)| sender)
}
