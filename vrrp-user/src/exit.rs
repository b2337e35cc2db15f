//! How commands end: 0, 1 for what may be cured by trying again, 2 for a wrong command line (clap's), 78 for a wrong
//! configuration. The unit's `RestartPreventExitStatus=` names the last two.

use std::process::ExitCode;

use thiserror::Error;
use vrrp_user::io::{control::ControlError, engine::PlanError};

/// `EX_CONFIG` of sysexits(3).
const CONFIG: u8 = 78;

/// The configuration cannot be run, whatever the system is like.
#[derive(Clone, Copy, Debug, Error)]
#[error("{0}")]
pub(crate) struct Misconfigured(pub(crate) &'static str);

/// The exit code for an error.
pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
    if is_of_the_configuration(error) {
        ExitCode::from(CONFIG)
    } else {
        ExitCode::FAILURE
    }
}

fn is_of_the_configuration(error: &anyhow::Error) -> bool {
    error.is::<Misconfigured>()
        || matches!(error.downcast_ref(), Some(ControlError::User(_)))
        // An interface may come.
        || error
            .downcast_ref()
            .is_some_and(|error| !matches!(error, PlanError::NoInterface { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_mend_itself_is_told_from_what_will_not() {
        let wrong = anyhow::Error::from(Misconfigured("wrong"));
        assert!(is_of_the_configuration(&wrong.context("in a context")));
        assert!(is_of_the_configuration(&PlanError::TooManyVips.into()));
        let missing = PlanError::NoInterface {
            instance: "VI_1".to_owned(),
            interface: "ens33".to_owned(),
        };
        assert!(!is_of_the_configuration(&missing.into()));
        assert!(!is_of_the_configuration(&ControlError::Superseded.into()));
        assert!(!is_of_the_configuration(&anyhow::anyhow!("anything else")));
    }
}
