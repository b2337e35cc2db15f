//! Debian's packages: what apt offers, and installing them without starting any service.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    process, progress,
    toolchain::{Version, ladder::Offer},
};

/// Debian's names for rustc, cargo and `core` for BPF: `-web` in a stable release, where they are
/// kept as new as web browsers need them; without it where the release's own rustc is new enough.
const TOOLCHAINS: [[&str; 3]; 2] = [
    ["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"],
    ["rustc", "cargo", "libstd-rust-dev-bpf"],
];

/// Packages whose installation would enable and start a service of the same name.
const SERVICES: [&str; 3] = ["frr", "keepalived", "radvd"];

/// Whether this machine's packages are managed by apt.
pub(crate) fn has_apt() -> bool {
    process::find("apt-get").is_some() && process::find("apt-cache").is_some()
}

/// Fetches the current lists of packages.
///
/// # Errors
/// When apt-get fails or root cannot be had.
pub(crate) fn update() -> Result<()> {
    process::unlock_root()?;
    let mut apt = apt_get()?;
    apt.arg("update");
    progress::run("refreshing apt's package lists", "apt-update", &mut apt)
        .context("cannot refresh the package lists")
}

/// The toolchains apt can install whole, as far as its lists are current.
pub(crate) fn toolchain_offers() -> Vec<Offer> {
    TOOLCHAINS.iter().filter_map(toolchain_offer).collect()
}

/// Those of `packages` that apt can install.
pub(crate) fn offered(packages: Vec<String>) -> Vec<String> {
    packages
        .into_iter()
        .filter(|package| candidate(package).is_some())
        .collect()
}

/// Installs `packages`. A service that comes with one of them is neither started nor enabled: on a
/// router that already has an `/etc/keepalived/keepalived.conf`, a second VRRP daemon would run
/// from then on.
///
/// # Errors
/// When apt-get fails or root cannot be had.
pub(crate) fn install(packages: &[String]) -> Result<()> {
    let services: Vec<&str> = SERVICES
        .into_iter()
        .filter(|service| packages.iter().any(|package| package == service))
        .filter(|_| runs_systemd())
        .collect();
    for service in &services {
        systemctl(&["mask", "--runtime", service])?;
    }
    let mut apt = apt_get()?;
    apt.args(["install", "--yes", "--no-install-recommends"])
        .args(packages);
    let installed = progress::run("installing packages", "apt-install", &mut apt)
        .with_context(|| format!("cannot install {}", packages.join(" ")));
    for service in &services {
        systemctl(&["disable", service])?;
        systemctl(&["unmask", "--runtime", service])?;
    }
    installed
}

fn toolchain_offer(packages: &[&str; 3]) -> Option<Offer> {
    let [rustc, ..] = packages;
    let versions: Option<Vec<Version>> = packages.iter().map(|name| candidate(name)).collect();
    let oldest = versions?
        .into_iter()
        .reduce(|a, b| if a.is_at_least(&b) { b } else { a })?;
    let mut packages = packages.map(str::to_owned).to_vec();
    packages.extend(llvm_of(rustc).map(|major| format!("llvm-{major}-dev")));
    Some(Offer {
        packages,
        version: oldest,
    })
}

/// The LLVM a rustc package is built with, by the library it depends on.
fn llvm_of(rustc: &str) -> Option<u32> {
    let mut apt = Command::new("apt-cache");
    apt.env("LC_ALL", "C")
        .args(["depends", "--recurse", "--important", rustc]);
    llvm_in(&process::output(&mut apt).ok()?)
}

fn llvm_in(depends: &str) -> Option<u32> {
    depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: libllvm")?.parse().ok())
        .max()
}

/// The version of `package` that apt would install.
fn candidate(package: &str) -> Option<Version> {
    let mut apt = Command::new("apt-cache");
    apt.env("LC_ALL", "C").args(["policy", package]);
    candidate_in(&process::output(&mut apt).ok()?)
}

fn candidate_in(policy: &str) -> Option<Version> {
    policy
        .lines()
        .find_map(|line| Version::parse(line.trim().strip_prefix("Candidate:")?))
}

fn apt_get() -> Result<Command> {
    // Through env: sudo clears the environment. invoke-rc.d takes RUNLEVEL=1 as the single-user
    // run level, in which no service is started.
    let mut command = process::as_root("env")?;
    command.args(["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get"]);
    Ok(command)
}

fn runs_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

fn systemctl(arguments: &[&str]) -> Result<()> {
    process::output(process::as_root("systemctl")?.args(arguments)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_candidate_is_what_apt_would_install() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n  \
                      Version table:\n     1.85.0+dfsg3-1~deb12u3 500\n";
        assert_eq!(candidate_in(policy), Version::parse("1.96.0"));
    }

    #[test]
    fn a_compilers_llvm_is_the_library_it_depends_on() {
        let depends = "libstd-rust-web-1.96\n  Depends: libgcc-s1\n  Depends: libllvm22\n";
        assert_eq!(llvm_in(depends), Some(22));
        assert_eq!(llvm_in("rustc\n  Depends: libllvm-dev\n"), None);
    }

    #[test]
    fn a_package_that_is_only_referred_to_has_no_candidate() {
        assert_eq!(
            candidate_in("x:\n  Installed: (none)\n  Candidate: (none)\n"),
            None
        );
        assert_eq!(candidate_in(""), None);
    }
}
