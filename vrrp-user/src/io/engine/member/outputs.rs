//! Carries out what the core wants, in its order.

use nix::errno::Errno;
use vrrp_ebpf::ownership::{self, Ownership};

use super::{Member, Superseded, Surroundings, announcing::Trouble};
use crate::{
    io::{
        bpf::shared::Slots,
        clock,
        engine::{
            addresses::{Operation, Order},
            message::Event,
            sender::{FrameSender, Offered, Sent},
        },
    },
    proto::{Instant, Output, State, Transition},
};

impl Member {
    pub(super) fn carry_out(
        &mut self,
        output: Output,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        match output {
            Output::Own { state, expiry } => {
                self.own(state, expiry, around.slots)?;
                return self.announce_owed(around);
            }
            Output::Follow { follow, clear_seen } => {
                if clear_seen {
                    around.slots.clear_seen(self.index);
                }
                around.slots.follow(self.index, follow);
                self.followed = Some(follow);
            }
            Output::Advertise { priority } => return self.advertise(priority, around),
            Output::Announce { repeat } => return self.announce(repeat, around),
            Output::Install => self.order(Operation::Install, around),
            Output::Remove => self.order(Operation::Remove, around),
            Output::Transition(transition) => self.transition(transition, around),
        }
        Ok(())
    }

    /// Whether the ownership word is as we wrote it. A node that was fenced while it stood still
    /// must find out before it sends anything, not when it next writes the word.
    pub(in crate::io::engine) fn check_word(&self, slots: &Slots) -> Result<(), Superseded> {
        if slots.ownership(self.index) == self.word {
            Ok(())
        } else {
            Err(Superseded)
        }
    }

    fn own(
        &mut self,
        state: ownership::State,
        expiry: u64,
        slots: &Slots,
    ) -> Result<(), Superseded> {
        let word = Ownership::new(state, self.epoch, expiry);
        let active = ownership::State::Active;
        if state == active && self.word.state() != active {
            slots.set_considered(self.index, self.core.considered_until().0);
        }
        slots
            .replace(self.index, self.word, word)
            .map_err(|_| Superseded)?;
        self.word = word;
        if state == active {
            mark(&mut self.timeline.owned);
        }
        Ok(())
    }

