//! What a node that runs would say of this machine, for `check` to say before.

use std::collections::BTreeSet;

use super::Checked;
use crate::{
    config::{Config, Place, Script},
    io::{control::links::SourceFlaw, rivals::Namesakes},
};

impl Checked<'_> {
    /// Each script once for each user that it runs as.
    pub(super) fn scripts(
        &mut self,
        config: &Config,
        flaws: impl Fn(&Script, bool) -> Vec<String>,
    ) {
        let mut known = BTreeSet::new();
        for instance in &config.instances {
            for script in instance.notify.scripts() {
                if !known.insert((script.argv.first(), &script.user, &script.group)) {
                    continue;
                }
                for flaw in flaws(script, config.globals.script_security) {
                    let message = format!("({}) {flaw}", instance.name);
                    self.report.warn(&script.place, message);
                }
            }
        }
    }

    pub(super) fn sources(&mut self, config: &Config) {
        for instance in &config.instances {
            let (name, place) = (&instance.name, &instance.source_place);
            match self.inventory.source_flaw(instance) {
                None => {}
                Some(SourceFlaw::Fault(text)) => self.report.warn_help(
                    place,
                    format!("({name}) {text}: `run` is in FAULT state until it is"),
                    "give it to an interface, or write an address that the machine has",
                ),
                Some(SourceFlaw::Warning(text)) => {
                    self.report.warn(place, format!("({name}) {text}"));
                }
            }
        }
    }

    /// Of the whole file, since no line of it is wrong.
    pub(super) fn keepalived(&mut self, config: &Config, found: &Namesakes) {
        let Some(first) = config.instances.first() else {
            return;
        };
        let (processes, location) = if found.here.is_empty() {
            let somewhere = "on this machine (root can tell whether in this network namespace)";
            (&found.somewhere, somewhere)
        } else {
            (&found.here, "in this network namespace")
        };
        if processes.is_empty() {
            return;
        }
        let plural = if processes.len() > 1 { "es" } else { "" };
        let numbers = Vec::from_iter(processes.iter().map(u32::to_string)).join(", ");
        self.report.warn_help(
            &Place::new(&first.place.file, 0),
            format!(
                "keepalived runs {location}, process{plural} {numbers}: `run` takes its virtual IPs away, as if a \
                 killed node had left them"
            ),
            "stop it before `run`, as by `systemctl disable --now keepalived`",
        );
    }
}
