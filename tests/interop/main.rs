//! Side by side with keepalived and FRR as Debian packages them. Needs root, the node in `XVRRP_BIN`,
//! keepalived, frr, tcpdump and tshark.
//!
//! `XVRRP_INTEROP` says which rows of the matrix are played: the ordinary ones unless given, `all`, or
//! those whose first cells contain its text, such as `frr-plain` or `v2 IPv4`. `XVRRP_INTEROP_OUT` names
//! a file for the document. `cargo xtask test interop` sets both.

#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a wrong index fails a test, not a gateway; the matrix is printed"
)]

mod decoder;
mod known;
mod matrix;
mod outcome;
mod play;
mod report;
mod row;
mod stage;
mod watch;

use std::{
    env, fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use vrrp_tests::{
    clock,
    contender::Contender,
    node, run,
    witness::{Witness, worst_between},
};

use crate::{outcome::Outcome, row::Row};

/// Rows with adverts every second that are played side by side: they mostly wait.
const LANES: usize = 4;
/// Rows with shorter intervals are played one after the other.
const SLOW: Duration = Duration::from_secs(1);
/// How often a row is played at most whose CPU was taken away at that moment.
const PLAYS: usize = 5;

#[test]
fn everybody_stands_beside_us() {
    let wanted = env::var("XVRRP_INTEROP").unwrap_or_default();
    let rows = matrix::ROWS.iter().copied().filter(|row| match &*wanted {
        "" => row.ordinary,
        "all" => true,
        text => row.label().contains(text),
    });
    let outcomes = play(&rows.collect::<Vec<_>>());
    assert!(!outcomes.is_empty(), "no row is called {wanted:?}");
    println!("\n{}", report::matrix(&outcomes));
    if let Some(file) = env::var_os("XVRRP_INTEROP_OUT") {
        let document = report::document(&outcomes, &versions());
        fs::write(&file, document).expect("the document can be written");
    }
    let failed = outcomes.iter().filter(|outcome| outcome.failed());
    let failed: Vec<_> = failed.map(|outcome| outcome.row.label()).collect();
    assert!(failed.is_empty(), "failed:\n{}", failed.join("\n"));
}

/// Plays rows: those that mostly wait side by side, the others beside them, one after the other.
/// Their order is kept.
fn play(rows: &[Row]) -> Vec<Outcome> {
    let (slow, fast): (Vec<_>, Vec<_>) =
        (0..rows.len()).partition(|index| rows[*index].speech.interval() >= SLOW);
    let next = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let outcomes = Mutex::new(Vec::new());
    let lane = |queue: &[usize], next: &AtomicUsize| {
        while let Some(index) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = play_fairly(rows[*index]);
            tell(&outcome);
            let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.push((*index, outcome));
        }
    };
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| lane(&slow, &next[0]));
        }
        scope.spawn(|| lane(&fast, &next[1]));
    });
    let mut outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Plays a row; one with short intervals once more if it failed while the machine's host had taken a
/// CPU away for half of a Backup's patience: no daemon can help that.
fn play_fairly(row: Row) -> Outcome {
    let excuse = row.speech.interval() * 3 / 2;
    if excuse >= SLOW {
        return Outcome::of(row);
    }
    for _ in 1..PLAYS {
        // What it does not see does not excuse: without real-time priority nothing does.
        let witness = Witness::start();
        let from = clock::now();
        let outcome = Outcome::of(row);
        let stalls = witness.and_then(Witness::stop).unwrap_or_default();
        let stall = worst_between(&stalls, from, clock::now());
        match stall {
            Some(stall) if outcome.failed() && stall.length() > excuse => println!(
                "{} once more: a CPU was away for {:?}",
                row.label(),
                stall.length()
            ),
            _ => return outcome,
        }
    }
    Outcome::of(row)
}

fn tell(outcome: &Outcome) {
    let label = outcome.row.label();
    match outcome.failure() {
        Some((column, reason)) => println!("{label} FAIL, {}: {reason}", column.title()),
        None => println!("{label} ok"),
    }
}

/// Everybody's own word.
fn versions() -> Vec<String> {
    let kernel = run::tool("uname", "-r").unwrap_or_default();
    let kernel: Vec<_> = kernel.split('.').take(2).collect();
    let tshark = run::tool("tshark", "--version").unwrap_or_default();
    let mut versions = vec![format!("Linux {}", kernel.join(".")), tshark];
    let names = ["xvrrp", "keepalived", "frr"].map(str::to_owned);
    let binary = node::binary().unwrap_or_default();
    for contender in Contender::standard(&names, &binary).unwrap_or_default() {
        versions.push(
            contender
                .version()
                .unwrap_or_else(|error| format!("{error:#}")),
        );
    }
    let first = |text: &String| text.lines().next().unwrap_or_default().trim().to_owned();
    versions.iter().map(first).collect()
}

#[test]
fn the_document_has_these_rows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/interop.md");
    let document = fs::read_to_string(path).expect("the document is there");
    let lines: Vec<_> = document
        .lines()
        .filter(|line| line.contains("| v"))
        .collect();
    assert_eq!(lines.len(), matrix::ROWS.len());
    for (line, row) in lines.into_iter().zip(matrix::ROWS) {
        assert!(line.starts_with(&row.label()), "{line}");
        assert!(!line.contains("FAIL"), "{line}");
    }
}
