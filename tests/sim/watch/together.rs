//! What nodes do at the same time: who answers, and whether two do.

use vrrp_ebpf::ownership;
use vrrp_user::proto::{Cause, Lease, State};

use super::Watch;
use crate::{hearing::Outcome, node::Node, rules::Invariant, trace::span};

impl Watch {
    /// Between two events words change by expiry only.
    pub(crate) fn passed(&mut self, from: u64, to: u64, nodes: &[Node]) {
        let router = self.router;
        if self.calm && !self.missed {
            let rule = Invariant::NoOwner;
            self.somebody("answers", Node::answers, rule, from, to, nodes);
        }
        if self.calm && !self.unprepared {
            let rule = Invariant::NoService;
            self.somebody("takes packets", Node::takes, rule, from, to, nodes);
        }
        let until = |node: &Node| node.answers_until(router).min(to);
        for a in 0..nodes.len() {
            for b in 0..a {
                let (one, other) = (&nodes[a], &nodes[b]);
                if one.answers(router, from) && other.answers(router, from) {
                    self.both_answer(from, until(one).min(until(other)), a, b, nodes);
                } else {
                    self.answering[a][b] = 0;
                }
                if one.state(router) == State::Active && other.state(router) == State::Active {
                    self.both_active(from, to, a, b, nodes);
                } else {
                    self.active[a][b] = 0;
                }
            }
        }
    }

    /// The rule is broken unless some node does this at `from`, and has a word that lasts until `to`.
    fn somebody(
        &mut self,
        what: &str,
        does: fn(&Node, usize, u64) -> bool,
        rule: Invariant,
        from: u64,
        to: u64,
        nodes: &[Node],
    ) {
        let router = self.router;
        let doing = nodes.iter().filter(|node| does(node, router, from));
        let last = doing.map(|node| node.answers_until(router)).max();
        let last = last.unwrap_or(from);
        if last < to {
            let gap = span(to - last);
            self.broke(rule, last, format!("nobody {what} for {gap}"));
        }
    }

    fn hear_each_other(&self, a: usize, b: usize, nodes: &[Node]) -> bool {
        let heard = |from: usize, to: usize| {
            let interval = nodes[from].settings[self.router].advert_interval.as_nanos();
            self.sights[from][to].is_heard(u64::try_from(interval).unwrap())
        };
        heard(a, b) && heard(b, a)
    }

    fn both_answer(&mut self, from: u64, to: u64, a: usize, b: usize, nodes: &[Node]) {
        let (new, old) = if self.lives[a].since >= self.lives[b].since {
            (a, b)
        } else {
            (b, a)
        };
        let claim = &self.lives[new];
        let known =
            matches!(self.sights[old][new].outcome, Outcome::Delivered(at) if at <= claim.decided);
        let interval =
            u64::try_from(nodes[old].settings[self.router].advert_interval.as_nanos()).unwrap();
        let retires = |node: &Node| node.word(self.router).state() == ownership::State::Retiring;
        let leased = nodes[old].settings[self.router].lease != Lease::Off;
        let sent = self.sights[old][new].sent;
        // The lease is of that advert, not of a term that begins just then or of priority 0.
        let covered = self.lives[old].decided <= sent
            && (!retires(&nodes[old]) || sent < self.lives[old].retired);
        let silent = claim.heard == Some(old) && known && self.sights[old][new].is_heard(interval);
        let own = nodes[new].settings[self.router].advert_interval;
        let intervals = [self.lives[old].leased, own];
        let before =
            claim.unheard.is_some_and(|began| sent < began) && intervals[0] <= intervals[1];
        if leased && covered && claim.cause == Some(Cause::ActiveDown) && (silent || before) {
            let what = format!("node {new} became Active, and node {old}, silent, answers on");
            return self.broke(Invariant::LeaseOutlived, from, what);
        }
        let both_retire = retires(&nodes[a]) && retires(&nodes[b]);
        // Nobody hears who has not spoken yet.
        let unsaid = self.lives[a].unsaid || self.lives[b].unsaid;
        if both_retire || unsaid || !self.hear_each_other(a, b, nodes) {
            self.answering[a][b] = 0;
            return;
        }
        let still = |index: usize| nodes[index].stands_still(from) && !retires(&nodes[index]);
        let unleased =
            |index: usize| still(index) && nodes[index].settings[self.router].lease == Lease::Off;
        if unleased(a) || unleased(b) {
            return;
        }
        let released = still(old) && claim.cause == Some(Cause::PriorityZero);
        let beside = |one: usize, other: usize| {
            retires(&nodes[one])
                && still(other)
                && self.lives[other].decided <= self.lives[one].retired
        };
        let interval = |index: usize| nodes[index].settings[self.router].advert_interval;
        let misled = still(old)
            && claim
                .heard
                .is_some_and(|heard| interval(heard) < interval(old));
        if released || misled || beside(a, b) || beside(b, a) {
            // How long that may be is for `NoActiveWithoutAdverts` to say: a lease.
            self.tolerated = self.tolerated.max(to - from);
            return;
        }
        self.answering[a][b] += to - from;
        if self.answering[a][b] > self.round_trip {
            let what = format!(
                "nodes {b} and {a} answer together for {}",
                span(self.answering[a][b])
            );
            self.broke(Invariant::AnswersOverlap, to, what);
        }
    }

    fn both_active(&mut self, from: u64, to: u64, a: usize, b: usize, nodes: &[Node]) {
        if !self.hear_each_other(a, b, nodes) {
            self.active[a][b] = 0;
            return;
        }
        if nodes[a].stands_still(from) || nodes[b].stands_still(from) {
            return;
        }
        self.active[a][b] += to - from;
        let interval = nodes[a].settings[self.router]
            .advert_interval
            .max(nodes[b].settings[self.router].advert_interval);
        let bound = u64::try_from(interval.as_nanos()).unwrap() + self.round_trip;
        if self.active[a][b] > bound {
            let what = format!(
                "nodes {b} and {a} are both Active for {}",
                span(self.active[a][b])
            );
            self.broke(Invariant::TwoActives, to, what);
        }
    }
}
