//! Reading the file again: SIGHUP and `xvrrp reload`, and `xvrrp check --diff`, which only looks.

use std::{collections::BTreeSet, path::Path};

use nix::net::if_::if_nametoindex;

use super::Plane;
use crate::{
    config::{self, Config, Diagnostic, Parsed},
    ids::InterfaceId,
    io::{
        control::{ControlError, socket::Question, socket::Reply},
        log, systemd,
    },
    plan::{self, Desired, Interfaces, PlanError, Step},
    status::Reloaded,
};

/// The interfaces of the network namespace, as they are called now.
struct Here;

impl Interfaces for Here {
    fn find(&self, name: &str) -> Option<InterfaceId> {
        if_nametoindex(name).ok().map(InterfaceId)
    }
}

/// What a file is worth.
struct Examined {
    diagnostics: Vec<Diagnostic>,
    /// What there is to do; `None` if the file is refused.
    steps: Option<Vec<Step>>,
    /// Why, if that is no diagnostic.
    refused: Option<PlanError>,
}

impl Examined {
    fn answer(&self) -> Reloaded {
        let diagnostics = self.diagnostics.iter().map(ToString::to_string);
        let refused = self.refused.iter().map(ToString::to_string);
        Reloaded {
            taken: self.steps.is_some(),
            diagnostics: diagnostics.chain(refused).collect(),
            effects: self.steps.as_deref().map(plan::summary).unwrap_or_default(),
        }
    }
}

impl Plane<'_> {
    /// Does what a client of the control socket asks.
    pub(super) fn serve(&mut self, question: Question) -> Result<(), ControlError> {
        match question {
            Question::Status(client) => return self.ask_status(Some(client)),
            Question::Reload(reply) => self.reload(Some(reply)),
            // A client that has gone wants no answer.
            Question::Preview(file, reply) => drop(reply.send(Ok(self.examine(&file).answer()))),
        }
        Ok(())
    }

    /// SIGHUP, or a client that waits for the end.
    pub(super) fn reload(&mut self, client: Option<Reply>) {
        let answer = self.may_reload().and_then(|()| {
            systemd::reloading();
            let answer = self.read_again();
            // Whatever came of it, the node is ready; said again as long as the manager does not take it.
            self.starting = Some(BTreeSet::new());
            self.tell_manager();
            answer
        });
        match &answer {
            Ok(answer) => {
                for effect in &answer.effects {
                    tracing::info!("{effect}");
                }
                if !answer.taken {
                    tracing::error!("Reload refused: nothing changes");
                } else if answer.effects.is_empty() {
                    tracing::info!("Reload complete: nothing changes");
                } else {
                    tracing::info!("Reload complete");
                }
            }
            Err(error) => tracing::error!("Reload refused: {error}"),
        }
        if let Some(client) = client {
            drop(client.send(answer));
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

    /// Reads the file and has the node run as it says.
    fn read_again(&mut self) -> Result<Reloaded, String> {
        let file = self.setup.file.clone().unwrap_or_default();
        tracing::info!("Reloading {}", file.display());
        let examined = self.examine(&file);
        log::tell(&examined.diagnostics);
        let answer = examined.answer();
        if answer.effects.is_empty() {
            return Ok(answer);
        }
        Err("this version does not reload, restart xvrrp to use the file".to_owned())
    }

    /// What the node would have to do to run as this file says.
    fn examine(&self, file: &Path) -> Examined {
        let Parsed {
            config,
            diagnostics,
        } = config::load(file);
        let steps = config.map(|config| {
            let running = Config {
                globals: self.setup.globals.clone(),
                instances: self
                    .in_order()
                    .map(|one| one.assigned.instance.clone())
                    .collect(),
            };
            let now = Desired::new(&running, &Here, &Desired::default())?;
            Ok(plan::diff(&now, &Desired::new(&config, &Here, &now)?))
        });
        let (steps, refused) = match steps {
            None => (None, None),
            Some(Ok(steps)) => (Some(steps), None),
            Some(Err(error)) => (None, Some(error)),
        };
        Examined {
            diagnostics,
            steps,
            refused,
        }
    }
}
