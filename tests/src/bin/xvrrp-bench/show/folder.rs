//! `xvrrp-bench show`: draws a report once more, by what this version knows of drawing.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use vrrp_tests::report::Report;

use super::{html, markdown::markdown, terminal};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder with a report.json; table.md and report.html in it are drawn anew
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// Without a report in the folder, or if nothing can be written there.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = args.folder.display();
    let report = fs::read_to_string(args.folder.join("report.json"))
        .with_context(|| format!("no report.json in {folder}"))?;
    let report: Report =
        serde_json::from_str(&report).with_context(|| format!("{folder}/report.json"))?;
    terminal::table(&report);
    fs::write(args.folder.join("table.md"), markdown(&report)).context("write table.md")?;
    html::redraw(&report, &args.folder)?;
    println!("\nWritten: {folder}/report.html, {folder}/table.md");
    Ok(())
}
