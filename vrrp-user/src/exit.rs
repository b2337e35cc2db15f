//! How commands end: 0, 1 for what may be cured by trying again, 2 for a wrong command line (as clap does), 78 for a wrong
//! configuration. The unit's `RestartPreventExitStatus=` names the last two.

use std::process::ExitCode;

use thiserror::Error;
use vrrp_user::{
    io::{control::ControlError, node::Misconfigured},
    plan::PlanError,
};

/// The one that clap ends with.
const USAGE: u8 = 2;
/// `EX_CONFIG` of sysexits(3).
const CONFIG: u8 = 78;

/// The virtual router on the command line cannot be run, whatever the system is like.
#[derive(Clone, Copy, Debug, Error)]
#[error("{0}")]
pub(crate) struct Misused(pub(crate) &'static str);

/// The exit code for an error.
pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
    if error.is::<Misused>() {
        ExitCode::from(USAGE)
    } else if is_of_the_configuration(error) {
        ExitCode::from(CONFIG)
    } else {
        ExitCode::FAILURE
    }
}

fn is_of_the_configuration(error: &anyhow::Error) -> bool {
    error.is::<Misconfigured>()
        || error.is::<PlanError>()
        || matches!(error.downcast_ref(), Some(ControlError::Plan(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_mend_itself_is_told_from_what_will_not() {
        let wrong = anyhow::Error::from(Misconfigured("wrong"));
        assert!(is_of_the_configuration(&wrong.context("in a context")));
        assert!(is_of_the_configuration(&PlanError::TooManyVips.into()));
        let started = ControlError::from(PlanError::TooManyVips);
        assert!(is_of_the_configuration(&started.into()));
        let superseded = anyhow::Error::from(ControlError::Superseded);
        assert!(!is_of_the_configuration(&superseded));
        assert!(!is_of_the_configuration(&anyhow::anyhow!("anything else")));
    }
}
