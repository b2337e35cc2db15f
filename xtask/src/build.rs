//! `cargo xtask build`: the BPF object, then the node that embeds it.

use std::{
    env::{self, consts},
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    elf::{
        self,
        stack::{self, Depth},
    },
    process, progress, setup,
    toolchain::{Toolchain, rustc::Core},
    tools::Need,
    workspace,
};

/// Tells vrrp-user's build script, and the suites, where the BPF object is.
pub(crate) const OBJECT_VARIABLE: &str = "XVRRP_BPF_OBJECT";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Optimise the node; the BPF object always is
    #[arg(long)]
    release: bool,
}

/// What was built.
#[derive(Debug)]
pub(crate) struct Built {
    /// The BPF object.
    pub(crate) object: PathBuf,
    /// The executable `xvrrp`.
    pub(crate) node: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When the toolchain cannot be had or a build fails.
pub(crate) fn command(args: &Args) -> Result<()> {
    let built = build(&[Need::Build], args.release)?;
    progress::heading("built");
    progress::note(&format!("BPF object  {}", built.object.display()));
    progress::note(&format!("node        {}", built.node.display()));
    Ok(())
}

/// Makes sure that what `needs` stand for is there, and builds the object and the node.
///
/// # Errors
/// When something needed cannot be had or a build fails.
pub(crate) fn build(needs: &[Need], release: bool) -> Result<Built> {
    let toolchain = setup::ensure(needs)?.context("the BPF toolchain was not asked for")?;
    let object = bpf_object(&toolchain)?;
    progress::heading("building the node");
    let node = executable("vrrp-user", "xvrrp", release, Some(&object))?;
    Ok(Built { object, node })
}

/// Builds one executable of the workspace for the host and returns where it is.
///
/// # Errors
/// When the build fails.
pub(crate) fn executable(
    package: &str,
    name: &str,
    release: bool,
    object: Option<&Path>,
) -> Result<PathBuf> {
    let mut cargo = process::host_cargo();
    cargo.args(["build", "--locked", "--package", package, "--bin", name]);
    cargo.arg("--message-format=json-render-diagnostics");
    if release {
        cargo.arg("--release");
    }
    if let Some(object) = object {
        cargo.env(OBJECT_VARIABLE, object);
    }
    let output = cargo
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", process::shown(&cargo)))?;
    if !output.status.success() {
        bail!("cannot build `{name}` of package `{package}`: see above");
    }
    let messages = String::from_utf8(output.stdout).context("cargo's messages are no UTF-8")?;
    executable_in(&messages, name)
        .with_context(|| format!("cargo built package `{package}` but no executable `{name}`"))
}

/// cargo for the BPF half, `subcommand` being `build`, `clippy` …, with everything in the
/// environment that compiling for BPF needs.
pub(crate) fn bpf_cargo(toolchain: &Toolchain, subcommand: &str) -> Command {
    let rustc = &toolchain.rustc;
    let mut cargo = process::foreign(&rustc.cargo);
    cargo
        .args([
            subcommand,
            "--locked",
            "--package",
            "vrrp-ebpf",
            "--bin",
            "xvrrp-bpf",
        ])
        .args([
            "--release",
            "--target",
            &bpf_target_triple(),
            "--target-dir",
        ])
        .arg(workspace::bpf_target());
    if rustc.core == Core::Source {
        cargo.args(["-Z", "build-std=core"]);
    }
    cargo
        .env("RUSTC", &rustc.path)
        // aya-ebpf uses inline assembly for BPF, which no stable rustc offers to stable code.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", bpf_rustflags().join("\x1f"))
        .env("PATH", path_with(toolchain.linker.path.parent()));
    cargo
}

/// The Rust name of the BPF target with this machine's byte order.
pub(crate) fn bpf_target_triple() -> String {
    let order = if cfg!(target_endian = "big") {
        "bpfeb"
    } else {
        "bpfel"
    };
    format!("{order}-unknown-none")
}

fn bpf_object(toolchain: &Toolchain) -> Result<PathBuf> {
    let rustc = &toolchain.rustc;
    progress::heading(&format!(
        "building the BPF object with {}",
        rustc.path.display()
    ));
    process::check(&mut bpf_cargo(toolchain, "build")).with_context(|| {
        format!(
            "cannot build the BPF object (rustc {}, LLVM {}; bpf-linker {})",
            rustc.version, rustc.llvm, toolchain.linker.version
        )
    })?;
    let fresh = workspace::bpf_target()
        .join(bpf_target_triple())
        .join("release/xvrrp-bpf");
    let bytes = fs::read(&fresh).with_context(|| format!("cannot read {}", fresh.display()))?;
    for Depth { program, bytes } in elf::check_bpf_object(&bytes)? {
        progress::note(&format!(
            "{program}: {bytes} of {} bytes of stack",
            stack::LIMIT
        ));
    }
    let object = workspace::bpf_object();
    place(&object, &bytes)?;
    Ok(object)
}

/// Writes `file` unless it has these contents already: its time stamp decides whether cargo builds
/// the node again.
fn place(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

/// Tracing helpers of aya-ebpf read registers by the host's calling convention, hence the
/// architecture; BTF is made from the debug info.
fn bpf_rustflags() -> [String; 3] {
    [
        format!("--cfg=bpf_target_arch=\"{}\"", consts::ARCH),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
    ]
}

fn path_with(first: Option<&Path>) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = first
        .map(Path::to_path_buf)
        .into_iter()
        .chain(env::split_paths(&path));
    // Fails only for a folder with a colon in its name, which PATH cannot hold in any case.
    env::join_paths(folders).unwrap_or(path)
}

/// The path of the executable `name` in cargo's JSON messages.
fn executable_in(messages: &str, name: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        (message.pointer("/target/name")?.as_str()? == name).then_some(())?;
        message.get("executable")?.as_str().map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_the_one_of_that_name() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"xvrrp"},"executable":null}
not json
{"reason":"compiler-artifact","target":{"name":"other"},"executable":"/t/other"}
{"reason":"compiler-artifact","target":{"name":"xvrrp"},"executable":"/t/xvrrp"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(
            executable_in(messages, "xvrrp"),
            Some(PathBuf::from("/t/xvrrp"))
        );
        assert_eq!(executable_in(messages, "xvrrp-demo"), None);
    }

    #[test]
    fn an_unchanged_object_keeps_its_time_stamp() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("object");
        place(&file, b"one").expect("written");
        let mut read_only = fs::metadata(&file).expect("there").permissions();
        read_only.set_readonly(true);
        let stamp = || {
            fs::metadata(&file)
                .expect("there")
                .modified()
                .expect("a time")
        };
        let first = stamp();
        place(&file, b"one").expect("nothing to write");
        assert_eq!(stamp(), first);
        place(&file, b"two").expect("written");
        assert_eq!(fs::read(&file).expect("there"), b"two");
    }

    #[test]
    fn the_projects_tools_come_first() {
        let path = path_with(Some(Path::new("/project/tools")));
        assert_eq!(
            env::split_paths(&path).next(),
            Some(PathBuf::from("/project/tools"))
        );
    }
}
