//! The configuration that a node runs with, and the file that it is read from.

use std::path::{self, PathBuf};

use vrrp_user::{
    config::{self, Config},
    io::log::tell,
};

use crate::{
    cli::Run,
    exit::{Misconfigured, Misused},
};

/// Reads the configuration and tells what is wrong with it.
pub(super) fn configuration(arguments: &Run) -> anyhow::Result<Config> {
    if let Some(router) = arguments.quick.router() {
        let parsed = router.parse();
        tell(&parsed.diagnostics);
        let wrong = Misused("the command line has errors, nothing is started; see --help");
        return Ok(parsed.config.ok_or(wrong)?);
    }
    let parsed = config::load(&arguments.file);
    tell(&parsed.diagnostics);
    let wrong = Misconfigured("the configuration has errors, nothing is started");
    Ok(parsed.config.ok_or(wrong)?)
}

/// The file that a reload reads again, wherever the node is by then.
pub(super) fn file(arguments: &Run) -> Option<PathBuf> {
    let is_given = arguments.quick.router().is_none();
    is_given.then(|| path::absolute(&arguments.file).unwrap_or_else(|_| arguments.file.clone()))
}
