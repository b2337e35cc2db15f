//! `cargo xtask`: everything a developer of xvrrp does, one file per command.
//!
//! xtask owns the build of the BPF object: it needs another compiler than the node, and no build
//! script can be told which.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool talks to its terminal"
)]

mod bench;
mod build;
mod conformance;
mod demo;
mod elf;
mod fuzz;
mod kernel;
mod lint;
mod metadata;
mod packages;
mod process;
mod progress;
mod run;
mod setup;
mod test;
mod toolchain;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Sets up, builds, runs, shows and tests xvrrp.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find or install the BPF toolchain and the system tools the lab uses
    Setup(setup::Args),
    /// Build the BPF object and the node that embeds it
    Build(build::Args),
    /// Build, then run the node as root on an interface
    Run(run::Args),
    /// Watch a virtual IP move between two routers, then measure how fast it does
    Demo(demo::Args),
    /// Compare failovers with keepalived and FRR, or measure what a packet costs
    Bench(bench::Args),
    /// Run all tests, those that need root as root
    Test(test::Args),
    /// Say which requirement is met where, and which test shows it
    Conformance(conformance::Args),
    /// Search for inputs that break what must hold of all
    Fuzz(fuzz::Args),
    /// Check formatting, clippy, documentation, conformance and licences
    Lint,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Setup(args) => setup::command(&args),
        Command::Build(args) => build::command(&args),
        Command::Run(args) => run::command(&args),
        Command::Demo(args) => demo::command(&args),
        Command::Bench(args) => bench::command(&args),
        Command::Test(args) => test::command(&args),
        Command::Conformance(args) => conformance::command(&args),
        Command::Fuzz(args) => fuzz::command(&args),
        Command::Lint => lint::command(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
