//! The engine's turn, one step at a time, over a [`Machine`]: the thread goes on until a turn is over; the
//! simulator lets the world move between any two steps.

mod commands;
#[cfg(test)]
mod tests;

use vrrp_ebpf::{
    abi::{self, EventKind, event_flags},
    types::address_from,
};

use super::{
    addresses::Report,
    machine::{Machine, Superseded},
    member::{Member, Turn},
};
use crate::{
    ids::{RouterId, VipId},
    proto::{Advert, Input, Instant, Output, Router, Version},
};

/// Records in a full ring; each has a header of 8 bytes.
const RING_RECORDS: usize = abi::RING_BYTES as usize / (size_of::<abi::Event>() + 8);

/// The virtual routers of a node, and how far their present turn is.
///
/// A turn takes what the ring held, the deadlines that have passed, the reports of the address worker and the
/// commands of the control plane, in this order. Adverts come before timers: a deadline is believed only when
/// nothing that arrived before it is left unread. What an input leads to is done before the next input is taken.
#[derive(Debug)]
pub struct Driver {
    /// By slot, up to the last that is taken.
    members: Vec<Option<Box<Member>>>,
    stage: Stage,
    /// The slot of the member that took the last input.
    busy: usize,
    /// When the present turn, or else the last one, began.
    woken: Instant,
    stopping: bool,
}

/// What the next step takes up, if nothing is left to do of an earlier one.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Wake,
    Ring {
        /// Records that this turn may take still.
        left: usize,
    },

    /// A look at the member in this slot, or at the first from there on that is due.
    Timers {
        slot: usize,
        look: Look,
    },
    Reports,
    Commands,
    /// An input for every member, from this slot on.
    ForAll {
        input: Input,
        from: usize,
    },
    Announcing {
        /// Virtual IPs that nobody has heard of come before the repeats.
        first: bool,
        /// From this slot on.
        from: usize,
    },
}

/// Where to look for what the ring may have lost, before a deadline is believed.
#[derive(Clone, Copy, Debug)]
enum Look {
    Seen,
    Better,
    Conflict,
    Believe,
}

/// What the next step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A new turn: reads the time.
    Wake,
    /// Reads a record of the ring.
    Ring,
    /// Looks at a word or a deadline.
    Timers,
    /// Takes a report of the address worker.
    Reports,
    /// Takes a command of the control plane.
    Commands,
    /// Carries out the next output of the core.
    Output,
    /// Hands an advert over whose time was read.
    Advert,
    /// Tells the core that an advert left.
    Renewal,
    /// Tells the control plane what came of an input.
    Telling,
    /// Goes on with announcements that had to wait.
    Announcing,
}

/// How far a turn is after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Unfinished,
    /// The turn is over: the next is due when something wakes the engine, or at [`Driver::deadline`].
    Over,
}

/// Why there is no further turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every router is in Initialize and every address is gone.
    Stopped,
    /// Another process owns a virtual router.
    Superseded,
}

impl From<Superseded> for End {
    fn from(Superseded: Superseded) -> Self {
        Self::Superseded
    }
}

impl Default for Driver {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver {
    /// Of no router.
    #[must_use]
    pub fn new() -> Self {
        Self {
            members: Vec::with_capacity(abi::MAX_ROUTERS as usize),
            stage: Stage::Wake,
            busy: 0,
            woken: Instant::default(),
            stopping: false,
        }
    }

