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

    /// Goes on with other steps, which lead on from where the present ones were to lead. Of the present ones that have
    /// not begun, those are done first that take something away. A virtual router that the others remove is not waited
    /// for, whatever its step under way.
    pub fn turn_to(&mut self, steps: Vec<Step>) {
        self.waiting.retain(Step::takes_away);
        for step in &steps {
            if let Step::Remove { router, .. } = step {
                self.under_way.remove(router);
            }
        }
        let (removals, others): (Vec<_>, Vec<_>) = steps
            .into_iter()
            .partition(|step| matches!(step, Step::Remove { .. }));
        for removal in removals.into_iter().rev() {
            self.waiting.push_front(removal);
        }
        self.waiting.extend(others);
    }

    /// The next step, if it can begin now. One that is about a virtual router is under way until
    /// [`ended`](Self::ended).
    pub fn begin(&mut self) -> Option<Step> {
        let step = self.waiting.pop_front_if(|step| {
            let free = |router: &RouterId| !self.under_way.contains(router);
            match step {
                Step::Remove { router, .. } => free(router),
                Step::Change { router, after, .. } | Step::Add { router, after, .. } => {
                    free(router) && after.iter().all(free)
                }
                step if step.takes_away() => self.under_way.is_empty(),
                _ => true,
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
