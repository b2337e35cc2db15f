//! The scripts of a configuration with their users looked up.

use std::collections::BTreeMap;

use super::{Script, Scripts, UserError};
use crate::config::{self, Config};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Crew {
    by_instance: BTreeMap<String, Result<Scripts, UserError>>,
    /// What is wrong, by user and group.
    unknown: BTreeMap<(Option<String>, Option<String>), UserError>,
}

impl Crew {
    /// Asks the service that knows the users, which may take its time.
    #[must_use]
    pub fn look_up(config: &Config) -> Self {
        let is_guarded = config.globals.script_security;
        let mut crew = Self::default();
        for instance in &config.instances {
            let scripts = Scripts::new(instance, is_guarded);
            if scripts.is_err() {
                crew.ask_for_each(instance, is_guarded);
            }
            crew.by_instance.insert(instance.name.clone(), scripts);
        }
        crew
    }

    /// Of scripts that cannot all be run, notes which user or group each lacks.
    fn ask_for_each(&mut self, instance: &config::Instance, is_guarded: bool) {
        for script in instance.notify.scripts() {
            if let Err(error) = Script::new(script, is_guarded) {
                self.unknown.entry(key(script)).or_insert(error);
            }
        }
    }

    /// Whether the user and the group that a script is to run as exist.
    ///
    /// # Errors
    /// Which of them does not, with the first script that names it.
    pub(in crate::io::control) fn user(&self, script: &config::Script) -> Result<(), UserError> {
        self.unknown
            .get(&key(script))
            .map_or(Ok(()), |error| Err(error.clone()))
    }

    /// The scripts of an instance.
    pub(in crate::io::control) fn of(&self, instance: &str) -> Option<&Result<Scripts, UserError>> {
        self.by_instance.get(instance)
    }
}

fn key(script: &config::Script) -> (Option<String>, Option<String>) {
    (script.user.clone(), script.group.clone())
}
