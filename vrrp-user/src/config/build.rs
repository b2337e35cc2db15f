//! The tree to a configuration, and what only shows between instances.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    ast::Statement,
    diag::{Diagnostics, Place},
    finish::finish,
    globals::Defaults,
    instance::draft,
    keywords::Context,
    limits,
    model::{Config, Instance},
    unsupported::{self, MailNote},
};
use crate::proto::Family;

/// Builds the configuration. It is for use only if `report` has no error in it.
///
/// `global_defs` is read first wherever it stands: keepalived applies it after the instances too.
pub(super) fn config(file: &str, statements: &[Statement], report: &mut Diagnostics) -> Config {
    let mut mail = MailNote::default();
    let mut defaults = Defaults::default();
    for block in statements
        .iter()
        .filter(|statement| Context::Top.inside(statement.keyword()) == Some(Context::Globals))
    {
        defaults.read(block, &mut mail, report);
    }
    let mut across = Across::default();
    let mut instances = Vec::new();
    let mut found = false;
    for statement in statements {
        match Context::Top.inside(statement.keyword()) {
            Some(Context::Instance) => {
                found = true;
                let Some(name) = name(statement, report) else {
                    continue;
                };
                across.name(name, &statement.place, report);
                let draft = draft(name, statement, &defaults, &mut mail, report);
                if let Some(instance) = finish(draft, report) {
                    across.router(&instance, &statement.place, report);
                    instances.push(instance);
                }
            }
            Some(_) => {}
            None => unsupported::report(Context::Top, statement, &mut mail, report),
        }
    }
    limits::check(&instances, report);
    if !found && !report.failed() {
        let balances = statements
            .iter()
            .any(|statement| statement.keyword() == "virtual_server");
        report.error_help(
            &Place::new(file, 0),
            "there is no `vrrp_instance` in this file, nothing to run",
            if balances {
                "add one; load balancing alone is done by `keepalived --check`"
            } else {
                "add one"
            },
        );
    }
    Config {
        globals: defaults.globals,
        instances,
    }
}

/// The name of an instance, if it has a name and a block.
fn name<'s>(statement: &'s Statement, report: &mut Diagnostics) -> Option<&'s str> {
    let place = &statement.place;
    let name = match statement.params() {
        [name] => name.text.as_str(),
        [] => {
            report.error(place, "`vrrp_instance` needs a name");
            return None;
        }
        _ => {
            report.error_help(
                place,
                "`vrrp_instance` takes one name",
                "put a name of several words in double quotes",
            );
            return None;
        }
    };
    if name.is_empty() || name.chars().any(char::is_control) {
        report.error(
            place,
            "the name of a `vrrp_instance` is empty or has control characters in it",
        );
        return None;
    }
    if statement.block.is_none() {
        report.error(place, format!("`vrrp_instance {name}` needs a block"));
        return None;
    }
    Some(name)
}

/// What was seen in the instances so far.
#[derive(Debug, Default)]
struct Across<'s> {
    names: BTreeMap<&'s str, Place>,
    routers: BTreeMap<(String, Family, u8), (String, usize)>,
    vips: BTreeMap<(String, IpAddr), String>,
    macs: BTreeMap<(String, Family, u8), String>,
}

impl<'s> Across<'s> {
    fn name(&mut self, name: &'s str, place: &Place, report: &mut Diagnostics) {
        if let Some(first) = self.names.insert(name, place.clone()) {
            report.error_help(
                place,
                format!(
                    "the name ({name}) was used in line {} already, keepalived skips this instance",
                    first.line
                ),
                "give it another name",
            );
        }
    }

    fn router(&mut self, instance: &Instance, place: &Place, report: &mut Diagnostics) {
        let name = &instance.name;
        let family = instance.family();
        let key = (instance.interface.clone(), family, instance.settings.vrid);
        if let Some((other, line)) = self.routers.insert(key, (name.clone(), place.line)) {
            report.error_help(
                place,
                format!(
                    "({name}) and ({other}) in line {line} both use VRID {} with {} on interface {}",
                    instance.settings.vrid,
                    match family {
                        Family::V4 => "IPv4",
                        Family::V6 => "IPv6",
                    },
                    instance.interface
                ),
                "give each virtual router on an interface a `virtual_router_id` of its own",
            );
        }
        if instance.adverts_from_virtual_mac {
            self.virtual_mac(instance, &instance.interface, place, report);
        }
        for vip in &instance.vips {
            let device = vip.device.as_ref().unwrap_or(&instance.interface);
            if vip.virtual_mac {
                self.virtual_mac(instance, device, place, report);
            }
            if let Some(other) = self
                .vips
                .insert((device.clone(), vip.address), name.clone())
            {
                report.error_help(
                    place,
                    format!(
                        "({name}) virtual IP {} on {device} is in ({other}) already",
                        vip.address
                    ),
                    "remove one of them",
                );
            }
        }
    }

    /// Frames to one MAC on one interface are for one virtual router.
    fn virtual_mac(
        &mut self,
        instance: &Instance,
        device: &str,
        place: &Place,
        report: &mut Diagnostics,
    ) {
        let name = &instance.name;
        let key = (device.to_owned(), instance.family(), instance.settings.vrid);
        if let Some(other) = self.macs.insert(key, name.clone())
            && other != *name
        {
            report.error_help(
                place,
                format!(
                    "({name}) and ({other}) both use the virtual MAC of VRID {} on interface {device}",
                    instance.settings.vrid
                ),
                "give each of them a `virtual_router_id` of its own, or remove `use_vmac` from one",
            );
        }
    }
}
