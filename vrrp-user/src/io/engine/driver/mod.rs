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
    work::Work,
};
use crate::{
    ids::{RouterId, VipId},
    proto::{Advert, Input, Instant, Node, Output, Router, Version},
};

/// Records in a full ring; each has a header of 8 bytes.
const RING_RECORDS: usize = abi::RING_BYTES as usize / (size_of::<abi::Event>() + 8);

#[expect(clippy::cast_possible_truncation, reason = "a slot is a u16")]
const SLOTS: u16 = abi::MAX_ROUTERS as u16;

/// The virtual routers of a node, and how far their present turn is.
///
/// A turn takes what the ring held, the deadlines that have passed, the reports of the address worker and the
/// commands of the control plane, in this order. Adverts come before timers: a deadline is believed only when
/// nothing that arrived before it is left unread. What an input leads to is done before the next input is taken.
#[derive(Debug)]
pub struct Driver {
    /// Each with what the engine has of it beside its core.
    node: Node<Member>,
    /// What the last input led to.
    work: Work,
    stage: Stage,
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

    /// A look at this router; the first one is at the next router behind it whose deadline has passed.
    Timers {
        router: Option<RouterId>,
        look: Look,
    },
    Reports,
    Commands,
    /// An input for every router, behind this one.
    ForAll {
        input: Input,
        after: Option<RouterId>,
    },
    Announcing {
        /// Virtual IPs that nobody has heard of come before the repeats.
        first: bool,
        /// Behind this router.
        after: Option<RouterId>,
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
            node: Node::new(SLOTS),
            work: Work::new(),
            stage: Stage::Wake,
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
        if self.work.next_step().is_some() {
            self.go_on(machine)?;
            return Ok(Progress::Unfinished);
        }
        self.stage = match self.stage {
            Stage::Wake => self.wake(machine)?,
            Stage::Ring { left } => self.ring(left, machine),
            Stage::Timers { router, look } => self.timers(router, look, machine),
            Stage::Reports => self.report(machine),
            Stage::Commands => self.command(machine)?,
            Stage::ForAll { input, after } => self.for_all(input, after, machine),
            Stage::Announcing { first, after } => {
                if let Some(next) = self.announce(first, after, machine)? {
                    next
                } else {
                    self.stage = Stage::Wake;
                    self.remove_stopped(machine);
                    return self.end_of_turn();
                }
            }
        };
        Ok(Progress::Unfinished)
    }

    fn end_of_turn(&self) -> Result<Progress, End> {
        let mut routers = self.node.iter();
        if self.stopping && routers.all(|(_, router, _)| router.is_finished()) {
            return Err(End::Stopped);
        }
        Ok(Progress::Over)
    }

