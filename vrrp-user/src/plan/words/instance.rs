//! What differs in what an instance says of itself, but for its virtual IPs.

use std::{collections::BTreeMap, net::IpAddr};

use super::{list::List, values};
use crate::{
    config::{Instance, Notify, Peer, Script},
    proto::{Departures, Garp, Settings},
};

pub(super) fn differences(before: &Instance, after: &Instance, list: &mut List) {
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
        garp:
            Garp {
                repeat,
                delay,
                refresh,
                refresh_repeat,
            },
        departures,
        primary: _,
        // As the priority says.
        owner: _,
    } = before;
    list.number("virtual_router_id", *vrid, after.vrid);
    list.number("version", *version as u8, after.version as u8);
    list.value("family", family, &after.family, |one| values::family(*one));
    list.number("priority", *priority, after.priority);
    list.time("advert_int", *advert_interval, after.advert_interval);
    list.value("state", initial, &after.initial, |one| values::state(*one));
    list.switch("nopreempt", !preempt, !after.preempt);
    list.time("preempt_delay", *preempt_delay, after.preempt_delay);
    list.value("lease", lease, &after.lease, |one| values::lease(*one));
    list.number("garp_master_repeat", *repeat, after.garp.repeat);
    list.time("garp_master_delay", *delay, after.garp.delay);
    list.time("garp_master_refresh", *refresh, after.garp.refresh);
    list.number(
        "garp_master_refresh_repeat",
        *refresh_repeat,
        after.garp.refresh_repeat,
    );
    of_departures(*departures, after.departures, list);
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
        |one| one.map_or_else(|| "off".to_owned(), values::seconds),
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

/// What is run, wherever that stands in the file.
fn commands(notify: &Notify) -> [Option<impl PartialEq>; 5] {
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
    notify.each().map(|script| script.map(command))
}
