//! `xvrrp run`: what the command line and the configuration file say of a node.

use std::path::{self, PathBuf};

use anyhow::Context as _;
use vrrp_user::{
    config::{self, Config},
    io::{
        control::Signals,
        log::tell,
        node::{self, Launch, Misconfigured},
    },
    ui,
};

use crate::{cli::Run, exit::Misused};

/// Runs the node until it is stopped.
pub(crate) fn run(arguments: &Run) -> anyhow::Result<()> {
    let runtime = crate::control_runtime()?;
    // Before anything takes time: what asks for a reload or a stop too early must not end the process on the spot.
    let signals = runtime.block_on(async { Signals::install() });
    let signals = signals.context("cannot install signal handlers")?;
    let launch = Launch {
        name: arguments.instance.name.clone(),
        config: configuration(arguments)?,
        file: file(arguments),
        choice: arguments.xdp_mode.into(),
        logs_frames: arguments.verbosity > 1,
        is_realtime: !arguments.no_realtime,
        show: ui::status::render,
    };
    let result = node::run(&runtime, &launch, signals);
    // A script that hangs before it has started is not waited for.
    runtime.shutdown_background();
    result
}

/// Reads the configuration and tells what is wrong with it.
fn configuration(arguments: &Run) -> anyhow::Result<Config> {
    if let Some(router) = arguments.quick.router() {
        let parsed = router.parse();
        tell(&parsed.diagnostics);
        let wrong = Misused("the command line has errors, nothing is started; see --help");
        return Ok(parsed.config.ok_or(wrong)?);
    }
    let parsed = config::load(&arguments.file);
    tell(&parsed.diagnostics);
    let wrong = Misconfigured("the configuration has errors, nothing is started");
    Ok(parsed.config.ok_or(wrong)?)
}

/// The file that a reload reads again, wherever the node is by then.
fn file(arguments: &Run) -> Option<PathBuf> {
    let is_given = arguments.quick.router().is_none();
    is_given.then(|| path::absolute(&arguments.file).unwrap_or_else(|_| arguments.file.clone()))
}
