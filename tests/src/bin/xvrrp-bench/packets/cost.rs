//! What a single frame costs, by `BPF_PROG_TEST_RUN`.
//!
//! The kernel reads the clock, runs the program n times over one buffer, and reads the clock again.
//! A batch tells the price with warm caches and a trained branch predictor, as under load. A single
//! run after a walk through more memory than the inner caches hold tells what a rare frame costs; it
//! includes the clock. Both include the loop around the program, which the baselines tell: programs
//! that do nothing. A frame's own price is the median, over all rounds, of what it took longer than
//! the baseline in the same round, so that a machine that slows down for a while slows down both.
//!
//! An accepted advert that the node has to decide on wakes it: an interrupt of a CPU by itself, which
//! on a virtual machine is most of the price.
//!
//! A test run keeps the frame as the last run left it, so a second run would meet the answer to the
//! request. Where frames are answered, a program in front writes the request anew and tail-calls the
//! one under test; its baseline does the same before one that does nothing.
//!
//! Executed instructions are not told: the kernel counts those that it verified, not those that ran.

use std::time::Duration;

use anyhow::Result;
use vrrp_tests::{
    datapath::{
        Kernel, Program,
        bare::Bare,
        scene::{self, Baseline, Stage},
    },
    frames::{Arp, Packet},
};

use super::{
    report::{Cost, ProgramSize, summary},
    rounds, sender,
};
use crate::progress::Progress;

/// Frames per batch. An interrupt of a few microseconds is a few nanoseconds of each.
const BATCH: u32 = 1000;
/// Rounds between two signs of life.
const SHOWN: usize = 50;
/// About as long takes a round: a batch and a cold run of every scene.
const ROUND: Duration = Duration::from_millis(35);
/// About as long takes it to load the programs anew for every scene.
const LOADING: Duration = Duration::from_secs(12);
/// Memory that is walked through before a cold run.
const WALK: usize = 4 << 20;
/// Bytes that a cache holds together.
const LINE: usize = 64;

/// About how long [`measure`] takes.
pub(crate) fn duration(batches: usize) -> Duration {
    LOADING + ROUND * u32::try_from(batches).unwrap_or(u32::MAX)
}

/// Measures every scene, a batch of each in turn. Returns the programs' sizes, the scenes and the
/// baselines.
pub(crate) fn measure(
    object: &[u8],
    batches: usize,
    progress: &mut Progress,
) -> Result<(Vec<ProgramSize>, Vec<Cost>, Vec<Cost>)> {
    progress.part("What a frame costs, by test runs");
    progress.step("loading the programs", LOADING);
    let sizes = sizes(&Kernel::load(object, 0)?)?;
    let mut subjects = Baseline::ALL
        .into_iter()
        .map(|baseline| Ok(Subject::new(Source::Nothing(Nothing::new(baseline)?))))
        .collect::<Result<Vec<_>>>()?;
    for scene in scene::all() {
        subjects.push(Subject::new(Source::Stage(Box::new(scene.stage(object)?))));
    }
    std::thread::scope(|scope| {
        let measuring = scope.spawn(|| {
            sender::pin()?;
            let memory = vec![1_u8; WALK];
            for round in rounds(batches, ROUND * u32::try_from(batches)?) {
                if round % SHOWN == 0 {
                    let span = ROUND * u32::try_from(SHOWN)?;
                    progress.step(&format!("round {round} of {batches}"), span);
                }
                for subject in &mut subjects {
                    subject.batch.push(subject.source.run(BATCH)?);
                }
                for subject in &mut subjects {
                    std::hint::black_box(
                        memory.iter().step_by(LINE).fold(0, |sum, byte| sum ^ byte),
                    );
                    subject.cold.push(subject.source.run(1)?);
                }
            }
            anyhow::Ok(())
        });
        measuring
            .join()
            .map_err(|_panic| anyhow::anyhow!("the measuring thread panicked"))?
    })?;
    let (baselines, scenes) = subjects.split_at(Baseline::ALL.len());
    let costs = |subjects: &[Subject]| {
        subjects
            .iter()
            .map(|s| s.cost(baselines))
            .collect::<Result<_>>()
    };
    Ok((sizes, costs(scenes)?, costs(baselines)?))
}

