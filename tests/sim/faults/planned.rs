//! What operators do in fair weather: stops, returns, reloads.

use std::ops::Range;

use vrrp_user::{io::engine::Command, proto::State};

use super::{Story, draw::priority};
use crate::{
    node::Node,
    rules::{Broken, Invariant},
    watch::Watch,
};

impl Story {
    /// Until every file is worked off. What that takes is what a router takes to leave, and the kernel for addresses.
    pub(super) fn work_off(&mut self) -> Result<(), Broken> {
        let end = self.world.now + 4 * (self.bound() + self.storm.netlink);
        while self.world.nodes.iter().any(Node::is_reloading) {
            if self.world.now > end {
                self.world
                    .broke(Invariant::AsConfigured, "a reload does not end")?;
            }
            self.pass(self.interval() / 4)?;
        }
        Ok(())
    }

    /// Nothing is lost and nothing stands still: whoever is served goes on being served.
    fn calm(&mut self, calm: bool) {
        for router in 0..self.world.watches.len() {
            self.world.watches[router].calm = calm && self.world.active(router).is_some();
        }
    }

    /// A node is about to give its virtual routers up from this one on. Whom no other node has may be missed.
    fn give_up(&mut self, index: usize, from: usize) {
        for router in from..self.world.watches.len() {
            let others = self.world.nodes.iter().enumerate();
            let serves = |node: &Node| {
                let state = node.state(router);
                matches!(state, State::Backup | State::Active) && node.listed > router
            };
            let is_taken = { others }.any(|(other, node)| other != index && serves(node));
            self.world.watches[router].calm &= is_taken;
        }
    }

    /// A file lists another number of virtual routers; most often all of them. Returns those that come or go.
    pub(super) fn relist(&mut self, index: usize) -> Range<usize> {
        let all = self.world.watches.len();
        let some = self.dice.index(all + 1);
        let listed = self.dice.pick(&[some, some, all]);
        let before = self.world.nodes[index].listed;
        self.give_up(index, listed);
        self.world.relist(index, listed);
        listed.min(before)..listed.max(before)
    }

    /// A reload changes something of a virtual router. Returns the router if it is its priority.
    pub(super) fn reload(&mut self, index: usize) -> Option<usize> {
        let router = self.any_router();
        let before = self.world.nodes[index].file[router].clone();
        let mut configured = before.clone();
        let base = self.base;
        match (self.dice.range(0, 2), base) {
            (0, Some(base)) => {
                let multiple = u32::try_from(self.dice.range(1, 3)).unwrap();
                configured.settings.advert_interval = base * multiple;
            }
            (1, Some(_)) => configured.vips = u8::try_from(self.dice.range(1, 3)).unwrap(),
            _ if configured.settings.owner => {}
            _ => {
                let new = priority(&mut self.dice, 1);
                configured.settings = configured.settings.with_priority(new);
            }
        }
        self.slowest = self.interval();
        let changed = configured.settings.priority != before.settings.priority;
        if configured != before {
            self.world.reload(index, router, configured);
        }
        self.slowest = self.interval();
        changed.then_some(router)
    }

    /// Reloads in fair weather: who serves goes on, but for a router that has become better, comes or goes.
    pub(super) fn reloads(&mut self) -> Result<(), Broken> {
        self.calm(true);
        let rises = |watch: &Watch| watch.promotions;
        let before = Vec::from_iter(self.world.watches.iter().map(rises));
        let mut may_move = vec![false; before.len()];
        for _ in 0..self.dice.range(1, 4) {
            let running = self.running();
            let index = self.dice.pick(&running);
            if self.dice.chance(300) {
                may_move[self.relist(index)].fill(true);
            } else if let Some(router) = self.reload(index) {
                may_move[router] = true;
            }
            let wait = self.dice.range(0, 2 * self.slowest);
            self.pass(wait)?;
        }
        self.work_off()?;
        let bound = self.bound();
        self.pass(bound)?;
        let watches = self.world.watches.iter().zip(before).zip(may_move);
        let moved = { watches }.any(|((watch, before), may)| !may && rises(watch) != before);
        if moved {
            self.world
                .broke(Invariant::NotDisplaced, "a router rises for a reload")?;
        }
        self.calm(false);
        self.settle()
    }

    /// A planned stop, a return, a change of priority, in fair weather.
    pub(super) fn planned(&mut self) -> Result<(), Broken> {
        let running = self.running();
        let router = self.any_router();
        let Some(active) = self.world.active(router) else {
            return Ok(());
        };
        let index = self.dice.pick(&running);
        let index = if self.dice.chance(600) { active } else { index };
        if running.len() > 1 {
            self.calm(true);
            self.give_up(index, 0);
            self.world.command(index, Command::Stop);
            let stopped = if self.dice.chance(500) {
                self.bound()
            } else {
                5 * self.interval()
            };
            self.pass(stopped.max(4 * self.interval() + 2_000_000))?;
            if self.dice.chance(300) {
                self.change_priority(index);
            } else {
                self.world.restart(index);
            }
            let bound = self.bound();
            self.pass(bound)?;
            self.calm(false);
        }
        self.settle()
    }
}
