//! Carries out what the core wants, in its order.

use nix::errno::Errno;
use vrrp_ebpf::ownership::{self, Ownership};

use super::{Member, Superseded, Turn, announcing::Trouble};
use crate::{
    io::engine::{
        Timeline,
        addresses::{Operation, Order},
        machine::{Machine, Sent},
        message::Event,
        work::{PendingAdvert, Then},
    },
    proto::{Instant, Output, Router, State, Transition},
};

impl Member {
    /// Does the next thing that the last input led to.
    pub(in crate::io::engine) fn go_on(
        &mut self,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Result<(), Superseded> {
        if let Some(advert) = turn.work.advert.take() {
            self.send(advert, turn);
            return Ok(());
        }
        if let Some(output) = turn.work.next_output() {
            return self.carry_out(output, turn);
        }
        match std::mem::take(&mut turn.work.then) {
            Then::Nothing => {}
            Then::Notice { notices, source } => {
                for notice in notices.into_iter().flatten() {
                    self.notice(notice, source, turn);
                }
            }
            Then::ReportPromotion => self.report_promotion(turn.machine),
            Then::AnnounceFresh => return self.go_on_announcing(turn.machine),
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        output: Output,
        turn: &mut Turn<'_, impl Machine>,
    ) -> Result<(), Superseded> {
        match output {
            Output::Own { state, expiry } => {
                if state == ownership::State::Active {
                    self.note_unserved(turn.machine);
                }
                self.own(state, expiry, turn.router, turn.machine)?;
                return self.announce_owed(turn.machine);
            }
            Output::Follow { follow, clear_seen } => {
                if clear_seen {
                    turn.machine.clear_seen(self.slot());
                }
                turn.machine.follow(self.slot(), follow);
                self.followed = Some(follow);
            }
            Output::Advertise { priority } => return self.advertise(priority, turn),
            Output::Announce { repeat } => return self.announce(repeat, turn.machine),
            Output::Install => self.order(Operation::Install, turn),
            Output::Remove => self.order(Operation::Remove, turn),
            Output::Transition(transition) => self.transition(transition, turn),
        }
        Ok(())
    }

    /// The core has decided to become Active.
    pub(in crate::io::engine) fn begin_timeline(&mut self) {
        self.timeline = Timeline::default();
    }

    /// Whether the ownership word is as we wrote it. A node that was fenced while it stood still
    /// must find out before it sends anything, not when it next writes the word.
    pub(in crate::io::engine) fn check_word(
        &self,
        machine: &impl Machine,
    ) -> Result<(), Superseded> {
        if machine.ownership(self.slot()) == self.word {
            Ok(())
        } else {
            Err(Superseded)
        }
    }

    fn own(
        &mut self,
        state: ownership::State,
        expiry: u64,
        router: &Router,
        machine: &mut impl Machine,
    ) -> Result<(), Superseded> {
        let word = Ownership::new(state, self.epoch, expiry);
        let active = ownership::State::Active;
        if state == active && self.word.state() != active {
            machine.set_considered(self.slot(), router.considered_until());
        }
        machine.replace(self.slot(), self.word, word)?;
        self.word = word;
        if state == active {
            mark(&mut self.timeline.owned, machine);
        }
        Ok(())
    }

    /// Reads the time of an advert, and has it sent next. The lease is counted from before the advert is handed
    /// over, so that it ends before any peer's Active_Down_Interval, which counts from the arrival.
    fn advertise(&self, priority: u8, turn: &mut Turn<'_, impl Machine>) -> Result<(), Superseded> {
        self.check_word(turn.machine)?;
        let at = turn.machine.now();
        turn.work.advert = Some(PendingAdvert { priority, at });
        Ok(())
    }

    /// Hands an advert over. One that has to wait for the driver renews the lease when the next one finds that it
    /// has left.
    fn send(&mut self, advert: PendingAdvert, turn: &mut Turn<'_, impl Machine>) {
        let PendingAdvert { priority, at } = advert;
        let machine = &mut *turn.machine;
        let Some(parts) = &self.parts else {
            return;
        };
        let interface = parts.interface;
        if let Some(before) = self.waiting.take()
            && !machine.is_waiting(interface)
        {
            turn.work.sent = Some(before);
        }
        let frames = parts.frames.adverts(priority);
        let sent = match parts.peers() {
            None => machine.send_advert(self.slot(), interface, frames),
            Some(peers) => {
                let peers = peers.iter().copied().cycle();
                machine.send_to_peers(self.slot(), frames.zip(peers))
            }
        };
        let Sent {
            any,
            waiting,
            refused,
        } = sent;
        let before = std::mem::replace(&mut self.send_errno, refused);
        if let Some(errno) = refused
            && before != refused
        {
            let errno = errno as i32;
            machine.tell(Event::SendFailed {
                router: self.id(),
                errno,
            });
        }
        self.tell_lease(priority, any, refused, at, machine);
        if !any && !waiting {
            return;
        }
        self.stats.adverts_sent += 1;
        self.stats.priority_zero_sent += u64::from(priority == 0);
        mark(&mut self.timeline.advert, machine);
        // Of both versions, or of several peers, one is enough: who did not get it has lost it, as on the wire.
        if any {
            turn.work.sent = Some(at);
        } else {
            self.waiting = Some(at);
        }
    }

    /// Tells once that an Active serves nobody because its adverts do not leave, and once that they do again.
    fn tell_lease(
        &mut self,
        priority: u8,
        left: bool,
        refused: Option<Errno>,
        now: Instant,
        machine: &mut impl Machine,
    ) {
        let router = self.id();
        let active = self.word.state() == ownership::State::Active;
        if left || !active {
            if std::mem::take(&mut self.unheard) && left && priority > 0 {
                machine.tell(Event::LeaseRenewed { router });
            }
        } else if !self.unheard && !self.word.serves(now.0) {
            self.unheard = true;
            // What the queueing discipline holds back is refused by nobody.
            let errno = refused.unwrap_or(Errno::ENOBUFS) as i32;
            let event = Event::LeaseEnded { router, errno };
            machine.tell(event);
        }
    }

    /// Announces every virtual IP, `repeat` times. What waits for its first announcement does not wait for
    /// the end of the turn.
    fn announce(&mut self, repeat: u8, machine: &mut impl Machine) -> Result<(), Superseded> {
        self.announcing.add(repeat);
        if self.announcing.is_first() {
            return self.go_on_announcing(machine);
        }
        Ok(())
    }

    /// Announces what is due, as far as there is room.
    pub(in crate::io::engine) fn go_on_announcing(
        &mut self,
        machine: &mut impl Machine,
    ) -> Result<(), Superseded> {
        let now = machine.now();
        if !self.announcing.is_due(now) {
            return Ok(());
        }
        self.check_word(machine)?;
        //= C59: RFC 9568 section 8.2.2
        // Where the engine stood still for long, somebody else may serve whom hosts would then lose. With
        // the next renewal it goes on.
        let standing = machine.standing(self.slot());
        if !standing.ownership().serves(now.0) {
            self.announcing.halt();
            return Ok(());
        }
        let timeline = &mut self.timeline;
        let Some(parts) = &self.parts else {
            return Ok(());
        };
        let (fresh, all) = (parts.frames.fresh(), parts.frames.announcements());
        let trouble = self.announcing.go_on(fresh, all, |interface, frames| {
            let offered = machine.offer(now, interface, frames);
            mark(&mut timeline.announced, machine);
            offered
        });
        if let Some(Trouble { errno, delayed }) = trouble {
            machine.tell(Event::AnnouncingFailed {
                router: self.id(),
                errno: errno as i32,
                delayed,
            });
        }
        Ok(())
    }

    /// Whether announcements have to wait.
    pub(in crate::io::engine) fn is_announcing(&self) -> bool {
        !self.announcing.is_done()
    }

    /// Whether virtual IPs wait for their first announcement.
    pub(in crate::io::engine) fn waits_to_be_found(&self) -> bool {
        self.announcing.is_first()
    }

    /// With the word comes what was put off for want of it, or it never does.
    fn announce_owed(&mut self, machine: &mut impl Machine) -> Result<(), Superseded> {
        if self.word.state() == ownership::State::Active {
            return self.go_on_announcing(machine);
        }
        self.announcing.clear();
        Ok(())
    }

    /// Tells the neighbours of a router with unicast peers where its source address is, as keepalived
    /// does when it leaves FAULT: a peer that has to ask first cannot send its adverts until it knows.
    pub(super) fn announce_source(&self, machine: &mut impl Machine) {
        let Some(parts) = &self.parts else {
            return;
        };
        // A link that refuses it refuses the adverts as well, and those tell.
        if let Some(frame) = parts.frames.source_announcement() {
            machine.send(parts.interface, frame);
        }
    }

    fn order(&mut self, operation: Operation, turn: &mut Turn<'_, impl Machine>) {
        let order = Order {
            lost: turn.work.lost,
            ..self.next_order(operation)
        };
        // The channel holds several orders per router, and each needs an answer before the next.
        if !turn.machine.order(order) {
            self.tell_order_failed(turn.machine);
        }
    }

    pub(super) fn next_order(&mut self, operation: Operation) -> Order {
        self.wanted = operation;
        self.generation = self.generation.wrapping_add(1);
        self.installed = None;
        Order {
            router: self.id,
            operation,
            generation: self.generation,
            epoch: self.word.epoch(),
            lost: None,
        }
    }

    pub(super) fn tell_order_failed(&self, machine: &mut impl Machine) {
        let (router, errno) = (self.id, Errno::EAGAIN as i32);
        machine.tell(Event::OrderFailed { router, errno });
    }

    fn transition(&mut self, transition: Transition, turn: &mut Turn<'_, impl Machine>) {
        let machine = &mut *turn.machine;
        self.notices.reset();
        let promoted = transition.to == State::Active;
        if promoted {
            self.stats.became_active += 1;
            self.timeline.last_advert = transition.last_advert;
            self.timeline.deadline = transition.deadline;
            self.timeline.decided = turn.woken;
        }
        let priority = turn.router.priority();
        machine.tell(Event::Transition {
            router: self.id(),
            transition,
            priority,
        });
        self.promoting = promoted;
        // Preemption installs the addresses before the flip.
        if self.installed.is_some() {
            self.report_promotion(machine);
        }
    }

    fn report_promotion(&mut self, machine: &mut impl Machine) {
        let Some(installed) = self.installed else {
            return;
        };
        if std::mem::take(&mut self.promoting) {
            self.timeline.ready = installed;
            let (router, timeline) = (self.id(), self.timeline);
            machine.tell(Event::Promoted { router, timeline });
        }
    }
}

/// Remembers the first moment since the timeline was begun.
fn mark(moment: &mut Instant, machine: &impl Machine) {
    if *moment == Instant::default() {
        *moment = machine.now();
    }
}
