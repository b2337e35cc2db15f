//! The steps of a cleanup, of which each is tried.

use std::{fmt, io};

use super::CleanupError;
use crate::io::causes::with_causes;

/// What failed so far. A failed step does not keep the others from being tried.
#[derive(Default)]
pub(super) struct Steps {
    failures: Vec<String>,
}

impl Steps {
    pub(super) fn record<T>(
        &mut self,
        what: impl fmt::Display,
        result: io::Result<T>,
    ) -> Option<T> {
        result
            .map_err(|error| {
                self.failures
                    .push(format!("{what}: {}", with_causes(&error)))
            })
            .ok()
    }

    pub(super) fn check(&mut self) -> Result<(), CleanupError> {
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(CleanupError::Incomplete(std::mem::take(&mut self.failures)))
    }

    pub(super) fn finish(mut self) -> Result<(), CleanupError> {
        self.check()
    }
}
