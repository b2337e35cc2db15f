//! The loaded programs as one of the three: what [`crate::bench`] asks of them, at the cost of a few
//! system calls per frame. After each frame only those slots are looked at which it should have
//! changed; that it has changed no other is found out at the end of its batch.

use vrrp_ebpf::abi::{Counter, Counters, Event, NO_ROUTER, RING_BYTES};
use vrrp_tests::{
    clock,
    datapath::{
        Kernel, Program, v6,
        world::{SLOT, SLOT_V2, SLOT_VLAN, World},
    },
};

use super::aim::Way;
use crate::bench::{Outcome, fate, makes_skb};

/// The kernel and what its counters were.
pub(super) struct Judge {
    kernel: Kernel,
    /// With their slot.
    counted: Vec<(u32, Counters)>,
    /// Whether the ring is full and stays so.
    deaf: bool,
}

impl Judge {
    pub(super) fn new(kernel: Kernel) -> Self {
        let slots = [SLOT, SLOT_V2, SLOT_VLAN, v6::SLOT, v6::SLOT_VLAN, NO_ROUTER];
        Self {
            kernel,
            counted: slots.map(|slot| (slot, [0; Counter::ALL.len()])).to_vec(),
            deaf: false,
        }
    }

    pub(super) fn install(&mut self, world: &World) {
        self.kernel.install(world).unwrap();
    }

    /// Whether records are lost.
    pub(super) fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// Fills the ring with records of this frame, and takes none out again.
    pub(super) fn fill(&mut self, frame: &[u8]) {
        self.deaf = true;
        // A record takes more than 32 bytes.
        let runs = RING_BYTES / 32;
        self.kernel.run(Program::Ingress, frame, runs).unwrap();
        for (slot, counters) in &mut self.counted {
            *counters = self.kernel.counters(*slot).unwrap();
        }
    }

    /// What the frame brings about in these slots, on every path that there is.
    pub(super) fn judge(
        &mut self,
        world: &World,
        way: Way,
        frame: &[u8],
        slots: &[u32],
    ) -> Vec<(Program, Outcome)> {
        let programs = self.kernel.programs().to_vec();
        let mut outcomes = Vec::new();
        for program in programs {
            let is_met = match way {
                Way::In => program.is_xdp() || (program.receives() && makes_skb(frame)),
                Way::Marked => program == Program::Mark,
                Way::Out => program == Program::Egress,
            };
            if is_met {
                outcomes.push((program, self.run(world, frame, program, slots)));
            }
        }
        outcomes
    }

    fn run(&mut self, world: &World, frame: &[u8], program: Program, slots: &[u32]) -> Outcome {
        let before = clock::now();
        let run = self.kernel.run(program, frame, 1).unwrap();
        let ran = before..=clock::now();
        let events = if self.deaf {
            Vec::new()
        } else {
            self.kernel.take_events()
        };
        assert!(events.len() <= 1, "{events:?}");
        let event = events.first().map(|event| {
            assert!(ran.contains(&event.stamp), "{} not in {ran:?}", event.stamp);
            Event { stamp: 0, ..*event }
        });
        let (mut seen, mut better) = (None, None);
        for (slot, old) in (0..)
            .zip(&world.slots)
            .filter(|(slot, _)| slots.contains(slot))
        {
            let new = self.kernel.slot(slot).unwrap();
            for (moved, stamp, before) in [
                (&mut seen, new.last_seen, old.last_seen),
                (&mut better, new.better_seen, old.better_seen),
            ] {
                if stamp != before {
                    assert!(ran.contains(&stamp) && moved.is_none());
                    *moved = Some(slot);
                }
            }
            if new != *old {
                self.kernel.set_slot(slot, old).unwrap();
            }
        }
        Outcome {
            fate: fate(program, run.returned),
            counters: self.moved(|slot| slots.contains(&slot)),
            event,
            seen,
            better,
            frame: run.frame,
        }
    }

    /// Makes sure that nothing has changed but what was looked at.
    pub(super) fn settle(&mut self, world: &World) {
        for (slot, old) in (0..).zip(&world.slots) {
            assert_eq!(self.kernel.slot(slot).unwrap(), *old, "slot {slot}");
        }
        assert_eq!(self.moved(|_| true), []);
    }

    /// The counters of these slots that moved by one since they were looked at.
    fn moved(&mut self, slots: impl Fn(u32) -> bool) -> Vec<(u32, Counter)> {
        let mut moved = Vec::new();
        let counted = self.counted.iter_mut();
        for (slot, counted) in counted.filter(|(slot, _)| slots(*slot)) {
            let counters = self.kernel.counters(*slot).unwrap();
            for (index, (counter, _)) in Counter::ALL.into_iter().enumerate() {
                match counters[index] - counted[index] {
                    0 => {}
                    1 => moved.push((*slot, counter)),
                    more => panic!("{counter:?} moved by {more}"),
                }
            }
            *counted = counters;
        }
        moved
    }
}
