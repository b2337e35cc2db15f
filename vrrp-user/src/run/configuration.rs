//! The configuration that a node runs with, and the file that SIGHUP checks.

use vrrp_user::config::{self, Config, Diagnostic, Parsed, Severity};

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

/// Logs what was found, each as loud as it is bad.
pub(super) fn tell(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        match diagnostic.severity {
            Severity::Note => tracing::debug!("{diagnostic}"),
            Severity::Warning => tracing::warn!("{diagnostic}"),
            Severity::Error => tracing::error!("{diagnostic}"),
        }
    }
}

/// What SIGHUP does: reads the file again without using it.
pub(super) fn revalidate(arguments: &Run) -> Box<dyn Fn() -> Result<String, String>> {
    let file = arguments.file.clone();
    Box::new(move || {
        let Parsed {
            config,
            diagnostics,
        } = config::load(&file);
        let errors = diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error);
        match config {
            Some(config) => Ok(format!(
                "{} is valid: {} virtual routers",
                file.display(),
                config.instances.len()
            )),
            None => Err(errors
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")),
        }
    })
}