fn sizes(kernel: &Kernel) -> Result<Vec<ProgramSize>> {
    kernel
        .programs()
        .iter()
        .map(|program: &Program| {
            let info = kernel.info(*program)?;
            Ok(ProgramSize {
                name: program.name(),
                verified_instructions: info.verified_instruction_count(),
                translated_bytes: info.size_translated(),
                machine_bytes: info.size_jitted(),
            })
        })
        .collect()
}

/// What is measured, and what was.
#[derive(Debug)]
struct Subject {
    source: Source,
    batch: Vec<f64>,
    cold: Vec<f64>,
}

#[derive(Debug)]
enum Source {
    Stage(Box<Stage>),
    Nothing(Nothing),
}

impl Source {
    /// Nanoseconds per run.
    fn run(&mut self, repeat: u32) -> Result<f64> {
        let run = match self {
            Self::Stage(stage) => stage.run(repeat)?,
            Self::Nothing(nothing) => nothing.program.run(&nothing.frame, repeat)?,
        };
        // Whole nanoseconds of at most seconds.
        Ok(u32::try_from(run.duration.as_nanos()).map_or(f64::INFINITY, f64::from))
    }

    fn baseline(&self) -> Baseline {
        match self {
            Self::Stage(stage) => stage.scene.baseline,
            Self::Nothing(nothing) => nothing.baseline,
        }
    }
}

/// A program that does nothing.
#[derive(Debug)]
struct Nothing {
    baseline: Baseline,
    program: Bare,
    frame: Vec<u8>,
    /// What it goes on to.
    _next: Option<Bare>,
}

impl Nothing {
    fn new(baseline: Baseline) -> Result<Self> {
        let packet = Packet::to([10, 9, 8, 7]).build();
        let (program, next, frame) = match baseline {
            Baseline::Xdp => (Bare::xdp_pass()?, None, packet),
            Baseline::Tc => (Bare::tc_next()?, None, packet),
            Baseline::Rewriting => {
                let request = Arp::who_has([192, 168, 1, 254]).build();
                let next = Bare::xdp_pass()?;
                let program = Bare::rewriting(&request, std::os::fd::AsFd::as_fd(&next))?;
                (program, Some(next), request)
            }
        };
        Ok(Self {
            baseline,
            program,
            frame,
            _next: next,
        })
    }
}

impl Subject {
    fn new(source: Source) -> Self {
        Self {
            source,
            batch: Vec::new(),
            cold: Vec::new(),
        }
    }

    fn cost(&self, baselines: &[Self]) -> Result<Cost> {
        let baseline = self.source.baseline();
        let nothing = baselines
            .iter()
            .find(|nothing| nothing.source.baseline() == baseline)
            .unwrap_or(self);
        let (scene, program) = match &self.source {
            Source::Stage(stage) => (stage.scene.name, stage.scene.program.name()),
            Source::Nothing(_) => (title(baseline), "none"),
        };
        Ok(Cost {
            scene,
            program,
            baseline: title(baseline),
            n: self.batch.len(),
            batch: BATCH,
            warm_ns: summary(&self.batch)?,
            cold_ns: summary(&self.cold)?,
            net_warm_ns: net(&self.batch, &nothing.batch)?,
            net_cold_ns: net(&self.cold, &nothing.cold)?,
        })
    }
}

/// Median of the differences, round by round.
fn net(all: &[f64], nothing: &[f64]) -> Result<f64> {
    let differences = all.iter().zip(nothing).map(|(all, nothing)| all - nothing);
    Ok(summary(&Vec::from_iter(differences))?.p50)
}

fn title(baseline: Baseline) -> &'static str {
    match baseline {
        Baseline::Xdp => "XDP_PASS alone",
        Baseline::Tc => "TC_ACT_UNSPEC alone",
        Baseline::Rewriting => "frame written anew, XDP_PASS",
    }
}
