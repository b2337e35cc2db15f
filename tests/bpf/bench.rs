//! One frame, judged twice.

use std::sync::{Mutex, MutexGuard};

use vrrp_ebpf::{
    abi::{Counter, Event},
    policy::{self, Action, Link, Submission, Verdict},
    wire::source::Source,
};
use vrrp_tests::{
    clock,
    datapath::{
        Kernel, Program,
        world::{IFINDEX, World},
    },
};

use crate::kernel::load;

/// XDP_DROP, XDP_PASS and XDP_TX; TC_ACT_SHOT, TC_ACT_UNSPEC and TC_ACT_REDIRECT.
const XDP: [(u32, Fate); 3] = [(1, Fate::Drop), (2, Fate::Pass), (3, Fate::Answer)];
const TC: [(u32, Fate); 3] = [(2, Fate::Drop), (u32::MAX, Fate::Pass), (7, Fate::Answer)];

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Drop,
    Pass,
    Answer,
}

/// Everything that a frame brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) fate: Fate,
    /// Counters that moved by one, with their slot.
    pub(crate) counters: Vec<(u32, Counter)>,
    /// The record, its stamp taken out.
    pub(crate) event: Option<Event>,
    /// Slot whose `last_seen` moved.
    pub(crate) seen: Option<u32>,
    /// Slot whose `better_seen` moved.
    pub(crate) better: Option<u32>,
    /// The frame afterwards.
    pub(crate) frame: Vec<u8>,
}

impl Outcome {
    /// Asserts that the frame passed without leaving a trace.
    #[track_caller]
    pub(crate) fn is_untouched(&self) {
        assert_eq!(self.fate, Fate::Pass);
        assert_eq!(
            (&self.counters[..], self.event, self.seen, self.better),
            (&[][..], None, None, None)
        );
    }

    /// Asserts that the frame was dropped, moved one counter and left no other trace.
    #[track_caller]
    pub(crate) fn is_dropped(&self, slot: u32, counter: Counter) {
        assert_eq!(self.counters, [(slot, counter)]);
        assert_eq!((self.fate, self.event), (Fate::Drop, None));
        assert_eq!((self.seen, self.better), (None, None));
    }
}

/// The host's policy and, where it may be loaded, the kernel's. One test at a time has it.
pub(crate) struct Bench {
    kernel: MutexGuard<'static, Option<Kernel>>,
}

impl Bench {
    /// Waits for its turn; the first loads the programs for all.
    pub(crate) fn new() -> Self {
        static KERNEL: Mutex<Option<Kernel>> = Mutex::new(None);
        let mut kernel = KERNEL.lock().unwrap_or_else(|poisoned| {
            // A failed case may have left counters and records behind.
            KERNEL.clear_poison();
            let mut kernel = poisoned.into_inner();
            *kernel = None;
            kernel
        });
        if kernel.is_none() {
            *kernel = load();
        }
        Self { kernel }
    }

    /// What a received frame brings about, on every path that there is.
    #[track_caller]
    pub(crate) fn receive(&mut self, world: &World, frame: &[u8]) -> Outcome {
        let host = on_host(world, frame, Program::Ingress);
        if let Some(kernel) = &mut *self.kernel {
            let received = kernel.programs().to_vec().into_iter();
            for program in received.filter(|program| program.receives()) {
                if !program.is_xdp() && !makes_skb(frame) {
                    continue;
                }
                assert_eq!(
                    in_kernel(kernel, world, frame, program),
                    host,
                    "{program:?}"
                );
            }
        }
        host
    }

    /// What a frame to be sent brings about.
    #[track_caller]
    pub(crate) fn send(&mut self, world: &World, frame: &[u8]) -> Outcome {
        self.in_tc(world, frame, Program::Egress)
    }

    /// What a received frame brings about that is for another host by its destination, after XDP has
    /// let it pass.
    #[track_caller]
    pub(crate) fn mark(&mut self, world: &World, frame: &[u8]) -> Outcome {
        self.in_tc(world, frame, Program::Mark)
    }

    #[track_caller]
    fn in_tc(&mut self, world: &World, frame: &[u8], program: Program) -> Outcome {
        let host = on_host(world, frame, program);
        if let Some(kernel) = &mut *self.kernel
            && makes_skb(frame)
        {
            assert_eq!(in_kernel(kernel, world, frame, program), host);
        }
        host
    }
}

