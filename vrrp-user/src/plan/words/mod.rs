//! What differs, in the words of the file.

mod instance;
mod list;
mod values;
mod vips;

pub use list::Difference;
use list::List;

use super::desired::DesiredRouter;
use crate::config::Globals;

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
    instance::differences(&before.instance, &after.instance, &mut list);
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
    vips::differences(before, after, &mut list);
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
