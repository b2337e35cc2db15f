//! Events of the engine: what is remembered of them, told to people and scripts, and asked of the links.

use super::{Plane, log};
use crate::{
    io::{
        control::{ControlError, wording},
        engine::{Event, RouterSnapshot, handle::EngineError},
        journal,
    },
    proto::{FaultReason, State},
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
    /// Handles some events, and then tells the service manager, whose queue may be short, in one message.
    pub(super) fn take_events(&mut self) -> Result<Engine, ControlError> {
        let engine = self.take_some()?;
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
            tracing::error!("{lost} events of the engine were lost");
        }
        Ok(engine)
    }

    fn take_event(&mut self, event: &Event) -> Result<Engine, ControlError> {
        self.engine_alive = true;
        // Told more than once, or word of it might be lost.
        if let Event::AddressesAccepted { router } = event
            && !self.held.contains(router)
        {
            return Ok(Engine::Running);
        }
        self.log_event(event);
        match *event {
            Event::Transition {
                router,
                transition,
                priority,
            } => {
                if let Some(record) = self.record(router) {
                    record.remember(transition);
                }
                self.notifier.entered(router as usize, transition, priority);
                self.summary_is_old = true;
            }
            Event::Promoted { router, timeline } => {
                if let Some(record) = self.record(router) {
                    record.promoted(timeline);
                }
                self.forget_refusals();
                self.notifier.addresses_settled(router as usize);
            }
            Event::AddressFailed { router, vip, errno } => {
                if let Some(record) = self.record(router) {
                    record.refused(vip, errno);
                }
                self.notifier.addresses_settled(router as usize);
            }
            Event::OrderFailed { router, errno } => {
                let instance = self.setup.config.instances.get(router as usize);
                let vips = instance.map_or(0, |instance| instance.vips.len());
                if let Some(record) = self.record(router) {
                    for (vip, _) in (0..).zip(0..vips) {
                        record.refused(vip, errno);
                    }
                }
                self.notifier.addresses_settled(router as usize);
            }
            Event::AddressRefused { router, vip } => {
                self.held.insert(router);
                self.holds
                    .push((router, Some(FaultReason::VipRefused { vip })));
            }
            Event::AddressesAccepted { router } => {
                self.held.remove(&router);
                self.holds.push((router, None));
            }
            Event::AddressFound {
                router,
                vip,
                prefix,
            } => self.spare(router, vip, prefix),
            Event::Lapsed { router, lapse } => {
                if let Some(record) = self.record(router) {
                    record.lapsed(lapse);
                }
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
            | Event::Alive
            | Event::MemoryNotLocked { .. } => {}
        }
        Ok(Engine::Running)
    }

    fn log_event(&self, event: &Event) {
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
            | Event::OrderFailed { router, .. } => router as usize,
            Event::Scheduled(_)
            | Event::MemoryNotLocked { .. }
            | Event::Alive
            | Event::Stopped
            | Event::Superseded => {
                wording::of_the_node(event).into_iter().for_each(log);
                return;
            }
        };
        let instance = self.setup.config.instances.get(router);
        if let (Some(instance), Some(record)) = (instance, self.records.get(router)) {
            for line in wording::lines(event, instance, record.state()) {
                log(line);
            }
        }
    }

    /// A cleanup leaves a virtual IP alone that is the host's own. What the node adds beside it, with
    /// another prefix length, is still the node's.
    fn spare(&mut self, router: u32, vip: u32, prefix: u8) {
        let instance = self.setup.config.instances.get(router as usize);
        let address =
            instance.and_then(|instance| Some((instance, instance.vips.get(vip as usize)?)));
        if let Some((instance, vip)) = address
            && (instance.is_owner() || vip.prefix == prefix)
        {
            if let Err(error) = journal::spare(self.setup.directory, &instance.name, vip.address) {
                tracing::error!(
                    "({}) cannot note that {} stays: {error}",
                    instance.name,
                    vip.address
                );
            }
            self.setup.resignations.spare(&instance.name, vip.address);
            self.prepare_resignations([]);
        }
    }

    fn take_snapshot(&mut self, router: u32, snapshot: RouterSnapshot) {
        if let Some(record) = self.record(router) {
            record.take_snapshot(snapshot);
        }
        if let Some(starting) = &mut self.starting {
            starting.remove(&router);
        }
        let removed: Vec<_> = self
            .removed
            .range((router, 0)..=(router, u32::MAX))
            .copied()
            .collect();
        for (router, vip) in removed {
            self.removed.remove(&(router, vip));
            if snapshot.state == State::Active
                && let Some(instance) = self.setup.config.instances.get(router as usize)
            {
                let address = wording::address(instance, vip);
                let interface = wording::interface(instance, vip);
                tracing::warn!(
                    "({}) Netlink reflector reports IP {address} removed from {interface}, putting it back",
                    instance.name,
                );
            }
        }
        let complete = self.asked.as_mut().is_some_and(|asked| {
            asked.missing.remove(&router);
            asked.missing.is_empty()
        });
        if complete {
            self.answer_status();
        }
    }

    /// In each look, since nothing is told of an address that is there.
    pub(super) fn forget_refusals(&mut self) {
        let mut first = 0;
        let instances = &self.setup.config.instances;
        for (instance, record) in instances.iter().zip(&mut self.records) {
            record.accepted(|vip| (self.setup.has_vip)(first + vip));
            first += u32::try_from(instance.vips.len()).unwrap_or(u32::MAX);
        }
    }
}
