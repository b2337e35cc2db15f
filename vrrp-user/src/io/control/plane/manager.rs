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
        let count = self.routers.len();
        if count > LISTED {
            let states = self.routers.values().map(|known| known.record.state());
            let masters = states.filter(|state| *state == State::Active);
            return format!("{} of {count} MASTER", masters.count());
        }
        let states = self.in_order().map(|known| {
            let state = state_name(known.record.state());
            format!("{} {state}", known.router().instance.name)
        });
        states.collect::<Vec<_>>().join(", ")
    }
}
