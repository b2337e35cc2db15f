//! `xvrrp-bench failover`: nodes take turns on one lab, and everything that was seen is reported.

mod args;
mod plan;
mod results;
mod turn;

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, bail};
use vrrp_tests::{
    contender::Contender,
    failover::Services,
    lab::{CLIENT_INTERFACE, Lab},
    realtime::{self, Spinners},
    report::{self, Made},
};

pub(crate) use self::args::Args;
use self::{
    plan::{Plan, Session},
    results::Results,
    turn::Stage,
};
use crate::{
    progress::{self, Progress},
    show,
};

/// Runs the command.
///
/// # Errors
/// Without a node to measure, without privilege, or if the report cannot be written. A node that fails
/// is a finding: it is reported, and the others go on.
pub(crate) fn run(args: &Args) -> Result<()> {
    // Not after an hour.
    fs::create_dir_all(&args.out)
        .with_context(|| format!("make the folder {}", args.out.display()))?;
    let (contenders, absent) = contenders(args)?;
    let plan = Plan::new(args);
    let date = report::today()?;
    let mut results = Results::new(&contenders, absent, &plan)?;
    let mut progress = begin(&plan, &contenders);

    let lab = Lab::builder().behind().build()?;
    // The flood goes to the adverts' own group, and without a route it would go nowhere.
    let route = format!("route add 224.0.0.0/4 dev {CLIENT_INTERFACE}");
    lab.client.netns.ip(&route)?;
    let stage = Stage {
        lab: &lab,
        _services: Services::everything(&lab)?,
        _spinners: Spinners::start()?,
    };
    realtime::become_conductor()?;
    for turn in 0..plan.turns() {
        for session in plan.sessions(turn) {
            // Whoever goes first in a turn goes last in the next.
            for place in 0..contenders.len() {
                let number = (place + turn) % contenders.len();
                let contender = &contenders[number];
                progress.step(&step(&plan, turn, &session, contender), session.estimate());
                let played = stage.play(contender, &session, plan.seed(turn));
                results.add(&session, number, played.seen);
                if let Some(per_second) = played.flood {
                    results.flooded(per_second);
                }
                if let Err(error) = played.outcome {
                    let name = &contender.name;
                    progress.note(&format!("! {name} could not go on: {error:#}"));
                    results.failed(&session, number, &error);
                }
            }
        }
        // Nothing of an hour's run is lost if it is ended.
        write(&results, args, made(args, &date, &progress))?;
    }
    let elapsed = progress::told(progress.elapsed());
    progress.note(&format!("Results, after {elapsed}:\n"));
    show::table(&results.report(made(args, &date, &progress)));
    println!(
        "\nWritten: {0}/report.json, {0}/report.html, {0}/table.md",
        args.out.display()
    );
    Ok(())
}

/// Who takes part, and why others do not.
fn contenders(args: &Args) -> Result<(Vec<Contender>, Vec<String>)> {
    let mut contenders = Contender::standard(&args.nodes, &args.xvrrp)?;
    for other in &args.others {
        contenders.push(Contender::other(other)?);
    }
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    for contender in contenders {
        match contender.is_missing() {
            Some(missing) => absent.push(format!("{} is left out: {missing}", contender.name)),
            None => present.push(contender),
        }
    }
    for line in &absent {
        println!("{line}");
    }
    if present.is_empty() {
        bail!("there is no node to measure");
    }
    Ok((present, absent))
}

fn begin(plan: &Plan, contenders: &[Contender]) -> Progress {
    let sessions = (0..plan.turns()).flat_map(|turn| plan.sessions(turn));
    let once: Duration = sessions.map(|session| session.estimate()).sum();
    let total = once * u32::try_from(contenders.len()).unwrap_or(1);
    let names: Vec<_> = contenders.iter().map(|one| one.name.as_str()).collect();
    println!(
        "{} turns of {}; about {} to go\n",
        plan.turns(),
        names.join(", "),
        progress::told(total)
    );
    Progress::new(total)
}

fn step(plan: &Plan, turn: usize, session: &Session, contender: &Contender) -> String {
    format!(
        "turn {}/{}, {} ms, {}: {}",
        turn + 1,
        plan.turns(),
        session.timing.advert_int_ms,
        session.load.name(),
        contender.name
    )
}

fn made(args: &Args, date: &str, progress: &Progress) -> Made {
    Made {
        date: date.to_owned(),
        command: args.command.clone(),
        seconds: progress.elapsed().as_secs(),
        seed: Some(args.seed),
    }
}

fn write(results: &Results, args: &Args, made: Made) -> Result<()> {
    let report = results.report(made);
    report.write(&args.out)?;
    fs::write(args.out.join("table.md"), show::markdown(&report)).context("write table.md")?;
    show::html(&report, &results.traces(), &args.out).context("write report.html")
}
