//! The BPF toolchain: a rustc with `core` for BPF, its cargo, and a bpf-linker that understands it.

pub(crate) mod ladder;
pub(crate) mod linker;
pub(crate) mod rustc;
mod version;

pub(crate) use version::Version;

use anyhow::{Context as _, Result};

use self::{
    ladder::{Candidate, Facts, Offer, Rung},
    linker::Linker,
    rustc::Rustc,
};
use crate::process;

/// A compiler and a linker that fit each other.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    pub(crate) rustc: Rustc,
    pub(crate) linker: Linker,
}

/// The oldest rustc the workspace supports: its `rust-version`.
///
/// # Errors
/// When the manifest states none.
pub(crate) fn minimum_rustc() -> Result<Version> {
    Version::parse(env!("CARGO_PKG_RUST_VERSION"))
        .context("the root Cargo.toml states no rust-version")
}

/// The rung of the ladder this machine is on, given what apt offers.
///
/// # Errors
/// When `XVRRP_BPF_RUSTC` names something that is no rustc.
pub(crate) fn rung(offers: Vec<Offer>, llvm_packages: &[String]) -> Result<Rung> {
    let present = Linker::installed();
    let judged = |rustc: Rustc| {
        let linkable = present
            .as_ref()
            .is_some_and(|linker| linker.suits(&rustc).is_ok())
            || linker::llvm_for(&rustc).is_some()
            || llvm_packages.contains(&linker::llvm_package(&rustc.llvm));
        Candidate { rustc, linkable }
    };
    let facts = Facts {
        named: rustc::named()?.map(judged),
        installed: rustc::installed().into_iter().map(judged).collect(),
        offers,
        rustup: process::find("rustup").is_some(),
    };
    Ok(ladder::decide(&facts, &minimum_rustc()?))
}

#[cfg(test)]
pub(crate) mod testing {
    //! A compiler that exists only in tests.

    use std::path::PathBuf;

    use super::{
        Version,
        rustc::{Core, Rustc},
    };

    pub(crate) fn rustc(version: &str, llvm: &str, core: Core) -> Rustc {
        Rustc {
            path: PathBuf::from("/opt/rust/bin/rustc"),
            cargo: PathBuf::from("/opt/rust/bin/cargo"),
            version: Version::parse(version).expect(version),
            llvm: Version::parse(llvm).expect(llvm),
            core,
        }
    }
}
