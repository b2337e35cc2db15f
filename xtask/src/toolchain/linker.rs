//! bpf-linker, built into the project's own tools folder against the LLVM of the machine.

use std::{env, fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use object::{
    Endianness,
    elf::{DT_NEEDED, FileHeader64},
    read::elf::{Dyn as _, FileHeader as _},
};

use super::{rustc::Rustc, version::Version};
use crate::{process, progress, workspace};

/// The bpf-linker this project builds with.
pub(crate) const VERSION: &str = "0.13.0";
/// The major versions of LLVM that bpf-linker [`VERSION`] can be built against, newest first.
const LLVM_MAJORS: [u32; 3] = [23, 22, 21];

/// An installed bpf-linker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linker {
    pub(crate) path: PathBuf,
    pub(crate) version: Version,
    /// The LLVM it reads bitcode with, as its shared library states it; unknown where LLVM was
    /// linked in.
    pub(crate) llvm: Option<Version>,
}

/// An LLVM with what is needed to build against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Llvm {
    pub(crate) prefix: PathBuf,
    pub(crate) version: Version,
}

impl Linker {
    /// The bpf-linker in the project's tools folder.
    pub(crate) fn installed() -> Option<Self> {
        let path = workspace::tools().join("bin/bpf-linker");
        let told = process::output(process::foreign(&path).arg("--version")).ok()?;
        Some(Self {
            version: Version::parse(told.trim().strip_prefix("bpf-linker ")?)?,
            llvm: fs::read(&path).ok().and_then(|bytes| linked_llvm(&bytes)),
            path,
        })
    }

    /// Whether it can link what `rustc` writes.
    ///
    /// # Errors
    /// The reason in words, when it cannot.
    pub(crate) fn suits(&self, rustc: &Rustc) -> Result<(), String> {
        if Version::parse(VERSION).is_some_and(|wanted| !self.version.is_at_least(&wanted)) {
            return Err(format!(
                "it is version {}, needed is {VERSION}",
                self.version
            ));
        }
        match &self.llvm {
            Some(llvm) => reads(llvm, rustc),
            None => Ok(()),
        }
    }
}

/// Whether an LLVM can read the bitcode of `rustc`. Bitcode is readable by the LLVM that wrote it
/// and by newer ones, never by older ones.
///
/// # Errors
/// The reason in words, when it cannot.
pub(crate) fn reads(llvm: &Version, rustc: &Rustc) -> Result<(), String> {
    if llvm.is_at_least(&rustc.llvm) {
        return Ok(());
    }
    Err(format!(
        "it reads bitcode with LLVM {llvm}, but rustc {} writes that of the newer LLVM {}",
        rustc.version, rustc.llvm
    ))
}

/// The oldest installed LLVM that can read what `rustc` writes and bpf-linker can be built against.
pub(crate) fn llvm_for(rustc: &Rustc) -> Option<Llvm> {
    let mut fitting: Vec<Llvm> = llvms()
        .into_iter()
        .filter(|llvm| reads(&llvm.version, rustc).is_ok())
        .filter(|llvm| LLVM_MAJORS.contains(&llvm.version.major()))
        .collect();
    fitting.sort_by_key(|llvm| llvm.version.major());
    fitting.into_iter().next()
}

/// The Debian package with which [`llvm_for`] finds an LLVM for `rustc`.
pub(crate) fn llvm_package(llvm: &Version) -> String {
    format!("llvm-{}-dev", llvm.major())
}

/// The Debian packages of every LLVM that bpf-linker can be built against.
pub(crate) fn llvm_packages() -> Vec<String> {
    LLVM_MAJORS
        .iter()
        .map(|major| format!("llvm-{major}-dev"))
        .collect()
}

/// Builds bpf-linker into the project's tools folder.
///
/// # Errors
/// When there is no LLVM to build against, or the build fails.
pub(crate) fn install(rustc: &Rustc) -> Result<()> {
    let Some(llvm) = llvm_for(rustc) else {
        bail!(
            "bpf-linker needs the development files of LLVM {} (Debian: {}); name their folder in \
             LLVM_PREFIX if they are elsewhere",
            rustc.llvm.major(),
            llvm_package(&rustc.llvm)
        );
    };
    let feature = format!("llvm-{}", llvm.version.major());
    let mut cargo = process::host_cargo();
    cargo
        .args([
            "install",
            "bpf-linker",
            "--version",
            VERSION,
            "--locked",
            "--force",
        ])
        .args(["--no-default-features", "--features", &feature, "--root"])
        .arg(workspace::tools())
        .env("LLVM_PREFIX", &llvm.prefix);
    progress::run(
        &format!("building bpf-linker {VERSION} with LLVM {}", llvm.version),
        "bpf-linker",
        &mut cargo,
    )
    .context("cannot build bpf-linker")
}

