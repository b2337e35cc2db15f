//! A node: put together, and taken apart again in the opposite order.

mod engine;
mod refused;
mod system;

use std::{
    panic,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, anyhow, bail};
use thiserror::Error;
use tokio::runtime::Runtime;
use vrrp_ebpf::abi::vip_state;

use self::{
    refused::{with_lacking_capabilities, with_name_hint},
    system::System,
};
use super::{
    bpf::{Choice, Wishes, pinned::InstancePins},
    cleanup,
    control::{
        self, ControlError, Crew, Inventory, Setup, Signals,
        machine::{self, Purpose, Refusal},
    },
    engine::{
        Realtime, realtime::BoostedPriority, resignation::Resignations, spawn as spawn_engine,
    },
    holdings::Holdings,
    journal::Ledger,
    log::tell,
    netns, privilege,
    runtime_dir::{self, InstanceName, Lock, RuntimeDir},
};
use crate::{config::Config, status::Status};

/// The configuration cannot be run, whatever the system is like.
#[derive(Clone, Copy, Debug, Error)]
#[error("{0}")]
pub struct Misconfigured(pub &'static str);

/// What is to be run, and how.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The name of the node.
    pub name: InstanceName,
    /// What is to run.
    pub config: Config,
    /// The file that a reload reads again.
    pub file: Option<PathBuf>,
    /// What is to judge received frames.
    pub choice: Choice,
    /// The programs log every frame that they refuse.
    pub logs_frames: bool,
    /// Real-time scheduling and locked memory may be asked for.
    pub is_realtime: bool,
    /// The status as text, for the log.
    pub show: fn(&Status) -> String,
}

impl Launch {
    fn realtime(&self) -> Realtime {
        match self.config.globals.rt_priority {
            _ if !self.is_realtime => Realtime::Off,
            Some(priority) => Realtime::Priority(priority),
            None => Realtime::Best,
        }
    }
}

/// Runs a node until it is stopped.
///
/// # Errors
/// Why it cannot start, or had to end.
pub fn run(runtime: &Runtime, launch: &Launch, signals: Signals) -> anyhow::Result<()> {
    let Launch { name, config, .. } = launch;
    tracing::info!(
        "xvrrp {} starts as instance {name}, {} virtual routers",
        env!("CARGO_PKG_VERSION"),
        config.instances.len()
    );
    let directory = RuntimeDir::create(Path::new(runtime_dir::BASE), name)
        .map_err(|error| privilege::with_hint(error, "a node"))?;
    let lock = runtime.block_on(directory.lock_after_end());
    let lock = lock.map_err(with_name_hint)?;
    let pins = InstancePins::new(name.as_str());
    resign_in_a_panic(name, &pins)?;
    let netns = netns::current().context("cannot name our network namespace")?;
    let ledger = Ledger::new(&directory, netns);
    // Outlives the cleanup: on kernels without tcx the egress gate goes with it, which has to hold
    // back what the kernel sends from the virtual IPs until they are removed.
    let mut holdings = Holdings::new(&ledger, &pins);
    let lacking = privilege::lacking().context("cannot read our capabilities")?;
    let result = runtime.block_on(node(launch, signals, &ledger, &lock, &pins, &mut holdings));
    let result = result.map_err(|error| with_lacking_capabilities(error, &lacking));
    // What we put into the system stays. After `cleanup --fence` the programs keep this machine quiet, until that or
    // a later cleanup, or the next start, removes them by our journal. After the start of another node they are its own.
    if matches!(
        result.as_ref().map_err(|error| error.downcast_ref()),
        Err(Some(ControlError::Superseded))
    ) {
        // The egress gate included.
        std::mem::forget(holdings);
        return Err(superseded(&directory, &lock));
    }
    let cleaned = runtime.block_on(cleanup::leftovers(&directory, &lock, &pins));
    drop(holdings);
    let cleaned = cleaned
        .map_err(anyhow::Error::from)
        .and_then(|_| Ok(directory.remove_all(lock)?));
    // Why the node ended comes before what could not be removed.
    result?;
    cleaned.context("cannot clean up")
}

