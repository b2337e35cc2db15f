//! Reading the file again: SIGHUP and `xvrrp reload`, and `xvrrp check --diff`, which only looks.

use std::collections::BTreeSet;

use super::{
    Plane,
    apply::Applied,
    reader::{Contents, Purpose, Read},
};
use crate::{
    config::{Config, Diagnostic, Parsed},
    io::{
        causes::with_causes,
        control::{
            ControlError, Crew, Inventory,
            host::Refused,
            links::Monitor,
            machine,
            socket::{Question, Reply},
        },
        engine::Command,
        log, systemd,
    },
    plan::{self, Desired},
    status::Reloaded,
};

/// A reload that is under way.
pub(super) struct Reloading {
    /// What is to be answered if all of it can be done.
    answer: Reloaded,
    clients: Vec<Reply>,
    /// The configuration before, and its scripts.
    before: (Config, Crew),
}

/// What a file is worth.
struct Examined {
    diagnostics: Vec<Diagnostic>,
    /// What is to run by it; nothing if it is refused.
    wanted: Option<(Config, Crew, Desired)>,
    /// Why it is, if that is no diagnostic.
    refused: Option<String>,
}

impl Examined {
    fn answer(&self, running: &Desired) -> Reloaded {
        let diagnostics = self.diagnostics.iter().map(ToString::to_string);
        let wanted = self.wanted.as_ref();
        let steps = wanted.map(|(.., desired)| plan::diff(running, desired));
        Reloaded {
            taken: wanted.is_some(),
            diagnostics: diagnostics.chain(self.refused.clone()).collect(),
            effects: steps.as_deref().map(plan::summary).unwrap_or_default(),
            failures: Vec::new(),
        }
    }
}

