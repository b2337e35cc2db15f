//! The steps from one state to another.

use super::{
    desired::{Desired, DesiredRouter},
    order::Turns,
    step::Step,
    words,
};
use crate::ids::RouterId;

/// What has to be done so that a node which is as `before` says becomes what `after` says. What is equal in both is in
/// no step.
///
/// First comes what is needed of interfaces, then virtual routers are removed, changed and added, then what nobody needs
/// any more is taken away. Of two routers of which one takes what the other gives up, a virtual IP for example, the
/// giver comes first; where each takes from the other, one of them gives up in a step of its own.
#[must_use]
pub fn diff(before: &Desired, after: &Desired) -> Vec<Step> {
    let mut steps = Vec::new();
    if before.globals != after.globals {
        steps.push(Step::Globals {
            globals: after.globals.clone(),
            differences: words::of_globals(&before.globals, &after.globals),
        });
    }
    prepare(before, after, &mut steps);
    routers(before, after, &mut steps);
    let kept = before.order.iter().filter(|id| after.get(**id).is_some());
    let added = after.order.iter().filter(|id| before.get(**id).is_none());
    if !kept.chain(added).eq(&after.order) {
        steps.push(Step::Order(after.order.clone()));
    }
    // The opposite of what leads back, in the opposite order.
    let mut undone = Vec::new();
    prepare(after, before, &mut undone);
    steps.extend(undone.into_iter().rev().map(Step::undo));
    steps
}

/// What `after` needs of interfaces, and `before` does not.
fn prepare(before: &Desired, after: &Desired, steps: &mut Vec<Step>) {
    let had = before.programs();
    let programs = after.programs();
    for (interface, needed) in &programs {
        if !had.contains_key(interface) {
            steps.push(Step::Attach {
                interface: *interface,
                name: needed.name.clone(),
            });
        }
    }
    for (interface, needed) in programs {
        let was_marked = had.get(&interface).is_some_and(|had| had.marked);
        if needed.marked && !was_marked {
            let name = needed.name;
            steps.push(Step::Mark { interface, name });
        }
    }
    let groups = after.groups();
    let joined = groups
        .difference(&before.groups())
        .copied()
        .collect::<Vec<_>>();
    let macs = after.virtual_macs();
    let received = macs
        .difference(&before.virtual_macs())
        .copied()
        .collect::<Vec<_>>();
    let joined = joined.into_iter();
    steps.extend(joined.map(|(interface, group)| Step::Join { interface, group }));
    let received = received.into_iter();
    steps.extend(received.map(|(interface, mac)| Step::Receive { interface, mac }));
}

fn routers(before: &Desired, after: &Desired, steps: &mut Vec<Step>) {
    let removed = Vec::from_iter(before.routers().filter(|(id, _)| after.get(*id).is_none()));
    let added = Vec::from_iter(after.routers().filter(|(id, _)| before.get(*id).is_none()));
    let successions = successions(&mut removed.clone(), &added);
    let mut turns = Turns::new(before);
    for (id, router) in &removed {
        let restarts = successions.iter().flatten().any(|(gone, _)| gone == id);
        steps.push(Step::Remove {
            router: *id,
            name: router.instance.name.clone(),
            restarts,
        });
        turns.remove(*id, router);
    }
    let changed = after.routers().filter_map(|(id, to)| {
        let from = before.get(id)?;
        (!from.is_same(to)).then_some((id, from, to))
    });
    turns.change(changed, steps);
    for ((id, to), predecessor) in added.into_iter().zip(successions) {
        let mut after = turns.take(id, to);
        let same_slot = removed.iter().filter(|(gone, _)| gone.slot() == id.slot());
        for (gone, _) in predecessor.iter().chain(same_slot) {
            if !after.contains(gone) {
                after.push(*gone);
            }
        }
        steps.push(Step::Add {
            router: id,
            to: Box::new(to.clone()),
            restarted: predecessor.map(|(_, from)| words::differences(from, to)),
            after,
        });
    }
}

/// For each router that is added, the one that goes and whose place it takes: that of its name, or of its interface,
/// VRID and family.
fn successions<'a>(
    removed: &mut Vec<(RouterId, &'a DesiredRouter)>,
    added: &[(RouterId, &DesiredRouter)],
) -> Vec<Option<(RouterId, &'a DesiredRouter)>> {
    type Equal = fn(&DesiredRouter, &DesiredRouter) -> bool;
    let by_name: Equal = |a, b| a.instance.name == b.instance.name;
    let by_place: Equal = |a, b| {
        let key = |one: &DesiredRouter| (one.instance.settings.vrid, one.instance.family());
        a.instance.interface == b.instance.interface && key(a) == key(b)
    };
    let mut found = vec![None; added.len()];
    for equal in [by_name, by_place] {
        for ((_, to), found) in added.iter().zip(&mut found) {
            if found.is_none()
                && let Some(position) = removed.iter().position(|(_, from)| equal(from, to))
            {
                *found = Some(removed.remove(position));
            }
        }
    }
    found
}
