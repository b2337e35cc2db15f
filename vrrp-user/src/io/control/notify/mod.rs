//! Notify scripts: `notify_master` and its siblings first, then `notify`, per virtual router one
//! after the other in the order of the transitions, never two at once.
//!
//! A script may take as long as it likes as long as nothing newer is waiting: `notify_master` may
//! well start a database. When a later transition waits, a script that is over its time is killed,
//! because the latest state is what matters.

mod crew;
mod identity;
mod output;
mod script;
mod security;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

use crate::{
    config::{self, Notify},
    ids::RouterId,
    io::control::record::state_name,
    proto::{Cause, State, Transition},
};
pub use crew::Crew;
pub(super) use identity::UserError;
use script::{Limits, Script};

/// What `run` would say of a script whose user exists, each without the name of the instance.
pub(in crate::io::control) fn script_flaws(
    script: &config::Script,
    is_guarded: bool,
) -> Vec<String> {
    Script::new(script, is_guarded).map_or_else(|_| Vec::new(), |script| script.flaws())
}

/// How long a promotion's scripts wait for the kernel's acknowledgement of the addresses, which
/// services that bind to them need.
const GATE: Duration = Duration::from_secs(1);
/// Transitions that may wait per router; a router that flaps faster than its scripts run loses the
/// oldest news, never the newest.
const WAITING: usize = 16;

/// Runs the scripts of every virtual router.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    routers: BTreeMap<RouterId, ScriptQueue>,
    /// Workers of routers that were removed, by the name of the instance: they have scripts to run still.
    leaving: BTreeMap<String, Worker>,
    limits: Limits,
}

/// What runs the scripts of one virtual router.
#[derive(Debug)]
struct Worker {
    task: JoinHandle<()>,
    /// The router has been removed, and its successor's scripts wait for those that are left.
    has_successor: Arc<AtomicBool>,
}

#[derive(Debug)]
struct ScriptQueue {
    scripts: watch::Sender<Scripts>,
    queue: mpsc::UnboundedSender<Job>,
    worker: Worker,
    /// keepalived's state that was last told.
    told: Option<&'static str>,
    /// Opened when the addresses of the last promotion are installed.
    gate: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
struct Job {
    state: &'static str,
    priority: u8,
    gate: Option<oneshot::Receiver<()>>,
}

/// The scripts of one virtual router, users looked up.
#[derive(Clone, Debug)]
pub(super) struct Scripts {
    name: String,
    notify: Notify<Script>,
}

impl Notifier {
    /// Has a router, new or known, run these scripts from now on. What waits to be told of it is told to
    /// these, too. One that takes the place of a removed router of the same name waits for its scripts, as if they were
    /// its own: one that is over its time is killed.
    pub(super) fn set(&mut self, id: RouterId, scripts: Scripts) {
        // Beside the control plane, which a file system that does not answer must not hold up.
        let checked = scripts.clone();
        drop(spawn_blocking(move || checked.check()));
        if let Some(router) = self.routers.get(&id) {
            router.scripts.send_replace(scripts);
            return;
        }
        let predecessor = self.leaving.remove(&scripts.name);
        let (scripts, current) = watch::channel(scripts);
        let (queue, jobs) = mpsc::unbounded_channel();
        let limits = self.limits;
        let has_successor = Arc::new(AtomicBool::new(false));
        let is_awaited = Arc::clone(&has_successor);
        let task = tokio::spawn(async move {
            if let Some(predecessor) = predecessor {
                predecessor.has_successor.store(true, Ordering::Relaxed);
                drop(predecessor.task.await);
            }
            work(current, jobs, limits, &is_awaited).await;
        });
        let router = ScriptQueue {
            scripts,
            queue,
            worker: Worker {
                task,
                has_successor,
            },
            told: None,
            gate: None,
        };
        self.routers.insert(id, router);
    }

