//! Events of the engine: what is remembered of them, told to people and scripts, and asked of the links.

use nix::errno::Errno;

use super::{Known, Plane, log};
use crate::{
    ids::{RouterId, VipId},
    io::{
        control::{ControlError, wording},
        engine::{Command, Event, RouterSnapshot, handle::EngineError},
    },
    proto::{Cause, FaultReason, LastEvent, State, Transition},
};

/// Events that are handled before anything else gets its turn: a flood of them must not hold up a
/// stop or the watchdog.
const EVENTS_PER_TURN: usize = 256;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Running,
    /// More events wait.
    Busy,
    Stopped,
}

impl Plane<'_> {
    /// Handles some events. What came of all of them is then written once, and told to the service manager, whose queue
    /// may be short, in one message.
    pub(super) fn take_events(&mut self) -> Result<Engine, ControlError> {
        let engine = self.take_some()?;
        self.store_resignations();
        self.tell_manager();
        Ok(engine)
    }

    fn take_some(&mut self) -> Result<Engine, ControlError> {
        let mut engine = Engine::Busy;
        for _ in 0..EVENTS_PER_TURN {
            let event = match self.setup.engine.try_event() {
                Ok(Some(event)) => event,
                Ok(None) => {
                    engine = Engine::Running;
                    break;
                }
                Err(EngineError::Gone) if self.stopping => return Ok(Engine::Stopped),
                Err(error) => return Err(error.into()),
            };
            if let Engine::Stopped = self.take_event(&event)? {
                return Ok(Engine::Stopped);
            }
        }
        let lost = self.setup.engine.take_lost();
        if lost > 0 {
            self.events_lost += lost;
            tracing::error!("{lost} events of the engine were lost, asking it for what they said");
            self.catch_up()?;
        }
        Ok(engine)
    }

    fn take_event(&mut self, event: &Event) -> Result<Engine, ControlError> {
        self.engine_alive = true;
        // Told more than once, or word of it might be lost.
        if let Event::AddressesAccepted { router } = event
            && self.routers.get(router).is_none_or(|known| !known.held)
        {
            return Ok(Engine::Running);
        }
        self.log_event(event);
        self.note_step(event);
        match *event {
            Event::Transition {
                router,
                transition,
                priority,
            } => {
                self.remember(router, |known| known.record.remember(transition));
                self.notifier.entered(router, transition, priority);
                self.summary_is_old = true;
            }
            Event::Promoted { router, timeline } => {
                self.remember(router, |known| known.record.promoted(timeline));
                self.forget_refusals();
                self.notifier.addresses_settled(router);
            }
            Event::AddressFailed { router, vip, errno } => {
                self.remember(router, |known| known.record.refused(vip, errno));
                self.notifier.addresses_settled(router);
            }
            Event::OrderFailed { router, errno } => {
                if let Some(known) = self.router(router) {
                    for vip in &known.blueprint.router().vips {
                        known.record.refused(vip.id, errno);
                    }
                    if errno == Errno::EAGAIN as i32 {
                        known.blueprint.refused();
                    }
                }
                self.notifier.addresses_settled(router);
            }
            Event::AddressRefused { router, vip } => {
                self.remember(router, |known| known.held = true);
                self.holds
                    .push((router, Some(FaultReason::VipRefused { vip })));
            }
            Event::AddressesAccepted { router } => {
                self.remember(router, |known| known.held = false);
                self.holds.push((router, None));
            }
            Event::AddressFound {
                router,
                vip,
                prefix,
            } => self.spare(router, vip, prefix),
            Event::Lapsed { router, lapse } => {
                self.remember(router, |known| known.record.lapsed(lapse));
            }
            Event::Snapshot { router, snapshot } => self.take_snapshot(router, snapshot),
            Event::Scheduled(scheduling) => self.threads.push(scheduling),
            Event::Stopped => return Ok(Engine::Stopped),
            Event::Superseded => return Err(ControlError::Superseded),
            Event::Notice { .. }
            | Event::AddressMissing { .. }
            | Event::AddressStray { .. }
            | Event::SendFailed { .. }
            | Event::LeaseEnded { .. }
            | Event::LeaseRenewed { .. }
            | Event::AnnouncingFailed { .. }
            | Event::InterfaceFailed { .. }
            | Event::Changed { .. }
            | Event::Removed { .. }
            | Event::Alive
            | Event::MemoryNotLocked { .. } => {}
        }
        Ok(Engine::Running)
    }

    /// What an event says of a router, unless that has gone.
    fn remember(&mut self, router: RouterId, what: impl FnOnce(&mut Known)) {
        if let Some(known) = self.router(router) {
            what(known);
        }
    }

    pub(super) fn log_event(&self, event: &Event) {
        let router = match *event {
            Event::Transition { router, .. }
            | Event::Promoted { router, .. }
            | Event::Notice { router, .. }
            | Event::Lapsed { router, .. }
            | Event::Snapshot { router, .. }
            | Event::SendFailed { router, .. }
            | Event::LeaseEnded { router, .. }
            | Event::LeaseRenewed { router }
            | Event::AnnouncingFailed { router, .. }
            | Event::InterfaceFailed { router, .. }
            | Event::AddressFound { router, .. }
            | Event::AddressRefused { router, .. }
            | Event::AddressesAccepted { router, .. }
            | Event::AddressMissing { router, .. }
            | Event::AddressStray { router, .. }
            | Event::AddressFailed { router, .. }
            | Event::OrderFailed { router, .. }
            | Event::Changed { router, .. }
            | Event::Removed { router } => router,
            Event::Scheduled(_)
            | Event::MemoryNotLocked { .. }
            | Event::Alive
            | Event::Stopped
            | Event::Superseded => {
                wording::of_the_node(event).into_iter().for_each(log);
                return;
            }
        };
        if let Some(known) = self.routers.get(&router) {
            for line in wording::lines(event, known.router(), known.record.state()) {
                log(line);
            }
        }
    }

    /// A cleanup leaves a virtual IP alone that is the host's own. What the node adds beside it, with
    /// another prefix length, is still the node's.
    fn spare(&mut self, router: RouterId, vip: VipId, prefix: u8) {
        let known = self.routers.get(&router).map(Known::router);
        let address = known.and_then(|one| Some((&one.instance, one.vip(vip)?)));
        if let Some((instance, vip)) = address
            && (instance.is_owner() || vip.prefix == prefix)
            && let Err(error) = self.setup.journal.spare(&instance.name, vip.address)
        {
            tracing::error!(
                "({}) cannot note that {} stays: {error}",
                instance.name,
                vip.address
            );
        }
    }

    fn take_snapshot(&mut self, router: RouterId, snapshot: RouterSnapshot) {
        if let Some(known) = self.router(router) {
            let before = known.record.state();
            known.take_snapshot(snapshot);
            let priority = known.blueprint.settings().priority;
            // Unless events were lost, a snapshot has nothing new to say.
            let fault = known.record.fault();
            if let Some(missed) = missed(before, snapshot, fault) {
                known.record.remember(missed);
                self.notifier.entered(router, missed, priority);
                self.summary_is_old = true;
            }
            self.note_state(router, snapshot.state);
        }
        if let Some(starting) = &mut self.starting {
            starting.remove(&router);
        }
        let complete = self.asked.as_mut().is_some_and(|asked| {
            asked.missing.remove(&router);
            asked.missing.is_empty()
        });
        if complete {
            self.answer_status();
        }
    }

    /// Has the engine say again what lost events may have said.
    fn catch_up(&mut self) -> Result<(), ControlError> {
        for router in self.give_again() {
            self.command(Command::Remove(router))?;
        }
        self.exchange_parts()?;
        self.ask_engine().map(drop)
    }

    /// In each look, since nothing is told of an address that is there.
    pub(super) fn forget_refusals(&mut self) {
        for known in self.routers.values_mut() {
            known.record.accepted(&self.setup.has_vip);
        }
    }
}