/// LLVMs that can be built against: `$LLVM_PREFIX` alone if it is set, else Debian's folders and
/// the `llvm-config` on `PATH`.
fn llvms() -> Vec<Llvm> {
    let configs = match env::var_os("LLVM_PREFIX") {
        Some(prefix) => vec![PathBuf::from(prefix).join("bin/llvm-config")],
        None => LLVM_MAJORS
            .iter()
            .map(|major| PathBuf::from(format!("/usr/lib/llvm-{major}/bin/llvm-config")))
            .chain(process::find("llvm-config"))
            .collect(),
    };
    let ask = |config: &PathBuf, what: &str| -> Option<String> {
        let told = process::output(process::foreign(config).arg(what)).ok()?;
        Some(told.trim().to_owned())
    };
    configs
        .iter()
        .filter_map(|config| {
            let prefix = PathBuf::from(ask(config, "--prefix")?);
            let version = Version::parse(&ask(config, "--version")?)?;
            prefix
                .join("include/llvm-c")
                .is_dir()
                .then_some(Llvm { prefix, version })
        })
        .collect()
}

/// The version in the name of the LLVM library that a program is linked with.
fn linked_llvm(program: &[u8]) -> Option<Version> {
    let header = FileHeader64::<Endianness>::parse(program).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, program).ok()?;
    let (entries, names) = sections.dynamic(endian, program).ok()??;
    let names = sections.strings(endian, program, names).ok()?;
    entries
        .iter()
        .filter(|entry| entry.tag(endian) == DT_NEEDED)
        .filter_map(|entry| entry.string(endian, names).ok())
        .filter_map(|name| str::from_utf8(name).ok())
        .find_map(library_version)
}

/// Reads `libLLVM.so.22.1`, and `libLLVM-18.so.1` as it was called up to LLVM 18.
fn library_version(name: &str) -> Option<Version> {
    let rest = name.strip_prefix("libLLVM")?;
    Version::parse(
        rest.strip_prefix(".so.")
            .or_else(|| rest.strip_prefix('-'))?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::{rustc::Core, testing::rustc};

    fn linker(version: &str, llvm: Option<&str>) -> Linker {
        Linker {
            path: PathBuf::from("bpf-linker"),
            version: Version::parse(version).expect(version),
            llvm: llvm.and_then(Version::parse),
        }
    }

    #[test]
    fn the_linkers_llvm_must_not_be_older_than_rustcs() {
        let rustc = rustc("1.97.0", "22.1.4", Core::Source);
        assert_eq!(linker("0.13.0", Some("22.1")).suits(&rustc), Ok(()));
        assert_eq!(linker("0.13.0", Some("23.1")).suits(&rustc), Ok(()));
        let reason = linker("0.13.0", Some("21.1"))
            .suits(&rustc)
            .expect_err("older");
        assert!(
            reason.contains("LLVM 21.1") && reason.contains("LLVM 22.1.4"),
            "{reason}"
        );
    }

    #[test]
    fn an_llvm_inside_the_linker_is_left_to_the_build_to_judge() {
        assert_eq!(
            linker("0.14.0", None).suits(&rustc("1.97.0", "22.1.4", Core::Source)),
            Ok(())
        );
    }

    #[test]
    fn an_older_linker_is_refused() {
        let reason = linker("0.9.15", Some("22.1"))
            .suits(&rustc("1.97.0", "22.1.4", Core::Source))
            .expect_err("older");
        assert!(
            reason.contains("0.9.15") && reason.contains(VERSION),
            "{reason}"
        );
    }

    #[test]
    fn llvm_libraries_state_their_version_in_two_ways() {
        assert_eq!(library_version("libLLVM.so.22.1"), Version::parse("22.1"));
        assert_eq!(library_version("libLLVM-18.so.1"), Version::parse("18"));
        assert_eq!(library_version("libLLVMCore.so.1"), None);
        assert_eq!(library_version("libc.so.6"), None);
    }
}