    /// Forgets a router once the scripts that wait or run have finished.
    pub(super) fn remove(&mut self, id: RouterId) {
        self.leaving.retain(|_, worker| !worker.task.is_finished());
        if let Some(router) = self.routers.remove(&id) {
            let name = router.scripts.borrow().name.clone();
            self.leaving.insert(name, router.worker);
        }
    }

    /// Tells the scripts of a router that it entered a state. Rising and Retiring are ours. For a
    /// script, a router that rises is still what it was before; one that begins to stop has stopped: as
    /// with keepalived, its scripts start when priority 0 has left, and here it still serves then.
    pub(super) fn entered(&mut self, router: RouterId, transition: Transition, priority: u8) {
        let Some(router) = self.routers.get_mut(&router) else {
            return;
        };
        let state = match transition.to {
            State::Retiring if transition.cause == Cause::Shutdown => "STOP",
            State::Rising | State::Retiring => return,
            State::Initialize => "STOP",
            other => state_name(other),
        };
        if router.told.replace(state) == Some(state) {
            return;
        }
        let (opener, gate) = oneshot::channel();
        let promotion = state == "MASTER";
        router.gate = promotion.then_some(opener);
        let job = Job {
            state,
            priority,
            gate: promotion.then_some(gate),
        };
        if router.queue.send(job).is_err() {
            tracing::error!("the notify worker has ended, {state} is not notified");
        }
    }

    /// The addresses of the last promotion are installed, or will not be.
    pub(super) fn addresses_settled(&mut self, router: RouterId) {
        if let Some(router) = self.routers.get_mut(&router) {
            router.gate = None;
        }
    }

    /// Lets the scripts that wait or run finish, within a limit.
    pub(super) async fn finish(self, limit: Duration) {
        let all = async {
            let routers = self.routers.into_values();
            // Without its queue a worker ends.
            let workers = routers.map(|router| router.worker).collect::<Vec<_>>();
            for worker in workers.into_iter().chain(self.leaving.into_values()) {
                if let Err(error) = worker.task.await {
                    tracing::error!("notify worker: {error}");
                }
            }
        };
        if timeout(limit, all).await.is_err() {
            tracing::warn!("notify scripts have not finished within {limit:?}, leaving them");
        }
    }
}

async fn work(
    current: watch::Receiver<Scripts>,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    limits: Limits,
    has_successor: &AtomicBool,
) {
    while let Some(Job {
        state,
        priority,
        gate,
    }) = jobs.recv().await
    {
        if jobs.len() >= WAITING {
            let name = current.borrow().name.clone();
            tracing::warn!("({name}) notify scripts are too slow, {state} is skipped");
            continue;
        }
        if let Some(gate) = gate {
            // Opened, dropped with the router's next transition, or late: go on in any case.
            drop(timeout(GATE, gate).await);
        }
        let scripts = current.borrow().clone();
        let arguments =
            ["INSTANCE", &scripts.name, state, &priority.to_string()].map(str::to_owned);
        for (script, appended) in [
            (scripts.specific(state), &[][..]),
            (scripts.notify.any.as_ref(), &arguments[..]),
        ] {
            if let Some(script) = script {
                let newer_waits = || !jobs.is_empty() || has_successor.load(Ordering::Relaxed);
                script
                    .run(&scripts.name, appended, &limits, newer_waits)
                    .await;
            }
        }
    }
}

impl Scripts {
    fn new(instance: &config::Instance, is_guarded: bool) -> Result<Self, UserError> {
        let notify = &instance.notify;
        Ok(Self {
            name: instance.name.clone(),
            notify: notify.try_map(|script| Script::new(script, is_guarded))?,
        })
    }

    fn check(&self) {
        for script in self.notify.scripts() {
            script.check(&self.name);
        }
    }

    fn specific(&self, state: &str) -> Option<&Script> {
        let notify = &self.notify;
        match state {
            "MASTER" => notify.master.as_ref(),
            "BACKUP" => notify.backup.as_ref(),
            "FAULT" => notify.fault.as_ref(),
            _ => notify.stop.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests;
