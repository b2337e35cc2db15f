//! The loop of the control plane and what it remembers.

mod answers;
mod apply;
mod changes;
mod claims;
mod events;
mod following;
mod known;
mod manager;
mod reader;
mod reload;
mod steps;
mod strangers;
mod watched;

use std::{
    collections::{BTreeMap, BTreeSet},
    future, io,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::mpsc,
    task,
    time::{Instant, Interval, interval},
};
use tracing::Level;

use self::{
    apply::{Applied, Applying},
    events::Engine,
    following::Following,
    known::Known,
    reader::{Contents, Reader},
    reload::Reloading,
};
use super::{
    ControlError, Interface, Setup,
    belongings::Belongings,
    links::{Monitor, Watched},
    notify::Notifier,
    refusals,
    signals::Request,
    socket::{self, Reply, StatusRequest},
    wakeups::Wakeups,
    wording::Line,
};
use crate::{
    ids::{InterfaceId, RouterId},
    io::{
        clock,
        engine::{Command, handle::EngineError, realtime::Scheduling},
        journal::AddressRecord,
        systemd,
    },
    plan::Desired,
    proto::{self, FaultReason},
};

/// Questions of clients that may wait.
const REQUESTS: usize = 16;
/// How soon a service manager whose queue was full is told again.
const RETELL: Duration = Duration::from_millis(100);

pub(super) struct Plane<'a> {
    setup: Setup<'a>,
    notifier: Notifier,
    routers: BTreeMap<RouterId, Known>,
    /// As the configuration file has them.
    order: Vec<RouterId>,
    /// What runs, or is on its way to.
    desired: Desired,
    /// How far it is on that way.
    applying: Option<Applying>,
    reloading: Option<Reloading>,
    /// A reload that waits for its turn, for these who want to know what came of it.
    next_reload: Option<Vec<Reply>>,
    /// What the file of a reload says that can begin now, and who wants to know what comes of it.
    read: Option<(Contents, Vec<Reply>)>,
    reader: Reader,
    /// Interfaces with programs.
    interfaces: BTreeMap<InterfaceId, Interface>,
    /// Interfaces have got programs, or lost them, since somebody looked for the pins.
    has_other_pins: bool,
    following: Following,
    /// The monitor has to watch other routers.
    watches_others: bool,
    /// Routers that have not been seen started; `None` once the service manager has taken READY.
    starting: Option<BTreeSet<RouterId>>,
    /// A state has changed since the service manager last took the summary.
    summary_is_old: bool,
    asked: Option<Asked>,
    /// Routers that are to be kept from working, or not any more, for virtual IPs that the kernel
    /// refuses.
    holds: Vec<(RouterId, Option<FaultReason>)>,
    /// The engine has given a sign of life since the watchdog was last fed.
    engine_alive: bool,
    stopping: bool,
    /// What is in the journal still, and no router has any more.
    released: Vec<AddressRecord>,
    events_lost: u64,
    /// What the engine's threads run under, as they came to say it.
    threads: Vec<Scheduling>,
    /// When the counters began at 0, all of them.
    started: SystemTime,
    /// When all routers of the start had been added.
    began: Option<proto::Instant>,
}

/// Somebody wants to know the status.
struct Asked {
    since: Instant,
    missing: BTreeSet<RouterId>,
    clients: Vec<StatusRequest>,
    log: bool,
}

impl<'a> Plane<'a> {
    pub(super) fn new(setup: Setup<'a>) -> Self {
        Self {
            setup,
            notifier: Notifier::default(),
            routers: BTreeMap::new(),
            order: Vec::new(),
            desired: Desired::default(),
            applying: None,
            reloading: None,
            next_reload: None,
            read: None,
            reader: Reader::new(),
            interfaces: BTreeMap::new(),
            has_other_pins: false,
            following: Following::default(),
            watches_others: false,
            starting: None,
            summary_is_old: false,
            asked: None,
            holds: Vec::new(),
            engine_alive: true,
            stopping: false,
            released: Vec::new(),
            events_lost: 0,
            threads: Vec::new(),
            started: clock::wall(clock::now()),
            began: None,
        }
    }

