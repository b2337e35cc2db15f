//! What the links' monitor found: parts and commands for the engine, and warnings.

use super::{Plane, log, steps::UnderWay};
use crate::{
    ids::RouterId,
    io::{
        causes::with_causes,
        control::{
            ControlError, Setup,
            links::{Change, Monitor, News},
            warnings::Warning,
            wording,
        },
        engine::{Command, Event},
    },
    proto::Reasons,
};

impl Plane<'_> {
    pub(super) fn take_changes(&mut self, changes: Vec<Change>) -> Result<(), ControlError> {
        for change in &changes {
            if let Some(news) = change.news {
                self.note_news(news);
            }
        }
        self.exchange_parts()?;
        for change in changes {
            let Change {
                news,
                line,
                warning,
            } = change;
            if let Some(line) = line {
                log(line);
            }
            if let Some((router, warning, begins)) = warning {
                self.warn(router, warning, begins);
            }
            match news {
                Some(News::LinkUp { router, .. }) => {
                    self.note_fault(router, Reasons::NONE);
                    self.command(Command::LinkUp(router))?;
                }
                Some(News::Fault { router, reasons }) => {
                    self.note_fault(router, reasons);
                    self.command(Command::Fault { router, reasons })?;
                }
                Some(News::AddressLost { router, vip }) => {
                    self.command(Command::AddressLost { router, vip })?;
                    if let Some(known) = self.router(router) {
                        known.removed.insert(vip);
                    }
                    self.command(Command::Snapshot { router })?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Remembers what parts are made of.
    fn note_news(&mut self, news: News) {
        for (id, known) in &mut self.routers {
            let blueprint = &mut known.blueprint;
            match news {
                News::LinkUp {
                    router,
                    primary,
                    mac,
                } if router == *id => blueprint.set_interface(primary, mac),
                News::Fit { router, advertised } if router == *id => blueprint.set_room(advertised),
                News::PeerOnLink {
                    router,
                    peer,
                    on_link,
                } if router == *id => blueprint.set_near(peer, on_link),
                News::PeerIsOurs { router, peer, ours } if router == *id => {
                    blueprint.set_ours(peer, ours);
                }
                News::MacElsewhere { interface, mac } => blueprint.set_mac(interface, mac),
                _ => {}
            }
        }
    }

    /// Gives the engine new parts of every router that is made of something else than before.
    pub(super) fn exchange_parts(&mut self) -> Result<(), ControlError> {
        let (mut all, mut failed) = (Vec::new(), Vec::new());
        for (id, known) in &mut self.routers {
            match known.blueprint.news() {
                Ok(None) => {}
                Ok(Some(parts)) => {
                    if let Some(UnderWay::Changing { revision, .. }) = &mut known.under_way {
                        *revision = Some(parts.revision);
                    }
                    self.setup.resignations.prepare(*id, &parts);
                    all.push((*id, Box::new(parts)));
                }
                Err(error) => failed.push(Event::InterfaceFailed {
                    router: *id,
                    error: error.into(),
                }),
            }
        }
        for event in failed {
            self.log_event(&event);
            self.note_step(&event);
        }
        // Before the engine speaks from anywhere: then it may die at any moment.
        self.store_resignations();
        for (router, parts) in all {
            self.command(Command::Parts { router, parts })?;
        }
        Ok(())
    }

    pub(super) fn note_names(&mut self, monitor: &Monitor) {
        for interface in self.interfaces.values_mut() {
            let now = monitor.name(interface.id);
            interface.renamed_to = now.filter(|now| *now != interface.name).map(str::to_owned);
        }
    }

    /// Says and remembers what is wrong with a router that works, or that it no longer is.
    fn warn(&mut self, router: RouterId, warning: Warning, begins: bool) {
        if let Some(known) = self.router(router) {
            known.record.warned(warning, begins);
            log(warning.line(&known.router().instance, begins));
        }
    }

    /// Says and remembers what came to keep a router from working, or that nothing does.
    fn note_fault(&mut self, router: RouterId, reasons: Reasons) {
        let Some(known) = self.router(router) else {
            return;
        };
        let before = known.record.faulted(reasons).first();
        if let Some(first) = reasons.first()
            && before != Some(first)
        {
            log(wording::fault(known.router(), first, before));
        }
    }

    pub(super) fn store_resignations(&mut self) {
        let Setup {
            resignations,
            directory,
            ..
        } = &mut self.setup;
        if let Err(error) = resignations.store(directory) {
            let error = with_causes(&error);
            tracing::error!("{error}: after a crash, nobody may be told that a router is gone");
        }
    }
}