    /// Does one step.
    ///
    /// # Errors
    /// When the engine's work has ended.
    #[inline]
    pub fn step(&mut self, machine: &mut impl Machine) -> Result<Progress, End> {
        let woken = self.woken;
        if let Some(Some(member)) = self.members.get_mut(self.busy)
            && member.next_step().is_some()
        {
            member.go_on(&mut Turn { machine, woken })?;
            return Ok(Progress::Unfinished);
        }
        self.stage = match self.stage {
            Stage::Wake => self.wake(machine)?,
            Stage::Ring { left } => self.ring(left, machine),
            Stage::Timers { slot, look } => self.timers(slot, look, machine),
            Stage::Reports => self.report(machine),
            Stage::Commands => self.command(machine)?,
            Stage::ForAll { input, from } => self.for_all(input, from),
            Stage::Announcing { first, from } => {
                if let Some(next) = self.announce(first, from, machine)? {
                    next
                } else {
                    self.stage = Stage::Wake;
                    self.unseat_removed(machine);
                    return self.end_of_turn();
                }
            }
        };
        Ok(Progress::Unfinished)
    }

    fn end_of_turn(&self) -> Result<Progress, End> {
        if self.stopping && self.members().all(Member::is_finished) {
            return Err(End::Stopped);
        }
        Ok(Progress::Over)
    }

    /// When the next turn is due at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.members().filter_map(Member::deadline).min()
    }

    /// When the present turn, or else the last one, began.
    #[must_use]
    pub fn woken(&self) -> Instant {
        self.woken
    }

    /// What the next step does.
    #[must_use]
    pub fn next_step(&self) -> Step {
        let member = self.busy();
        member
            .and_then(Member::next_step)
            .unwrap_or(match self.stage {
                Stage::Wake => Step::Wake,
                Stage::Ring { .. } => Step::Ring,
                Stage::Timers { .. } => Step::Timers,
                Stage::Reports => Step::Reports,
                Stage::Commands | Stage::ForAll { .. } => Step::Commands,
                Stage::Announcing { .. } => Step::Announcing,
            })
    }

    /// What was decided and is not carried out.
    #[must_use]
    pub fn pending(&self) -> &[Output] {
        let member = self.busy();
        member.map_or(&[], Member::pending)
    }

    /// The core of a router.
    #[must_use]
    pub fn router(&self, id: RouterId) -> Option<&Router> {
        let mut members = self.members();
        members.find(|member| member.id() == id).map(Member::core)
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().flatten().map(Box::as_ref)
    }

    /// The member that took the last input.
    fn busy(&self) -> Option<&Member> {
        self.members.get(self.busy)?.as_deref()
    }

    /// Gives a member its slot.
    fn seat(&mut self, member: Box<Member>) {
        let slot = member.id().slot() as usize;
        while self.members.len() <= slot {
            self.members.push(None);
        }
        if let Some(seat) = self.members.get_mut(slot) {
            *seat = Some(member);
        }
    }

    fn wake(&mut self, machine: &impl Machine) -> Result<Stage, Superseded> {
        self.woken = machine.now();
        for member in self.members() {
            member.check_word(machine)?;
        }
        Ok(Stage::Ring { left: RING_RECORDS })
    }

    /// A turn reads at least what the ring held when the engine woke up. What a flood adds meanwhile is
    /// left to the next turn, or timers and commands would starve; a record that wakes makes the
    /// ring fd readable again, and a quiet one may wait for whatever wakes the engine next.
    fn ring(&mut self, left: usize, machine: &mut impl Machine) -> Stage {
        let timers = Stage::Timers {
            slot: 0,
            look: Look::Seen,
        };
        let Some(left) = left.checked_sub(1) else {
            return timers;
        };
        let Some(event) = machine.next_record() else {
            return timers;
        };
        self.record(&event, machine);
        Stage::Ring { left }
    }

    fn record(&mut self, event: &abi::Event, machine: &mut impl Machine) {
        let woken = self.woken;
        let Some(member) = self.at(event.slot as usize) else {
            return;
        };
        let source = |family| address_from(family, event.source);
        let arrived = Instant(event.stamp);
        match event.kind {
            kind if kind == EventKind::Advert as u8 => {
                let advert = Advert {
                    arrived,
                    source: source(member.family()),
                    version: Version::from_number(event.version),
                    priority: event.priority,
                    interval_cs: event.interval_cs,
                    refuses_ours: event.flags & event_flags::REFUSES_OURS != 0,
                };
                member.advert(advert, event.flags, &mut Turn { machine, woken });
            }
            kind if kind == EventKind::Conflict as u8 => {
                let vip = VipId(event.vip);
                let source = source(member.vip_family(vip));
                let turn = &mut Turn { machine, woken };
                member.conflict(vip, event.mac, source, arrived, turn);
            }
            kind if kind == EventKind::SuccessorAnnounced as u8 => {
                member.feed(Input::SuccessorAnnounced, woken);
            }
            _ => {}
        }
    }

