//! `cargo xtask conformance`: the ledger of every requirement the node answers for, from the
//! citations in code and tests.
//!
//! The requirements are numbered in `docs/conformance/requirements.toml`. A comment line on code
//! names the number and the section it follows, one above a test what it shows:
//!
//! ```text
//! //= C37: RFC 9568 section 6.4.2
//! //= C36: proof
//! //= C37, C38: refusal
//! ```

mod citations;
mod ledger;
mod page;
mod requirements;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::{
    conformance::{citations::Citations, ledger::Ledger, requirements::Requirements},
    progress, workspace,
};

/// The numbered requirements, below the root.
const REQUIREMENTS: &str = "docs/conformance/requirements.toml";
/// The generated page, below the root.
const PAGE: &str = "docs/conformance.md";
/// Where code and tests may cite, below the root.
const SOURCES: [&str; 3] = ["vrrp-ebpf/src", "vrrp-user/src", "tests"];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if the page is not what would be written
    #[arg(long)]
    check: bool,

    /// Fail while a requirement is open, too
    #[arg(long)]
    strict: bool,
}

/// Runs the command.
///
/// # Errors
/// When a requirement that is said to be met has no citation or no test, a citation is wrong, the
/// page is stale (`--check`), or a requirement is open (`--strict`).
pub(crate) fn command(args: &Args) -> Result<()> {
    let root = workspace::root();
    let requirements = Requirements::parse(&read(&root.join(REQUIREMENTS))?)
        .with_context(|| format!("in {REQUIREMENTS}"))?;
    let citations = Citations::scan(&root, &SOURCES)?;
    let ledger = Ledger::join(&requirements, &citations);

    progress::heading("conformance");
    report(&ledger);
    if !ledger.faults.is_empty() {
        bail!("{} faults (see above)", ledger.faults.len());
    }
    keep(&root.join(PAGE), &page::markdown(&ledger), args.check)?;
    if args.strict && ledger.unfinished().count() > 0 {
        bail!("requirements are open (see above)");
    }
    Ok(())
}

fn report(ledger: &Ledger<'_>) {
    progress::note(&ledger.summary());
    for row in ledger.unfinished() {
        let requirement = row.requirement;
        let plan = requirement.open.as_deref().unwrap_or_default();
        progress::note(&format!("{} {}: {plan}", row.state(), requirement.id));
    }
    for fault in &ledger.faults {
        progress::note(&format!("FAULT {fault}"));
    }
}

/// Writes the page, or only compares it.
fn keep(path: &Path, page: &str, check: bool) -> Result<()> {
    if !check {
        return fs::write(path, page).with_context(|| format!("cannot write {PAGE}"));
    }
    if read(path)? != page {
        bail!("{PAGE} is stale: `cargo xtask conformance` writes it");
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_page_is_refused_and_only_a_run_without_check_writes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("page.md");
        assert!(keep(&path, "new", true).is_err());
        assert!(!path.exists());

        keep(&path, "old", false).expect("written");
        keep(&path, "old", true).expect("current");
        let stale = keep(&path, "new", true).expect_err("stale");
        assert!(stale.to_string().contains("stale"));
        assert_eq!(read(&path).expect("still there"), "old");
    }
}
