//! What differs in the virtual IPs of an instance.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use super::{
    list::{Difference, List},
    values,
};
use crate::{
    config::Vip,
    plan::desired::{DesiredRouter, DesiredVip, device},
};

pub(super) fn differences(before: &DesiredRouter, after: &DesiredRouter, list: &mut List) {
    let mut had: BTreeMap<IpAddr, Vec<&DesiredVip>> = BTreeMap::new();
    for placed in &before.vips {
        had.entry(placed.vip.address).or_default().push(placed);
    }
    let mut matched = Vec::new();
    let mut added = Vec::new();
    for placed in &after.vips {
        let equal = had.get_mut(&placed.vip.address);
        let name = device(&after.instance, &placed.vip);
        let same = equal.and_then(|equal| {
            let is_same = |known: &&DesiredVip| {
                let is_there = known.interface.is_some() && known.interface == placed.interface;
                is_there || device(&before.instance, &known.vip) == name
            };
            let position = equal.iter().position(is_same)?;
            Some(equal.remove(position))
        });
        match same {
            Some(known) => matched.push((known, placed)),
            None => added.push(placed),
        }
    }
    for placed in &before.vips {
        let left = had.get(&placed.vip.address);
        if left.is_some_and(|left| left.iter().any(|one| one.id == placed.id)) {
            list.say(format!("virtual IP {} removed", Shown(&placed.vip)));
        }
    }
    for (known, placed) in &matched {
        of_vip(known, placed, list);
    }
    for placed in &added {
        list.say(format!("virtual IP {} added", Shown(&placed.vip)));
    }
    let stay = matched.iter().map(|(known, _)| known.id);
    let stay = Vec::from_iter(stay);
    let known: BTreeSet<_> = stay.iter().collect();
    let before = before.vips.iter().map(|one| &one.id);
    if !before.filter(|id| known.contains(id)).eq(&stay) {
        list.say("virtual IPs in another order");
    }
}

/// What differs in a virtual IP that stays.
fn of_vip(before: &DesiredVip, after: &DesiredVip, list: &mut List) {
    // Each field is named, so that none is forgotten.
    let Vip {
        address: _,
        prefix,
        broadcast,
        device,
        tracked,
        scope,
        label,
        preferred_lft,
        excluded,
        virtual_mac,
        no_prefix_route,
        place: _,
    } = &before.vip;
    let now = &after.vip;
    let mut options = List::default();
    options.value("prefix", prefix, &now.prefix, |prefix| format!("/{prefix}"));
    options.option("brd", *broadcast, now.broadcast);
    options.option("dev", device.as_ref(), now.device.as_ref());
    options.switch("track", *tracked, now.tracked);
    options.value("scope", scope, &now.scope, |scope| values::scope(*scope));
    options.option("label", label.as_ref(), now.label.as_ref());
    options.value("preferred_lft", preferred_lft, &now.preferred_lft, |time| {
        values::lifetime(*time)
    });
    options.switch("excluded from adverts", *excluded, now.excluded);
    options.switch("virtual MAC", *virtual_mac, now.virtual_mac);
    options.switch("noprefixroute", *no_prefix_route, now.no_prefix_route);
    let shown = Shown(now);
    if !options.0.is_empty() {
        let options = Vec::from_iter(options.0.iter().map(|one| &*one.what));
        list.say(format!(
            "virtual IP {shown} changed ({})",
            options.join(", ")
        ));
    }
    let Some(name) = &now.device else {
        return;
    };
    match (before.interface, after.interface) {
        (Some(_), None) => list.0.push(Difference {
            what: format!("virtual IP {shown}: interface {name} is gone"),
            moves: now.tracked,
        }),
        (None, Some(_)) => list.say(format!("virtual IP {shown}: interface {name} is there")),
        (Some(was), Some(is)) if was != is => {
            list.say(format!(
                "virtual IP {shown}: interface {name} was made again"
            ));
        }
        _ => {}
    }
}

/// A virtual IP as the file has it.
struct Shown<'a>(&'a Vip);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Vip {
            address, prefix, ..
        } = self.0;
        write!(f, "{address}/{prefix}")?;
        match &self.0.device {
            Some(device) => write!(f, " dev {device}"),
            None => Ok(()),
        }
    }
}
