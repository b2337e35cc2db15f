//! What differs, in the words of the file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    time::Duration,
};

use super::desired::{DesiredRouter, DesiredVip, device};
use crate::{
    config::{FOREVER, Globals, Instance, Notify, Peer, Scope, Script, Vip},
    proto::{Departures, Family, Garp, InitialState, Lease, Settings, Version},
};

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In words: `priority 100 → 150`.
    pub what: String,
    /// Another router takes over for it.
    pub moves: bool,
}

/// Collects differences.
#[derive(Default)]
struct List(Vec<Difference>);

impl List {
    fn say(&mut self, what: impl Into<String>) {
        self.0.push(Difference {
            what: what.into(),
            moves: false,
        });
    }

    /// A value that is another one now.
    fn value<T: PartialEq>(
        &mut self,
        keyword: &str,
        before: &T,
        after: &T,
        show: impl Fn(&T) -> String,
    ) {
        if before != after {
            self.say(format!("{keyword} {} → {}", show(before), show(after)));
        }
    }

    fn number<T: PartialEq + fmt::Display>(&mut self, keyword: &str, before: T, after: T) {
        self.value(keyword, &before, &after, T::to_string);
    }

    fn time(&mut self, keyword: &str, before: Duration, after: Duration) {
        self.value(keyword, &before, &after, |time| seconds(*time));
    }

    /// Something that is on or off.
    fn switch(&mut self, keyword: &str, before: bool, after: bool) {
        let show = |on: &bool| if *on { "on" } else { "off" }.to_owned();
        self.value(keyword, &before, &after, show);
    }

    /// Something that may not be given.
    fn option<T: PartialEq + fmt::Display>(
        &mut self,
        keyword: &str,
        before: Option<T>,
        after: Option<T>,
    ) {
        let show = |value: &Option<T>| {
            let none = || "none".to_owned();
            value.as_ref().map_or_else(none, T::to_string)
        };
        self.value(keyword, &before, &after, show);
    }

