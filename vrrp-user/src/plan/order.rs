//! In which order virtual routers take what others give up.

use std::collections::BTreeMap;

use super::{
    claims::Claim,
    desired::{Desired, DesiredRouter},
    step::Step,
    words,
};
use crate::ids::RouterId;

/// Who has what while the steps are done.
pub(super) struct Turns {
    holders: BTreeMap<Claim, RouterId>,
    /// Who gave something up that nobody has taken since.
    givers: BTreeMap<Claim, RouterId>,
}

/// A change that has no step yet.
struct Pending<'a> {
    id: RouterId,
    /// What it is by then: less than at first if it gave something up already.
    from: DesiredRouter,
    to: &'a DesiredRouter,
    has_given: bool,
}

impl Turns {
    pub(super) fn new(before: &Desired) -> Self {
        let held = before
            .routers()
            .flat_map(|(id, router)| router.claims().map(move |claim| (claim, id)));
        Self {
            holders: held.collect(),
            givers: BTreeMap::new(),
        }
    }

    /// This router goes.
    pub(super) fn remove(&mut self, id: RouterId, router: &DesiredRouter) {
        for claim in router.claims() {
            self.give(id, claim);
        }
    }

    /// This router has what `to` says from now on. Returns who gave it up.
    pub(super) fn take(&mut self, id: RouterId, to: &DesiredRouter) -> Vec<RouterId> {
        let mut after = Vec::new();
        for claim in to.claims() {
            self.holders.insert(claim, id);
            if let Some(giver) = self.givers.remove(&claim)
                && giver != id
                && !after.contains(&giver)
            {
                after.push(giver);
            }
        }
        after
    }

    /// Puts changes into an order in which each finds free what it takes.
    pub(super) fn change<'a>(
        &mut self,
        changes: impl Iterator<Item = (RouterId, &'a DesiredRouter, &'a DesiredRouter)>,
        steps: &mut Vec<Step>,
    ) {
        let mut pending: Vec<Pending<'_>> = changes
            .map(|(id, from, to)| Pending {
                id,
                from: from.clone(),
                to,
                has_given: false,
            })
            .collect();
        while !pending.is_empty() {
            let ready = pending.iter().position(|one| self.is_ready(one));
            if let Some(ready) = ready {
                let one = pending.remove(ready);
                self.finish(one, steps);
            } else if let Some(first) = self.first_to_give(&pending)
                && let Some(one) = pending.get_mut(first)
            {
                self.split(one, steps);
            } else {
                // Two that are to have the same, which the configuration refuses: any order is as good.
                let one = pending.remove(0);
                self.finish(one, steps);
            }
        }
    }

    /// Whether all that it takes is free.
    fn is_ready(&self, one: &Pending<'_>) -> bool {
        let mut taken = one.to.claims();
        !one.from.reuses_its_ids(one.to)
            && taken.all(|claim| self.holders.get(&claim).is_none_or(|by| *by == one.id))
    }

    /// One that has what another wants, or wants the ids of what it has.
    fn first_to_give(&self, pending: &[Pending<'_>]) -> Option<usize> {
        let wanted = pending.iter().flat_map(|one| {
            let claims = one.to.claims();
            claims.map(move |claim| (claim, one.id))
        });
        let wanted: BTreeMap<Claim, RouterId> = wanted.collect();
        pending.iter().position(|one| {
            let of_another = |claim: Claim| {
                let by = wanted.get(&claim);
                by.is_some_and(|by| *by != one.id) && self.holders.get(&claim) == Some(&one.id)
            };
            !one.has_given && (one.from.reuses_its_ids(one.to) || one.from.claims().any(of_another))
        })
    }

    /// Has it give up what it does not keep, in a step of its own.
    fn split(&mut self, one: &mut Pending<'_>, steps: &mut Vec<Step>) {
        let left = one.from.without_what_goes(one.to);
        self.settle(one.id, &one.from, &left);
        steps.push(Step::Change {
            router: one.id,
            differences: words::differences(&one.from, &left),
            to: Box::new(left.clone()),
            after: Vec::new(),
        });
        one.from = left;
        one.has_given = true;
    }

    fn finish(&mut self, one: Pending<'_>, steps: &mut Vec<Step>) {
        let after = self.settle(one.id, &one.from, one.to);
        steps.push(Step::Change {
            router: one.id,
            differences: words::differences(&one.from, one.to),
            to: Box::new(one.to.clone()),
            after,
        });
    }

    /// It has become `to`. Returns who gave up what it took.
    fn settle(&mut self, id: RouterId, from: &DesiredRouter, to: &DesiredRouter) -> Vec<RouterId> {
        for claim in from.claims() {
            self.give(id, claim);
        }
        self.take(id, to)
    }

    fn give(&mut self, id: RouterId, claim: Claim) {
        if self.holders.get(&claim) == Some(&id) {
            self.holders.remove(&claim);
        }
        self.givers.insert(claim, id);
    }
}
