//! Takes a node out of service: its ownership words first, and priority 0 for every router that was Active.

use super::{Removed, steps::Steps};
use crate::io::{
    bpf::pinned::Pins,
    causes::with_causes,
    engine::resignation::{self, Resignation},
    netns,
    runtime_dir::RuntimeDir,
};

/// Which node a cleanup may take out of service while its process still exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// None.
    Never,
    /// Whichever holds the lock.
    Anyone,
    /// The main process of the systemd service that ended, if it has one left. A start that failed
    /// because a node runs already must not end that node.
    MainProcess(Option<u32>),
}

impl Fence {
    /// What `--fence` means here; `variable` reads the environment, where systemd tells
    /// `ExecStopPost=` how its service ended (systemd.exec(5)).
    #[must_use]
    pub fn requested(variable: impl Fn(&str) -> Option<String>) -> Self {
        let main = variable("MAINPID");
        if main.is_none() && variable("SERVICE_RESULT").is_none() {
            return Self::Anyone;
        }
        Self::MainProcess(main.and_then(|pid| pid.parse().ok()))
    }

    pub(super) fn allows(self, holder: Option<u32>) -> bool {
        match self {
            Self::Never => false,
            Self::Anyone => true,
            Self::MainProcess(main) => main.is_some() && main == holder,
        }
    }
}

pub(super) fn fence(
    directory: &RuntimeDir,
    pins: &impl Pins,
    steps: &mut Steps,
    removed: &mut Removed,
) {
    let fenced = steps.record("fence", pins.fence()).unwrap_or_default();
    removed.fenced = fenced.iter().map(|router| router.slot).collect();
    let active = fenced.iter().filter(|router| router.was_active);
    let active = Vec::from_iter(active.map(|router| router.slot));
    if active.is_empty() {
        return;
    }
    removed.resigned = match resignation::load(directory) {
        // Elsewhere its interfaces are others, and its Backups not there.
        Ok(Some(left)) if netns::current().is_ok_and(|here| here == left.netns) => {
            let ours = |resignation: &&Resignation| active.contains(&resignation.slot);
            left.routers.iter().filter(ours).filter_map(send).collect()
        }
        Ok(_) => Vec::new(),
        Err(error) => {
            tracing::warn!("no priority 0: {}", with_causes(&error));
            Vec::new()
        }
    };
}

/// Returns whose it was. One that cannot be sent is no reason to leave anything behind: the Backups take over
/// after their Active_Down_Interval.
fn send(resignation: &Resignation) -> Option<u32> {
    match resignation.send() {
        Ok(()) => Some(resignation.slot),
        Err(error) => {
            tracing::warn!(
                "no priority 0 on interface {}: {error}",
                resignation.ifindex
            );
            None
        }
    }
}
