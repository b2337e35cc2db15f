//! Which BPF toolchain is used, and if there is none, which is installed.
//!
//! 1. The rustc named in `XVRRP_BPF_RUSTC`, and no other.
//! 2. A rustc with a `core` for BPF installed beside it: nothing to compile, no nightly.
//! 3. A rustc with rust-src (rustup's nightly): cargo compiles `core`.
//! 4. Nothing there: Debian's packages, if apt offers ones that are new enough. rustc, `core` and
//!    the LLVM that bpf-linker is built against then come from one source and fit each other.
//! 5. Else rustup's nightly with rust-src.
//! 6. Else the user is told what to install.
//!
//! On rungs 2 and 3 a compiler counts only if a bpf-linker that understands it is there or can be
//! built: LLVM never reads the bitcode of a newer LLVM.

use super::{
    rustc::{Core, Rustc},
    version::Version,
};

/// Debian's packages of one toolchain, as apt offers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) packages: Vec<String>,
    /// The version of the compiler in them.
    pub(crate) version: Version,
}

/// A compiler, and whether a bpf-linker for it is there or can be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) rustc: Rustc,
    pub(crate) linkable: bool,
}

/// What is known about the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) named: Option<Candidate>,
    /// In the order of preference within a rung.
    pub(crate) installed: Vec<Candidate>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) rustup: bool,
}

/// The rung that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    Use(Rustc),
    InstallPackages(Vec<String>),
    InstallNightly,
    /// Nothing can be done here; the reason why.
    ByHand(String),
}

/// Climbs the ladder. `minimum` is the oldest rustc the workspace supports.
pub(crate) fn decide(facts: &Facts, minimum: &Version) -> Rung {
    if let Some(named) = &facts.named {
        return match unfit(&named.rustc, minimum) {
            None => Rung::Use(named.rustc.clone()),
            Some(reason) => Rung::ByHand(format!("{}: {reason}", named.rustc.path.display())),
        };
    }
    for core in [Core::Prebuilt, Core::Source] {
        let usable = |candidate: &&Candidate| {
            candidate.linkable
                && candidate.rustc.core == core
                && unfit(&candidate.rustc, minimum).is_none()
        };
        if let Some(candidate) = facts.installed.iter().find(usable) {
            return Rung::Use(candidate.rustc.clone());
        }
    }
    if let Some(offer) = facts
        .offers
        .iter()
        .find(|offer| offer.version.is_at_least(minimum))
    {
        return Rung::InstallPackages(offer.packages.clone());
    }
    let nightly_is_no_help = facts.installed.iter().any(|candidate| {
        candidate.rustc.core == Core::Source && unfit(&candidate.rustc, minimum).is_none()
    });
    if facts.rustup && !nightly_is_no_help {
        return Rung::InstallNightly;
    }
    Rung::ByHand(by_hand(facts, minimum, nightly_is_no_help))
}

/// Why a compiler cannot build the BPF object, or `None` if it can.
fn unfit(rustc: &Rustc, minimum: &Version) -> Option<String> {
    if !rustc.version.is_at_least(minimum) {
        return Some(format!(
            "it is rustc {}, needed is {minimum} or newer",
            rustc.version
        ));
    }
    (rustc.core == Core::Missing).then(|| {
        "it has neither `core` for BPF nor rust-src (`rustup component add rust-src`)".to_owned()
    })
}

fn by_hand(facts: &Facts, minimum: &Version, nightly_is_no_help: bool) -> String {
    if nightly_is_no_help {
        return "a rustc with rust-src is there, but no LLVM development files that read its \
                bitcode: install those of its LLVM version and name their folder in LLVM_PREFIX"
            .to_owned();
    }
    let offered = match facts.offers.first() {
        Some(offer) => format!("apt offers rustc {} only", offer.version),
        None => "apt offers no rustc with `core` for BPF".to_owned(),
    };
    format!(
        "{offered}, and rustup is not installed: install rustc {minimum} or newer with a `core` for \
         BPF or with rust-src, and name it in XVRRP_BPF_RUSTC"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::rustc;

    fn minimum() -> Version {
        Version::parse("1.95").expect("a version")
    }

    fn candidate(version: &str, core: Core) -> Candidate {
        Candidate {
            rustc: rustc(version, "22.1.8", core),
            linkable: true,
        }
    }

    fn offer(version: &str) -> Offer {
        Offer {
            packages: vec!["rustc-web".to_owned()],
            version: Version::parse(version).expect("a version"),
        }
    }

    #[test]
    fn an_installed_core_beats_rust_src_wherever_it_stands() {
        let facts = Facts {
            installed: vec![
                candidate("1.97.0", Core::Source),
                candidate("1.98.0", Core::Missing),
                candidate("1.96.0", Core::Prebuilt),
            ],
            ..Facts::default()
        };
        let Rung::Use(chosen) = decide(&facts, &minimum()) else {
            panic!("must find one")
        };
        assert_eq!(chosen.core, Core::Prebuilt);
    }

    #[test]
    fn the_named_compiler_is_used_or_nothing_is() {
        let mut facts = Facts {
            named: Some(candidate("1.97.0", Core::Source)),
            installed: vec![candidate("1.96.0", Core::Prebuilt)],
            ..Facts::default()
        };
        let Rung::Use(chosen) = decide(&facts, &minimum()) else {
            panic!("must be used")
        };
        assert_eq!(chosen.core, Core::Source);

        facts.named = Some(candidate("1.97.0", Core::Missing));
        let Rung::ByHand(reason) = decide(&facts, &minimum()) else {
            panic!("must refuse")
        };
        assert!(reason.contains("rust-src"), "{reason}");
    }

    #[test]
    fn an_old_compiler_does_not_count() {
        let facts = Facts {
            installed: vec![candidate("1.85.0", Core::Prebuilt)],
            offers: vec![offer("1.96.0")],
            ..Facts::default()
        };
        let expected = Rung::InstallPackages(vec!["rustc-web".to_owned()]);
        assert_eq!(decide(&facts, &minimum()), expected);
    }

    #[test]
    fn a_compiler_nobody_can_link_for_does_not_count() {
        let unlinkable = Candidate {
            linkable: false,
            ..candidate("1.99.0", Core::Source)
        };
        let mut facts = Facts {
            installed: vec![unlinkable],
            offers: vec![offer("1.96.0")],
            ..Facts::default()
        };
        assert!(matches!(
            decide(&facts, &minimum()),
            Rung::InstallPackages(_)
        ));

        facts.offers.clear();
        facts.rustup = true;
        let Rung::ByHand(reason) = decide(&facts, &minimum()) else {
            panic!("nightly is there")
        };
        assert!(reason.contains("LLVM_PREFIX"), "{reason}");
    }

    #[test]
    fn packages_come_before_nightly_and_nightly_before_giving_up() {
        let mut facts = Facts {
            installed: vec![candidate("1.95.0", Core::Missing)],
            offers: vec![offer("1.85.0"), offer("1.96.0")],
            rustup: true,
            ..Facts::default()
        };
        assert!(matches!(
            decide(&facts, &minimum()),
            Rung::InstallPackages(_)
        ));
        facts.offers.pop();
        assert_eq!(decide(&facts, &minimum()), Rung::InstallNightly);
        facts.rustup = false;
        let Rung::ByHand(reason) = decide(&facts, &minimum()) else {
            panic!("nothing is left")
        };
        assert!(
            reason.contains("1.85.0") && reason.contains("1.95"),
            "{reason}"
        );
    }
}
