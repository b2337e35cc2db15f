//! `cargo xtask lint`: what must hold of every change before anything is run.

use std::process::Command;

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
        bpf_clippy()?,
        documentation(),
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
        name: "clippy, host",
        call: Ok(cargo),
    }
}

/// clippy on the BPF half, with the clippy of the BPF toolchain: another one knows no `core` for
/// BPF.
fn bpf_clippy() -> Result<Check> {
    let call = match setup::present()? {
        None => Err("no BPF toolchain; `cargo xtask setup` installs one".to_owned()),
        Some(toolchain) => bpf_clippy_call(&toolchain),
    };
    Ok(Check {
        name: "clippy, BPF",
        call,
    })
}

fn bpf_clippy_call(toolchain: &Toolchain) -> Result<Command, String> {
    let clippy = toolchain.rustc.path.with_file_name("cargo-clippy");
    if !clippy.exists() {
        return Err(format!(
            "{} comes without clippy (Debian: rust-clippy-web; rustup: component clippy)",
            toolchain.rustc.path.display()
        ));
    }
    let cargo = build::bpf_cargo(toolchain, "clippy");
    let mut command = process::foreign(clippy);
    command
        .args(cargo.get_args())
        .args(["--", "-D", "warnings"]);
    for (name, value) in cargo.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    // cargo-clippy calls this cargo instead of the one on PATH.
    command.env("CARGO", &toolchain.rustc.cargo);
    Ok(command)
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
