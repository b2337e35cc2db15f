//! `cargo xtask lint`: what must hold of every change before anything is run.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{
    build, process,
    progress::{self, Stopwatch},
    setup,
    toolchain::Toolchain,
    workspace,
};

/// One tool's verdict on the tree.
struct Check {
    name: &'static str,
    /// The call, or why it cannot be made.
    call: Result<Command, String>,
}

/// Runs the command. A check that fails does not keep the others from being made; one that cannot
/// be made is skipped with a reason.
///
/// # Errors
/// When a check failed.
pub(crate) fn command() -> Result<()> {
    let mut failed = Vec::new();
    for check in [
        formatting(),
        clippy(),
        bpf_half()?,
        documentation(),
        conformance(),
        licences(),
    ] {
        progress::heading(check.name);
        match check.call {
            Err(reason) => progress::note(&format!("skipped: {reason}")),
            Ok(mut call) => {
                let clock = Stopwatch::start();
                let passed = process::check(&mut call).is_ok();
                let verdict = if passed { "passed" } else { "FAILED" };
                progress::note(&format!("{verdict} in {}", clock.elapsed()));
                if !passed {
                    failed.push(check.name);
                }
            }
        }
    }
    if !failed.is_empty() {
        bail!("failed: {} (see above)", failed.join(", "));
    }
    Ok(())
}

fn formatting() -> Check {
    let mut cargo = process::host_cargo();
    cargo.args(["fmt", "--all", "--check"]);
    Check {
        name: "formatting",
        call: Ok(cargo),
    }
}

fn clippy() -> Check {
    let mut cargo = process::host_cargo();
    cargo.args([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    Check {
        name: "host clippy",
        call: Ok(cargo),
    }
}

/// clippy on the BPF half. It must be the clippy of the BPF toolchain: another knows no `core` for
/// BPF. Debian's toolchain comes without; the compiler's own warnings are what is left then.
fn bpf_half() -> Result<Check> {
    const CLIPPY: &str = "BPF clippy";
    const COMPILER: &str = "BPF compiler warnings (its toolchain has no clippy)";
    let Some(toolchain) = setup::present()? else {
        let reason = "no BPF toolchain; `cargo xtask setup` installs one".to_owned();
        return Ok(Check {
            name: CLIPPY,
            call: Err(reason),
        });
    };
    let clippy = toolchain.rustc.path.with_file_name("cargo-clippy");
    let (name, mut call) = if clippy.exists() {
        (CLIPPY, with_clippy(clippy, &toolchain))
    } else {
        (COMPILER, build::bpf_cargo(&toolchain, "rustc"))
    };
    call.args(["--", "-D", "warnings"]);
    Ok(Check {
        name,
        call: Ok(call),
    })
}

/// The call `cargo clippy` of a toolchain that is not the default one.
fn with_clippy(clippy: PathBuf, toolchain: &Toolchain) -> Command {
    let cargo = build::bpf_cargo(toolchain, "clippy");
    let mut command = process::foreign(clippy);
    command.args(cargo.get_args());
    for (name, value) in cargo.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    // cargo-clippy calls this cargo instead of the one on PATH.
    command.env("CARGO", &toolchain.rustc.cargo);
    command
}

fn documentation() -> Check {
    let mut cargo = process::host_cargo();
    cargo.args(["doc", "--locked", "--workspace", "--no-deps"]);
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    Check {
        name: "documentation",
        call: Ok(cargo),
    }
}

fn conformance() -> Check {
    let call = env::current_exe().map(|xtask| {
        let mut command = Command::new(xtask);
        command.args(["conformance", "--check"]);
        command
    });
    Check {
        name: "conformance",
        call: call.map_err(|error| format!("xtask does not know its own path: {error}")),
    }
}

fn licences() -> Check {
    let own = workspace::tools().join("bin/cargo-deny");
    let deny = if own.exists() {
        Some(own)
    } else {
        process::find("cargo-deny")
    };
    let call = match deny {
        None => Err("cargo-deny is not installed (`cargo install --locked cargo-deny`)".to_owned()),
        Some(deny) => {
            let mut command = Command::new(deny);
            command
                .args(["--locked", "check", "licenses"])
                .current_dir(workspace::root());
            Ok(command)
        }
    };
    Check {
        name: "licences",
        call,
    }
}