/// The last transition, of which nothing was heard.
fn missed(
    before: State,
    snapshot: RouterSnapshot,
    fault: Option<FaultReason>,
) -> Option<Transition> {
    let RouterSnapshot { state, since, .. } = snapshot;
    let cause = match snapshot.history.last_event {
        LastEvent::None => return None,
        LastEvent::Startup => Cause::Startup,
        LastEvent::Shutdown => Cause::Shutdown,
        LastEvent::HigherPriorityBackup => Cause::BetterAdvert,
        LastEvent::MasterTimeout => Cause::ActiveDown,
        LastEvent::InterfaceUp => Cause::LinkUp,
        LastEvent::InterfaceDown => Cause::Fault(fault.unwrap_or(FaultReason::LinkDown)),
        LastEvent::PreemptHoldTimeout | LastEvent::LowerPriorityMaster => Cause::Preempt,
    };
    (state != before).then_some(Transition {
        from: before,
        to: state,
        cause,
        at: since,
        deadline: since,
        last_advert: None,
    })
}

impl Known {
    fn take_snapshot(&mut self, snapshot: RouterSnapshot) {
        self.record.take_snapshot(snapshot);
        for vip in std::mem::take(&mut self.removed) {
            if snapshot.state == State::Active {
                let address = wording::address(self.router(), vip);
                let interface = wording::interface(self.router(), vip);
                tracing::warn!(
                    "({}) Netlink reflector reports IP {address} removed from {interface}, putting it back",
                    self.router().instance.name,
                );
            }
        }
    }
}
