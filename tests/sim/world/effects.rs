//! What the process of a node did reaches the rest of the world.

use std::rc::Rc;

use vrrp_user::io::engine::Event as Told;

use super::{Event, Numbered, World};
use crate::{
    chance::{Chance, Fate},
    engine::Effect,
    hosts::Believed,
    rules::Invariant,
    trace::span,
};

impl<C: Chance> World<C> {
    /// What a process did reaches the world.
    pub(super) fn spread(&mut self, index: usize) {
        let mut effects = std::mem::take(&mut self.effects);
        effects
            .drain(..)
            .for_each(|effect| self.effect(index, effect));
        self.effects = effects;
    }

    fn effect(&mut self, index: usize, effect: Effect) {
        let local = self.nodes[index].clock.local(self.now);
        match effect {
            Effect::Advert {
                router,
                priority,
                frame,
                waits: 0,
            } => {
                self.watches[router].left(index, local, priority);
                self.trace.note(self.now, || {
                    format!("router {router} of node {index} sends priority {priority}")
                });
                self.broadcast(index, Some(router), &frame);
            }
            Effect::Advert {
                router,
                priority,
                frame,
                waits,
            } => {
                self.watches[router].queued(self.now, index, local, priority);
                self.nodes[index].waiting += 1;
                self.trace.note(self.now, || {
                    format!(
                        "router {router} of node {index} sends priority {priority}, which waits for {}",
                        span(waits)
                    )
                });
                let node = index;
                let drain = Event::Drain {
                    node,
                    router,
                    frame,
                };
                self.later(self.now + waits, drain);
            }
            Effect::Refused { router } => {
                self.trace.note(self.now, || {
                    format!("the kernel refuses an advert of router {router} of node {index}")
                });
                self.watches[router].refused(self.now, index, local);
            }
            Effect::Announcement {
                router,
                number,
                frame,
            } => {
                let watch = &mut self.watches[router];
                if !self.nodes[index].answers(router, self.now) {
                    let what = format!("node {index} announces what it does not answer for");
                    watch.broke(Invariant::AnnouncedByOwner, self.now, what);
                }
                watch.announced(index, number);
                if number == 0 {
                    let by = Believed::Node(index);
                    watch.hosts.announced(self.now, by);
                }
                self.trace.note(self.now, || {
                    format!("router {router} of node {index} announces itself")
                });
                self.broadcast(index, None, &frame);
            }
            Effect::Ordered(order, vips) => {
                let latency = self.chance.netlink(&self.weather) / self.watches.len() as u64;
                let begin = self.nodes[index].worker_free.max(self.now);
                self.nodes[index].worker_free = begin + latency;
                for (at, done) in [(begin, false), (begin + latency, true)] {
                    let node = index;
                    let vips = vips.clone();
                    let work = Event::Work {
                        node,
                        order,
                        vips,
                        done,
                    };
                    self.later(at, work);
                }
            }
            Effect::Configured { router } => {
                let node = &mut self.nodes[index];
                if let Some(configured) = node.under_way[router].pop_front() {
                    self.changes += 1;
                    let before = std::mem::replace(&mut node.settings[router], configured.settings);
                    let vips = std::mem::replace(&mut node.vips[router], configured.vips);
                    self.trace.note(self.now, || {
                        format!("router {router} of node {index} goes by it")
                    });
                    let watch = &mut self.watches[router];
                    watch.reconfigured(self.now, index, &self.nodes[index], &before, vips);
                }
            }
            Effect::Decided { router, transition } => {
                self.trace.note(self.now, || {
                    let (from, to) = (transition.from, transition.to);
                    let cause = transition.cause;
                    format!("router {router} of node {index}: {from:?} -> {to:?} ({cause:?})")
                });
                let watch = &mut self.watches[router];
                watch.decided(self.now, index, &self.nodes[index], &transition);
            }
            Effect::Word { router, word } => self.trace.note(self.now, || {
                let end = self.nodes[index]
                    .clock
                    .world(vrrp_user::proto::Instant(word.expiry()));
                let lease = span(end.saturating_sub(self.now));
                format!(
                    "router {router} of node {index} owns as {:?} for {lease}",
                    word.state()
                )
            }),
            Effect::Forgotten { router } => self.nodes[index].forget(router),
            Effect::Told(event) => {
                if let Told::Removed { router } = event {
                    self.trace.note(self.now, || {
                        format!("router {} of node {index} is gone", router.slot())
                    });
                }
                if self.nodes[index].tell(&event) {
                    self.go_on(index);
                }
            }
            Effect::Ended(how) => {
                self.trace.note(self.now, || {
                    format!("the process of node {index} ends: {how}")
                });
                if how == "stopped" {
                    self.nodes[index].unload();
                }
            }
        }
    }

    /// `router`: of an advert.
    pub(super) fn broadcast(&mut self, from: usize, router: Option<usize>, frame: &Rc<[u8]>) {
        self.adverts += u64::from(router.is_some());
        let number = self.adverts;
        let advert = router.map(|router| Numbered { router, number });
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let apart = self.cut[from][to] || !self.nodes[from].plugged || !self.nodes[to].plugged;
            let fate = if apart {
                Fate::Lost
            } else {
                self.chance.fate(&self.weather)
            };
            if let Some(router) = router {
                let sight = self.watches[router].sight(from, to);
                sight.sent(self.now, number, fate == Fate::Lost);
            }
            let (first, second) = match fate {
                Fate::Lost => {
                    self.trace
                        .note(self.now, || format!("which is lost to node {to}"));
                    (None, None)
                }
                Fate::After(delay) => (Some(delay), None),
                Fate::Twice(one, two) => (Some(one), Some(two)),
            };
            for delay in [first, second].into_iter().flatten() {
                let frame = Rc::clone(frame);
                self.later(
                    self.now + delay,
                    Event::Arrive {
                        from,
                        to,
                        advert,
                        frame,
                    },
                );
            }
        }
    }
}
