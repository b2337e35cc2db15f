//! `xvrrp-bench`: the referee. Failovers of several nodes side by side, what a packet costs, and what a reload does. Ends
//! by itself and leaves nothing behind, also on Ctrl-C.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench talks to a person, and a wrong index here is seen at once"
)]

mod failover;
mod packets;
mod progress;
mod reload;
mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use vrrp_tests::{cleanup, run};

/// The referee: failovers of several nodes side by side, and what a packet costs.
#[derive(Debug, Parser)]
#[command(name = "xvrrp-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Failovers of several nodes, interleaved in one run on the same lab
    Failover(failover::Args),
    /// What a packet costs: instructions, nanoseconds, answers and forwarded packets per second
    Packets(packets::Args),
    /// What a reload does to what did not change, and how long it takes
    Reload(reload::Args),
    /// Draws the tables and the page of a report of failovers once more
    Show(show::Args),
}

fn main() -> ExitCode {
    let outcome = bench(&Cli::parse().command);
    // Threads that an error left alone do not drop what they made.
    cleanup::undo_all();
    run::exit_code("xvrrp-bench", outcome)
}

fn bench(command: &Command) -> Result<()> {
    match command {
        Command::Failover(args) => failover::run(args),
        Command::Packets(args) => packets::run(args),
        Command::Reload(args) => reload::run(args),
        Command::Show(args) => show::run(args),
    }
}
