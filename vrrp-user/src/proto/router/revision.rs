//! What becomes of a running router when its priority or its settings change.

use super::{Next, Phase, Router};
use crate::proto::{Instant, Output};

impl Router {
    /// Checks make this priority of the configured one.
    pub(super) fn set_priority(&mut self, wanted: u8, now: Instant, out: &mut Vec<Output>) {
        let common = &mut self.common;
        let priority = common.settings.effective(wanted);
        if priority == common.priority {
            return;
        }
        common.priority = priority;
        let next = match &mut self.phase {
            Phase::Initialize | Phase::Fault | Phase::Retiring(_) => Next::Stay,
            Phase::Backup(backup) => backup.reconsider(common, out),
            Phase::Rising(rising) => rising.reconsider(common, now),
            Phase::Active(active) => active.tell_priority(common, now, out),
        };
        self.proceed(next, now, out);
    }
}
