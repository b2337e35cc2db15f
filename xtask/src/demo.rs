//! `cargo xtask demo`: the tutorial's failover pair in a lab of namespaces, shown and measured.

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::{build, process, progress, tools::Need, workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder for report.json; `demo` in the target folder unless given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Fewer measurements: seconds instead of about a minute
    #[arg(long)]
    quick: bool,
}

/// Runs the command.
///
/// # Errors
/// When something needed cannot be had, a build fails or the demo cannot be started; otherwise
/// this does not return.
pub(crate) fn command(args: &Args) -> Result<()> {
    let built = build::build(&[Need::Build, Need::Lab], true)?;
    progress::heading("building the lab");
    let demo = build::executable("vrrp-tests", "xvrrp-demo", false, None)?;
    let out = match &args.out {
        Some(out) => env::current_dir().context("no current folder")?.join(out),
        None => workspace::report("demo"),
    };
    let mut demo = process::as_root(&demo)?;
    demo.arg("--xvrrp").arg(&built.node).arg("--out").arg(&out);
    if args.quick {
        demo.arg("--quick");
    }
    progress::heading("the demo");
    process::exec(&mut demo)
}