    pub(super) fn into_notifier(self) -> Notifier {
        self.notifier
    }

    pub(super) async fn run(&mut self) -> Result<(), ControlError> {
        let event_fd = self.setup.engine.event_fd().try_clone_to_owned()?;
        let wakeups = Wakeups::new(event_fd)?;
        let mut monitor = Monitor::new(Watched::default()).map_err(ControlError::Netlink)?;
        self.start(&mut monitor).await?;
        let (requests, mut asking) = mpsc::channel(REQUESTS);
        socket::serve(self.setup.directory, requests).map_err(ControlError::Socket)?;
        let mut watchdog = systemd::watchdog_period().map(interval);

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
                        return Ok(());
                    }
                    self.proceed(&mut monitor).await?;
                }
                changes = monitor.changes() => {
                    self.take_changes(changes.map_err(ControlError::Netlink)?)?;
                    self.note_names(&monitor);
                    if monitor.take_moved() {
                        self.following.moved(monitor.take_went());
                    }
                    self.proceed(&mut monitor).await?;
                }
                request = self.setup.signals.next() => self.obey(request, &mut monitor).await?,
                Some(read) = self.reader.next() => self.take_read(read, &mut monitor).await?,
                Some(question) = asking.recv() => self.serve(question, &mut monitor).await?,
                _ = retell.tick(), if self.has_to_tell() => self.tell_manager(),
                () = due(&mut watchdog) => self.feed_watchdog()?,
                _ = looks.tick() => {
                    self.look_at_strangers();
                    // What could not be written.
                    self.store_resignations();
                    self.forget_refusals();
                    // What the engine could not take.
                    self.exchange_parts()?;
                    if self.following.try_again() {
                        self.proceed(&mut monitor).await?;
                    }
                    if std::mem::take(&mut self.has_other_pins) {
                        belongings = Belongings::new(&runtime, self.setup.pins);
                    }
                    for line in belongings.look() {
                        tracing::error!("{line}");
                    }
                }
            }
            self.settle_journal(&monitor);
        }
    }

    /// Starts every virtual router of the configuration.
    async fn start(&mut self, monitor: &mut Monitor) -> Result<(), ControlError> {
        monitor.read().await.map_err(ControlError::Netlink)?;
        let inventory = self.inventory(monitor);
        let usable = self.usable(&inventory);
        let desired = Desired::new(&self.setup.config, &usable, &self.desired)?;
        self.begin(desired);
        if let Applied::Refused(_, refused) = self.go_on(monitor).await? {
            return Err(ControlError::Host(refused));
        }
        self.began = Some(clock::now());
        self.note_names(monitor);
        self.starting = Some(self.ask_engine()?);
        self.setup.host.started().map_err(ControlError::Host)
    }

    async fn obey(&mut self, request: Request, monitor: &mut Monitor) -> Result<(), ControlError> {
        match request {
            Request::Stop if self.stopping => {
                tracing::info!("Stopping at once");
                self.command(Command::StopNow)?;
            }
            Request::Stop => {
                tracing::info!("Stopping");
                self.stopping = true;
                systemd::stopping();
                self.begin_stop();
                self.proceed(monitor).await?;
            }
            Request::Reload => self.reload(None, monitor).await?,
            Request::Dump => self.ask_status(None)?,
        }
        Ok(())
    }

    /// Asks for a snapshot of every router; returns which.
    fn ask_engine(&self) -> Result<BTreeSet<RouterId>, ControlError> {
        let ask = |router: &RouterId| {
            self.command(Command::Snapshot { router: *router })?;
            Ok(*router)
        };
        self.routers.keys().map(ask).collect()
    }

    fn command(&self, command: Command) -> Result<(), EngineError> {
        self.unless_stopped(self.setup.engine.command(command))
    }

    fn unless_stopped(&self, result: Result<(), EngineError>) -> Result<(), EngineError> {
        match result {
            // It has stopped, and its last event is on its way.
            Err(EngineError::Gone) if self.stopping => Ok(()),
            other => other,
        }
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