    /// Something that is said without its value.
    fn changed<T: PartialEq>(&mut self, what: &str, before: &T, after: &T) {
        if before != after {
            self.say(format!("{what} changed"));
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// What differs in `global_defs`.
pub(super) fn of_globals(before: &Globals, after: &Globals) -> Vec<Difference> {
    let Globals {
        router_id,
        rt_priority,
        dynamic_interfaces,
        script_security,
    } = before;
    let mut list = List::default();
    list.option("router_id", router_id.as_ref(), after.router_id.as_ref());
    list.option("vrrp_rt_priority", *rt_priority, after.rt_priority);
    // The engine's thread has its policy for good.
    if *rt_priority != after.rt_priority
        && let Some(said) = list.0.last_mut()
    {
        said.what += ", from the next start on";
    }
    list.switch(
        "dynamic_interfaces",
        *dynamic_interfaces,
        after.dynamic_interfaces,
    );
    list.switch(
        "enable_script_security",
        *script_security,
        after.script_security,
    );
    list.0
}

/// What differs between a virtual router and what becomes of it.
pub(super) fn differences(before: &DesiredRouter, after: &DesiredRouter) -> Vec<Difference> {
    let mut list = List::default();
    of_instance(&before.instance, &after.instance, &mut list);
    let (name, was_there) = (&after.instance.interface, before.interface.is_some());
    match after.interface {
        None if was_there => list.0.push(Difference {
            what: format!("interface {name} is gone: FAULT"),
            moves: true,
        }),
        Some(_) if !was_there => list.say(format!("interface {name} is there")),
        now if now != before.interface && *name == before.instance.interface => {
            list.say(format!("interface {name} was made again"));
        }
        _ => {}
    }
    of_vips(before, after, &mut list);
    if before.proxied != after.proxied {
        list.say(if before.proxied.len() < after.proxied.len() {
            "answers by proxy ARP on more interfaces"
        } else if before.proxied.len() > after.proxied.len() {
            "answers by proxy ARP on fewer interfaces"
        } else {
            "answers by proxy ARP on other interfaces"
        });
    }
    list.0
}

fn of_instance(before: &Instance, after: &Instance, list: &mut List) {
    // Each field is named, so that none is forgotten.
    let Instance {
        name,
        interface,
        settings,
        vips: _,
        source,
        track_source,
        unicast: _,
        adverts_from_virtual_mac,
        auth,
        accept,
        skip_check_adv_addr,
        v3_checksum_as_v2,
        notify: _,
        place: _,
        interface_place: _,
        source_place: _,
    } = before;
    if *name != after.name {
        list.say(format!("renamed, was {name}"));
    }
    list.number("interface", interface, &after.interface);
    of_settings(settings, &after.settings, list);
    list.option("source address", *source, after.source);
    list.switch("track_src_ip", *track_source, after.track_source);
    of_unicast(before, after, list);
    list.switch(
        "adverts from the virtual MAC",
        *adverts_from_virtual_mac,
        after.adverts_from_virtual_mac,
    );
    match (auth.is_some(), after.auth.is_some()) {
        (false, true) => list.say("authentication added"),
        (true, false) => list.say("authentication removed"),
        _ => list.changed("auth_pass", auth, &after.auth),
    }
    list.switch("accept", *accept, after.accept);
    list.switch(
        "skip_check_adv_addr",
        *skip_check_adv_addr,
        after.skip_check_adv_addr,
    );
    list.switch(
        "v3_checksum_as_v2",
        *v3_checksum_as_v2,
        after.v3_checksum_as_v2,
    );
    if commands(&before.notify) != commands(&after.notify) {
        list.say("notify scripts changed");
    }
}

fn of_settings(before: &Settings, after: &Settings, list: &mut List) {
    let Settings {
        vrid,
        version,
        family,
        priority,
        advert_interval,
        initial,
        preempt,
        preempt_delay,
        lease,
        garp,
        departures,
        primary: _,
        // As the priority says.
        owner: _,
    } = before;
    list.number("virtual_router_id", *vrid, after.vrid);
    list.value("version", version, &after.version, |one| {
        match one {
            Version::V2 => "2",
            Version::V3 => "3",
        }
        .to_owned()
    });
    list.value("family", family, &after.family, |one| {
        match one {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
        .to_owned()
    });
    list.number("priority", *priority, after.priority);
    list.time("advert_int", *advert_interval, after.advert_interval);
    list.value("state", initial, &after.initial, |one| {
        match one {
            InitialState::Master => "MASTER",
            InitialState::Backup => "BACKUP",
        }
        .to_owned()
    });
    list.switch("nopreempt", !preempt, !after.preempt);
    list.time("preempt_delay", *preempt_delay, after.preempt_delay);
    list.value("lease", lease, &after.lease, |one| match one {
        Lease::Off => "off".to_owned(),
        Lease::Auto => "auto".to_owned(),
        Lease::Span(span) => seconds(*span),
    });
    of_garp(*garp, after.garp, list);
    of_departures(*departures, after.departures, list);
}

fn of_garp(before: Garp, after: Garp, list: &mut List) {
    let Garp {
        repeat,
        delay,
        refresh,
        refresh_repeat,
    } = before;
    list.number("garp_master_repeat", repeat, after.repeat);
    list.time("garp_master_delay", delay, after.delay);
    list.time("garp_master_refresh", refresh, after.refresh);
    list.number(
        "garp_master_refresh_repeat",
        refresh_repeat,
        after.refresh_repeat,
    );
}

fn of_departures(before: Departures, after: Departures, list: &mut List) {
    let Departures {
        down_timer_adverts,
        lower_prio_no_advert,
        higher_prio_send_advert,
        startup_delay,
        also_version_2,
    } = before;
    list.number(
        "down_timer_adverts",
        down_timer_adverts,
        after.down_timer_adverts,
    );
    list.switch(
        "lower_prio_no_advert",
        lower_prio_no_advert,
        after.lower_prio_no_advert,
    );
    list.switch(
        "higher_prio_send_advert",
        higher_prio_send_advert,
        after.higher_prio_send_advert,
    );
    list.time("vrrp_startup_delay", startup_delay, after.startup_delay);
    list.value(
        "v2_interop",
        &also_version_2,
        &after.also_version_2,
        |one| one.map_or_else(|| "off".to_owned(), seconds),
    );
}

fn of_unicast(before: &Instance, after: &Instance, list: &mut List) {
    let (before, after) = match (&before.unicast, &after.unicast) {
        (None, None) => return,
        (None, Some(_)) => return list.say("multicast → unicast"),
        (Some(_), None) => return list.say("unicast → multicast"),
        (Some(before), Some(after)) => (before, after),
    };
    let by_address = |peers: &[Peer]| -> BTreeMap<IpAddr, Peer> {
        let peers = peers.iter();
        peers.map(|peer| (peer.address, peer.clone())).collect()
    };
    let (had, has) = (by_address(&before.peers), by_address(&after.peers));
    for address in had.keys().filter(|address| !has.contains_key(address)) {
        list.say(format!("unicast peer {address} removed"));
    }
    for (address, peer) in &has {
        match had.get(address) {
            None => list.say(format!("unicast peer {address} added")),
            Some(known) => list.changed(&format!("unicast peer {address}"), known, peer),
        }
    }
    if had == has && before.peers != after.peers {
        list.say("unicast peers in another order");
    }
    list.option("unicast_ttl", before.ttl, after.ttl);
    list.switch("check_unicast_src", before.check_source, after.check_source);
}

fn of_vips(before: &DesiredRouter, after: &DesiredRouter, list: &mut List) {
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
    options.value("scope", scope, &now.scope, |scope| match scope {
        Scope::Global => "global".to_owned(),
        Scope::Site => "site".to_owned(),
        Scope::Link => "link".to_owned(),
        Scope::Host => "host".to_owned(),
        Scope::Other(number) => number.to_string(),
    });
    options.option("label", label.as_ref(), now.label.as_ref());
    options.value(
        "preferred_lft",
        preferred_lft,
        &now.preferred_lft,
        |time| match *time {
            FOREVER => "forever".to_owned(),
            time => format!("{time} s"),
        },
    );
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

/// What is run, wherever that stands in the file.
fn commands(notify: &Notify) -> [Option<impl PartialEq>; 5] {
    let Notify {
        master,
        backup,
        fault,
        stop,
        any,
    } = notify;
    let command = |script: &Script| {
        let Script {
            argv,
            user,
            group,
            user_place: _,
            place: _,
        } = script.clone();
        (argv, user, group)
    };
    [master, backup, fault, stop, any].map(|script| script.as_ref().map(command))
}
