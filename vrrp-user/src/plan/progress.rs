//! How far the steps of a difference are, of which those about virtual routers end when the engine says so.

use std::collections::{BTreeSet, VecDeque};

use super::step::Step;
use crate::ids::RouterId;

/// The steps that are not done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    waiting: VecDeque<Step>,
    /// Virtual routers whose step has begun.
    under_way: BTreeSet<RouterId>,
}

impl Progress {
    /// None of these steps has begun.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Self {
        Self {
            waiting: steps.into(),
            under_way: BTreeSet::new(),
        }
    }

    /// The next step, if it can begin now. One that is about a virtual router is under way until
    /// [`ended`](Self::ended).
    pub fn begin(&mut self) -> Option<Step> {
        let step = self.waiting.pop_front_if(|step| {
            let free = |router: &RouterId| !self.under_way.contains(router);
            match step {
                Step::Globals { .. }
                | Step::Attach { .. }
                | Step::Mark { .. }
                | Step::Join { .. }
                | Step::Receive { .. }
                | Step::Order(_) => true,
                Step::Remove { router, .. } => free(router),
                Step::Change { router, after, .. } | Step::Add { router, after, .. } => {
                    free(router) && after.iter().all(free)
                }
                Step::Refuse { .. }
                | Step::Leave { .. }
                | Step::Unmark { .. }
                | Step::Detach { .. } => self.under_way.is_empty(),
            }
        })?;
        if let Step::Remove { router, .. }
        | Step::Change { router, .. }
        | Step::Add { router, .. } = &step
        {
            self.under_way.insert(*router);
        }
        Some(step)
    }

    /// The step about this virtual router that was under way is done.
    pub fn ended(&mut self, router: RouterId) {
        self.under_way.remove(&router);
    }

    /// Whether every step is done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }
}
