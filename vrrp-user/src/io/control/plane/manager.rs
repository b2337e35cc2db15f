//! What the service manager is told: READY, a summary for `systemctl status`, and that the engine is alive.

use std::collections::BTreeSet;

use super::Plane;
use crate::{
    io::{
        control::{ControlError, record::state_name},
        engine::Command,
        systemd,
    },
    proto::State,
};

/// More routers than this are counted in `systemctl status`, not listed.
const LISTED: usize = 8;

impl Plane<'_> {
    fn is_ready_untold(&self) -> bool {
        self.starting.as_ref().is_some_and(BTreeSet::is_empty)
    }

    pub(super) fn has_to_tell(&self) -> bool {
        self.summary_is_old || self.is_ready_untold()
    }

    /// READY comes first: the start of the unit waits for it.
    pub(super) fn tell_manager(&mut self) {
        if self.is_ready_untold() && systemd::ready() {
            self.starting = None;
        }
        if self.summary_is_old && systemd::status(&self.summary()) {
            self.summary_is_old = false;
        }
    }

    /// A hung engine does not answer, and systemd is told nothing.
    pub(super) fn feed_watchdog(&mut self) -> Result<(), ControlError> {
        if std::mem::take(&mut self.engine_alive) {
            systemd::alive();
        }
        Ok(self.command(Command::Ping)?)
    }

    /// For `systemctl status`.
    fn summary(&self) -> String {
        let all = self.setup.config.instances.iter().zip(&self.records);
        if self.records.len() > LISTED {
            let masters = self
                .records
                .iter()
                .filter(|record| record.state() == State::Active);
            return format!("{} of {} MASTER", masters.count(), self.records.len());
        }
        let states = all
            .map(|(instance, record)| format!("{} {}", instance.name, state_name(record.state())));
        states.collect::<Vec<_>>().join(", ")
    }
}
