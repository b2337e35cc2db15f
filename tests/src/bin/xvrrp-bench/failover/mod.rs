//! `xvrrp-bench failover`.

use anyhow::Result;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs the command.
pub(crate) fn run(_args: &Args) -> Result<()> {
    anyhow::bail!("not written")
}
