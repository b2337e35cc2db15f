//! The loop of the control plane and what it remembers.

mod answers;
mod strangers;

use std::{
    collections::BTreeSet,
    future, io,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::mpsc,
    task,
    time::{Instant, Interval, interval},
};
use tracing::Level;

use super::{
    ControlError, Setup,
    belongings::Belongings,
    links::{Change, Device, Monitor, Router, Watched},
    notify::Notifier,
    record::Record,
    refusals::{self, Refusals},
    signals::Request,
    socket::{self, StatusRequest},
    unserved::Unserved,
    wakeups::Wakeups,
    warnings::Warning,
    wording::{self, Line},
};
use crate::{
    config::Instance,
    io::{
        cleanup, clock,
        engine::{Command, Event, RouterSnapshot, handle::EngineError, realtime::Scheduling},
        journal, systemd,
    },
    proto::{FaultReason, State},
};

/// Requests for the status that may wait.
const REQUESTS: usize = 16;
/// Events that are handled before anything else gets its turn: a flood of them must not hold up a
/// stop or the watchdog.
const EVENTS_PER_TURN: usize = 256;

/// How soon a service manager whose queue was full is told again.
const RETELL: Duration = Duration::from_millis(100);

/// A source address that is gone may be back in a moment (`ip addr flush` and `add`, a network daemon that is
/// started anew), and to go on meanwhile costs less than two failovers. No longer than this, and no longer than an
/// Advertisement_Interval, which is what the standby needs at most once it has heard priority 0.
const GRACE_MAX: Duration = Duration::from_millis(100);

pub(super) struct Plane<'a> {
    setup: Setup<'a>,
    notifier: Notifier,
    records: Vec<Record>,
    /// By router.
    refusals: Vec<Refusals>,
    /// By router.
    unserved: Vec<Unserved>,
    /// Routers whose VRID was heard where they are not, and which were told of it.
    misplaced: BTreeSet<u32>,
    /// Routers that have not been seen started; `None` once the service manager has taken READY.
    starting: Option<BTreeSet<u32>>,
    /// A state has changed since the service manager last took the summary.
    summary_is_old: bool,
    asked: Option<Asked>,
    /// (router, virtual IP) that the kernel reported removed; whether that is news depends on the
    /// state, which the next snapshot tells.
    removed: BTreeSet<(u32, u32)>,
    /// Routers that are to be kept from working, or not any more, for virtual IPs that the kernel
    /// refuses.
    holds: Vec<(u32, Option<FaultReason>)>,
    /// Routers whose virtual IPs the kernel refuses.
    held: BTreeSet<u32>,
    /// The engine has given a sign of life since the watchdog was last fed.
    engine_alive: bool,
    stopping: bool,
    /// The interface that the stop is because of.
    recreated: Option<String>,
    events_lost: u64,
    /// What the engine's threads run under, as they came to say it.
    threads: Vec<Scheduling>,
    /// When the counters began at 0, all of them.
    started: SystemTime,
}

/// Somebody wants to know the status.
struct Asked {
    since: Instant,
    missing: BTreeSet<u32>,
    clients: Vec<StatusRequest>,
    log: bool,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    Running,
    /// More events wait.
    Busy,
    Stopped,
}

impl<'a> Plane<'a> {
    pub(super) fn new(setup: Setup<'a>, notifier: Notifier) -> Self {
        let mut records = Vec::new();
        records.resize_with(setup.config.instances.len(), Record::default);
        let mut refusals = Vec::new();
        refusals.resize_with(setup.config.instances.len(), Refusals::default);
        let mut unserved = Vec::new();
        unserved.resize_with(setup.config.instances.len(), Unserved::default);
        Self {
            setup,
            notifier,
            records,
            refusals,
            unserved,
            misplaced: BTreeSet::new(),
            starting: None,
            summary_is_old: false,
            asked: None,
            removed: BTreeSet::new(),
            holds: Vec::new(),
            held: BTreeSet::new(),
            engine_alive: true,
            stopping: false,
            recreated: None,
            events_lost: 0,
            threads: Vec::new(),
            started: clock::wall(clock::now()),
        }
    }

    pub(super) fn into_notifier(self) -> Notifier {
        self.notifier
    }

