//! Three opinions on the same frames, which must be one: the policy on the host, the loaded
//! programs, and a judge of its own ([`oracle`]) over what etherparse makes of the frame.
//!
//! Every counter, record and verdict has a row in a table. Frames are aimed at the row with the
//! fewest hits until all have enough, so that a row which no frame can reach fails the test.

mod aim;
mod kernel;
mod oracle;
mod setting;
mod tally;

use std::env;

use vrrp_ebpf::{
    abi::{Counter, EventKind},
    policy::Submission,
};
use vrrp_tests::{
    datapath::{Program, World},
    dice::Dice,
};

use self::{
    aim::Way,
    kernel::Judge,
    oracle::Opinion,
    setting::Setting,
    tally::{Family, Row, Tally},
};
use crate::{bench, kernel::among_routes};

/// Hits that every row must have, unless `XVRRP_AGREE_HITS` says otherwise.
const HITS: u64 = 10_000;
/// What the frames are drawn by, unless `XVRRP_AGREE_SEED` says otherwise.
const SEED: u64 = 0x5eed;
/// Frames between two changes of the maps.
const BATCH: usize = 32;
/// Frames per hit after which a row is held to be out of reach.
const PATIENCE: u64 = 200;

/// What only a full ring brings about.
const OVERFLOW: Row = Row::Counter(Counter::RingFull);

#[test]
fn host_kernel_and_third_opinion_agree() {
    among_routes(agree);
}

fn agree() {
    let mut trial = Trial {
        kernel: crate::kernel::load().map(Judge::new),
        dice: Dice::new(number("XVRRP_AGREE_SEED", SEED)),
        tally: Tally::new(),
        frames: 0,
    };
    let hits = number("XVRRP_AGREE_HITS", HITS);
    trial.fill(hits, |row| row != OVERFLOW);
    if trial.kernel.is_some() {
        trial.overflow();
        trial.fill(hits, |row| row == OVERFLOW);
    }
    eprintln!("{}{} frames, judged alike", trial.tally, trial.frames);
}

/// A number from the environment.
fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |number| number.parse().unwrap())
}

/// The judges and what they have judged.
struct Trial {
    /// Missing where programs cannot be loaded.
    kernel: Option<Judge>,
    dice: Dice,
    tally: Tally,
    frames: u64,
}

impl Trial {
    /// Goes on until each of these rows has so many hits.
    fn fill(&mut self, hits: u64, rows: impl Fn(Row) -> bool) {
        while let Some((family, row)) = self.tally.poorest(hits, &rows) {
            self.batch((family, row));
            assert!(
                self.frames < hits * PATIENCE,
                "out of reach: {family:?} {row}\n{}",
                self.tally
            );
        }
    }

    /// Some frames aimed at a row.
    fn batch(&mut self, aim: (Family, Row)) {
        let mut setting = Setting::draw(&mut self.dice);
        aim::prepare(&mut self.dice, &mut setting, aim);
        let world = setting.world();
        if let Some(kernel) = &mut self.kernel {
            kernel.install(&world);
        }
        for _ in 0..BATCH {
            let (way, frame) = aim::frame(&mut self.dice, &setting, aim);
            self.judge(&setting, &world, aim.0, way, &frame);
        }
        if let Some(kernel) = &mut self.kernel {
            kernel.settle(&world);
        }
    }

    fn judge(&mut self, setting: &Setting, world: &World, family: Family, way: Way, frame: &[u8]) {
        let (mut opinion, program) = match way {
            Way::In => (oracle::received(setting, frame), Program::Ingress),
            Way::Marked => (oracle::marked(setting, frame), Program::Mark),
            Way::Out => (oracle::sent(setting, frame), Program::Egress),
        };
        let context = || format!("{way:?} {frame:02x?}\n{setting:#?}");
        let verdict = bench::verdict(world, frame, program);
        let host = Opinion {
            outcome: bench::on_host(world, frame, program),
            wakes: verdict.is_some_and(|verdict| verdict.submission == Submission::Wake),
        };
        assert_eq!(host, opinion, "host and third opinion: {}", context());
        if let Some(kernel) = &mut self.kernel {
            if way != Way::In && !bench::makes_skb(frame) {
                return;
            }
            if kernel.is_deaf() {
                opinion.lose_event();
            }
            let slots = opinion.slots();
            for (program, outcome) in kernel.judge(world, way, frame, &slots) {
                assert_eq!(
                    outcome,
                    opinion.outcome,
                    "{program:?} and third opinion: {}",
                    context()
                );
            }
        }
        self.tally.count(family, way, &opinion);
        self.frames += 1;
    }

    /// From here on the ring is full, and nobody takes a record out of it.
    fn overflow(&mut self) {
        let aim = (Family::Four, Row::Event(EventKind::Advert));
        loop {
            let setting = Setting::draw(&mut self.dice);
            let (_, frame) = aim::frame(&mut self.dice, &setting, aim);
            if oracle::received(&setting, &frame).outcome.event.is_some()
                && let Some(kernel) = &mut self.kernel
            {
                kernel.install(&setting.world());
                return kernel.fill(&frame);
            }
        }
    }
}