    /// Sends an advert. The lease is counted from before the advert is handed over, so that it ends
    /// before any peer's Active_Down_Interval, which counts from the arrival. One that has to wait for
    /// the driver renews it when the next one finds that it has left.
    fn advertise(&mut self, priority: u8, around: &mut Surroundings<'_>) -> Result<(), Superseded> {
        self.check_word(around.slots)?;
        let at = clock::now();
        let frames = self.frames.adverts(priority);
        let sent = match &self.unicast {
            Some(sender) => sender.send(frames),
            None => {
                let Some(sender) = sender(around.senders, self.plan.ifindex) else {
                    return Ok(());
                };
                if let Some(before) = self.waiting.take()
                    && !sender.is_waiting()
                {
                    self.sent = Some(before);
                }
                sender.send(frames)
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
            around.control.send_event(Event::SendFailed {
                router: self.index,
                errno,
            });
        }
        self.tell_lease(priority, any, refused, at, around);
        if !any && !waiting {
            return Ok(());
        }
        self.stats.adverts_sent += 1;
        self.stats.priority_zero_sent += u64::from(priority == 0);
        mark(&mut self.timeline.advert);
        // Of both versions, or of several peers, one is enough: who did not get it has lost it, as on the wire.
        if any {
            self.sent = Some(at);
        } else {
            self.waiting = Some(at);
        }
        Ok(())
    }

    /// Tells once that an Active serves nobody because its adverts do not leave, and once that they do again.
    fn tell_lease(
        &mut self,
        priority: u8,
        left: bool,
        refused: Option<Errno>,
        now: Instant,
        around: &Surroundings<'_>,
    ) {
        let router = self.index;
        let active = self.word.state() == ownership::State::Active;
        if left || !active {
            if std::mem::take(&mut self.unheard) && left && priority > 0 {
                around.control.send_event(Event::LeaseRenewed { router });
            }
        } else if !self.unheard && !self.word.serves(now.0) {
            self.unheard = true;
            // What the queueing discipline holds back is refused by nobody.
            let errno = refused.unwrap_or(Errno::ENOBUFS) as i32;
            let event = Event::LeaseEnded { router, errno };
            around.control.send_event(event);
        }
    }

    /// Announces every virtual IP, `repeat` times. What waits for its first announcement does not wait for
    /// the end of the turn.
    pub(super) fn announce(
        &mut self,
        repeat: u8,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        self.announcing.add(repeat);
        if self.announcing.is_first() {
            return self.go_on_announcing(around);
        }
        Ok(())
    }

    /// Announces what is due, as far as there is room.
    pub(in crate::io::engine) fn go_on_announcing(
        &mut self,
        around: &mut Surroundings<'_>,
    ) -> Result<(), Superseded> {
        let now = clock::now();
        if !self.announcing.is_due(now) {
            return Ok(());
        }
        self.check_word(around.slots)?;
        //= C59: RFC 9568 section 8.2.2
        // Where the engine stood still for long, somebody else may serve whom hosts would then lose. With
        // the next renewal it goes on.
        let standing = around.slots.standing(self.index);
        if !standing.ownership().serves(now.0) {
            self.announcing.halt();
            return Ok(());
        }
        let timeline = &mut self.timeline;
        let groups = self.frames.announcements();
        let trouble = self.announcing.go_on(groups, |ifindex, frames| {
            let Some(sender) = sender(around.senders, ifindex) else {
                return Offered::all(frames.len());
            };
            let offered = sender.offer(now, frames);
            mark(&mut timeline.announced);
            offered
        });
        if let Some(Trouble { errno, delayed }) = trouble {
            around.control.send_event(Event::AnnouncingFailed {
                router: self.index,
                errno: errno as i32,
                delayed,
            });
        }
        Ok(())
    }

    /// Whether virtual IPs wait for their first announcement.
    pub(in crate::io::engine) fn waits_to_be_found(&self) -> bool {
        self.announcing.is_first()
    }

    /// With the word comes what was put off for want of it, or it never does.
    fn announce_owed(&mut self, around: &mut Surroundings<'_>) -> Result<(), Superseded> {
        if self.word.state() == ownership::State::Active {
            return self.go_on_announcing(around);
        }
        self.announcing.clear();
        Ok(())
    }

    /// Tells the neighbours of a router with unicast peers where its source address is, as keepalived
    /// does when it leaves FAULT: a peer that has to ask first cannot send its adverts until it knows.
    pub(super) fn announce_source(&self, around: &mut Surroundings<'_>) {
        let Some(frame) = self.frames.source_announcement() else {
            return;
        };
        if let Some(sender) = sender(around.senders, self.plan.ifindex) {
            // A link that refuses it refuses the adverts as well, and those tell.
            sender.send([frame]);
        }
    }

    pub(super) fn order(&mut self, operation: Operation, around: &Surroundings<'_>) {
        self.generation = self.generation.wrapping_add(1);
        self.installed = None;
        let order = Order {
            router: self.index,
            operation,
            generation: self.generation,
            lost: self.lost,
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

    pub(super) fn report_promotion(&mut self, around: &Surroundings<'_>) {
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
}

/// Remembers the first moment since the timeline was begun.
fn mark(moment: &mut Instant) {
    if *moment == Instant::default() {
        *moment = clock::now();
    }
}

fn sender(senders: &mut [(u32, FrameSender)], ifindex: u32) -> Option<&mut FrameSender> {
    senders
        .iter_mut()
        .find(|(index, _)| *index == ifindex)
        .map(|(_, sender)| sender)
}
