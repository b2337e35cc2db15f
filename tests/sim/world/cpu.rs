//! Whose engine has the CPU, and when.

use vrrp_user::io::engine::driver::Step;

use super::{Event, World};
use crate::{
    chance::{Chance, Sending},
    engine::Engine,
    trace::span,
};

/// When an engine acts next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(super) at: Option<u64>,
    pub(super) ticket: u64,
    /// When the next step of a turn is due.
    pub(super) step: u64,
    pub(crate) called: Option<u64>,
    pub(super) latency: u64,
    /// Whether the next step was asked if it stands still.
    pub(crate) asked: bool,
}

impl<C: Chance> World<C> {
    pub(super) fn act(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let cpu = &mut self.cpus[index];
        let Some(engine) = &node.engine else { return };
        let step = engine.driver.next_step();
        if !cpu.asked {
            cpu.asked = true;
            let stall = self.chance.stall(&self.weather, index, step);
            if stall > 0 {
                node.stalled_until = node.stalled_until.max(self.now + stall);
                self.trace.note(self.now, || {
                    format!(
                        "node {index} stands still for {} before {step:?}",
                        span(stall)
                    )
                });
                return self.touched(index);
            }
        }
        cpu.asked = false;
        let sending = if step == Step::Advert {
            self.chance.sending(&self.weather)
        } else {
            Sending::Leaves
        };
        let begins = step == Step::Wake;
        node.act(self.now, sending, &mut self.effects);
        if begins && let Some(engine) = &node.engine {
            for watch in &mut self.watches {
                watch.woke(index, engine.woken);
            }
        }
        self.cpus[index].step = self.now + self.chance.step();
        if !self.nodes[index]
            .engine
            .as_ref()
            .is_some_and(Engine::is_busy)
        {
            self.cpus[index].latency = self.chance.latency();
        }
        self.cpus[index].called = None;
        self.spread(index);
        self.touched(index);
    }

    /// Something about a node changed: when does its engine act, and does everything hold?
    pub(crate) fn touched(&mut self, index: usize) {
        let node = &self.nodes[index];
        let cpu = &mut self.cpus[index];
        let at = if node.engine.is_none() {
            None
        } else if node.engine.as_ref().is_some_and(Engine::is_busy) {
            Some(cpu.step)
        } else {
            if node.engine.as_ref().is_some_and(Engine::is_called) {
                cpu.called.get_or_insert(self.now);
            }
            let reasons = [cpu.called, node.due()].into_iter().flatten();
            reasons.min().map(|at| at.saturating_add(cpu.latency))
        };
        let at = at.map(|at| at.max(node.stalled_until).max(self.now));
        if at != cpu.at {
            cpu.at = at;
            cpu.ticket += 1;
            let ticket = cpu.ticket;
            if let Some(at) = at {
                self.later(
                    at,
                    Event::Act {
                        node: index,
                        ticket,
                    },
                );
            }
        }
        for watch in &mut self.watches {
            watch.look(self.now, index, &self.nodes[index]);
        }
    }
}