    pub(super) async fn run(&mut self) -> Result<(), ControlError> {
        let event_fd = self.setup.engine.event_fd().try_clone_to_owned()?;
        let wakeups = Wakeups::new(event_fd)?;
        let mut monitor = Monitor::new(self.watched()?).map_err(ControlError::Netlink)?;
        let (requests, mut asking) = mpsc::channel(REQUESTS);
        socket::serve(self.setup.directory, requests).map_err(ControlError::Socket)?;
        let mut watchdog = systemd::watchdog_period().map(interval);

        // The first answer of the monitor is about every router, and starts or faults it.
        self.take_changes(monitor.changes().await.map_err(ControlError::Netlink)?)?;
        self.note_names(&monitor);
        self.starting = Some(self.ask_engine()?);
        let mut looks = interval(refusals::PERIOD);
        let mut retell = interval(RETELL);
        let runtime = self.setup.directory.folder();
        let mut belongings = Belongings::new(&runtime, self.setup.pins);
        let mut engine = Engine::Running;
        loop {
            tokio::select! {
                woken = events(&wakeups, engine) => {
                    woken?;
                    engine = self.take_events()?;
                    for (router, reason) in self.holds.drain(..) {
                        monitor.hold(router, reason);
                    }
                    if engine == Engine::Stopped {
                        return self.recreated.take().map_or(Ok(()), |interface| {
                            Err(ControlError::Recreated(interface))
                        });
                    }
                }
                changes = monitor.changes() => {
                    self.take_changes(changes.map_err(ControlError::Netlink)?)?;
                    self.note_names(&monitor);
                }
                request = self.setup.signals.next() => self.obey(request)?,
                Some(client) = asking.recv() => self.ask_status(Some(client))?,
                _ = retell.tick(), if self.has_to_tell() => self.tell_manager(),
                () = due(&mut watchdog) => self.feed_watchdog()?,
                _ = looks.tick() => {
                    self.look_at_strangers();
                    // What could not be written.
                    self.prepare_resignations([]);
                    self.forget_refusals();
                    for line in belongings.look() {
                        tracing::error!("{line}");
                    }
                }
            }
        }
    }

    /// In each look, since nothing is told of an address that is there.
    fn forget_refusals(&mut self) {
        let mut first = 0;
        let instances = &self.setup.config.instances;
        for (instance, record) in instances.iter().zip(&mut self.records) {
            record.accepted(|vip| (self.setup.has_vip)(first + vip));
            first += u32::try_from(instance.vips.len()).unwrap_or(u32::MAX);
        }
    }

    fn watched(&self) -> Result<Watched, ControlError> {
        let routers = self.setup.config.instances.iter().map(|instance| {
            Ok(Router {
                name: instance.name.clone(),
                interface: self.device(instance, &instance.interface)?,
                owner: instance.is_owner(),
                source: instance
                    .source
                    .map(|source| (source, instance.needs_source())),
                peers: instance.unicast.as_ref().map_or_else(Vec::new, |unicast| {
                    unicast.peers.iter().map(|peer| peer.address).collect()
                }),
                vips: instance
                    .vips
                    .iter()
                    .map(|vip| {
                        let elsewhere = vip.device.as_ref();
                        let elsewhere = elsewhere.map(|name| self.device(instance, name));
                        Ok((vip.address, elsewhere.transpose()?))
                    })
                    .collect::<Result<_, ControlError>>()?,
                tracked: self.tracked(instance)?,
                version: instance.narrowest(),
                listed: instance.advertised().count(),
                grace: instance.settings.advert_interval.min(GRACE_MAX),
            })
        });
        Ok(Watched::new(routers.collect::<Result<_, ControlError>>()?))
    }

    /// Virtual IPs on other interfaces (`dev`) without which an instance cannot work.
    fn tracked(&self, instance: &Instance) -> Result<Vec<(u32, Device)>, ControlError> {
        let vips = (0..).zip(&instance.vips);
        let named = vips.filter_map(|(index, vip)| Some((index, vip.device.as_ref()?, vip)));
        named
            .filter(|(_, _, vip)| vip.tracked)
            .map(|(index, name, _)| Ok((index, self.device(instance, name)?)))
            .collect()
    }

    /// An interface of an instance, under the name that it had when programs were attached to it.
    fn device(&self, instance: &Instance, name: &str) -> Result<Device, ControlError> {
        let mut interfaces = self.setup.interfaces.iter();
        match interfaces.find(|interface| interface.name == name) {
            Some(interface) => Ok(Device {
                name: interface.name.clone(),
                index: interface.index,
            }),
            None => Err(ControlError::Interface {
                instance: instance.name.clone(),
                interface: name.to_owned(),
            }),
        }
    }

    fn take_changes(&mut self, changes: Vec<Change>) -> Result<(), ControlError> {
        // Before the engine speaks from anywhere: then it may die at any moment.
        self.prepare_resignations(changes.iter().filter_map(|change| change.command));
        for change in changes {
            let Change {
                command,
                line,
                recreated,
                warning,
            } = change;
            if let Some(line) = line {
                log(line);
            }
            if let Some((router, warning, begins)) = warning {
                self.warn(router, warning, begins);
            }
            if let Some(interface) = recreated {
                self.stop_for(interface)?;
            }
            let Some(command) = command else {
                continue;
            };
            self.note_fault(command);
            self.command(command)?;
            if let Command::AddressLost { router, vip } = command {
                self.removed.insert((router, vip));
                self.command(Command::Snapshot { router })?;
            }
        }
        Ok(())
    }

    fn note_names(&mut self, monitor: &Monitor) {
        for interface in &mut self.setup.interfaces {
            let now = monitor.name(interface.index);
            interface.renamed_to = now.filter(|now| *now != interface.name).map(str::to_owned);
        }
    }

