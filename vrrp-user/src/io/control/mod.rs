//! The control plane: everything slow, on one tokio thread beside the engine. It tells the engine
//! what the kernel and people want, and people and scripts what the engine did.

mod belongings;
mod datetime;
mod host;
mod links;
pub mod machine;
mod notify;
mod plane;
mod record;
mod refusals;
mod scheduling;
mod sighting;
mod signals;
pub mod socket;
mod unserved;
mod wakeups;
mod warnings;
mod wording;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;

use self::plane::Plane;
use super::{
    bpf::{Reception, counters::CounterSource},
    engine::{EngineHandle, handle::EngineError, resignation::Resignations},
    journal::Ledger,
    runtime_dir::{RuntimeDir, RuntimeDirError},
};
use crate::{
    config::Config,
    ids::{InterfaceId, VipId},
    plan::PlanError,
    status::Status,
};

pub use host::{Host, Refused};
pub use links::Inventory;
pub use notify::Crew;
pub use signals::Signals;

/// How long the scripts of a stop may take.
const LAST_SCRIPTS: Duration = Duration::from_secs(5);

/// What the control plane works with.
#[expect(missing_debug_implementations, reason = "holds closures")]
pub struct Setup<'a> {
    /// What is to run.
    pub config: Config,
    /// Its scripts.
    pub crew: Crew,
    /// Our directory, locked.
    pub directory: &'a RuntimeDir,
    /// What there is to take out of the system again.
    pub journal: &'a Ledger<'a>,
    /// The engine, running, with no router started.
    pub engine: EngineHandle,
    /// Installed before anything was put into the system, so that a stop requested since then waits.
    pub signals: Signals,
    /// Where programs and words are pinned.
    pub pins: &'a Path,
    /// What is to be said for the virtual routers if the node dies.
    pub resignations: Resignations,
    /// What is done to the system beside what the engine does.
    pub host: &'a mut dyn Host,
    /// Counters of the BPF programs.
    pub counters: Box<dyn CounterSource>,
    /// Whether the kernel has this virtual IP where it belongs, as far as is known.
    pub has_vip: Box<dyn Fn(VipId) -> bool>,
    /// The status as text, which goes to the log on SIGUSR1 and SIGUSR2.
    pub show: fn(&Status) -> String,
    /// The configuration file, which a reload reads again.
    pub file: Option<PathBuf>,
}

/// An interface that programs were attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The name that it had when they were attached.
    pub name: String,
    /// What it is called now, if that is another one.
    pub renamed_to: Option<String>,
    /// Which one it is.
    pub id: InterfaceId,
    /// What judges the frames that it receives.
    pub reception: Reception,
    /// It receives every frame, because it takes no MAC beside its own.
    pub promiscuous: bool,
}

/// Why the control plane gave up. The node must end then, the engine ends with it.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The engine has ended without being told, or takes no commands.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Somebody else has taken our ownership words: a cleanup that fences us, or another node.
    #[error("superseded by another process")]
    Superseded,
    /// A limit of the BPF maps.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The system refused something during the start.
    #[error("cannot start every virtual router")]
    Host(#[source] Refused),
    /// rtnetlink.
    #[error("cannot watch interfaces: {0}")]
    Netlink(io::Error),
    /// The control socket.
    #[error("cannot make the control socket: {0}")]
    Socket(io::Error),
    /// The runtime directory.
    #[error(transparent)]
    Directory(#[from] RuntimeDirError),
    /// Signal handlers, or waiting for the engine.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Starts every virtual router and runs until the engine has stopped. SIGTERM and SIGINT stop in
/// good order, a second one at once; SIGHUP reads the configuration file again; SIGUSR1 and SIGUSR2 log
/// the status.
///
/// To be called on a current-thread tokio runtime with I/O and time enabled.
///
/// # Errors
/// See [`ControlError`]. The engine is told to stop at once when the handle is dropped.
pub async fn run(setup: Setup<'_>) -> Result<(), ControlError> {
    let mut plane = Plane::new(setup);
    let result = plane.run().await;
    plane.into_notifier().finish(LAST_SCRIPTS).await;
    result
}

#[cfg(test)]
mod tests;
