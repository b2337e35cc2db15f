//! What a configuration is worth on this machine: what keeps it from running, such as a user of a script that does not
//! exist, and what a virtual router has to wait for, such as an interface. Asked by `check`, by `run` before anything is
//! put into the system, and by a reload. `check` also foretells what a running node would complain of.
//! The users of scripts were looked up before.

mod foretold;

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    links::{Inventory, excess},
    notify::{Crew, UserError, script_flaws},
};
use crate::{
    config::{Config, Diagnostic, Diagnostics, Instance, Place, Script},
    ids::InterfaceId,
    io::rivals,
};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// `check`: the file may be meant for another machine, where what is missing here exists.
    Check,
    /// `run`.
    Run,
    /// A reload, by a node that may have these addresses on interfaces.
    Reload(&'a BTreeSet<(InterfaceId, IpAddr)>),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// Why `run` does not start, if it does not.
    pub refusal: Option<Refusal>,
}

/// Whether it is worth while to start again later; the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// It may mend itself: the service that knows the users may come.
    Absent,
    /// The configuration has to be changed, or the machine's.
    Wrong,
}

/// What stands between `config` and this machine.
#[must_use]
pub fn check(config: &Config, inventory: &Inventory, purpose: Purpose<'_>, crew: &Crew) -> Found {
    let mut checked = Checked::new(inventory, purpose);
    checked.obstacles(config, |script| crew.user(script));
    // A node looks for itself when it runs; a file system that does not answer must not hold up its start.
    if purpose == Purpose::Check {
        checked.scripts(config, script_flaws);
        checked.sources(config);
        checked.keepalived(config, &rivals::keepalived());
    }
    checked.finish()
}

struct Checked<'a> {
    inventory: &'a Inventory,
    purpose: Purpose<'a>,
    report: Diagnostics,
    refusal: Option<Refusal>,
}

impl<'a> Checked<'a> {
    fn new(inventory: &'a Inventory, purpose: Purpose<'a>) -> Self {
        Self {
            inventory,
            purpose,
            report: Diagnostics::default(),
            refusal: None,
        }
    }

    fn finish(self) -> Found {
        Found {
            diagnostics: self.report.finish(),
            refusal: self.refusal,
        }
    }

    /// What `run` refuses to start with, and interfaces that it waits for.
    fn obstacles(&mut self, config: &Config, look_up: impl Fn(&Script) -> Result<(), UserError>) {
        if !config.globals.dynamic_interfaces {
            for instance in &config.instances {
                self.interfaces(instance);
            }
        }
        for instance in &config.instances {
            self.room(instance);
        }
        self.own_addresses(config);
        self.users(config, look_up);
    }

    fn refuse(&mut self, why: Refusal) {
        if self.purpose != Purpose::Check {
            self.refusal = self.refusal.max(Some(why));
        }
    }

    /// Something that another machine may have.
    fn lacks(&mut self, why: Refusal, place: &Place, message: String, help: impl Into<String>) {
        self.refuse(why);
        match self.purpose {
            Purpose::Check => self.report.warn_help(
                place,
                format!("{message} on this machine: `run` refuses to start here"),
                help,
            ),
            Purpose::Run | Purpose::Reload(_) => self.report.error_help(place, message, help),
        }
    }

    /// Each name once for `interface` and once for all `dev`.
    fn interfaces(&mut self, instance: &Instance) {
        self.interface(instance, &instance.interface, &instance.interface_place);
        let mut known = BTreeSet::new();
        for vip in &instance.vips {
            if let Some(device) = &vip.device
                && known.insert(device)
            {
                self.interface(instance, device, &vip.place);
            }
        }
    }

    fn interface(&mut self, instance: &Instance, name: &str, place: &Place) {
        if self.inventory.find(name).is_some() {
            return;
        }
        let help = match name.split_once('@') {
            Some((own, lower)) => format!(
                "did you mean `{own}`? `@{lower}` is what `ip link` shows of the interface below it, and not a part of the name"
            ),
            None => "`ip link` shows their names; with `dynamic_interfaces` in `global_defs` nothing is said of it"
                .to_owned(),
        };
        self.report.warn_help(
            place,
            format!(
                "({}) there is no interface {name}: FAULT until there is one",
                instance.name
            ),
            help,
        );
    }

    /// What adverts have no room for on their interface is left out of them, as keepalived does.
    fn room(&mut self, instance: &Instance) {
        let Some(mtu) = self.inventory.mtu(&instance.interface) else {
            return;
        };
        let (listed, room) = (instance.advertised().count(), instance.fitting(mtu));
        if room < listed {
            self.report.warn_help(
                &instance.place,
                format!("({}) {}", instance.name, excess(listed, room)),
                "list them in `virtual_ipaddress_excluded`, on every router",
            );
        }
    }

    /// What would take the machine's own address away.
    fn own_addresses(&mut self, config: &Config) {
        let none = BTreeSet::new();
        let held = match self.purpose {
            Purpose::Reload(held) => held,
            Purpose::Check | Purpose::Run => &none,
        };
        for found in self.inventory.own_virtual_ips(&config.instances, held) {
            self.refuse(Refusal::Wrong);
            match self.purpose {
                Purpose::Check => self.report.warn(
                    found.place,
                    format!(
                        "{found} (a VRRP node that runs here may have it there for good reason)"
                    ),
                ),
                Purpose::Run | Purpose::Reload(_) => {
                    self.report.error(found.place, found.to_string());
                }
            }
        }
    }

    /// Each user and group once, where the first script needs it.
    fn users(&mut self, config: &Config, look_up: impl Fn(&Script) -> Result<(), UserError>) {
        let mut known = BTreeSet::new();
        for instance in &config.instances {
            for script in instance.notify.scripts() {
                if !known.insert((&script.user, &script.group)) {
                    continue;
                }
                if let Err(error) = look_up(script) {
                    let why = match error {
                        UserError::Lookup { .. } => Refusal::Absent,
                        _ => Refusal::Wrong,
                    };
                    self.lacks(
                        why,
                        &script.user_place,
                        format!("({}) {error}", instance.name),
                        "create it, or name another one after the command or in `script_user`",
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