    /// Says and remembers what is wrong with a router that works, or that it no longer is.
    fn warn(&mut self, router: u32, warning: Warning, begins: bool) {
        if let Some(record) = self.record(router) {
            record.warned(warning, begins);
        }
        if let Some(instance) = self.setup.config.instances.get(router as usize) {
            log(warning.line(instance, begins));
        }
    }

    /// Says and remembers what came to keep a router from working, or that nothing does.
    fn note_fault(&mut self, command: Command) {
        let (router, reason) = match command {
            Command::Fault { router, reason } => (router, Some(reason)),
            Command::LinkUp { router, .. } => (router, None),
            _ => return,
        };
        let before = self
            .record(router)
            .and_then(|record| record.faulted(reason));
        let instance = self.setup.config.instances.get(router as usize);
        if let (Some(reason), Some(instance)) = (reason, instance) {
            log(wording::fault(instance, reason, before));
        }
    }

    fn prepare_resignations(&mut self, commands: impl IntoIterator<Item = Command>) {
        let Setup {
            resignations,
            directory,
            ..
        } = &mut self.setup;
        if let Err(error) = resignations.prepare(directory, commands) {
            let error = cleanup::with_causes(&error);
            tracing::error!("{error}: after a crash, nobody may be told that a router is gone");
        }
    }

    /// Stops in good order and with an error, so that who supervises the node starts it again.
    fn stop_for(&mut self, recreated: String) -> Result<(), ControlError> {
        if self.stopping {
            return Ok(());
        }
        tracing::error!(
            "interface {recreated} was created anew: ending, to be started again with programs on it"
        );
        self.recreated = Some(recreated);
        self.obey(Request::Stop)
    }

    /// Handles some events, and then tells the service manager, whose queue may be short, in one message.
    fn take_events(&mut self) -> Result<Engine, ControlError> {
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
            | Event::AddressFailed { router, .. } => router as usize,
            // Not about a router; the wording does not look at one.
            Event::Scheduled(_)
            | Event::MemoryNotLocked { .. }
            | Event::Stopped
            | Event::Superseded => 0,
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

    fn obey(&mut self, request: Request) -> Result<(), ControlError> {
        match request {
            Request::Stop => {
                let command = if self.stopping {
                    Command::StopNow
                } else {
                    Command::Stop
                };
                tracing::info!("Stopping{}", if self.stopping { " at once" } else { "" });
                self.stopping = true;
                systemd::stopping();
                self.command(command)?;
            }
            Request::Reload => match self.setup.revalidate.as_ref().map(|check| check()) {
                None => tracing::warn!("there is no configuration file to read again"),
                Some(Ok(summary)) => tracing::warn!(
                    "{summary}; this version does not reload, restart xvrrp to use it"
                ),
                Some(Err(error)) => tracing::error!("{error}; nothing changes"),
            },
            Request::Dump => self.ask_status(None)?,
        }
        Ok(())
    }

    fn is_ready_untold(&self) -> bool {
        self.starting.as_ref().is_some_and(BTreeSet::is_empty)
    }

    fn has_to_tell(&self) -> bool {
        self.summary_is_old || self.is_ready_untold()
    }

    /// READY comes first: the start of the unit waits for it.
    fn tell_manager(&mut self) {
        if self.is_ready_untold() && systemd::ready() {
            self.starting = None;
        }
        if self.summary_is_old && systemd::status(&self.summary()) {
            self.summary_is_old = false;
        }
    }

    /// A hung engine answers no snapshot, and systemd is told nothing.
    fn feed_watchdog(&mut self) -> Result<(), ControlError> {
        if std::mem::take(&mut self.engine_alive) {
            systemd::alive();
        }
        Ok(self.command(Command::Snapshot { router: 0 })?)
    }

    /// Asks for a snapshot of every router; returns which.
    fn ask_engine(&self) -> Result<BTreeSet<u32>, ControlError> {
        let routers = (0..).zip(&self.records).map(|(router, _)| router);
        routers
            .map(|router| {
                self.command(Command::Snapshot { router })?;
                Ok(router)
            })
            .collect()
    }

    fn command(&self, command: Command) -> Result<(), EngineError> {
        match self.setup.engine.command(command) {
            // It has stopped, and its last event is on its way.
            Err(EngineError::Gone) if self.stopping => Ok(()),
            other => other,
        }
    }

    fn record(&mut self, router: u32) -> Option<&mut Record> {
        self.records.get_mut(router as usize)
    }
}

/// Waits for events, unless some are known to wait: then the runtime only gets to see what else
/// happened.
async fn events(wakeups: &Wakeups, engine: Engine) -> io::Result<()> {
    if engine == Engine::Busy {
        task::yield_now().await;
        return Ok(());
    }
    wakeups.next().await
}

async fn due(watchdog: &mut Option<Interval>) {
    match watchdog {
        Some(watchdog) => {
            watchdog.tick().await;
        }
        None => future::pending().await,
    }
}

fn log((level, text): Line) {
    match level {
        Level::ERROR => tracing::error!("{text}"),
        Level::WARN => tracing::warn!("{text}"),
        Level::INFO => tracing::info!("{text}"),
        _ => tracing::debug!("{text}"),
    }
}