impl Plane<'_> {
    /// Does what a client of the control socket asks.
    pub(super) async fn serve(
        &mut self,
        question: Question,
        monitor: &mut Monitor,
    ) -> Result<(), ControlError> {
        match question {
            Question::Status(client) => self.ask_status(Some(client)),
            Question::Reload(reply) => self.reload(Some(reply), monitor).await,
            // Nobody waits for what is read any more.
            Question::Preview(_, reply) if self.stopping => {
                drop(reply.send(Err("it is stopping".to_owned())));
                Ok(())
            }
            Question::Preview(file, reply) => {
                self.reader.preview(file, reply);
                Ok(())
            }
        }
    }

    /// A file has been read.
    pub(super) async fn take_read(
        &mut self,
        read: Read,
        monitor: &mut Monitor,
    ) -> Result<(), ControlError> {
        match self.reader.ended(read) {
            Some((contents, Purpose::Preview(reply))) => {
                let answer = self
                    .examine(contents, &self.inventory(monitor))
                    .answer(&self.desired);
                // A client that has gone wants no answer.
                drop(reply.send(Ok(answer)));
            }
            Some((contents, Purpose::Reload(clients))) => self.read = Some((contents, clients)),
            None => {}
        }
        self.proceed(monitor).await
    }

    /// SIGHUP, or a client that waits for the end. All that come while a reload is under way are one more reload.
    pub(super) async fn reload(
        &mut self,
        client: Option<Reply>,
        monitor: &mut Monitor,
    ) -> Result<(), ControlError> {
        match self.may_reload() {
            Ok(()) => {
                self.next_reload.get_or_insert_default().extend(client);
                self.proceed(monitor).await
            }
            Err(error) => {
                tracing::error!("Reload refused: {error}");
                if let Some(client) = client {
                    drop(client.send(Err(error)));
                }
                Ok(())
            }
        }
    }

    fn may_reload(&self) -> Result<(), String> {
        if self.stopping {
            Err("too late for a reload: it is stopping".to_owned())
        } else if self
            .starting
            .as_ref()
            .is_some_and(|missing| !missing.is_empty())
        {
            Err("too early for a reload: it is starting".to_owned())
        } else if self.setup.file.is_none() {
            Err("there is no configuration file to read again".to_owned())
        } else {
            Ok(())
        }
    }

    /// Goes on with what is under way, then with what waits for its end.
    pub(super) async fn proceed(&mut self, monitor: &mut Monitor) -> Result<(), ControlError> {
        if self.stopping {
            // Who waits for a reload is told that the node stops.
            self.next_reload = None;
            self.read = None;
            self.reader.give_up();
            self.reloading = None;
            return self.end(monitor).await;
        }
        loop {
            if self.applying.is_some() {
                match self.go_on(monitor).await? {
                    Applied::UnderWay => return Ok(()),
                    Applied::Done => self.end_reload(None),
                    Applied::Refused(interface, refused) if self.reloading.is_none() => {
                        self.go_without(interface, &refused);
                    }
                    Applied::Refused(_, refused) => self.end_reload(Some(refused)),
                }
                self.note_names(monitor);
            }
            if self.stopping {
                return Ok(());
            }
            self.following.let_go(&self.desired);
            if let Some((contents, clients)) = self.read.take() {
                self.begin_reload(contents, clients, &self.inventory(monitor));
                continue;
            }
            if !self.reader.reads_for_reload()
                && let Some(clients) = self.next_reload.take()
            {
                self.read_again(clients);
            }
            if !self.following.take_moved() || !self.follow_interfaces(&self.inventory(monitor)) {
                return Ok(());
            }
        }
    }

    /// Goes on with the stop. When nothing is left to take away, the engine ends.
    async fn end(&mut self, monitor: &mut Monitor) -> Result<(), ControlError> {
        if self.applying.is_some()
            && let Applied::Done = self.go_on(monitor).await?
        {
            self.command(Command::Stop)?;
        }
        Ok(())
    }

    fn read_again(&mut self, clients: Vec<Reply>) {
        systemd::reloading();
        let file = self.setup.file.clone().unwrap_or_default();
        tracing::info!("Reloading {}", file.display());
        self.reader.reload(file, clients);
    }

    fn begin_reload(&mut self, contents: Contents, clients: Vec<Reply>, inventory: &Inventory) {
        self.following.try_all();
        let examined = self.examine(contents, inventory);
        log::tell(&examined.diagnostics);
        let answer = examined.answer(&self.desired);
        let Some((config, crew, desired)) = examined.wanted else {
            return self.answer_reload(clients, answer);
        };
        self.reloading = Some(Reloading {
            answer,
            clients,
            before: (
                std::mem::replace(&mut self.setup.config, config),
                std::mem::replace(&mut self.setup.crew, crew),
            ),
        });
        self.begin(desired);
    }

    fn end_reload(&mut self, refused: Option<Refused>) {
        let Some(mut reloading) = self.reloading.take() else {
            return;
        };
        if let Some(refused) = refused {
            (self.setup.config, self.setup.crew) = reloading.before;
            self.tell_all_scripts();
            reloading.answer.taken = false;
            reloading.answer.effects.clear();
            reloading.answer.diagnostics.push(with_causes(&*refused));
        }
        self.answer_reload(reloading.clients, reloading.answer);
    }

    /// A step about a virtual router has failed.
    pub(super) fn note_failure(&mut self, failure: String) {
        if let Some(reloading) = &mut self.reloading {
            reloading.answer.failures.push(failure);
        }
    }

    fn answer_reload(&mut self, clients: Vec<Reply>, answer: Reloaded) {
        // Whatever came of it, the node is ready; said again as long as the manager does not take it.
        self.starting = Some(BTreeSet::new());
        self.tell_manager();
        for effect in &answer.effects {
            tracing::info!("{effect}");
        }
        if !answer.taken {
            tracing::error!("Reload refused: nothing changes");
        } else if !answer.failures.is_empty() {
            tracing::error!("Reload complete, but for what failed above");
        } else if answer.effects.is_empty() {
            tracing::info!("Reload complete: nothing changes");
        } else {
            tracing::info!("Reload complete");
        }
        for client in clients {
            drop(client.send(Ok(answer.clone())));
        }
    }

    /// What the node would run by a file.
    fn examine(&self, contents: Contents, inventory: &Inventory) -> Examined {
        let Contents { parsed, crew } = contents;
        let Parsed {
            config,
            mut diagnostics,
        } = parsed;
        let Some(config) = config else {
            return Examined {
                diagnostics,
                wanted: None,
                refused: None,
            };
        };
        let held = self.desired.held();
        let purpose = machine::Purpose::Reload(&held);
        let found = machine::check(&config, inventory, purpose, &crew);
        diagnostics.extend(found.diagnostics);
        let desired = Desired::new(&config, &self.usable(inventory), &self.desired);
        let (wanted, refused) = match desired {
            _ if found.refusal.is_some() => (None, None),
            Ok(desired) => (Some((config, crew, desired)), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Examined {
            diagnostics,
            wanted,
            refused,
        }
    }
}