    /// Takes the next look at the member in this slot; the first one at the next member whose deadline has passed.
    fn timers(&mut self, from: usize, look: Look, machine: &mut impl Machine) -> Stage {
        let woken = self.woken;
        let next = |slot, look| Stage::Timers { slot, look };
        let due = |member: &Member| member.deadline().is_some_and(|deadline| deadline <= woken);
        let found = match look {
            Look::Seen => self.first_from(from, due),
            _ => self.at(from).map(|member| (from, member)),
        };
        let Some((slot, one)) = found else {
            return Stage::Reports;
        };
        let turn = &mut Turn { machine, woken };
        match look {
            Look::Seen => {
                one.look_at_seen(turn);
                next(slot, Look::Better)
            }
            Look::Better => {
                one.look_at_better_seen(turn);
                next(slot, Look::Conflict)
            }
            Look::Conflict => {
                one.look_at_conflict_seen(turn);
                next(slot, Look::Believe)
            }
            Look::Believe => {
                one.timeout(woken);
                next(slot + 1, Look::Seen)
            }
        }
    }

    fn report(&mut self, machine: &mut impl Machine) -> Stage {
        let woken = self.woken;
        match machine.next_report() {
            Some(Report::Done(order)) => {
                if let Some(member) = self.member(order.router) {
                    member.addresses_done(order, &mut Turn { machine, woken });
                }
            }
            Some(Report::Told(event)) => machine.tell(event),
            Some(Report::Retired(set)) => machine.retire(set.into()),
            None => return Stage::Commands,
        }
        Stage::Reports
    }

    /// Announcements that had to wait, of the next member that has some. Nothing if there is none.
    fn announce(
        &mut self,
        first: bool,
        from: usize,
        machine: &mut impl Machine,
    ) -> Result<Option<Stage>, Superseded> {
        let waits = |member: &Member| member.is_announcing() && member.waits_to_be_found() == first;
        let rest = (0..).zip(&mut self.members).skip(from);
        let mut taken = rest.filter_map(|(slot, member)| Some((slot, member.as_mut()?)));
        if let Some((slot, member)) = taken.find(|(_, member)| waits(member)) {
            member.go_on_announcing(machine)?;
            let from = slot + 1;
            return Ok(Some(Stage::Announcing { first, from }));
        }
        let repeats = Stage::Announcing {
            first: false,
            from: 0,
        };
        Ok(first.then_some(repeats))
    }

    /// This member, which takes the next input. Nobody, if it has gone, even if another has its slot.
    fn member(&mut self, id: RouterId) -> Option<&mut Member> {
        let slot = id.slot() as usize;
        self.at(slot).filter(|member| member.id() == id)
    }

    /// The member in this slot, which takes the next input.
    fn at(&mut self, slot: usize) -> Option<&mut Member> {
        let member = self.members.get_mut(slot)?.as_deref_mut()?;
        self.busy = slot;
        Some(member)
    }

    /// The first member from this slot on of which this is true, with its slot. It takes the next input.
    fn first_from(
        &mut self,
        from: usize,
        wanted: impl Fn(&Member) -> bool,
    ) -> Option<(usize, &mut Member)> {
        let rest = self.members.get(from..)?.iter();
        let is_wanted = |member: &Option<Box<Member>>| member.as_deref().is_some_and(&wanted);
        let slot = from + rest.clone().position(is_wanted)?;
        Some((slot, self.at(slot)?))
    }
}