/// Says who took the ownership words. No other node can start as long as the lock is ours.
fn superseded(directory: &RuntimeDir, lock: &Lock) -> anyhow::Error {
    if directory.has(lock) {
        anyhow!(
            "taken out of service by `xvrrp cleanup --fence`: unless that has waited for this end, `xvrrp cleanup \
             --instance {}` or the next start removes what is left",
            directory.instance()
        )
    } else {
        anyhow!(
            "another node, or a cleanup, has taken over the virtual routers, which was possible because somebody had \
             removed {}",
            directory.path(runtime_dir::LOCK).display()
        )
    }
}

/// A panic, of whichever thread, ends the process, for a node without one of its threads must not look alive; and
/// before that takes the ownership words and tells the Backups, as long as we are able to.
fn resign_in_a_panic(name: &InstanceName, pins: &InstancePins) -> anyhow::Result<()> {
    let directory = RuntimeDir::create(Path::new(runtime_dir::BASE), name)?;
    let pins = pins.clone();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // Where the complaint goes may be full, and nobody can be told whether this worked.
        drop(cleanup::resign(&directory, &pins));
        before(info);
        process::abort();
    }));
    Ok(())
}

/// Starts everything, runs the control plane, and waits for the engine. What is in the system then
/// is in the journal, for the caller to remove; what the process itself holds stays in `holdings`.
async fn node(
    launch: &Launch,
    mut signals: Signals,
    journal: &Ledger<'_>,
    lock: &Lock,
    pins: &InstancePins,
    holdings: &mut Holdings<'_>,
) -> anyhow::Result<()> {
    let (directory, config) = (journal.directory(), &launch.config);
    let removed = cleanup::leftovers(directory, lock, pins)
        .await
        .context("cannot remove what an earlier run left")?;
    if !removed.is_empty() {
        tracing::warn!("removed what an earlier run left: {removed}");
    }
    let inventory = Inventory::read()
        .await
        .context("cannot read the interfaces")?;
    let crew = Crew::look_up(config);
    let found = machine::check(config, &inventory, Purpose::Run, &crew);
    tell(&found.diagnostics);
    let refused = "the configuration cannot run on this machine, nothing is started";
    match found.refusal {
        None => {}
        Some(Refusal::Absent) => bail!(refused),
        Some(Refusal::Wrong) => return Err(Misconfigured(refused).into()),
    }
    if signals.stop_requested().await {
        return given_up();
    }
    holdings.prepare_pins()?;
    // Refused, the engine will be, too, and will say so.
    let boost = launch.is_realtime.then(|| BoostedPriority::begin().ok());
    let wishes = Wishes {
        choice: launch.choice,
        log: launch.logs_frames,
    };
    let dataplane = holdings.load(wishes)?;
    let counters = Box::new(dataplane.counters()?);
    let resources = engine::resources(dataplane)?;
    if launch.logs_frames {
        tokio::spawn(dataplane.log_records()?);
    }
    let vip_states = std::sync::Arc::clone(&dataplane.vip_states);
    if signals.stop_requested().await {
        return given_up();
    }
    let started = spawn_engine(resources, launch.realtime());
    let (engine, thread) = started.context("cannot start the engine")?;
    let resignations = Resignations::new(journal.journal().netns);
    let mut system = System {
        holdings,
        journal,
        boost: boost.flatten(),
    };
    let result = control::run(Setup {
        has_vip: Box::new(move |vip| vip_states.get(vip.state()) & vip_state::READY != 0),
        config: config.clone(),
        crew,
        directory,
        journal,
        engine,
        signals,
        pins: pins.directory(),
        resignations,
        host: &mut system,
        counters,
        show: launch.show,
        file: launch.file.clone(),
    })
    .await;
    // What is wrong with the control plane comes first.
    let ended = engine::await_end(thread, engine::ENGINE_END).await;
    result?;
    ended
}

/// A stop during the start is a clean end.
fn given_up() -> anyhow::Result<()> {
    tracing::info!("Stopping before the start was complete");
    Ok(())
}
