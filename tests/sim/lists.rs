//! Version 2 while the routers have different address lists or intervals, as during a reload of one after the
//! other.

use std::time::Duration;

use vrrp_user::{
    io::engine::Command,
    proto::{Settings, State, Version},
};

use crate::stories::Story;

const ACTIVE: State = State::Active;
const BACKUP: State = State::Backup;

fn pair(change: impl Fn(usize, &mut Settings)) -> Story {
    Story::changed(Version::V2, Duration::from_secs(1), &[200, 100], change)
}

/// To each router, the list of the others is another one than its own; or it is the same one again.
fn lists_differ(story: &mut Story, differ: bool) {
    for node in &mut story.world.nodes {
        for (_, entry) in node.kernel.routers.iter_mut() {
            entry.address_count = if differ { 2 } else { 1 };
        }
    }
}

/// The same of intervals.
fn intervals_differ(story: &mut Story, differ: bool) {
    for node in &mut story.world.nodes {
        for (_, entry) in node.kernel.routers.iter_mut() {
            entry.interval_cs = if differ { 200 } else { 100 };
        }
    }
}

/// The Backup hears whom it follows, and the one that takes over is one.
//= C19, C20: proof
#[test]
fn nobody_becomes_a_second_master() {
    for differ in [lists_differ, intervals_differ] {
        let mut story = pair(|_, _| {});
        story.world.watches[0].calm = true;
        story.comes_to(1, &[ACTIVE, BACKUP]);
        differ(&mut story, true);
        story.comes_to(20, &[ACTIVE, BACKUP]);
        differ(&mut story, false);
        story.comes_to(20, &[ACTIVE, BACKUP]);
    }
}

/// A planned stop is heard, too.
#[test]
fn a_planned_stop_among_different_lists_costs_a_skew() {
    let mut story = pair(|_, _| {});
    lists_differ(&mut story, true);
    story.world.watches[0].calm = true;
    story.world.command(0, Command::Stop);
    assert!(story.takeover(1) < story.interval);
    story.comes_to(5, &[State::Initialize, ACTIVE]);
}

/// Both serve while the link is cut, and meanwhile one gets its new list.
//= C20: proof
#[test]
fn two_actives_that_meet_with_different_lists_find_back() {
    let mut story = pair(|_, _| {});
    let cut = |story: &mut Story, cut| {
        story.world.cut(0, 1, cut);
        story.world.cut(1, 0, cut);
    };
    cut(&mut story, true);
    story.comes_to(10, &[ACTIVE, ACTIVE]);
    lists_differ(&mut story, true);
    cut(&mut story, false);
    story.comes_to(3, &[ACTIVE, BACKUP]);
    story.comes_to(20, &[ACTIVE, BACKUP]);
}

/// The better router would not be heard.
//= C20: refusal
#[test]
fn preemption_waits_until_the_lists_agree() {
    // The worse one is there first, and the better one waits at first.
    let mut story = pair(|index, settings| {
        if index == 0 {
            settings.preempt_delay = Duration::from_secs(15);
        } else {
            settings.initial = vrrp_user::proto::InitialState::Master;
        }
    });
    assert_eq!(story.states(), [BACKUP, ACTIVE]);
    lists_differ(&mut story, true);
    story.comes_to(30, &[BACKUP, ACTIVE]);
    story.world.watches[0].calm = true;
    lists_differ(&mut story, false);
    story.comes_to(10, &[ACTIVE, BACKUP]);
}
