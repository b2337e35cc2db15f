//! The Rust compilers of this machine, and whether they can compile for BPF.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::version::Version;
use crate::{build, process};

/// Names a rustc that is used before any other for the BPF object.
pub(crate) const OVERRIDE: &str = "XVRRP_BPF_RUSTC";

/// A rustc that was found, and what it told about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rustc {
    /// The compiler itself, not a rustup proxy.
    pub(crate) path: PathBuf,
    /// The cargo that belongs to it.
    pub(crate) cargo: PathBuf,
    pub(crate) version: Version,
    /// The LLVM whose bitcode it writes; bpf-linker must be able to read it.
    pub(crate) llvm: Version,
    pub(crate) core: Core,
}

/// Where a compiler's `core` for BPF comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    /// It is installed, as by Debian's `libstd-rust-web-dev-bpf`.
    Prebuilt,
    /// rust-src is installed: cargo compiles `core` with `-Zbuild-std`.
    Source,
    /// There is neither.
    Missing,
}

impl Rustc {
    /// Asks `path`, which may be a rustup proxy, what it is.
    ///
    /// # Errors
    /// When it does not run or does not answer like a rustc.
    pub(crate) fn probe(path: &Path) -> Result<Self> {
        let told = process::output(process::foreign(path).arg("-vV"))?;
        let sysroot = process::output(process::foreign(path).args(["--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot.trim());
        let stated = |key: &str| {
            told.lines()
                .find_map(|line| Version::parse(line.strip_prefix(key)?))
                .with_context(|| format!("{} -vV states no `{key}`", path.display()))
        };
        Ok(Self {
            version: stated("release:")?,
            llvm: stated("LLVM version:")?,
            core: Core::of(&sysroot),
            path: first_existing(sysroot.join("bin/rustc"), path),
            cargo: first_existing(sysroot.join("bin/cargo"), &path.with_file_name("cargo")),
        })
    }
}

impl Core {
    fn of(sysroot: &Path) -> Self {
        let rustlib = sysroot.join("lib/rustlib");
        if rustlib
            .join(build::bpf_target_triple())
            .join("lib")
            .is_dir()
        {
            Self::Prebuilt
        } else if rustlib.join("src/rust/library/core").is_dir() {
            Self::Source
        } else {
            Self::Missing
        }
    }
}

/// The rustc that the user names in [`OVERRIDE`], if any.
///
/// # Errors
/// When it is named but is not a rustc: another must not be used in its place.
pub(crate) fn named() -> Result<Option<Rustc>> {
    let Some(path) = env::var_os(OVERRIDE) else {
        return Ok(None);
    };
    let path = PathBuf::from(path);
    let rustc = Rustc::probe(&path)
        .with_context(|| format!("{OVERRIDE} names {}, which is no rustc", path.display()))?;
    Ok(Some(rustc))
}

/// The compilers of this machine, in the order they are preferred: those on `PATH` and in the
/// system's folders, then rustup's nightly. What does not run is left out.
pub(crate) fn installed() -> Vec<Rustc> {
    let mut found: Vec<Rustc> = Vec::new();
    let on_path = process::find_all("rustc");
    for path in on_path.into_iter().chain(rustup_nightly()) {
        if let Ok(rustc) = Rustc::probe(&path)
            && !found.iter().any(|other| other.path == rustc.path)
        {
            found.push(rustc);
        }
    }
    found
}

/// rustup's nightly rustc, without having it installed by the question.
fn rustup_nightly() -> Option<PathBuf> {
    let rustup = process::find("rustup")?;
    let mut which = process::foreign(rustup);
    which
        .env("RUSTUP_AUTO_INSTALL", "0")
        .args(["which", "--toolchain", "nightly", "rustc"]);
    process::output(&mut which)
        .ok()
        .map(|path| PathBuf::from(path.trim()))
}

fn first_existing(wanted: PathBuf, otherwise: &Path) -> PathBuf {
    if wanted.exists() {
        wanted
    } else {
        otherwise.to_path_buf()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_installed_core_is_preferred_to_its_source() {
        let sysroot = tempfile::tempdir().expect("a folder");
        let rustlib = sysroot.path().join("lib/rustlib");
        assert_eq!(Core::of(sysroot.path()), Core::Missing);
        fs::create_dir_all(rustlib.join("src/rust/library/core")).expect("a folder");
        assert_eq!(Core::of(sysroot.path()), Core::Source);
        fs::create_dir_all(rustlib.join(build::bpf_target_triple()).join("lib")).expect("a folder");
        assert_eq!(Core::of(sysroot.path()), Core::Prebuilt);
    }

    #[test]
    fn a_program_that_is_no_rustc_is_refused() {
        Rustc::probe(Path::new("/bin/true")).expect_err("it states no version");
    }
}