    /// When the next turn is due at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let members = self.node.iter();
        let announcements = members.filter_map(|(_, _, member)| member.deadline());
        announcements.chain(self.node.deadline()).min()
    }

    /// When the present turn, or else the last one, began.
    #[must_use]
    pub fn woken(&self) -> Instant {
        self.woken
    }

    /// What the next step does.
    #[must_use]
    pub fn next_step(&self) -> Step {
        self.work.next_step().unwrap_or(match self.stage {
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
        self.work.pending()
    }

    /// The core of a router.
    #[must_use]
    pub fn router(&self, id: RouterId) -> Option<&Router> {
        self.node.router(id)
    }

    /// Has a member look at something, and its core take the input that it makes of that.
    fn take<M: Machine>(
        &mut self,
        id: RouterId,
        machine: &mut M,
        look: impl FnOnce(&mut Member, &mut Turn<'_, M>) -> Option<Input>,
    ) {
        self.work.begin(id);
        if let Some((member, mut turn)) = self.lend(id, machine)
            && let Some(input) = look(member, &mut turn)
        {
            self.handle(id, self.woken, input);
        }
    }

    /// A member, and what it is lent for a step.
    fn lend<'step, M>(
        &'step mut self,
        id: RouterId,
        machine: &'step mut M,
    ) -> Option<(&'step mut Member, Turn<'step, M>)> {
        let (router, member) = self.node.get_mut(id)?;
        let turn = Turn {
            machine,
            router,
            work: &mut self.work,
            woken: self.woken,
        };
        Some((member, turn))
    }

    /// Has a core take an input. [`go_on`](Self::go_on) does what it wants.
    fn handle(&mut self, id: RouterId, now: Instant, input: Input) {
        self.node.handle(id, now, input, self.work.outputs());
        if self.work.promotes()
            && let Some((_, member)) = self.node.get_mut(id)
        {
            member.begin_timeline();
        }
    }

    /// Does the next thing that the last input led to.
    fn go_on(&mut self, machine: &mut impl Machine) -> Result<(), Superseded> {
        let Some(id) = self.work.router else {
            return Ok(());
        };
        if let Some(at) = self.work.take_renewal() {
            self.handle(id, at, Input::AdvertSent { at });
            return Ok(());
        }
        match self.lend(id, machine) {
            Some((member, mut turn)) => member.go_on(&mut turn),
            None => Ok(()),
        }
    }

    fn wake(&mut self, machine: &impl Machine) -> Result<Stage, Superseded> {
        self.woken = machine.now();
        for (_, _, member) in self.node.iter() {
            member.check_word(machine)?;
        }
        Ok(Stage::Ring { left: RING_RECORDS })
    }

    /// A turn reads at least what the ring held when the engine woke up. What a flood adds meanwhile is
    /// left to the next turn, or timers and commands would starve; a record that wakes makes the
    /// ring fd readable again, and a quiet one may wait for whatever wakes the engine next.
    fn ring(&mut self, left: usize, machine: &mut impl Machine) -> Stage {
        let timers = Stage::Timers {
            router: None,
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
        let Some(id) = self.node.tenant(event.slot) else {
            return;
        };
        let arrived = Instant(event.stamp);
        self.take(id, machine, |member, turn| {
            let family = turn.router.settings().family;
            match event.kind {
                kind if kind == EventKind::Advert as u8 => {
                    let advert = Advert {
                        arrived,
                        source: address_from(family, event.source),
                        version: Version::from_number(event.version),
                        priority: event.priority,
                        interval_cs: event.interval_cs,
                        refuses_ours: event.flags & event_flags::REFUSES_OURS != 0,
                    };
                    Some(member.advert(advert, event.flags, turn))
                }
                kind if kind == EventKind::Conflict as u8 => {
                    let vip = VipId(event.vip);
                    let family = member.vip_family(vip).unwrap_or(family);
                    let source = address_from(family, event.source);
                    member.conflict(vip, event.mac, source, arrived, turn)
                }
                kind if kind == EventKind::SuccessorAnnounced as u8 => {
                    Some(Input::SuccessorAnnounced)
                }
                _ => None,
            }
        });
    }

    /// See [`Stage::Timers`].
    fn timers(
        &mut self,
        router: Option<RouterId>,
        look: Look,
        machine: &mut impl Machine,
    ) -> Stage {
        let found = match look {
            Look::Seen => self.node.due(self.woken, router),
            _ => router,
        };
        let Some(id) = found else {
            return Stage::Reports;
        };
        let look = match look {
            Look::Seen => {
                self.take(id, machine, Member::look_at_seen);
                Look::Better
            }
            Look::Better => {
                self.take(id, machine, Member::look_at_better_seen);
                Look::Conflict
            }
            Look::Conflict => {
                self.take(id, machine, Member::look_at_conflict_seen);
                Look::Believe
            }
            Look::Believe => {
                // The shared words were looked at: a deadline that has passed by now is believed.
                self.take(id, machine, |_, turn| {
                    let deadline = turn.router.deadline()?;
                    (deadline <= turn.woken).then_some(Input::Timeout)
                });
                Look::Seen
            }
        };
        let router = Some(id);
        Stage::Timers { router, look }
    }

    fn report(&mut self, machine: &mut impl Machine) -> Stage {
        match machine.next_report() {
            Some(Report::Done(order)) => self.take(order.router, machine, |member, turn| {
                member.addresses_done(order, turn)
            }),
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
        after: Option<RouterId>,
        machine: &mut impl Machine,
    ) -> Result<Option<Stage>, Superseded> {
        let waits = |member: &Member| member.is_announcing() && member.waits_to_be_found() == first;
        if let Some(id) = self.node.find(after, waits)
            && let Some((_, member)) = self.node.get_mut(id)
        {
            member.go_on_announcing(machine)?;
            let after = Some(id);
            return Ok(Some(Stage::Announcing { first, after }));
        }
        let repeats = Stage::Announcing {
            first: false,
            after: None,
        };
        Ok(first.then_some(repeats))
    }
}
