//! Errors of a start that say what to do.

use std::io;

use anyhow::anyhow;
use caps::Capability;

use crate::io::runtime_dir::RuntimeDirError;

/// Two nodes of one machine meet here, whichever network namespaces they are in.
pub(super) fn with_name_hint(error: RuntimeDirError) -> anyhow::Error {
    match error {
        RuntimeDirError::Locked { .. } => anyhow!(
            "{error}; another node on this machine, in whichever network namespace, needs a name of its own: \
             --instance NAME"
        ),
        error => error.into(),
    }
}

/// A refusal says which permission is missing.
pub(super) fn with_lacking_capabilities(
    error: anyhow::Error,
    lacking: &[Capability],
) -> anyhow::Error {
    let refused = |cause: &io::Error| cause.kind() == io::ErrorKind::PermissionDenied;
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    if lacking.is_empty() || !causes.any(refused) {
        return error;
    }
    let names = Vec::from_iter(lacking.iter().map(ToString::to_string)).join(", ");
    error.context(format!("this process lacks {names}, which a node needs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_is_lacking_and_other_errors_do_not() {
        let told = |error: anyhow::Error, lacking: &[Capability]| {
            format!(
                "{:#}",
                with_lacking_capabilities(error.context("cannot start"), lacking)
            )
        };
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied).into();
        assert_eq!(
            told(refused(), &[Capability::CAP_NET_RAW]),
            "this process lacks CAP_NET_RAW, which a node needs: cannot start: permission denied"
        );
        assert_eq!(told(refused(), &[]), "cannot start: permission denied");
        let other = told(anyhow!("no such thing"), &[Capability::CAP_NET_RAW]);
        assert_eq!(other, "cannot start: no such thing");
    }
}
