//! What the links' monitor found: commands for the engine, warnings, and the end for an interface without our
//! programs.

use super::{Plane, log};
use crate::{
    ids::RouterId,
    io::{
        causes::with_causes,
        control::{
            ControlError, Setup,
            links::{Change, Monitor},
            signals::Request,
            warnings::Warning,
            wording,
        },
        engine::Command,
    },
    proto::Reasons,
};

impl Plane<'_> {
    pub(super) fn take_changes(&mut self, changes: Vec<Change>) -> Result<(), ControlError> {
        // Before the engine speaks from anywhere: then it may die at any moment.
        self.prepare_resignations(changes.iter().filter_map(|change| change.command));
        for change in changes {
            let Change {
                command,
                line,
                recreated,
                warning,
            } = change;
            if let Some(line) = line {
                log(line);
            }
            if let Some((router, warning, begins)) = warning {
                self.warn(router, warning, begins);
            }
            if let Some(interface) = recreated {
                self.stop_for(interface)?;
            }
            let Some(command) = command else {
                continue;
            };
            self.note_fault(command);
            self.command(command)?;
            if let Command::AddressLost { router, vip } = command {
                if let Some(known) = self.router(router) {
                    known.removed.insert(vip);
                }
                self.command(Command::Snapshot { router })?;
            }
        }
        Ok(())
    }

    pub(super) fn note_names(&mut self, monitor: &Monitor) {
        for interface in &mut self.setup.interfaces {
            let now = monitor.name(interface.id);
            interface.renamed_to = now.filter(|now| *now != interface.name).map(str::to_owned);
        }
    }

    /// Says and remembers what is wrong with a router that works, or that it no longer is.
    fn warn(&mut self, router: RouterId, warning: Warning, begins: bool) {
        if let Some(known) = self.router(router) {
            known.record.warned(warning, begins);
            log(warning.line(&known.assigned.instance, begins));
        }
    }

    /// Says and remembers what came to keep a router from working, or that nothing does.
    fn note_fault(&mut self, command: Command) {
        let (router, reasons) = match command {
            Command::Fault { router, reasons } => (router, reasons),
            Command::LinkUp { router, .. } => (router, Reasons::NONE),
            _ => return,
        };
        let Some(known) = self.router(router) else {
            return;
        };
        let before = known.record.faulted(reasons).first();
        if let Some(first) = reasons.first()
            && before != Some(first)
        {
            log(wording::fault(&known.assigned, first, before));
        }
    }

    pub(super) fn prepare_resignations(&mut self, commands: impl IntoIterator<Item = Command>) {
        let Setup {
            resignations,
            directory,
            ..
        } = &mut self.setup;
        if let Err(error) = resignations.prepare(directory, commands) {
            let error = with_causes(&error);
            tracing::error!("{error}: after a crash, nobody may be told that a router is gone");
        }
    }

    /// Stops in good order and with an error, so that who supervises the node starts it again.
    fn stop_for(&mut self, recreated: String) -> Result<(), ControlError> {
        if self.stopping {
            return Ok(());
        }
        tracing::error!(
            "interface {recreated} was created anew: ending, to be started again with programs on it"
        );
        self.recreated = Some(recreated);
        self.obey(Request::Stop)
    }
}