/// The host's verdict, with the sender's MAC if it is to be written; `wake` is not part of an outcome
/// because the kernel does not show it.
fn judged(world: &World, frame: &[u8], program: Program) -> Option<(Verdict, Option<Source>)> {
    let link = Link {
        ifindex: IFINDEX,
        stripped_vlan: 0,
    };
    match program {
        Program::Ingress | Program::IngressFrags | Program::Receive => {
            policy::ingress(frame, world, link).map(|verdict| (verdict, None))
        }
        Program::Egress => policy::egress(frame, world, world, link)
            .map(|leaving| (leaving.verdict, Some(leaving.source))),
        Program::Mark => policy::mark(frame, world, link).map(|verdict| (verdict, None)),
    }
}

/// The host's verdict.
pub(crate) fn verdict(world: &World, frame: &[u8], program: Program) -> Option<Verdict> {
    judged(world, frame, program).map(|(verdict, _)| verdict)
}

/// Whether a test run of a tc program takes the frame: not if it is too short for the IP header
/// that its EtherType promises.
pub(crate) fn makes_skb(frame: &[u8]) -> bool {
    let needed = match frame[12..14] {
        [0x08, 0x00] => 14 + 20,
        [0x86, 0xdd] => 14 + 40,
        _ => 14,
    };
    frame.len() >= needed
}

pub(crate) fn on_host(world: &World, frame: &[u8], program: Program) -> Outcome {
    let mut frame = frame.to_vec();
    let before = clock::now();
    let judged = judged(world, &frame, program);
    let ran = before..=clock::now();
    let Some((verdict, source)) = judged else {
        return Outcome {
            fate: Fate::Pass,
            counters: Vec::new(),
            event: None,
            seen: None,
            better: None,
            frame,
        };
    };
    let fate = match verdict.action {
        Action::Drop => Fate::Drop,
        Action::Pass | Action::Accept => Fate::Pass,
        Action::Readdress => {
            source.unwrap().write(frame.as_mut_slice()).unwrap();
            Fate::Pass
        }
        Action::AnswerArp => {
            verdict.answer.write(frame.as_mut_slice()).unwrap();
            Fate::Answer
        }
        Action::AnswerNeighbour => {
            let answer = verdict.advertisement;
            frame.resize(answer.frame_length(), 0);
            answer.write(frame.as_mut_slice()).unwrap();
            Fate::Answer
        }
    };
    let mut counters = Vec::from_iter(verdict.counters.iter());
    counters.sort_by_key(|counter| *counter as u32);
    Outcome {
        fate,
        counters: counters
            .into_iter()
            .map(|counter| (verdict.slot, counter))
            .collect(),
        event: (verdict.submission != Submission::Nothing).then(|| {
            let event = verdict.event;
            assert!(ran.contains(&event.stamp), "{} not in {ran:?}", event.stamp);
            Event { stamp: 0, ..event }
        }),
        seen: (verdict.seen != 0).then(|| {
            assert!(
                ran.contains(&verdict.seen),
                "{} not in {ran:?}",
                verdict.seen
            );
            verdict.slot
        }),
        better: (verdict.better_seen != 0).then_some(verdict.slot),
        frame,
    }
}

/// The fate that a program's return value stands for.
pub(crate) fn fate(program: Program, returned: u32) -> Fate {
    let fates = if program.is_xdp() { &XDP[..] } else { &TC[..] };
    let mut fates = fates.iter();
    fates.find(|(code, _)| *code == returned).unwrap().1
}

#[track_caller]
fn in_kernel(kernel: &mut Kernel, world: &World, frame: &[u8], program: Program) -> Outcome {
    kernel.install(world).unwrap();
    let before = clock::now();
    let run = kernel.run(program, frame, 1).unwrap();
    let ran = before..=clock::now();

    let slots = u32::try_from(world.slots.len()).unwrap();
    let counters = kernel.take_counters(slots).unwrap();
    assert!(
        counters.iter().all(|(_, _, moved)| *moved == 1),
        "{counters:?}"
    );
    let events = kernel.take_events();
    assert!(events.len() <= 1, "{events:?}");
    let event = events.first().map(|event| {
        assert!(ran.contains(&event.stamp), "{} not in {ran:?}", event.stamp);
        Event { stamp: 0, ..*event }
    });
    let (mut seen, mut better) = (None, None);
    for (slot, old) in (0..).zip(&world.slots) {
        let new = kernel.slot(slot).unwrap();
        for (moved, stamp, before) in [
            (&mut seen, new.last_seen, old.last_seen),
            (&mut better, new.better_seen, old.better_seen),
        ] {
            if stamp != before {
                assert!(ran.contains(&stamp) && moved.is_none());
                *moved = Some(slot);
            }
        }
    }
    Outcome {
        fate: fate(program, run.returned),
        counters: counters
            .into_iter()
            .map(|(slot, counter, _)| (slot, counter))
            .collect(),
        event,
        seen,
        better,
        frame: run.frame,
    }
}
