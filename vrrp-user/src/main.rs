//! The `xvrrp` command.

mod cli;
mod exit;
mod run;

use std::{
    io::{self, Write as _},
    path::{self, Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Parser as _;
use tokio::runtime;
use vrrp_user::{
    config,
    io::{
        bpf::pinned::InstancePins,
        cleanup::{self, Fence},
        control::{
            Crew, Inventory,
            machine::{self, Purpose},
            socket,
        },
        log,
        node::Misconfigured,
        privilege,
        runtime_dir::{self, CONTROL_SOCKET, InstanceName},
    },
    status::Reloaded,
    ui,
};

use cli::{Cli, Command};

/// Scripts that can be started at the same time.
const STARTERS: usize = 8;
/// All of it is locked in memory.
const STARTER_STACK: usize = 256 << 10;

fn main() -> ExitCode {
    // Usage errors end here with exit code 2 (see `exit`).
    let cli = Cli::parse();
    let code = match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            exit::code(&error)
        }
    };
    log::flush();
    code
}

fn dispatch(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Run(arguments) => {
            log::init(arguments.verbosity)?;
            run::run(&arguments)
        }
        Command::Check {
            file,
            diff,
            instance,
        } => {
            check(&file)?;
            if diff {
                preview(&instance, &file)
            } else {
                Ok(())
            }
        }
        Command::Reload { instance } => reload(&instance.name),
        Command::Status { json, instance } => status(&instance.name, json),
        Command::Cleanup { fence, instance } => {
            log::init(0)?;
            clean_up(&instance.name, fence)
        }
    }
}

/// `xvrrp check`.
fn check(file: &Path) -> anyhow::Result<()> {
    let parsed = config::load(file);
    let mut out = io::stdout();
    for diagnostic in &parsed.diagnostics {
        writeln!(out, "{diagnostic}")?;
    }
    let config = parsed
        .config
        .ok_or(Misconfigured("the configuration has errors"))?;
    match control_runtime()?.block_on(Inventory::read()) {
        Ok(inventory) => {
            let crew = Crew::look_up(&config);
            let found = machine::check(&config, &inventory, Purpose::Check, &crew);
            for diagnostic in found.diagnostics {
                writeln!(out, "{diagnostic}")?;
            }
        }
        Err(error) => writeln!(
            out,
            "note: this machine's interfaces cannot be read: {error}"
        )?,
    }
    for instance in &config.instances {
        writeln!(
            out,
            "({}) {} VRID {}, priority {}, {} virtual IPs",
            instance.name,
            instance.interface,
            instance.settings.vrid,
            instance.settings.priority,
            instance.vips.len()
        )?;
    }
    Ok(())
}

/// `xvrrp cleanup`: quiet when there is nothing to do.
fn clean_up(instance: &InstanceName, fence: bool) -> anyhow::Result<()> {
    let pins = InstancePins::new(instance.as_str());
    let fence = if fence {
        Fence::requested(|name| std::env::var(name).ok())
    } else {
        Fence::Never
    };
    let base = Path::new(runtime_dir::BASE);
    let removed = control_runtime()?
        .block_on(cleanup::run(base, instance, &pins, fence))
        .map_err(|error| privilege::with_hint(error, "`xvrrp cleanup`"))?;
    if !removed.is_empty() {
        tracing::warn!("removed what instance {instance} left: {removed}");
    }
    Ok(())
}

/// `xvrrp check --diff`, after `check` has found the file right.
fn preview(instance: &InstanceName, file: &Path) -> anyhow::Result<()> {
    // The node is somewhere else.
    let file = path::absolute(file).context("cannot name the file")?;
    let socket = control_socket(instance);
    let seen = control_runtime()?.block_on(socket::preview_reload(&socket, file))?;
    let without_diagnostics = Reloaded {
        // `check` has said them, unless the node sees another file.
        diagnostics: if seen.taken {
            Vec::new()
        } else {
            seen.diagnostics
        },
        ..seen
    };
    let text = ui::reload::render_preview(&without_diagnostics);
    io::stdout().write_all(text.as_bytes())?;
    if without_diagnostics.taken {
        return Ok(());
    }
    bail!("the node would refuse the file")
}

/// `xvrrp reload`.
fn reload(instance: &InstanceName) -> anyhow::Result<()> {
    let socket = control_socket(instance);
    let reloaded = control_runtime()?.block_on(socket::ask_reload(&socket))?;
    io::stdout().write_all(ui::reload::render(&reloaded).as_bytes())?;
    reloaded.flaw().map_or(Ok(()), |flaw| bail!(flaw))
}

fn control_socket(instance: &InstanceName) -> PathBuf {
    let base = Path::new(runtime_dir::BASE);
    base.join(instance.as_str()).join(CONTROL_SOCKET)
}

/// `xvrrp status`.
fn status(instance: &InstanceName, json: bool) -> anyhow::Result<()> {
    let socket = control_socket(instance);
    let (value, status) = control_runtime()?.block_on(socket::ask_status(&socket))?;
    let text = if json {
        serde_json::to_string_pretty(&value)? + "\n"
    } else {
        ui::status::render(&status)
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// The runtime of everything that is slow: one thread, and a few that start scripts beside it.
fn control_runtime() -> anyhow::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread()
        .max_blocking_threads(STARTERS)
        .thread_stack_size(STARTER_STACK)
        .enable_all()
        .build()
        .context("cannot start the control plane")
}

/// One line with the whole chain of causes.
fn complain(error: &anyhow::Error) {
    log::last_words(&format!("xvrrp: {error:#}"));
}

/// `xvrrp status | head` is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
