//! Reloads, in a world without chance: what moves, and what goes on.

use std::time::Duration;

use vrrp_user::proto::{Settings, State, Version};

use crate::{hosts::Believed, stories::Story};

const ACTIVE: State = State::Active;
const BACKUP: State = State::Backup;

fn pair() -> Story {
    let mut story = Story::settled(Version::V3, Duration::from_millis(10), &[254, 253]);
    story.world.watches[0].calm = true;
    story
}

/// The file of a node gets other settings, and it reads them.
fn reload(story: &mut Story, node: usize, change: impl FnOnce(&mut Settings)) {
    let mut configured = story.world.nodes[node].file[0].clone();
    change(&mut configured.settings);
    story.world.reload(node, 0, configured);
}

fn interval(story: &mut Story, node: usize, milliseconds: u64) {
    reload(story, node, |settings| {
        settings.advert_interval = Duration::from_millis(milliseconds);
    });
}

fn adverts_in(story: &mut Story, intervals: u64) -> u64 {
    let before = story.world.adverts;
    story.run(intervals * story.interval);
    story.world.adverts - before
}

/// Runs until an advert leaves.
fn next_advert(story: &mut Story) {
    let before = story.world.adverts;
    while story.world.adverts == before {
        story.run(10_000);
    }
}

#[test]
fn nothing_moves_for_another_interval() {
    let mut story = pair();
    let before = story.world.promotions();
    for milliseconds in [1000, 30, 10] {
        for node in [0, 1] {
            interval(&mut story, node, milliseconds);
        }
        story.comes_to(400, &[ACTIVE, BACKUP]);
        let expected = 1200 / milliseconds;
        let sent = adverts_in(&mut story, 120);
        assert!(sent.abs_diff(expected) <= 1, "{milliseconds}: {sent}");
    }
    assert_eq!(story.world.promotions(), before);
    assert_eq!(story.world.changes, 6);
}

/// The one that says the longer interval first is lost, and so is the next.
#[test]
fn adverts_that_say_a_longer_interval_may_be_lost() {
    let mut story = pair();
    next_advert(&mut story);
    interval(&mut story, 0, 1000);
    story.world.cut(0, 1, true);
    next_advert(&mut story);
    next_advert(&mut story);
    story.run(story.interval / 2);
    story.world.cut(0, 1, false);
    story.comes_to(400, &[ACTIVE, BACKUP]);
    assert_eq!(adverts_in(&mut story, 200), 2);
}

/// Who heard the shorter interval does not wait for the lease by the longer one.
#[test]
fn an_active_that_stands_still_is_relieved_by_its_shorter_interval() {
    let mut story = Story::settled(Version::V3, Duration::from_secs(1), &[254, 253]);
    interval(&mut story, 0, 10);
    story.run(30_000_000);
    story.world.stall(0, 100 * story.interval);
    let took = story.takeover(1);
    assert!(took < 50_000_000, "{took}");
    assert!(!story.world.nodes[0].answers(0, story.world.now));
}

#[test]
fn another_priority_moves_it_without_a_gap() {
    let mut story = pair();
    reload(&mut story, 0, |settings| settings.priority = 100);
    story.comes_to(10, &[BACKUP, ACTIVE]);
    reload(&mut story, 0, |settings| settings.priority = 254);
    story.comes_to(10, &[ACTIVE, BACKUP]);
    assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
    // It is worse, but not worse than the other one.
    let before = story.world.promotions();
    reload(&mut story, 1, |settings| settings.priority = 101);
    reload(&mut story, 0, |settings| settings.priority = 102);
    story.comes_to(100, &[ACTIVE, BACKUP]);
    assert_eq!(story.world.promotions(), before);
}

#[test]
fn a_virtual_ip_comes_and_goes_beside_the_first() {
    let mut story = pair();
    let mut configured = story.world.nodes[0].file[0].clone();
    for vips in [3, 1] {
        configured.vips = vips;
        for node in [0, 1] {
            let settings = story.world.nodes[node].file[0].settings.clone();
            let vips = configured.vips;
            let configured = crate::control::Configured { settings, vips };
            story.world.reload(node, 0, configured);
        }
        story.comes_to(5, &[ACTIVE, BACKUP]);
        let nodes = &story.world.nodes;
        let has = |node: usize| [0, 1, 2].map(|number| nodes[node].has(0, number));
        assert_eq!(has(0), [true, vips > 1, vips > 1]);
        assert_eq!(has(1), [false; 3]);
        assert!(!nodes.iter().any(|node| node.has_others(0)));
    }
}

/// One that is removed goes as with a planned stop, the process goes on, and what comes back relieves the other one.
#[test]
fn a_router_comes_and_goes_without_a_gap() {
    let mut story = pair();
    for _ in 0..2 {
        story.world.relist(0, 0);
        let took = story.takeover(1);
        assert!(took < story.interval, "{took}");
        story.comes_to(10, &[State::Initialize, ACTIVE]);
        let node = &story.world.nodes[0];
        assert!(node.engine.as_ref().unwrap().core(0).is_none());
        assert!(!node.is_reloading() && !node.has_leftovers());
        story.world.relist(0, 1);
        story.comes_to(20, &[ACTIVE, BACKUP]);
        assert_eq!(story.world.watches[0].hosts.believed, Believed::Node(0));
    }
}

/// The engine has not taken the first one up.
#[test]
fn of_files_that_wait_for_another_the_last_counts() {
    let mut story = pair();
    story.world.stall(0, 5_000_000);
    reload(&mut story, 0, |settings| settings.priority = 252);
    let id = |story: &Story| story.world.nodes[0].engine.as_ref().unwrap().control.id(0);
    let before = id(&story);
    story.world.relist(0, 0);
    assert!(story.world.nodes[0].is_reloading());
    story.world.relist(0, 1);
    story.comes_to(10, &[BACKUP, ACTIVE]);
    assert_eq!(id(&story), before, "it was not removed");
    assert!(!story.world.nodes[0].is_reloading());
}
