//! Running other programs: as the user, as root, in place of xtask, or with another toolchain.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// The cargo that runs xtask, with the toolchain the user chose, in the workspace's root.
pub(crate) fn host_cargo() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(workspace::root());
    command
}

/// A program that must not see what `cargo xtask`'s own cargo and rustup put into the environment:
/// it is, or may call, a rustc or cargo of another toolchain.
pub(crate) fn foreign(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(steers_the_toolchain) {
            command.env_remove(name);
        }
    }
    command.current_dir(workspace::root());
    command
}

/// A program to be run as root: through sudo unless xtask is root already.
///
/// # Errors
/// When xtask is not root and sudo is not installed.
pub(crate) fn as_root(program: impl AsRef<OsStr>) -> Result<Command> {
    if is_root()? {
        return Ok(Command::new(program));
    }
    let Some(sudo) = find("sudo") else {
        bail!(
            "this step needs root and `sudo` is not installed: run `cargo xtask` as root, or install sudo"
        );
    };
    let mut command = Command::new(sudo);
    command.arg("--").arg(program);
    Ok(command)
}

/// Lets sudo ask for its password where the user sees the question, if it has to ask.
///
/// # Errors
/// When root cannot be had.
pub(crate) fn unlock_root() -> Result<()> {
    if is_root()? {
        return Ok(());
    }
    check(as_root("true")?.stdout(Stdio::null()))
}

/// Whether xtask has an effective user id of 0.
pub(crate) fn is_root() -> Result<bool> {
    let own = fs::metadata("/proc/self").context("cannot read /proc/self: is /proc mounted?")?;
    Ok(own.uid() == 0)
}

/// The first executable of that name on `PATH`, or in the folders of system tools that Debian
/// leaves out of an ordinary user's `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    find_all(name).into_iter().next()
}

/// Every executable of that name, in the order of [`find`].
pub(crate) fn find_all(name: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = [
        "/usr/local/bin",
        "/usr/bin",
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
    ];
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in env::split_paths(&path).chain(system.iter().map(PathBuf::from)) {
        let file = folder.join(name);
        if is_executable(&file) && !found.contains(&file) {
            found.push(file);
        }
    }
    found
}

/// Runs `command` with xtask's own output streams.
///
/// # Errors
/// When it cannot be started or does not end with success.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs `command` silently and returns what it printed on its standard output.
///
/// # Errors
/// When it cannot be started or does not end with success; its standard error is in the message.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} failed: {}: {}",
            shown(command),
            output.status,
            stderr.trim()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no UTF-8", shown(command)))
}

/// Becomes `command`. cargo replaced itself by xtask in the same way, so that Ctrl-C, a signal and
/// the exit status reach and leave the program itself, with nobody in between to get them wrong.
///
/// # Errors
/// When it cannot be started; otherwise this does not return.
pub(crate) fn exec(command: &mut Command) -> Result<()> {
    let error: io::Error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", shown(command)))
}

/// The command line as a person would type it, for messages.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut line = format!("`{}", name.to_string_lossy());
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line.push('`');
    line
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Whether an environment variable picks a compiler, its flags or its libraries, or describes the
/// package cargo is running. Where cargo keeps and fetches crates (`CARGO_HOME`, `CARGO_NET_*`,
/// `CARGO_REGISTRIES_*` …) is the user's choice for every toolchain and stays.
fn steers_the_toolchain(name: &str) -> bool {
    const NAMES: [&str; 13] = [
        "CARGO",
        "CARGO_CRATE_NAME",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_PRIMARY_PACKAGE",
        "LD_LIBRARY_PATH",
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "RUST_RECURSION_COUNT",
    ];
    const PREFIXES: [&str; 6] = [
        "CARGO_BIN_",
        "CARGO_BUILD_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_PROFILE_",
        "CARGO_TARGET_",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_toolchain_sees_neither_ours_nor_our_flags() {
        for name in [
            "CARGO",
            "RUSTC",
            "RUSTUP_TOOLCHAIN",
            "RUSTFLAGS",
            "LD_LIBRARY_PATH",
        ] {
            assert!(steers_the_toolchain(name), "{name}");
        }
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BUILD_TARGET"] {
            assert!(steers_the_toolchain(name), "{name}");
        }
    }

    #[test]
    fn where_crates_come_from_stays() {
        for name in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_X_INDEX",
            "PATH",
            "HOME",
        ] {
            assert!(!steers_the_toolchain(name), "{name}");
        }
    }

    #[test]
    fn a_failing_program_says_why() {
        let error = output(Command::new("sh").args(["-c", "echo too bad >&2; exit 3"]))
            .expect_err("exit 3 is a failure");
        let text = format!("{error:#}");
        assert!(text.contains("too bad") && text.contains('3'), "{text}");
    }

    #[test]
    fn commands_are_shown_without_their_folder() {
        let mut command = Command::new("/usr/bin/apt-get");
        command.args(["install", "bpftool"]);
        assert_eq!(shown(&command), "`apt-get install bpftool`");
    }
}
