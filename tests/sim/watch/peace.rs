//! What must hold when the trouble is over.

use vrrp_user::proto::{Lease, State};

use super::Watch;
use crate::{hearing::Outcome, hosts::Believed, node::Node, rules::Invariant};

impl Watch {
    /// The trouble is over for long enough. Returns who is Active.
    pub(crate) fn settled(&mut self, now: u64, nodes: &[Node]) -> Option<usize> {
        self.unprepared = false;
        self.missed = false;
        let of = |want: &dyn Fn(&Node) -> bool| -> Vec<usize> {
            (0..nodes.len())
                .filter(|index| want(&nodes[*index]))
                .collect()
        };
        let actives = of(&|node| node.state(self.router) == State::Active);
        // Without a lease the words of a dead process serve on: that is what `lease off` says.
        let unleased =
            |node: &Node| node.engine.is_none() && node.settings[self.router].lease == Lease::Off;
        let answering = of(&|node| node.answers(self.router, now) && !unleased(node));
        let running = of(&|node| node.plugged && node.state(self.router) != State::Initialize);
        if actives.len() != usize::from(!running.is_empty()) || answering != actives {
            let what = format!("Active are {actives:?}, and {answering:?} answer");
            self.broke(Invariant::OneActive, now, what);
            return None;
        }
        self.look_at_addresses(now, nodes);
        let [active] = *actives else { return None };
        let priority = nodes[active].settings[self.router].priority;
        let better = running.iter().find(|index| {
            let settings = &nodes[**index].settings[self.router];
            settings.priority > priority && (settings.preempt || settings.owner)
        });
        if let Some(better) = better {
            let what = format!("node {active} is Active, and node {better} is better");
            self.broke(Invariant::BestWins, now, what);
        }
        self.look_at_lists(now, active, nodes);
        self.look_at_hosts(now, active, nodes);
        Some(active)
    }

    /// Who runs and is not Active has no address of a virtual router.
    fn look_at_addresses(&mut self, now: u64, nodes: &[Node]) {
        let router = self.router;
        let is_idle = |node: &Node| node.engine.is_some() && node.state(router) != State::Active;
        let kept = |node: &Node| {
            is_idle(node) && node.has_any(router) || node.engine.is_some() && node.has_leftovers()
        };
        if let Some(keeps) = nodes.iter().position(kept) {
            let what = format!("node {keeps} has a virtual IP that it does not serve");
            self.broke(Invariant::AsConfigured, now, what);
        }
    }

    fn look_at_lists(&mut self, now: u64, active: usize, nodes: &[Node]) {
        let router = self.router;
        let mut own = 0..nodes[active].vips[router];
        let lacks = own.find(|number| !nodes[active].has(router, *number));
        if let Some(lacks) = lacks {
            let what = format!("node {active} is Active without virtual IP {lacks}");
            self.broke(Invariant::AsConfigured, now, what);
        }
        let other = nodes.iter().position(|node| node.has_others(router));
        if let Some(other) = other {
            let what = format!("node {other} has a virtual IP that it should not");
            self.broke(Invariant::AsConfigured, now, what);
        }
    }

    fn look_at_hosts(&mut self, now: u64, active: usize, nodes: &[Node]) {
        let why = match self.hosts.believed {
            Believed::Node(other) if other != active => {
                let heard = self.sights[other][active].outcome;
                if nodes[other].engine.is_some() && self.hosts.is_silent(other) {
                    "gave way without a word"
                } else if matches!(heard, Outcome::Delivered(at) if at >= self.hosts.since) {
                    "was heard since"
                } else {
                    return;
                }
            }
            Believed::Stranger if self.hosts.is_told(active) => "was heard",
            _ => return,
        };
        let what = format!(
            "node {active} is Active, and hosts believe {:?}, which {why}",
            self.hosts.believed
        );
        self.broke(Invariant::HostsReachTheActive, now, what);
    }
}
